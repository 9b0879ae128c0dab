package import MeshModel

/// Lands one parcel exactly once, whatever crashes in between.
///
/// Does no I/O, reads no clock, keeps no reference. A driver feeds it events and performs the
/// effects it returns, in order.
///
///     assembling ── last byte ──▶ syncing ── synced ──▶ intending ── committed ──▶ renaming
///         │                                                                           │
///         └── digest differs ──▶ ended ◀── landed committed ── landing ◀── renamed ───┘
///
/// A restart builds it anew from what the log and the destination directory show: see
/// ``init(recovering:found:)``.
package struct Landing: ~Copyable {
    package enum Event: Sendable {
        case assembled(digest: Digest)
        case fileSynced
        case intentCommitted
        case renamedAndDirectorySynced
        case landedCommitted
    }

    package enum Effect: Sendable, Equatable {
        case syncFile
        case commitIntent(ParcelID)
        case renameAndSyncDirectory
        case commitLanded(ParcelID, unseen: Bool)
        case announceLanded(ParcelID)
        case quarantine(ParcelID)
    }

    private enum State {
        /// Bytes are arriving; nothing has been promised.
        case assembling(expected: Digest)
        /// All bytes are written and their digest fits; they may still be in memory only.
        case syncing
        /// Bytes are durable under a temporary name.
        case intending
        /// The log says which temporary name becomes which file: a restart finishes the work.
        case renaming
        /// The file is visible and its name is durable, or was before somebody took it away.
        case landing(unseen: Bool)
        case ended
    }

    private let parcel: ParcelID
    private var state: State

    package init(_ parcel: ParcelID, expecting digest: Digest) {
        self.parcel = parcel
        self.state = .assembling(expected: digest)
    }

    /// What a restart finds in the destination directory.
    package enum Found: Sendable {
        case temporaryFile
        /// The final name belongs to the inode that the intent recorded.
        case finalName
        /// Neither: a consumer took the file after the rename, or somebody removed the temporary.
        case neither
    }

    /// Continues a landing whose intent was committed before a restart.
    ///
    /// When nothing is found the parcel counts as landed, marked *unseen*, and its blobs stay held
    /// for a while: a consumer must not be given a file twice, and an operator must hear of it.
    package init(recovering parcel: ParcelID, found: Found) {
        self.parcel = parcel
        switch found {
        case .temporaryFile: self.state = .renaming
        case .finalName: self.state = .landing(unseen: false)
        case .neither: self.state = .landing(unseen: true)
        }
    }

    /// What a recovered landing must do first.
    package borrowing func pending() -> [Effect] {
        switch self.state {
        case .renaming: [.renameAndSyncDirectory]
        case .landing(let unseen): [.commitLanded(self.parcel, unseen: unseen)]
        case .assembling, .syncing, .intending, .ended: []
        }
    }

    /// Applies one event and returns what the driver must do next, in order.
    ///
    /// - Precondition: The event answers an effect that was asked for; anything else is a
    ///   programmer's error.
    package mutating func handle(_ event: Event) -> [Effect] {
        switch (self.state, event) {
        case (.assembling(let expected), .assembled(let digest)):
            guard digest == expected else {
                self.state = .ended
                return [.quarantine(self.parcel)]
            }
            self.state = .syncing
            return [.syncFile]
        case (.syncing, .fileSynced):
            self.state = .intending
            return [.commitIntent(self.parcel)]
        case (.intending, .intentCommitted):
            self.state = .renaming
            return [.renameAndSyncDirectory]
        case (.renaming, .renamedAndDirectorySynced):
            self.state = .landing(unseen: false)
            return [.commitLanded(self.parcel, unseen: false)]
        case (.landing, .landedCommitted):
            self.state = .ended
            return [.announceLanded(self.parcel)]
        case (.assembling, _), (.syncing, _), (.intending, _), (.renaming, _), (.landing, _),
            (.ended, _):
            preconditionFailure("\(event) does not answer what was asked for.")
        }
    }
}
