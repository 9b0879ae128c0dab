import MeshFiles
import MeshModel
import Testing

@Suite struct LandingTests {
    static let parcel = ParcelID(.sha256(context: "", [1]))
    static let digest = Digest.sha256(context: "", [2])

    @Test func nothingIsVisibleBeforeItsBytesAreDurable() {
        var landing = Landing(Self.parcel, expecting: Self.digest)
        #expect(landing.handle(.assembled(digest: Self.digest)) == [.syncFile])
        #expect(landing.handle(.fileSynced) == [.commitIntent(Self.parcel)])
        #expect(landing.handle(.intentCommitted) == [.renameAndSyncDirectory])
    }

    @Test func aWrongDigestIsQuarantinedAndNeverNamed() {
        var landing = Landing(Self.parcel, expecting: Self.digest)
        let other = Digest.zero
        #expect(landing.handle(.assembled(digest: other)) == [.quarantine(Self.parcel)])
    }

    /// Wherever the power goes, the file becomes visible exactly once.
    @Test(arguments: 0..<5, [true, false])
    func everyCrashEndsInOneLanding(eventsBeforeTheCrash: Int, consumerTookTheFile: Bool) {
        var disk = LandingDisk()
        var landing = Landing(Self.parcel, expecting: Self.digest)
        var effects = landing.handle(.assembled(digest: Self.digest))
        for _ in 0..<eventsBeforeTheCrash {
            guard let event = disk.perform(effects) else { break }
            effects = landing.handle(event)
        }
        if consumerTookTheFile { disk.fileIsVisible = false }

        // Without an intent nothing was promised: the parcel lands anew.
        guard disk.intentIsCommitted else { return }
        if disk.landed.isEmpty {
            var recovered = Landing(recovering: Self.parcel, found: disk.found)
            var pending = recovered.pending()
            while let event = disk.perform(pending) { pending = recovered.handle(event) }
        }
        #expect(disk.renames == 1)
        #expect(disk.landed == [Self.parcel])
    }
}

/// What survives a crash, and nothing else.
private struct LandingDisk {
    var temporaryFileExists = true
    var fileIsVisible = false
    var intentIsCommitted = false
    var landed: Set<ParcelID> = []
    var renames = 0

    var found: Landing.Found {
        if self.temporaryFileExists { return .temporaryFile }
        return self.fileIsVisible ? .finalName : .neither
    }

    /// Performs the first effect and returns the event that answers it, or `nil` at the end.
    mutating func perform(_ effects: [Landing.Effect]) -> Landing.Event? {
        switch effects.first {
        case .syncFile:
            return .fileSynced
        case .commitIntent:
            self.intentIsCommitted = true
            return .intentCommitted
        case .renameAndSyncDirectory:
            self.temporaryFileExists = false
            self.fileIsVisible = true
            self.renames += 1
            return .renamedAndDirectorySynced
        case .commitLanded(let parcel, _):
            self.landed.insert(parcel)
            return .landedCommitted
        case .announceLanded, .quarantine, nil:
            return nil
        }
    }
}
