import Foundation
import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology
import Testing

/// `docs/spec` is for those who write another implementation: its bytes are those of this one.
///
/// Every block there that is fenced with `hex NAME` is compared with what the code writes under
/// that name; a signature differs each time that it is made, so it is verified instead.
@Suite struct SpecificationTests {
    @Test func everyExampleInTheSpecificationIsWhatTheCodeWrites() throws {
        let written = try SpecificationExamples.all()
        let shown = try Self.shown()
        #expect(Set(shown.keys) == Set(written.keys).union(SpecificationExamples.signatures))
        for (name, hex) in shown where !SpecificationExamples.signatures.contains(name) {
            #expect(written[name] == hex, "\(name)")
        }
    }

    @Test func everySignatureInTheSpecificationVerifies() throws {
        let shown = try Self.shown()
        func bytes(_ name: String) throws -> [UInt8] {
            try #require(shown[name].flatMap { Hex.decode($0) })
        }
        let key = try SpecificationExamples.key().publicKey
        let opening = try SignedOpening(
            bytes: bytes("opening"),
            signature: bytes("opening-signature")
        )
        #expect(opening.isSigned(by: key))
        let closing = try SignedClosing(
            bytes: bytes("closing"),
            signature: bytes("closing-signature")
        )
        #expect(closing.isSigned(by: key))
        let small = try SmallParcel(
            parsingOpening: bytes("small-opening"),
            closing: bytes("small-closing"),
            signature: bytes("small-signature"),
            codec: 0,
            content: Array("tide 2.4 m\n".utf8)
        )
        #expect(small.isSigned(by: key))
        let together = try SmallParcel(
            parsingOpening: small.opening.bytes,
            closing: small.closing.bytes,
            signature: bytes("small-batch-signature"),
            codec: small.codec,
            content: small.content
        )
        #expect(together.isSigned(by: key))
        let statement = try SignedStatement(
            verifying: bytes("signed-statement"),
            mesh: #require(MeshName("coast"))
        ) { _, _ in key }
        #expect(statement.kind == .custody)
        #expect(
            key.isValid(
                try bytes("index-signature"),
                context: "tributary index 1",
                over: try bytes("index-head")
            )
        )
        #expect(
            key.isValid(
                try bytes("view-signature"),
                context: "tributary view 1",
                over: try bytes("view")
            )
        )
    }

    /// The blocks of all pages, by name.
    private static func shown() throws -> [String: String] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/spec").standardizedFileURL
        var blocks: [String: String] = [:]
        for page in try FileManager.default.contentsOfDirectory(atPath: folder.path)
        where page.hasSuffix(".md") {
            let text = try String(contentsOf: folder.appending(path: page), encoding: .utf8)
            var name: String?
            for line in text.split(separator: "\n") {
                if line.hasPrefix("```hex ") {
                    let new = String(line.dropFirst(7))
                    #expect(blocks.updateValue("", forKey: new) == nil, "\(new) is there twice")
                    name = new
                } else if line.hasPrefix("```") {
                    name = nil
                } else if let name {
                    blocks[name, default: ""] += line.filter { $0 != " " }
                }
            }
        }
        return blocks
    }
}

/// What the code writes for the examples of `docs/spec`.
enum SpecificationExamples {
    /// Examples that cannot be made twice alike.
    static let signatures: Set = [
        "opening-signature", "closing-signature", "small-signature",
        "small-batch-signature", "signed-statement",
        "index-signature", "view-signature",
    ]

    static func key() throws -> StatementKey {
        try StatementKey(
            pem: """
                -----BEGIN PRIVATE KEY-----
                MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbFy57vI/J3lA86dc
                +pQsA6BpJgqujYY776ndkRVQmZ+hRANCAASva5Qhcg0s/HS0nTepEedXC9Pkb555
                d0XOnwyFE62WZ+gL5mt7xQpSWbmVDRrY4LJ4hUwWlOIpUDn00/6MaXTO
                -----END PRIVATE KEY-----
                """
        )
    }

    static func all() throws -> [String: String] {
        var all: [String: [UInt8]] = [:]
        try Self.addParcels(to: &all)
        try Self.addStatements(to: &all)
        try Self.addFrames(to: &all)
        try Self.addRecords(to: &all)
        try Self.addIndex(to: &all)
        return all.mapValues { Hex.encode($0) }
    }

    // MARK: Parcels

