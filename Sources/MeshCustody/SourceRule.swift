import MeshModel
import MeshPolicy
import MeshTopology

/// Which files of a source are taken, and when.
struct SourceRule: Sendable {
    let done: DoneRule
    let order: FileOrder
    /// Whether what was there first comes last.
    let isBacklogLast: Bool
    /// The largest file that is taken, in bytes.
    let largest: Int64

    init(_ source: View.Source, room: ByteCount) {
        self.done = DoneRule(source.doneWhen)
        self.order = source.first
        self.isBacklogLast = source.backlogLast
        let fits = room.rawValue - (1 << 20)
        let declared = source.largest?.rawValue ?? Limits.fileBytesMax
        // A file and its entries, or its entries alone.
        let room = source.isCopied ? fits - fits / 65 : min(fits, .max >> 6) << 6
        self.largest = min(room, declared, Limits.fileBytesMax)
    }

    /// What a marker's name has more than its file's.
    var marker: [UInt8]? { if case .marker(let suffix) = self.done { suffix } else { nil } }
    /// Whether a file is asked for writers before and after it is read.
    var isProbed: Bool { if case .quiet = self.done { true } else { false } }
    /// Whether files are taken without a command.
    var isScanned: Bool { self.done != .command }

    func isBacklog(_ stamp: FileStamp, since birth: SourceBirth?, isFirstScan: Bool) -> Bool {
        guard self.isBacklogLast else { return false }
        return birth.map { stamp.changedNanoseconds <= $0.changedNanoseconds } ?? isFirstScan
    }
}

extension DoneRule {
    /// The topology's word.
    init(_ doneWhen: DoneWhen) {
        self =
            switch doneWhen {
            case .renamed: .placed
            case .sent: .command
            case .marker(let suffix): .marker(Array(suffix.utf8))
            case .quiet(let seconds): .quiet(milliseconds: seconds * 1_000)
            }
    }
}
