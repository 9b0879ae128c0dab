package import MeshModel

/// What the firewalls between the nodes of a topology have to let pass, and why.
package struct FirewallRules: Sendable {
    /// One connection: who opens it, to where, and what for.
    package struct Rule: Hashable, Sendable {
        /// The node that opens it.
        package let source: NodeName
        /// The node that takes it.
        package let destination: NodeName
        /// The address that it is opened to.
        package let endpoint: Endpoint
        /// The flows from the source to the destination.
        package let sends: [FlowName]
        /// The flows from the destination to the source, over the same connection.
        package let fetches: [FlowName]

        /// Why, in one phrase.
        package var why: String {
            let sends = self.sends.map(\.text).joined(separator: ", ")
            let fetches = self.fetches.map(\.text).joined(separator: ", ")
            let parts = [
                sends.isEmpty ? nil : "takes \(sends) to \(self.destination)",
                fetches.isEmpty ? nil : "fetches \(fetches) from \(self.destination)",
            ].compactMap { $0 }
            return parts.isEmpty
                ? "a way round, if another fails" : parts.joined(separator: "; ")
        }
    }

    /// The rules, in the order of the links.
    package let rules: [Rule]

    /// The rules for all links of a topology, or for those at one node.
    package init(of topology: Topology, at node: NodeName? = nil) {
        let ways = Ways(of: topology)
        let endpoints = Dictionary(
            topology.nodes.compactMap { node in node.listens.map { (node.name, $0) } }
        ) { first, _ in first }
        self.rules = topology.links.compactMap { link in
            guard let endpoint = endpoints[link.listener],
                node == nil || link.dialler == node || link.listener == node
            else { return nil }
            return Rule(
                source: link.dialler,
                destination: link.listener,
                endpoint: endpoint,
                sends: ways.flows(from: link.dialler, to: link.listener),
                fetches: ways.flows(from: link.listener, to: link.dialler)
            )
        }
    }

    // MARK: Table

    /// Rules that differ only in nodes which are alike, as one.
    package struct Row: Hashable, Sendable {
        /// A name, or the first, the last and how many there are.
        package let sources: String
        /// What they have in common.
        package let rule: Rule
    }

    /// The rules with sources that are alike in one row.
    package func rows(of topology: Topology) -> [Row] {
        let groups = LikeNodes.groups(of: topology, all: false)
        var numbers: [NodeName: Int] = [:]
        for (number, group) in groups.enumerated() {
            for node in group.nodes { numbers[node.name] = number }
        }
        struct Key: Hashable {
            let group: Int?
            let destination: NodeName
            let why: String
        }
        var order: [Key] = []
        var found: [Key: [Rule]] = [:]
        for rule in self.rules {
            let key = Key(
                group: numbers[rule.source],
                destination: rule.destination,
                why: rule.why
            )
            if found[key] == nil { order.append(key) }
            found[key, default: []].append(rule)
        }
        return order.compactMap { key in
            guard let rules = found[key], let first = rules.first else { return nil }
            return Row(sources: LikeNodes.title(rules.map(\.source)), rule: first)
        }
    }

    // MARK: nftables

    /// Rules for the firewall of each host, or of one, to add to the chains `input` and `output`
    /// of the table `inet filter`.
    ///
    /// Only new connections: answers are let in by the usual rule for established ones. Hosts
    /// whose rules are the same share a block.
    package func nftables(at node: NodeName? = nil) -> String {
        var hosts: [NodeName] = []
        var lines: [NodeName: [String]] = [:]
        func add(_ line: String, at host: NodeName) {
            guard node == nil || host == node else { return }
            if lines[host] == nil { hosts.append(host) }
            if lines[host]?.contains(line) != true { lines[host, default: []].append(line) }
        }
        let callers = Dictionary(grouping: self.rules, by: \.destination)
            .mapValues { Self.comment("from \($0.map(\.source.text).joined(separator: " "))") }
        for rule in self.rules {
            let port = rule.endpoint.port
            add(
                "add rule inet filter output \(Self.address(rule.endpoint)) tcp dport \(port) "
                    + "ct state new accept \(Self.comment("to \(rule.destination)"))",
                at: rule.source
            )
            add(
                "add rule inet filter input tcp dport \(port) ct state new accept "
                    + (callers[rule.destination] ?? ""),
                at: rule.destination
            )
        }
        var blocks: [(lines: [String], hosts: [NodeName])] = []
        var numbers: [[String]: Int] = [:]
        for host in hosts {
            let own = lines[host] ?? []
            if let number = numbers[own] {
                blocks[number].hosts.append(host)
            } else {
                numbers[own] = blocks.count
                blocks.append((own, [host]))
            }
        }
        let text = blocks.map { block in
            let names = block.hosts.map(\.text).joined(separator: ", ")
            let host = block.hosts.count == 1 ? "host" : "hosts"
            return (["# On the \(host) of \(names)."] + block.lines).joined(separator: "\n")
        }
        let head = "# Names of hosts are looked up when the rules are loaded."
        return ([head] + text).joined(separator: "\n\n")
    }

    private static func address(_ endpoint: Endpoint) -> String {
        endpoint.host.contains(":") ? "ip6 daddr \(endpoint.host)" : "ip daddr \(endpoint.host)"
    }

    /// nftables keeps at most 128 bytes of a comment.
    private static func comment(_ text: String) -> String {
        let full = "tributary \(text)"
        let cut = full.utf8.count <= 120 ? full : String(full.prefix(117)) + "..."
        return "comment \"\(cut)\""
    }
}
