import Foundation
import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    /// What the kernel saw; the order of every record kind is shown in process, on a traced disk.
    @Suite(.serialized)
    struct Syncs {
        static let strace: String? = {
            let places: [String] = ["/usr/bin/strace", "/bin/strace", "/usr/local/bin/strace"]
            return places.first { place in access(place, X_OK) == 0 }
        }()

        /// A relay without a collector gets one file of one blob: after the record with its bytes
        /// is written, the next thing that goes out on any TCP socket (an acknowledgement, since
        /// there is nothing else to say) follows an fdatasync of that very segment that began after
        /// the write ended.
        @Test(
            .enabled(if: Self.strace != nil, "strace is not installed"),
            .timeLimit(.minutes(5)),
            arguments: [("small", 600), ("large", 64_200)]
        )
        func nothingIsAcknowledgedBeforeItsSegmentIsSynced(name: String, size: Int) async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                var random = Seeded()
                let marker = "marker-" + String(UInt64.random(in: .min ... .max, using: &random))
                try Tree.makeDirectory(source)
                try Tree.write(
                    Array(marker.utf8) + Sample.bytes(size, &random),
                    to: "\(source)/\(name)"
                )
                let file = "\(mesh.directory)/strace"
                let calls = "fdatasync,fsync,pwrite64,pwritev,pwritev2,write,writev,sendmsg,sendto"
                try mesh.launch(
                    "relay",
                    under: [
                        Self.strace ?? "", "-D", "-f", "-qq", "-yy", "-s", "100000", "-o", file,
                        "-e", "trace=\(calls)",
                    ]
                )
                try await mesh.waitForAnswer(of: "relay")
                try await mesh.start("origin")
                #expect(try await mesh.send(source).ending == .exited(0))
                try await Pace.wait("the relay has custody", within: 30) {
                    let parcels = try await mesh.trace(name, at: "origin").parcels
                    return parcels.first?.events.contains { $0.what == "custody" } == true
                }
                #expect(await mesh.stop("relay") == .exited(0), "\(mesh.endOfLog("relay"))")
                let text = FileManager.default.contents(atPath: file) ?? Data()
                try Self.check(SystemCall.parse(Array(text)), marker)
            }
        }

        static func check(_ calls: [SystemCall], _ marker: String) throws {
            let record = try #require(
                calls.first {
                    $0.isWrite && $0.target.hasSuffix(".seg") && $0.text.contains(marker)
                },
                "no write of the bytes to a segment was seen in \(calls.count) calls"
            )
            let said = try #require(
                calls.first { $0.isWrite && $0.target.hasPrefix("TCP") && $0.begun > record.ended },
                "nothing was said after it"
            )
            let isSynced = calls.contains {
                $0.name == "fdatasync" && $0.target == record.target && $0.begun > record.ended
                    && $0.ended < said.begun
            }
            #expect(isSynced, "\(said.name) came before \(record.target) was synced")
        }
    }
}

/// A call in the words of `strace -f -yy`; begun and ended count lines.
struct SystemCall {
    let name: String
    /// What the first argument's descriptor is: a path, or `TCP:[…]`.
    let target: String
    let text: Substring
    let begun: Int
    var ended: Int

    var isWrite: Bool { self.name.contains("write") || self.name.hasPrefix("send") }

    static func parse(_ bytes: [UInt8]) -> [Self] {
        var calls: [Self] = []
        var unfinished: [Substring: Int] = [:]
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        for (number, line) in lines.enumerated() {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
            guard parts.count == 2 else { continue }
            let text = parts[1].drop { $0 == " " }
            if text.hasPrefix("<... ") {
                if let begun = unfinished.removeValue(forKey: parts[0]) {
                    calls[begun].ended = number
                }
                continue
            }
            guard let open = text.firstIndex(of: "("),
                let left = text[open...].firstIndex(of: "<")
            else { continue }
            // A socket's own text has `->` in it: `TCP:[127.0.0.1:1->127.0.0.1:2]`.
            let inner = text[text.index(after: left)...]
            let end =
                inner.firstRange(of: ">,") ?? inner.firstRange(of: ">)")
                ?? inner.firstRange(of: "> <unfinished")
            guard let end else { continue }
            if text.hasSuffix("<unfinished ...>") { unfinished[parts[0]] = calls.count }
            calls.append(
                Self(
                    name: String(text[..<open]),
                    target: String(inner[..<end.lowerBound]),
                    text: text,
                    begun: number,
                    ended: text.hasSuffix("<unfinished ...>") ? .max : number
                )
            )
        }
        return calls
    }
}