    private static func mesh() throws -> MeshName { try #require(MeshName("coast")) }
    private static func node(_ name: String) throws -> NodeName { try #require(NodeName(name)) }
    private static let incarnation = Incarnation(number: 1, random: 0x0123_4567_89AB_CDEF)
    private static let time = UnixMilliseconds(1_800_000_000_000)

    private static func opening(_ sequence: UInt64, path: String, size: Int) throws -> Opening {
        Opening(
            mesh: try Self.mesh(),
            origin: try Self.node("buoy"),
            flow: try #require(FlowName("readings")),
            collector: try Self.node("harbour"),
            incarnation: Self.incarnation,
            sequence: SequenceNumber(sequence),
            size: ByteCount(size),
            keyID: try Self.key().publicKey.keyID,
            opened: Self.time,
            path: Array(path.utf8),
            modified: 1_799_999_999_123_456_789,
            mode: 0o640
        )
    }

    /// A piece of text that compresses, one that does not, and zeros.
    private static func entries() throws -> [Entry] {
        let encoder = BlobEncoder(profile: .usual)
        let pieces = [
            [UInt8](repeating: UInt8(ascii: "a"), count: 100_000), Self.stream(100_000),
            [UInt8](repeating: 0, count: 65_536),
        ]
        return pieces.map { piece in piece.withUnsafeBytes { encoder.encode($0).entry } }
    }

    /// SHA-256 of `tributary stream 1` and a count, 8 bytes big-endian from 0, one after the other.
    private static func stream(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var block: UInt64 = 0
        while bytes.count < count {
            let number = withUnsafeBytes(of: block.bigEndian) { Array($0) }
            bytes += Digest.sha256(context: "tributary stream 1", number).bytes
            block += 1
        }
        return Array(bytes.prefix(count))
    }

    private static func addParcels(to all: inout [String: [UInt8]]) throws {
        let opening = try Self.opening(7, path: "2027/a.bin", size: 265_536)
        let id = ParcelID(ofOpening: opening.encoded())
        all["opening"] = opening.encoded()
        all["opening-id"] = id.bytes
        // Whatever zstd makes of the first piece is its own affair: only its form is fixed.
        let entries = try Self.entries().dropFirst()
        all["entry-plain"] = entries[1].encoded()
        all["entry-hole"] = entries[2].encoded()
        let root = MerkleTree.root(entries.map { $0.encoded() })
        all["entries-root"] = root.bytes
        var digest = FileDigest()
        Self.stream(100_000).withUnsafeBytes { digest.update($0) }
        digest.update(zeros: 65_536)
        var tree = PieceDigest(.tree)
        Self.stream(100_000).withUnsafeBytes { tree.take(entries[1], $0) }
        tree.take(zeros: 65_536)
        all["file-tree"] = tree.finalize().bytes
        let closing = Closing(
            parcel: id,
            entryCount: 2,
            root: root,
            size: ByteCount(165_536),
            digest: digest.finalize()
        )
        all["closing"] = closing.encoded()
        all["closing-id"] = ClosingID(ofClosing: closing.encoded()).bytes
        all["piece-lengths-1"] = Self.lengths(.usual)
        all["piece-lengths-2"] = Self.lengths(.thinLine)
        all["piece-lengths-3"] = Self.lengths(.fastLine)

        let content = Array("tide 2.4 m\n".utf8)
        let small = try Self.opening(8, path: "tide.txt", size: content.count)
        all["small-opening"] = small.encoded()
        all["small-closing"] =
            Closing(
                parcel: ParcelID(ofOpening: small.encoded()),
                entryCount: 0,
                root: MerkleTree.root([]),
                size: ByteCount(content.count),
                digest: .sha256(content)
            ).encoded()
    }

    /// The lengths of the first pieces of 4 MiB of the stream, 4 bytes big-endian each.
    private static func lengths(_ profile: CutProfile) -> [UInt8] {
        let cutter = PieceCutter(profile: profile)
        return Self.stream(4 << 20).withUnsafeBytes { bytes in
            var lengths: [UInt8] = []
            var rest = UnsafeRawBufferPointer(rebasing: bytes[...])
            while lengths.count < 8 * 4,
                let length = cutter.length(ofNextPieceIn: rest, isLast: true)
            {
                lengths += withUnsafeBytes(of: UInt32(length).bigEndian) { Array($0) }
                rest = UnsafeRawBufferPointer(rebasing: rest[length...])
            }
            return lengths
        }
    }

    // MARK: Statements

    private static func passage() throws -> Passage {
        let line = PassageLine(
            node: try Self.node("buoy"),
            arrived: Self.time,
            held: Self.time.adding(milliseconds: 40),
            sent: Self.time.adding(milliseconds: 55)
        )
        return try #require(Passage.empty.appending(line))
    }

    private static func statement() throws -> SignedStatement {
        let id = try #require(ParcelID(bytes: Hex.decode(Self.parcels()["opening-id"] ?? "") ?? []))
        let closing = try #require(
            ClosingID(bytes: Hex.decode(Self.parcels()["closing-id"] ?? "") ?? [])
        )
        let stream = FlowStream(
            origin: try Self.node("buoy"),
            flow: try #require(FlowName("readings")),
            incarnation: Self.incarnation
        )
        let signer = StatementSigner(
            mesh: try Self.mesh(),
            node: try Self.node("dmz"),
            incarnation: Incarnation(number: 2, random: 0xFEED),
            key: try Self.key()
        )
        let draft = StatementDraft(
            kind: .custody,
            stream: stream,
            leaves: [
                StatementLeaf(
                    sequence: SequenceNumber(7),
                    parcel: id,
                    closing: closing,
                    passage: try Self.passage().digest
                )
            ],
            passages: [id: try Self.passage()]
        )
        let batch = try signer.sign(
            [draft],
            after: BatchPosition(number: 41, digest: .sha256(Array("41".utf8))),
            at: Self.time.adding(milliseconds: 90)
        )
        return try #require(batch.statements.first)
    }

    private static func parcels() throws -> [String: String] {
        var parcels: [String: [UInt8]] = [:]
        try Self.addParcels(to: &parcels)
        return parcels.mapValues { Hex.encode($0) }
    }

    private static func addStatements(to all: inout [String: [UInt8]]) throws {
        let key = try Self.key().publicKey
        all["statement-key"] = key.bytes
        all["statement-key-id"] = key.keyID
        all["passage-line"] = try Self.passage().lines[0]
        let statement = try Self.statement()
        let fields = Self.fields(statement.bytes)
        all["batch"] = try #require(fields.first { $0.number == 1 }).bytes
        all["batch-digest"] = statement.batch.digest.bytes
        all["statement"] = try #require(fields.first { $0.number == 5 }).bytes
        all["statement-digest"] = statement.digest.bytes
        all["leaf"] = try #require(fields.first { $0.number == 6 }).bytes
    }

    /// The length-delimited fields of a protobuf message of less than 16 KiB.
    private static func fields(_ message: [UInt8]) -> [(number: UInt8, bytes: [UInt8])] {
        var fields: [(number: UInt8, bytes: [UInt8])] = []
        var rest = message[...]
        func varint() -> Int {
            var value = 0
            var shift = 0
            while let byte = rest.popFirst() {
                value |= Int(byte & 0x7F) << shift
                shift += 7
                if byte < 0x80 { break }
            }
            return value
        }
        while !rest.isEmpty {
            let tag = varint()
            let value = varint()
            guard tag & 7 == 2 else { continue }
            fields.append((UInt8(tag >> 3), Array(rest.prefix(value))))
            rest = rest.dropFirst(value)
        }
        return fields
    }

    // MARK: Frames

    private static func addFrames(to all: inout [String: [UInt8]]) throws {
        let opening = try SignedOpening(
            bytes: Self.opening(7, path: "2027/a.bin", size: 265_536).encoded(),
            signature: [UInt8](repeating: 0xAB, count: 64)
        )
        let ranges = RunSet([0...2, 9...9])
        let entries = Array(try Self.entries().dropFirst())
        let hello = Hello(
            mesh: try Self.mesh(),
            node: try Self.node("buoy"),
            runID: 0xFEED,
            incarnation: Self.incarnation,
            indexSerial: 3,
            clock: Self.time,
            lastBatch: 12,
            lastOpenings: [try #require(FlowName("readings")): SequenceNumber(7)],
            heldBatch: 4,
            heldIncarnation: Incarnation(number: 2, random: 0xFEED)
        )
        let messages: [(String, Message)] = [
            ("frame-hello", .hello(hello)),
            ("frame-offer", .offer([opening], again: false)),
            (
                "frame-answer-admitted",
                .answer(opening.id, .admitted(.whole, has: ranges, entriesKnown: 10))
            ),
            ("frame-answer-later", .answer(opening.id, .later(until: nil, why: "full"))),
            ("frame-entries", .entries(opening.id, first: 0, entries)),
            ("frame-want", .want(opening.id, ranges)),
            ("frame-ack", .ack(opening.id, ranges)),
            ("frame-small-ack", .smallAck(4_096)),
            ("frame-withdrawn", .withdrawn(opening.id, why: "route")),
            (
                "frame-note",
                .note(number: 1, destination: try Self.node("buoy"), hops: 32, .statement([7, 7]))
            ),
            ("frame-noted", .noted(cursor: 1)),
            ("frame-evidence", .evidence(.statement([1, 2, 3]))),
            ("frame-ping", .ping(77)),
            ("frame-bye", .bye(Bye(why: "stopping"))),
        ]
        for (name, message) in messages {
            let frames = try message.frames()
            all[name] = frames.first
        }
        let head = SliceHead(parcel: opening.id, entry: 0, offset: 65_496)
        all["frame-slice"] =
            FrameHeader(.slice, length: head.encoded.count + 4).encoded + head.encoded
            + Self.stream(65_500).suffix(4)
    }

    // MARK: Records

    private struct Draws: RandomSource {
        func next() -> UInt64 { 0xC0FF_EE01 }
    }

    /// Runs a real spool for a moment and reads its files.
    private static func addRecords(to all: inout [String: [UInt8]]) throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "tributary-spec-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let dmz = try Self.node("dmz")
        let life = Incarnation(number: 2, random: 0xFEED)
        let options = SpoolOptions(
            limit: .mebibytes(64),
            node: dmz,
            incarnation: life,
            random: Draws()
        )
        let (spool, _) = try Spool.open(
            folder.path,
            disk: RealDisk(),
            index: { try Index(path: $0, node: dmz) },
            options: options,
            events: { _ in }
        )
        let first = try spool.append([
            try .incarnation(life, mesh: Self.mesh(), node: dmz, at: Self.time)
        ])
        try spool.wait(for: first)
        let opening = try SignedOpening(
            bytes: Self.opening(7, path: "2027/a.bin", size: 265_536).encoded(),
            signature: [UInt8](repeating: 0xAB, count: 64)
        )
        let blob = Array("tide 2.4 m\n".utf8)
        let last = try spool.append([
            try .opening(opening, from: .neighbour(Self.node("buoy")), at: Self.time),
            .blob(StoredBlob(blob)),
        ])
        try spool.wait(for: last)
        try spool.snapshot()
        try spool.close()
        let segment = [UInt8](try Data(contentsOf: folder.appending(path: "log/00000001.seg")))
        all["segment-head"] = Array(segment[..<192])
        var offset = 192
        for name in ["record-incarnation", "record-opening", "record-blob"] {
            let length = segment[offset + 8..<offset + 16].reduce(0) { $0 << 8 | Int($1) }
            let end = offset + 64 + (length + 7) / 8 * 8
            all[name] = Array(segment[offset..<end])
            offset = end
        }
        let snapshot = [UInt8](try Data(contentsOf: folder.appending(path: "snapshot/1")))
        let rowLength = snapshot[8..<12].reduce(0) { $0 << 8 | Int($1) }
        all["snapshot-begin"] = Array(snapshot[..<(12 + rowLength)])
        all["snapshot-end"] = Array(snapshot.suffix(56))
    }

    // MARK: Index

    private static func addIndex(to all: inout [String: [UInt8]]) throws {
        let topology = try Topology.parse(
            """
            mesh: coast
            nodes:
              buoy: {sends: {readings: /data}}
              dmz: {listens: "dmz.example.org:7443"}
              harbour: {receives: /srv/incoming}
            links:
              - buoy -> dmz
              - harbour -> dmz
            """,
            file: "t"
        )
        let key = try Self.key().publicKey
        let keys = topology.nodes.map { node in
            (
                node.name,
                PublicIndex.NodeKeys(
                    statement: key,
                    tls: .sha256(Array("\(node.name)".utf8))
                )
            )
        }
        let authority = try Authority.create(mesh: topology.mesh, at: Self.time)
        let index = try PublicIndex(
            from: topology,
            keys: Dictionary(keys) { $1 },
            serial: 3,
            at: Self.time
        ).signed(by: authority)
        let fields = Self.fields(index)
        all["index-head"] = fields.first?.bytes
        let entries = fields.filter { $0.number == 3 }
        all["index-entry-node"] = entries.first?.bytes
        all["index-entry-flow"] = entries.dropFirst(3).first?.bytes
        all["index-entry-link"] = entries.last?.bytes
        let view = try View(of: Self.node("buoy"), in: topology, serial: 3)
            .signed(by: authority)
        all["view"] = Self.fields(view).first?.bytes
    }
}
