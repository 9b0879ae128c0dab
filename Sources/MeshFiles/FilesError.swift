import Glibc
import MeshModel

/// A file that could not be captured or landed.
///
/// Branch on ``code``. Show ``description`` to people; it is not stable and is never parsed.
package struct FilesError: Error, Sendable {
    /// What kind of failure this is.
    package enum Code: String, CaseIterable, Sendable {
        /// The directory that a source was declared with is not there; its files are not gone.
        case sourceMissing = "source_missing"
        /// The directory that a landing was declared with is not there; nothing can land.
        case landingMissing = "landing_missing"
        /// No file has this name any more.
        case fileMissing = "file_missing"
        /// The file is not the version that its stamp or its entries promised.
        case sourceChanged = "source_changed"
        /// The name belongs to something that is not a regular file.
        case notRegular = "not_regular"
        /// The name cannot be used here: something is in the way, it is too long, or reserved.
        case pathRefused = "path_refused"
        /// The file is larger than any parcel may be, or than this file system holds.
        case tooLarge = "too_large"
        /// The file system or a quota is full; the same call may succeed later.
        case noRoom = "no_room"
        /// The daemon's user may not do this; the same call may succeed later.
        case notPermitted = "not_permitted"
        /// What was written is not as long as it was promised to be.
        case sizeDiffers = "size_differs"
        /// The disk or the kernel failed in another way.
        case ioFailed = "io_failed"
    }

    /// The kind of failure, to branch on.
    package let code: Code
    /// What happened, with the values involved.
    package let message: String
    /// What an operator can do about it, when there is something to do.
    package let hint: String?
    /// The failure underneath, when there is one.
    package let cause: (any Error)?
}

extension FilesError: CustomStringConvertible {
    /// One line for people: name, message, cause and hint.
    package var description: String {
        let hint = self.hint.map { " Hint: \($0)" } ?? ""
        let cause = self.cause.map { " (\($0))" } ?? ""
        return "\(self.code.rawValue): \(self.message)\(cause)\(hint)"
    }
}

extension FilesError {
    static func changed(_ message: String) -> Self {
        Self(code: .sourceChanged, message: message, hint: nil, cause: nil)
    }

    static func missing(_ code: Code, _ root: String, _ cause: SystemError) -> Self {
        Self(
            code: code,
            message: "The directory \(root) is not there.",
            hint: "Create it, or mount the disk that holds it.",
            cause: cause
        )
    }

    static func notMounted(_ root: String) -> Self {
        Self(
            code: .sourceMissing,
            message: "The directory \(root) is empty, and on another device than its files were.",
            hint: "Mount the disk that holds it.",
            cause: nil
        )
    }

    static func refused(_ path: PathBytes, because why: String, _ cause: SystemError? = nil) -> Self
    {
        Self(
            code: .pathRefused,
            message: "\(path) cannot be used here: \(why).",
            hint: nil,
            cause: cause
        )
    }

    static func notRegular(_ path: PathBytes) -> Self {
        Self(code: .notRegular, message: "\(path) is not a regular file.", hint: nil, cause: nil)
    }

    static func tooLarge(_ path: PathBytes, size: Int64) -> Self {
        Self(
            code: .tooLarge,
            message: "\(path) has \(size) bytes, too many for a parcel.",
            hint: "Leave it out of the source, or split it.",
            cause: nil
        )
    }

    static func size(of path: PathBytes, is written: Int64, not promised: Int64) -> Self {
        Self(
            code: .sizeDiffers,
            message: "\(path) was written with \(written) bytes, not \(promised).",
            hint: nil,
            cause: nil
        )
    }

    /// A name could not be used: sorts what the kernel answered into codes to branch on.
    static func failed(toName action: String, _ path: PathBytes, _ cause: SystemError) -> Self {
        switch cause.number {
        case ENOENT:
            Self(
                code: .fileMissing,
                message: "Could not \(action) \(path).",
                hint: nil,
                cause: cause
            )
        case EISDIR, ENOTDIR, ELOOP, ENAMETOOLONG, ENOTEMPTY, EEXIST, EILSEQ, EINVAL:
            .refused(path, because: "could not \(action) it", cause)
        default: .failed(to: action, path, cause)
        }
    }

    /// An open file or a root failed us, which is no reason to refuse anybody's file.
    static func failed(
        to action: String,
        _ path: some CustomStringConvertible,
        _ cause: SystemError
    ) -> Self {
        let (code, hint): (Code, String?) =
            switch cause.number {
            case ENOSPC, EDQUOT:
                (.noRoom, "Free room on that disk, or raise the quota of the daemon's user.")
            case EACCES, EPERM, EROFS:
                (.notPermitted, "Give the daemon's user the right to do this.")
            case EFBIG: (.tooLarge, nil)
            default: (.ioFailed, nil)
            }
        return Self(
            code: code,
            message: "Could not \(action) \(path).",
            hint: hint,
            cause: cause
        )
    }
}
