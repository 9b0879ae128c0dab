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
