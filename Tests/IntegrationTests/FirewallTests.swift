import Foundation
import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    /// Hosts with firewalls and slow cables, made of network namespaces.
    @Suite(.serialized)
    struct Firewalls {
        static let dmz = "192.0.2.10"

        static let root: String = {
            let up = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
            return "/" + up
        }()

        /// The rules that the guide tells its readers to load, by host.
        static func rules() throws -> [String: String] {
            let guide = try String(
                contentsOfFile: "\(Self.root)/docs/guide/dmz.md",
                encoding: .utf8
            )
            var rules: [String: String] = [:]
            for block in guide.split(separator: "```nft\n").dropFirst() {
                let text = block.prefix(
                    upTo: block.firstRange(of: "\n```")?.lowerBound ?? block.endIndex
                )
                let words = text.split(whereSeparator: \.isWhitespace)
                guard words.count > 1, words[0] == "#" else { continue }
                rules[String(words[1].prefix { $0 != ":" })] = String(text) + "\n"
            }
            return rules
        }

        /// Site and headquarters may dial the DMZ, and nobody may dial anybody else.
        @Test(
            .enabled(if: Networks.areWanted, Comment(rawValue: Networks.whyNot)),
            .timeLimit(.minutes(5))
        )
        func filesCrossADMZAndNothingElseIsTried() async throws {
            let topology = try String(
                contentsOfFile: "\(Self.root)/topologies/dmz.yaml",
                encoding: .utf8
            )
            let rules = try Self.rules()
            #expect(Set(rules.keys) == ["site", "dmz", "hq"])
            let text = topology.replacing("127.0.0.1", with: Self.dmz)
            #expect(text != topology)
            try await Mesh.with(text) { mesh in
                try await Networks.with(["site", "dmz", "hq"], in: mesh.directory) { networks in
                    try await Self.connect(networks)
                    for (host, rules) in rules { try await networks.guardHost(host, with: rules) }
                    try await Self.cross(mesh, networks)
                }
            }
        }

        static func connect(_ networks: Networks) async throws {
            try await networks.add(Self.dmz, to: "dmz")
            try await networks.join("site", "198.51.100.7/24", "dmz", "198.51.100.1/24")
            try await networks.join("hq", "203.0.113.20/24", "dmz", "203.0.113.1/24")
            // Each knows the way to everything; it is the firewalls that stand in it.
            try await networks.route("site", to: "default", through: "198.51.100.1")
            try await networks.route("hq", to: "default", through: "203.0.113.1")
        }

        private static func cross(_ mesh: Mesh, _ networks: Networks) async throws {
            let source = "\(mesh.home("site"))/data"
            var random = Seeded()
            try Tree.makeDirectory(source)
            try Tree.random(20 << 20, to: "\(source)/large")
            for number in 0..<100 {
                try Tree.write(Sample.bytes(900, &random), to: "\(source)/\(number)")
            }
            for node in ["site", "dmz", "hq"] {
                try mesh.launch(node, under: networks.inside(node))
            }
            for node in ["site", "dmz", "hq"] { try await mesh.waitForAnswer(of: node) }
            let answer = try await mesh.send(source, from: "site", waiting: true)
            #expect(answer.ending == .exited(0), "\(answer.errors)")
            let landed = "\(mesh.home("hq"))/landed/site/reports"
            #expect(try Tree.differences(source, landed) == [])
            try await mesh.rest(["site", "dmz", "hq"], within: 20)

            #expect(try await networks.packets("dials", at: "site") > 0)
            #expect(try await networks.packets("dials", at: "hq") > 0)
            #expect(try await networks.packets("dialled", at: "dmz") > 0)
            for host in ["site", "dmz", "hq"] {
                #expect(try await networks.packets("refused_in", at: host) == 0, "\(host)")
                #expect(try await networks.packets("refused_out", at: host) == 0, "\(host)")
            }
            #expect(try await networks.packets("refused_through", at: "dmz") == 0)

            // The counters count: what is not meant to be dialled is seen, at both ends.
            for (from, to) in [("site", "203.0.113.20"), ("dmz", "198.51.100.7")] {
                let dial = "exec 3<>/dev/tcp/\(to)/7443"
                _ = try await Program.answer(
                    "/usr/sbin/ip",
                    Array(networks.inside(from).dropFirst())
                        + ["/bin/bash", "-c", dial],
                    in: mesh.directory,
                    within: 1
                )
                #expect(try await networks.packets("refused_out", at: from) > 0, "\(from)")
            }
        }

        /// Forwarding begins with the first durable piece: three slow hops take about as long as one.
        @Test(
            .enabled(if: Networks.areWanted, Comment(rawValue: Networks.whyNot)),
            .timeLimit(.minutes(5))
        )
        func threeSlowHopsTakeAboutAsLongAsOne() async throws {
            let bytes = Show.size(Int64(24) << 20, full: 64 << 20)
            let one = try await Self.crossing(bytes, of: ["origin", "collector"])
            let three = try await Self.crossing(bytes, of: ["origin", "r1", "r2", "collector"])
            let ratio = three / one
            Show.note(
                "\(bytes >> 20) MiB at 100 Mbit/s: one hop \(one) s, three hops \(three) s, "
                    + "ratio \(ratio)"
            )
            #expect(ratio < 1.5)
            // Slower than the line would be the fault of the nodes; faster, of this test.
            #expect(one > Double(bytes) * 8 / 100e6 * 0.9)
        }

        /// Seconds until a file has landed at the end of a chain of slow hops.
        private static func crossing(_ bytes: Int64, of nodes: [String]) async throws -> Double {
            var declared = ["  origin: {sends: {files: data}}"]
            for (place, node) in nodes.enumerated().dropFirst() {
                let more = node == "collector" ? ", receives: landed" : ""
                declared.append("  \(node): {listens: \"10.77.\(place).2:7443\"\(more)}")
            }
            let links = zip(nodes, nodes.dropFirst()).map { "\($0) -> \($1)" }
            let text = """
                mesh: slow
                nodes:
                \(declared.joined(separator: "\n"))
                links: [\(links.joined(separator: ", "))]
                flows: {files: {done-when: sent}}
                """
            var seconds = 0.0
            try await Mesh.with(text) { mesh in
                try await Networks.with(nodes, in: mesh.directory) { networks in
                    for (place, (near, far)) in zip(nodes, nodes.dropFirst()).enumerated() {
                        let net = "10.77.\(place + 1)"
                        try await networks.join(near, "\(net).1/24", far, "\(net).2/24")
                        try await networks.slow(near, far, to: "100mbit")
                    }
                    for node in nodes { try mesh.launch(node, under: networks.inside(node)) }
                    for node in nodes { try await mesh.waitForAnswer(of: node) }
                    let source = "\(mesh.home("origin"))/data"
                    // A first file says that all calls are up.
                    for (name, size) in [("first", 100_000), ("second", bytes)] {
                        try Tree.makeDirectory("\(source)/\(name)")
                        try Tree.random(Int64(size), to: "\(source)/\(name)/file")
                        let begun = ContinuousClock.now
                        let answer = try await mesh.send("\(source)/\(name)", waiting: true)
                        seconds = (ContinuousClock.now - begun) / .seconds(1)
                        #expect(answer.ending == .exited(0), "\(answer.errors)")
                    }
                    let landed = "\(mesh.landed)/second"
                    #expect(try Tree.differences("\(source)/second", landed) == [])
                }
            }
            return seconds
        }
    }
}
