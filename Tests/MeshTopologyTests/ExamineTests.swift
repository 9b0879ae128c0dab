import MeshModel
import MeshTopology
import Testing

/// What can be said of a topology: pictures, firewalls, plans, explanations.
@Suite struct ExamineTests {
    static let coast = """
        mesh: coast
        flows: {sonar: {profile: 2}}
        nodes:
          buoy-{1..40}: {sends: {sonar: /data/sonar}}
          harbour: {listens: "harbour.lan:7443", sends: {tide: /data/tide}}
          dmz: {listens: "dmz.example.org:443"}
          spare: {listens: "[2001:db8::7]:443"}
          hq: {receives: /srv/incoming}
        links:
          - {dial: "buoy-{1..40} -> harbour", speed: 33.6 kbit/s}
          - harbour -> dmz
          - {dial: harbour -> spare, prefer: 300}
          - hq -> dmz
          - hq -> spare
        """

    private static func topology(_ text: String = Self.coast) throws -> Topology {
        try Topology.parse(text, file: "t")
    }

    // MARK: Pictures

    @Test func aMermaidFlowchartShowsWhoDialsAndWhatFlows() throws {
        let graph = TopologyGraph(of: try Self.topology(), all: false)
        #expect(
            graph.mermaid == """
                %% coast: an arrow leads from who dials to who is dialled.
                flowchart LR
                  n0["buoy-1 … buoy-40 (40)<br/>sends sonar"]
                  n1["harbour<br/>sends tide<br/>listens harbour.lan:7443"]
                  n2["dmz<br/>listens dmz.example.org:443"]
                  n3["spare<br/>listens [2001:db8::7]:443"]
                  n4["hq<br/>receives sonar, tide"]
                  n0 -- "sonar →, 33.6 kbit/s" --> n1
                  n1 -- "sonar, tide →" --> n2
                  n1 -- "prefer 300" --> n3
                  n4 -- "← sonar, tide" --> n2
                  n4 --> n3
                """
        )
    }

    @Test func aGraphForGraphvizShowsTheSame() throws {
        let graph = TopologyGraph(
            of: try Self.topology(
                """
                mesh: m
                nodes: {a: {sends: {f: /f}}, b: {receives: /b, listens: "b:1"}, c: {}}
                links: [a -> b, c -> b]
                """
            ),
            all: false
        )
        #expect(
            graph.dot == """
                // An arrow leads from who dials to who is dialled.
                digraph "m" {
                  rankdir=LR;
                  node [shape=box];
                  n0 [label="a\\nsends f"];
                  n1 [label="b\\nreceives f\\nlistens b:1"];
                  n2 [label="c"];
                  n0 -> n1 [label="f →"];
                  n2 -> n1;
                }
                """
        )
    }

    @Test func onlyNodesThatAreAlikeAreDrawnAsOne() throws {
        let all = TopologyGraph(of: try Self.topology(), all: true)
        #expect(all.nodes.count == 44)
        #expect(all.arrows.count == 44)
        let other = try Self.topology(
            Self.coast + "\n  - {dial: buoy-7 -> spare, prefer: 900}\n"
        )
        let graph = TopologyGraph(of: other, all: false)
        #expect(graph.nodes.map { $0.lines[0] }.prefix(2) == ["buoy-1 … buoy-40 (39)", "buoy-7"])
    }

    // MARK: Firewalls

    @Test func aFirewallRuleSaysWhatItIsFor() throws {
        let topology = try Self.topology()
        let rules = FirewallRules(of: topology)
        #expect(rules.rules.count == 44)
        let rows = rules.rows(of: topology).map { row in
            "\(row.sources) -> \(row.rule.endpoint): \(row.rule.why)"
        }
        #expect(
            rows == [
                "buoy-1 … buoy-40 (40) -> harbour.lan:7443: takes sonar to harbour",
                "harbour -> dmz.example.org:443: takes sonar, tide to dmz",
                "harbour -> [2001:db8::7]:443: a way round, if another fails",
                "hq -> dmz.example.org:443: fetches sonar, tide from dmz",
                "hq -> [2001:db8::7]:443: a way round, if another fails",
            ]
        )
        let node = try node("spare")
        #expect(
            FirewallRules(of: topology, at: node).rules.map(\.source.text) == ["harbour", "hq"]
        )
    }

    @Test func eachHostGetsTheRulesOfItsOwn() throws {
        let rules = FirewallRules(of: try Self.topology())
        let buoys = (1...40).map { "buoy-\($0)" }.joined(separator: ", ")
        #expect(
            rules.nftables() == """
                # Names of hosts are looked up when the rules are loaded.

                # On the hosts of \(buoys).
                add rule inet filter output ip daddr harbour.lan tcp dport 7443 ct state new \
                accept comment "tributary to harbour"

                # On the host of harbour.
                add rule inet filter input tcp dport 7443 ct state new accept comment "tributary \
                from buoy-1 buoy-2 buoy-3 buoy-4 buoy-5 buoy-6 buoy-7 buoy-8 buoy-9 buoy-10 \
                buoy-11 buoy-12 buoy-13 buoy-14..."
                add rule inet filter output ip daddr dmz.example.org tcp dport 443 ct state new \
                accept comment "tributary to dmz"
                add rule inet filter output ip6 daddr 2001:db8::7 tcp dport 443 ct state new \
                accept comment "tributary to spare"

                # On the hosts of dmz, spare.
                add rule inet filter input tcp dport 443 ct state new accept comment "tributary \
                from harbour hq"

                # On the host of hq.
                add rule inet filter output ip daddr dmz.example.org tcp dport 443 ct state new \
                accept comment "tributary to dmz"
                add rule inet filter output ip6 daddr 2001:db8::7 tcp dport 443 ct state new \
                accept comment "tributary to spare"
                """
        )
        let own = rules.nftables(at: try node("dmz"))
        #expect(own.split(separator: "\n").count == 3)
    }

    // MARK: Plans

    @Test func aPlanSaysWhatChangesWhere() throws {
        let old = try Self.topology(
            """
            mesh: m
            nodes:
              a: {sends: {f: /a}}
              old: {sends: {f: /o}}
              r: {listens: "r:1"}
              s: {listens: "s:1"}
              hq: {receives: /srv}
            links: [a -> r, old -> r, hq -> r, {dial: a -> s, prefer: 150}, hq -> s]
            """
        )
        let new = try Self.topology(
            """
            mesh: m
            flows: {f: {class: urgent}, g: {first: newest}}
            nodes:
              a: {sends: {f: /b, g: {path: /g, copy: false}}, spool: 20 GiB, cache: 1 GiB, quota: {origin: 2 GiB}}
              r: {listens: "r:2"}
              s: {listens: "s:1"}
              young: {sends: {g: /y}, spool: 1 GiB}
              hq: {receives: {f: /srv, g: {path: /srv, copy: false}}}
            links:
              - a -> r
              - {dial: young -> s, keepalive: 5 min}
              - hq -> r
              - {dial: a -> s, prefer: 50, speed: 1 Mbit/s}
              - hq -> s
            """
        )
        let plan = TopologyPlan(from: old, to: new)
        let nodes = plan.nodes.map { (["\($0.node) \($0.kind)"] + $0.lines).joined(separator: "|") }
        #expect(
            nodes == [
                "a changed|  sends f: /a -> /b|+ sends g: /g, not copied|  spool: 10 GiB -> 20 GiB"
                    + "|  cache: 2560 MiB -> 1 GiB|+ quota per origin: 2 GiB"
                    + "|  dials r: r:1 -> r:2|  dials s: s:1 -> s:1, 1 Mbit/s, keepalive off",
                "r changed|  listens: r:1 -> r:2|- is dialled by old: yes",
                "s changed|+ is dialled by young: yes|  is dialled by a: yes -> yes, 1 Mbit/s",
                "young added|sends g: /y|spool: 1 GiB|dials s: s:1, keepalive 5 min",
                "hq changed|+ receives g: /srv, not copied|  dials r: r:1 -> r:2",
                "old removed",
            ]
        )
        #expect(
            plan.index == [
                "  flow f, class: usual -> urgent", "+ flow g: to hq", "+ flow g, first: newest",
                "+ link young -> s: prefer 100", "  link a -> s: prefer 150 -> prefer 50",
                "- link old -> r: prefer 100",
            ]
        )
        #expect(TopologyPlan(from: new, to: old).index.contains("- flow g: to hq"))
        let ways = plan.ways.map { change in
            "\(change.flow) \(change.origin): \(change.old?.map(\.text) ?? []) "
                + "\(change.new?.map(\.text) ?? [])"
        }
        #expect(
            ways == [
                #"f a: ["a", "r", "hq"] ["a", "s", "hq"]"#,
                #"f old: ["old", "r", "hq"] []"#,
                #"g a: [] ["a", "s", "hq"]"#,
                #"g young: [] ["young", "s", "hq"]"#,
            ]
        )
    }

    @Test func nothingChangesBetweenATopologyAndItself() throws {
        let coast = try Self.topology()
        #expect(TopologyPlan(from: coast, to: coast).isEmpty)
    }

    // MARK: Explanations

    @Test func anExplanationSaysWhatANodeWillHold() throws {
        let coast = try Self.topology()
        let harbour = try #require(NodeExplanation(node("harbour"), in: coast))
        #expect(harbour.sends.map(\.path) == ["/data/tide"])
        #expect(harbour.passes.map(\.flow.text) == ["sonar"])
        #expect(harbour.passes.map(\.origins.count) == [40])
        #expect(harbour.mayPass.isEmpty)
        #expect(harbour.neighbours.count == 42)
        let spare = try #require(NodeExplanation(node("spare"), in: coast))
        #expect(spare.passes.isEmpty)
        #expect(spare.mayPass.map(\.flow.text) == ["sonar", "tide"])
        #expect(spare.neighbours.allSatisfy { $0.dialsUs && $0.dial == nil && $0.gives.isEmpty })
        let hq = try #require(NodeExplanation(node("hq"), in: coast))
        #expect(hq.receives.map(\.path) == ["/srv/incoming", "/srv/incoming"])
        #expect(hq.neighbours.map(\.takes.count) == [2, 0])
        #expect(hq.mayPass.isEmpty)
        #expect(try NodeExplanation(node("nobody"), in: coast) == nil)
    }

    /// Against the definition: walk every simple path.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func aNodeMayHoldWhatSomePathTakesThroughIt(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        let count = Int.random(in: 3...6, using: &generator)
        var adjacent = [Set<Int>](repeating: [], count: count)
        var links: [String] = []
        for one in 0..<count {
            for other in one + 1..<count where Int.random(in: 0..<2, using: &generator) == 0 {
                adjacent[one].insert(other)
                adjacent[other].insert(one)
                links.append("n\(one) -> n\(other)")
            }
        }
        func paths(_ path: [Int]) -> [[Int]] {
            guard let last = path.last, last != count - 1 else { return [path] }
            return adjacent[last].filter { !path.contains($0) }.flatMap { paths(path + [$0]) }
        }
        let all = paths([0]).filter { $0.last == count - 1 }
        guard !all.isEmpty else { return }
        let nodes = (0..<count).map { number in
            let duty =
                number == 0 ? "sends: {f: /f}" : number == count - 1 ? "receives: /r" : "cache: 1 %"
            return "  n\(number): {\(duty), listens: 'n\(number):1'}"
        }
        let topology = try Self.topology(
            "mesh: m\nnodes:\n\(nodes.joined(separator: "\n"))\n"
                + "links: [\(links.joined(separator: ", "))]\n"
        )
        for number in 1..<count - 1 {
            let explanation = try #require(NodeExplanation(node("n\(number)"), in: topology))
            let holds = !explanation.passes.isEmpty || !explanation.mayPass.isEmpty
            #expect(holds == all.contains { $0.contains(number) }, "seed \(seed), n\(number)")
        }
    }
}
