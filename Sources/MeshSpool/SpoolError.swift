/// A spool operation that did not happen.
///
/// Branch on ``code``. Show ``description`` to people; it is not stable and is never parsed.
public struct SpoolError: Error, Sendable {
    /// What kind of failure this is; minor releases may add kinds.
    public enum Code: String, CaseIterable, Sendable {
        /// A write or a sync failed: nothing more is accepted, and the node must stop.
        case diskFailed = "disk_failed"
        /// The file system has no room: where the node stops for it, what it acknowledged is safe.
        case noRoom = "no_room"
        /// Bytes are there, and their checksum does not fit.
        case damaged
        /// The segment is no longer there.
        case missing
        /// The spool was closed.
        case closed
        /// Written by a later version of this program.
        case unsupported
        /// The index refused what the log holds.
        case indexFailed = "index_failed"
        /// A record is longer than a record may be.
        case recordTooLong = "record_too_long"
        /// A file could not be opened, listed or read.
        case unavailable
    }

    /// The kind of failure, to branch on.
    public let code: Code
    /// What happened, with the values involved.
    public let message: String
    /// What an operator can do about it, when there is something to do.
    public let hint: String?
    /// The failure underneath, when there is one.
    public let cause: (any Error)?
}

extension SpoolError: CustomStringConvertible {
    /// One line for people: name, message, cause and hint.
    public var description: String {
        let hint = self.hint.map { " Hint: \($0)" } ?? ""
        let cause = self.cause.map { " (\($0))" } ?? ""
        return "\(self.code.rawValue): \(self.message)\(cause)\(hint)"
    }
}

// One factory per failure keeps wording and hints together, and call sites short.
extension SpoolError {
    static func diskFailed(doing action: String, cause: any Error) -> Self {
        Self(
            code: .diskFailed,
            message: "Could not \(action); what was not acknowledged is not promised.",
            hint: "Look at the kernel log and the disk, then start the node again.",
            cause: cause
        )
    }

    static func noRoom(for count: UInt64, cause: any Error) -> Self {
        Self(
            code: .noRoom,
            message: "The file system has no room for a segment of \(count) bytes.",
            hint: "Free room on it, or lower this node's spool in the topology.",
            cause: cause
        )
    }

    /// What ends the spool: a failed device, or a full file system.
    static func stopped(doing action: String, cause: any Error) -> Self {
        (cause as? DiskError)?.isNoRoom == true
            ? .noRoom(doing: action, cause: cause) : .diskFailed(doing: action, cause: cause)
    }

    static func noRoom(doing action: String, cause: any Error) -> Self {
        Self(
            code: .noRoom,
            message: "The file system has no room to \(action).",
            hint: "Free room on it, or lower this node's spool in the topology.",
            cause: cause
        )
    }

    static func damaged(_ what: String, in segment: SegmentNumber, at offset: UInt64) -> Self {
        Self(
            code: .damaged,
            message: "The \(what) at \(offset) of segment \(segment.rawValue) does not verify.",
            hint: nil,
            cause: nil
        )
    }

    static func missing(_ segment: SegmentNumber, cause: any Error) -> Self {
        Self(
            code: .missing,
            message: "Segment \(segment.rawValue) is gone.",
            hint: nil,
            cause: cause
        )
    }

    static func closed() -> Self {
        Self(code: .closed, message: "The spool is closed.", hint: nil, cause: nil)
    }

    static func unsupported(_ what: String) -> Self {
        Self(
            code: .unsupported,
            message: "The spool holds \(what), which this version does not know.",
            hint: "Run the version that wrote it, or a later one.",
            cause: nil
        )
    }

    static func indexFailed(doing action: String, cause: any Error) -> Self {
        Self(
            code: .indexFailed,
            message: "The index could not \(action); the log itself is safe.",
            hint: "Start the node again; if that does not help, move index.sqlite away.",
            cause: cause
        )
    }

    static func recordTooLong(_ count: Int) -> Self {
        Self(
            code: .recordTooLong,
            message: "A record of \(count) bytes exceeds \(LogRecord.bodyBytesMax).",
            hint: nil,
            cause: nil
        )
    }

    static func unavailable(doing action: String, cause: any Error) -> Self {
        Self(code: .unavailable, message: "Could not \(action).", hint: nil, cause: cause)
    }
}
