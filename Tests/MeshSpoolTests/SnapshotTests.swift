import Foundation
import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Testing

@Suite struct SnapshotTests {
    /// Rows of the schema's first migration, as the program of that time wrote them.
    @Test func aSnapshotOfAnOlderSchemaFillsTheNewOne() throws {
        let bench = try IndexBench()
        let path = SpoolBench.directory + "/snapshot/1"
        let file = try bench.disk.create(path)
        let bytes = try #require(Data(base64Encoded: Self.spine, options: .ignoreUnknownCharacters))
        try bytes.withUnsafeBytes { try file.write($0, at: 0) }
        try file.syncAll()
        try bench.disk.syncDirectory(SpoolBench.directory + "/snapshot")

        let (spool, recovery) = try bench.open()
        #expect(recovery.rebuiltIndex && !recovery.isEmptyLog)
        let whole = try #require(
            try bench.index.parcel(Sample.opening(1, modified: 1_699_999_999_123_456_789).id)
        )
        #expect(whole.reserved == ByteCount(2_064_201) && whole.entriesKnown == 1)
        #expect(whole.modified == 1_699_999_999_123_456_789)
        #expect(whole.mode == .whole && whole.nextHop == nil && !whole.isHeldBack)
        let located = try bench.index.entries(of: whole.number, from: 0, limit: 10)
        #expect(located.first?.location?.length == 3_000)
        let small = try #require(
            try bench.index.parcel(Sample.small(2, modified: 1_600_000_000_000_000_001).id)
        )
        #expect(small.modified == 1_600_000_000_000_000_001 && small.body != nil)
        #expect(try bench.index.tasks().count == 1)
        try spool.close()
    }

    @Test func anAdmissionTellsTheModeAndTheOpeningTheAge() throws {
        let bench = try IndexBench()
        let (spool, _) = try bench.open()
        let buoy = try Sample.node("buoy")
        let harbour = try Sample.node("harbour")
        let opening = try Sample.opening(1, modified: 42)
        let admitted = try LogRecord.admission(
            opening.id,
            reserved: ByteCount(1),
            giver: buoy,
            mode: .through,
            nextHop: harbour,
            at: Sample.at
        )
        try spool.wait(
            for: spool.append([
                try .opening(opening, from: .neighbour(buoy), at: Sample.at), admitted,
            ])
        )
        let row = try #require(try bench.index.parcel(opening.id))
        #expect(row.modified == 42 && row.mode == .through && row.nextHop == harbour)
        // Room was found for all of it meanwhile.
        try spool.wait(
            for: spool.append([
                try .admission(opening.id, reserved: ByteCount(1), giver: buoy, at: Sample.at)
            ])
        )
        let whole = try #require(try bench.index.parcel(opening.id))
        #expect(whole.mode == .whole && whole.nextHop == nil)
        try spool.snapshot()
        let rows = try bench.rows().rows
        try spool.close()
        let (again, recovery) = try bench.open()
        #expect(recovery.replayed == 0)
        #expect(try bench.rows().rows == rows)
        try again.close()
    }

    private static let spine = """
        VFJJU05BUDEAAAAdAAMBAAAAAAAAAAEBAAAAAAAAAAIBAAABi8/laAAAAAGHASEBAAAAAAAAAAED
        AAAAIB/KLLO6F8i8HFpdPNkrS9N/NRCkiosM6zjOg8BEo7ymAgAAAARidW95AgAAAAhyZWFkaW5n
        cwEAAAAAAAAAAQEBI0VniavN7wEAAAAAAAAAAQIAAAAHaGFyYm91cgEAAAAAAAAAAgEAAAAAAA9C
        QAMAAAAGZmlsZS0xAgAAAARidW95AAMAAABfCkYKBWNvYXN0EgRidW95GghyZWFkaW5ncyIHaGFy
        Ym91cigBMe/Nq4lnRSMBOAFAAkjAhD1YAXIIAQIDBAUGBwh4gNCV/7wxEhUKBmZpbGUtMRCVhqyP
        4J/nyxcYoAMDAAAAQKurq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6ur
        q6urq6urq6urq6urq6urq6urq6sAAAMAAAAAAQAAAAAAAAAAAAAAAQAAAAAAH39JAQAAAAAAAAAB
        AgAAAAhhcnJpdmluZwABAAAAAAAAAAABAAABi8/laAAAAAAAAAAAAhUBIQEAAAAAAAAAAgMAAAAg
        +eGDrZPZd5yKbEqgRZDG4XtFMTiJEZ+JqoPnyuutqX0CAAAABGJ1b3kCAAAACHJlYWRpbmdzAQAA
        AAAAAAABAQEjRWeJq83vAQAAAAAAAAACAgAAAAdoYXJib3VyAQAAAAAAAAACAQAAAAAAAABkAwAA
        AAZmaWxlLTICAAAABGJ1b3kAAwAAAF0KRAoFY29hc3QSBGJ1b3kaCHJlYWRpbmdzIgdoYXJib3Vy
        KAEx782riWdFIwE4AkACSGRYAXIIAQIDBAUGBwh4gNCV/7wxEhUKBmZpbGUtMhCBgIDF3fCVmhYY
        oAMDAAAAQKurq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6ur
        q6urq6urq6urq6urq6sDAAAAbAog+eGDrZPZd5yKbEqgRZDG4XtFMTiJEZ+JqoPnyuutqX0aIOOw
        xEKY/BwUmvv0yJlvuSQnrkHkZJuTTKSVmRt4UrhVIiYIZBABGiDn+sJq7NXEYrG6ZUj3QsW6LQES
        UhPotVXagazfLHxDeQADAAAAAAEAAAAAAAAAAQEAAAAAAAAAAQEAAAAAAAAPWAEAAAAAAAABggEA
        AAAAAAAAAAEAAAAAAAAAAAIAAAAIYXJyaXZpbmcAAQAAAAAAAAAAAQAAAYvP5WgAAQAAAYvP5WgA
        AAAAAAAAAGcCBAEAAAAAAAAAAQEAAAAAAAAAAAMAAAAgs+T9ZQzNkFBpg5IgZCyEX2CvAqIGHV7G
        uIocJSGAYZ8DAAAAKbPk/WUMzZBQaYOSIGQshF9grwKiBh1exriKHCUhgGGfAAALuAAAC7gAAAAA
        QgMEAwAAACCz5P1lDM2QUGmDkiBkLIRfYK8CogYdXsa4ihwlIYBhnwEAAAAAAAAAAQEAAAAAAAAD
        YAEAAAAAAAALuAAAAC8HBQIAAAAEYnVveQEAAAAAAAAAAQEAAAAAAAAABwEAAAAAAAAAAwEAAAGL
        z+VoAAAAABsOAwEAAAAAAAAAAQIAAAAEc2VuZAMAAAACAQL/////AAAAAQAAAAAAABGYAAAAAAAA
        AAe4/yHoxM3jxbxPEv3r01z/n+aDsCo56aYSQbc3E5Kc5w==
        """
}
