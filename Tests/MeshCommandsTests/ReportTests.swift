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
                incarnation 1-0000000000000002
                spool 5.0 MiB of 1.0 GiB, 3.0 MiB promised to 2 parcels, 900.0 MiB free

                NEIGHBOUR  STATE        SINCE     NEXT CALL  TO GO        OUT      IN         LAST ERROR
                relay      ok           30 s ago  -          12, 4.0 KiB  1.5 MiB  500 bytes  -
                relay      backing-off  -         in 5.0 s   -            -        -          no_route: The line is down.

                FLOW   ROLE   WAITING  HELD   LANDED  OTHER ENDS
                relay  relay  -        1,200  -       -
                """
        )
    }

    @Test func statusSaysHowLongTheCertificateLastsAndWhenToRenewIt() throws {
        var report = try Self.status()
        let now = UnixMilliseconds(60_000)
        let day: Int64 = 86_400_000
        let warning = "The certificate has to be renewed"
        for (days, line, isWarned) in [
            (31, "certificate until 1970-02-01, 31 days left", false),
            (29, "certificate until 1970-01-30, 29 days left", true),
            (-1, "certificate expired on 1969-12-31", true),
        ] as [(Int64, String, Bool)] {
            report.certificate = .init(expires: now.adding(milliseconds: days * day), at: now)
            let text = report.text(at: now)
            #expect(text.contains("\n\(line)\n"), "\(days)")
            #expect(text.contains(warning) == isWarned, "\(days)")
        }
    }

    @Test func aTraceShowsHopsAndWhoSaysSo() throws {
        let text = try Self.trace(signature: "verifies").text(at: UnixMilliseconds(12_000))
        #expect(
            text
                == """
                a/b.wav: landed
                  relay, flow sonar, number 7, 3.0 KiB
                  parcel 0000000000000000000000000000000000000000000000000000000000000000

                  landed at hq. (since 10 s ago) [landed]

                  HOP    ARRIVED                   AFTER   DURABLE  CUSTODY  SENT    SIGNATURE
                  buoy   1970-01-01T00:00:00.000Z  -       +0.2 s   -        +0.3 s  verifies
                  relay  1970-01-01T00:00:01.000Z  +1.0 s  +0.5 s   +0.1 s   -       verifies

                  AT                        NODE   SAYS    SIGNATURE  DETAIL
                  1970-01-01T00:00:02.000Z  relay  landed  verifies   
                """
        )
    }

    @Test func whyEndsInWhatToDo() throws {
        let report = WhyReport(items: [try Self.waiting()])
        #expect(
            report.text(at: UnixMilliseconds(100_000))
                == """
                a/b.wav (ab0000000000): held
                  No call with dmz, backing-off. (since 40 s ago, next attempt in 20 s) \
                [no_call: backing-off]
                  → `tributary call dmz` tries now.
                """
        )
    }

    @Test func aQueueIsATableWithTheFirstReason() throws {
        let item = try Self.waiting()
        let value: JSONValue = [
            "parcels": [
                [
                    "id": .string(item.id ?? ""), "path": "a/b.wav", "flow": "sonar",
                    "origin": "buoy", "collector": "hq", "size": 2_048, "parcelClass": 2,
                    "arrived": "1970-01-01T00:00:10.000Z", "state": "held",
                    "reasons": try JSONValue(encoding: item.reasons),
                ]
            ],
            "more": 17,
        ]
        let report = try value.decode(QueueReport.self)
        #expect(
            report.text(at: UnixMilliseconds(100_000))
                == """
                ID            AGE         SIZE     CLASS  FLOW   ORIGIN  STATE  WHY                      PATH
                ab0000000000  1 min 30 s  2.0 KiB  2      sonar  buoy    held   no_call backing-off dmz  a/b.wav

                There may be more: add --after 17.
                """
        )
        let empty = QueueReport(parcels: [], more: nil).text(at: UnixMilliseconds(0))
        #expect(empty == "Nothing is under way here.")
    }

    @Test func agesAreATableOfSums() throws {
        let bucket: JSONValue = ["parcels": 1_200, "bytes": 4_096]
        let none: JSONValue = ["parcels": 0, "bytes": 0]
        let value: JSONValue = [
            "ages": .array(QueueAgeReport.ages.map { .integer($0) }),
            "lines": [
                [
                    "flow": "sonar", "node": "hq", "buckets": [none, bucket, none, none, none],
                    "total": bucket, "oldest": "1970-01-01T00:00:10.000Z",
                ]
            ],
        ]
        let text = try value.decode(QueueAgeReport.self).text(at: UnixMilliseconds(3_610_000))
        #expect(
            text
                == """
                FLOW   NEXT  ≤ 1 MIN  ≤ 1 H           ≤ 1 D  ≤ 7 D  OLDER  ALL             OLDEST
                sonar  hq    -        1,200, 4.0 KiB  -      -      -      1,200, 4.0 KiB  1 h 0 min ago
                """
        )
    }

    @Test func aReleaseThatChangedNothingSaysSo() throws {
        let none = try JSONValue.object(["parcels": 0, "begun": 0]).decode(HoldReport.self)
        #expect(none.text(isHeld: false) == "Nothing of it was held.")
        let held = try JSONValue.object(["parcels": 3, "begun": 1]).decode(HoldReport.self)
        #expect(held.text(isHeld: true) == "Held: 3 parcels. 1 begun before: these finish.")
    }

    private static func waiting() throws -> WhyReport.Item {
        let reason: JSONValue = [
            "code": "no_call", "cause": "backing-off", "node": "dmz",
            "message": "No call with dmz, backing-off.",
            "hint": "`tributary call dmz` tries now.", "since": "1970-01-01T00:01:00.000Z",
            "next": "1970-01-01T00:02:00.000Z",
        ]
        let item: JSONValue = [
            "id": .string("ab" + String(repeating: "0", count: 62)), "path": "a/b.wav",
            "flow": "sonar", "origin": "buoy", "state": "held", "reasons": [reason],
        ]
        return try item.decode(WhyReport.Item.self)
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
            isCopied: false,
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
                  done when quiet 30 s; newest first, backlog last; not copied
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
            try refused.complain(waited: .landed, aboutSkipped: false)
        }
        let waiting = SendReport(files: 2, bytes: 1, landed: 1)
        #expect(throws: CommandStatus.left) {
            try waiting.complain(waited: .landed, aboutSkipped: false)
        }
        #expect(throws: Never.self) { try waiting.complain(waited: nil, aboutSkipped: false) }
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
        var relay = StatusReport.Neighbour(
            name: node,
            state: .ok,
            since: UnixMilliseconds(30_000)
        )
        var waiting = StatusReport.Waiting()
        (waiting.parcels, waiting.bytes) = (12, 4_096)
        relay.waiting = waiting
        relay.wire = .init(sent: 3 << 19, received: 500, payloadSent: 1_500_000)
        return StatusReport(
            node: node,
            mesh: try #require(MeshName("line")),
            incarnation: Incarnation(number: 1, random: 2),
            started: UnixMilliseconds(0),
            spool: .init(
                limit: .gibibytes(1),
                used: .mebibytes(5),
                reservations: 2,
                promised: .mebibytes(3),
                free: .mebibytes(900)
            ),
            neighbours: [
                relay,
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
        let buoy = try #require(NodeName("buoy"))
        var hop = TraceReport.Hop(
            node: node,
            arrived: UnixMilliseconds(1_000),
            held: UnixMilliseconds(1_500),
            signature: signature
        )
        hop.custody = ReportTime(UnixMilliseconds(1_600))
        var report = TraceReport(parcels: [
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
                        node: buoy,
                        arrived: UnixMilliseconds(0),
                        held: UnixMilliseconds(200),
                        sent: UnixMilliseconds(500),
                        signature: signature
                    ), hop,
                ]
            )
        ])
        report.parcels[0].why = [
            .init(code: "landed", "landed at hq.", since: UnixMilliseconds(2_000))
        ]
        return report
    }
}
