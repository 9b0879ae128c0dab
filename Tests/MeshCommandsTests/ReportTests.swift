import MeshCustody
import MeshModel
import MeshNode
import Testing

@testable import MeshCommands

@Suite struct ReportTests {
    @Test func statusIsShownAsTables() throws {
        let text = try Self.status().text(at: UnixMilliseconds(60_000))
        #expect(
            text
                == """
                relay in line, up 1 min 0 s
                spool 5.0 MiB of 1.0 GiB, incarnation 1-0000000000000002

                NEIGHBOUR  STATE        SINCE     NEXT CALL  LAST ERROR
                relay      ok           30 s ago  -          -
                relay      backing-off  -         in 5.0 s   no_route: The line is down.

                FLOW   ROLE   WAITING  HELD   LANDED  OTHER ENDS
                relay  relay  -        1,200  -       -
                """
        )
    }

    @Test func aTraceShowsHopsAndWhoSaysSo() throws {
        let text = try Self.trace(signature: "verifies").text()
        #expect(text.contains("a/b.wav: landed"))
        #expect(text.contains("relay  1970-01-01T00:00:01.000Z  0.5 s"))
        #expect(text.contains("landed  verifies"))
    }

    @Test func sourcesAreShownWithWhatIsLeftAlone() throws {
        let hour = UnixMilliseconds(3_600_000)
        var source = SourcesReport.Source(
            flow: try #require(FlowName("sonar")),
            path: "/data/sonar",
            collector: try #require(NodeName("hq")),
            doneWhen: "quiet 30 s",
            first: "newest",
            backlog: "last",
            watch: .init(state: "watching", directories: 12),
            lastScan: .init(
                at: UnixMilliseconds(3_480_000),
                milliseconds: 300,
                files: 12_408,
                bytes: 3 << 30
            ),
            nextScan: UnixMilliseconds(3_780_000),
            waiting: 2,
            waitingBytes: 2_048,
            capturing: 1,
            isFull: true,
            leftAlone: [
                .init(reason: "being_written", count: 1, examples: ["a.log"]),
                .init(reason: "link", count: 1_200, examples: ["x", "y"]),
            ]
        )
        #expect(
            SourcesReport(sources: [source]).text(at: hour)
                == """
                sonar: /data/sonar to hq
                  done when quiet 30 s; newest first, backlog last
                  watching 12 directories; scanned 2 min 0 s ago in 0.3 s; next scan in 3 min 0 s
                  12,408 files, 3.0 GiB there; 2 files, 2.0 KiB waiting; 1 being read; \
                the spool is full
                  LEFT ALONE     COUNT  SUCH AS
                  being_written  1      a.log
                  link           1,200  x
                """
        )
        #expect(throws: Never.self) { try SourcesReport(sources: [source]).complain() }
        source.missing = .init(code: "source_missing", since: UnixMilliseconds(3_540_000))
        #expect(source.text(at: hour).contains("  missing since 1 min 0 s ago: source_missing"))
        #expect(throws: CommandStatus.left) { try SourcesReport(sources: [source]).complain() }
        source.watch = .init(state: "scanning", why: "watch_limit")
        #expect(source.text(at: hour).contains("  scanning, not watched: watch_limit; scanned"))
        source.watch = .init(state: "command")
        #expect(source.text(at: hour).contains("  takes what `tributary send` hands over"))
    }

    @Test func filesThatWereRefusedDecideTheStatus() {
        let refused = SendReport(
            files: 2,
            bytes: 1,
            landed: 1,
            refused: [.init(path: "x", why: "source_missing")]
        )
        #expect(throws: CommandStatus.refused) {
            try refused.complain(waited: true, aboutSkipped: false)
        }
        let waiting = SendReport(files: 2, bytes: 1, landed: 1)
        #expect(throws: CommandStatus.left) {
            try waiting.complain(waited: true, aboutSkipped: false)
        }
        #expect(throws: Never.self) { try waiting.complain(waited: false, aboutSkipped: false) }
    }

    @Test(arguments: [
        ("not_reachable", CommandStatus.notReachable), ("private_file_exposed", .notPermitted),
        ("home_missing", .notFound), ("site_forbids", .refused), ("damaged", .damaged),
        ("stopping", .tryLater), ("something_new", .failed),
    ])
    func everyCodeHasAnExitStatus(code: String, status: CommandStatus) {
        #expect(CommandFailure(code: code, message: "").status == status)
    }

    @Test func anErrorEndsInWhatToDo() {
        let failure = CommandFailure(wording: NodeError(.notReachable, "No.", hint: "Start it."))
        #expect(failure.description == "tributary: No. [not_reachable]\n  Start it.")
    }

    private static func status() throws -> StatusReport {
        let node = try #require(NodeName("relay"))
        let flow = try #require(FlowName("relay"))
        return StatusReport(
            node: node,
            mesh: try #require(MeshName("line")),
            incarnation: Incarnation(number: 1, random: 2),
            started: UnixMilliseconds(0),
            spool: .init(limit: .gibibytes(1), used: .mebibytes(5)),
            neighbours: [
                .init(name: node, state: .ok, since: UnixMilliseconds(30_000)),
                .init(
                    name: node,
                    state: .backingOff,
                    next: UnixMilliseconds(65_000),
                    lastError: .init(
                        code: "no_route",
                        message: "The line is down.",
                        at: UnixMilliseconds(1)
                    )
                ),
            ],
            flows: [.init(flow: flow, role: "relay", held: 1_200)]
        )
    }

    static func trace(signature: String) throws -> TraceReport {
        let node = try #require(NodeName("relay"))
        return TraceReport(parcels: [
            .init(
                id: ParcelID(.zero),
                path: Array("a/b.wav".utf8),
                flow: try #require(FlowName("sonar")),
                origin: node,
                sequence: SequenceNumber(7),
                size: .kibibytes(3),
                state: "landed",
                events: [
                    .init(
                        at: UnixMilliseconds(2_000),
                        node: node,
                        what: "landed",
                        signature: signature
                    )
                ],
                hops: [
                    .init(
                        node: node,
                        arrived: UnixMilliseconds(1_000),
                        held: UnixMilliseconds(1_500)
                    )
                ]
            )
        ])
    }
}
