import Foundation
import Glibc

/// Hosts of their own on this machine: network namespaces with cables between them.
struct Networks: Sendable {
    private static let (ip, nft, tc) = ("/usr/sbin/ip", "/usr/sbin/nft", "/usr/sbin/tc")
    static let whyNot: String = "network namespaces need root with CAP_NET_ADMIN, ip, nft and tc"

    /// Whether a test that needs them runs: where CI runs it must, and fails if it cannot.
    static let areWanted: Bool = getenv("CI") != nil || Self.areThere

    private static let areThere: Bool = {
        let isInstalled = [Self.ip, Self.nft, Self.tc].allSatisfy { (path: String) in
            access(path, X_OK) == 0
        }
        guard isInstalled,
            let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }),
            let rights = line.split(separator: "\t").last.flatMap({ UInt64($0, radix: 16) })
        else { return false }
        let (admin, system): (UInt64, UInt64) = (1 << 12, 1 << 21)
        return rights & admin != 0 && rights & system != 0
    }()

    let directory: String
    let names: [String]

    /// Makes hosts, runs a body, and removes them, whatever happened.
    static func with(
        _ names: [String],
        in directory: String,
        _ body: (Networks) async throws -> Void
    ) async throws {
        let networks = Networks(directory: directory, names: names)
        do {
            for name in names {
                try await networks.run([Self.ip, "netns", "add", networks.host(name)])
                // Neighbour discovery would be counted by firewalls.
                let quiet = "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"
                try await networks.run(networks.inside(name) + ["/bin/sh", "-c", quiet])
                try await networks.run(
                    networks.inside(name) + [Self.ip, "link", "set", "lo", "up"]
                )
            }
            try await body(networks)
        } catch {
            await networks.remove()
            throw error
        }
        await networks.remove()
    }

    private func remove() async {
        for name in self.names {
            _ = try? await self.run([Self.ip, "netns", "delete", self.host(name)])
        }
    }

    private func host(_ name: String) -> String { "tributary-\(getpid())-\(name)" }

    /// What runs a command on a host.
    func inside(_ name: String) -> [String] { [Self.ip, "netns", "exec", self.host(name)] }

    @discardableResult func run(_ words: [String]) async throws -> String {
        let answer = try await Program.answer(
            words[0],
            Array(words.dropFirst()),
            in: self.directory,
            within: 20
        )
        guard answer.ending == .exited(0) else {
            throw Failure("\(words.joined(separator: " ")): \(answer.ending) \(answer.errors)")
        }
        return answer.text
    }

    /// Lays a cable between two hosts, with an address at each end.
    func join(_ one: String, _ address: String, _ other: String, _ otherAddress: String)
        async throws
    {
        let ends = ["to-\(other)", "to-\(one)"]
        try await self.run([
            Self.ip, "-n", self.host(one), "link", "add", "name", ends[0], "type", "veth", "peer",
            "name", ends[1], "netns", self.host(other),
        ])
        for (host, end, address) in [(one, ends[0], address), (other, ends[1], otherAddress)] {
            try await self.run(
                self.inside(host) + [Self.ip, "address", "add", address, "dev", end]
            )
            try await self.run(self.inside(host) + [Self.ip, "link", "set", end, "up"])
        }
    }

    /// Gives a host one more address, which others reach through one of its cables.
    func add(_ address: String, to host: String) async throws {
        try await self.run(
            self.inside(host) + [Self.ip, "address", "add", address + "/32", "dev", "lo"]
        )
    }

    func route(_ host: String, to address: String, through gateway: String) async throws {
        try await self.run(
            self.inside(host) + [Self.ip, "route", "add", address, "via", gateway]
        )
    }

    /// Bounds what leaves both ends of a cable.
    func slow(_ one: String, _ other: String, to rate: String) async throws {
        for (host, end) in [(one, "to-\(other)"), (other, "to-\(one)")] {
            try await self.run(
                self.inside(host) + [
                    Self.tc, "qdisc", "add", "dev", end, "root", "tbf", "rate", rate, "burst",
                    "128kb", "latency", "50ms",
                ]
            )
        }
    }

    /// Loads a firewall, as `nft --file` does.
    func guardHost(_ host: String, with rules: String) async throws {
        let file = "\(self.directory)/\(host).nft"
        try Data(rules.utf8).write(to: URL(fileURLWithPath: file))
        try await self.run(self.inside(host) + [Self.nft, "--file", file])
    }

    /// The packets that a named counter has seen.
    func packets(_ counter: String, at host: String) async throws -> UInt64 {
        let text = try await self.run(
            self.inside(host) + [Self.nft, "list", "counter", "inet", "tributary", counter]
        )
        let words = text.split(whereSeparator: \.isWhitespace)
        guard let place = words.firstIndex(of: "packets"), words.indices.contains(place + 1),
            let count = UInt64(words[place + 1])
        else { throw Failure("no counter \(counter): \(text)") }
        return count
    }
}
