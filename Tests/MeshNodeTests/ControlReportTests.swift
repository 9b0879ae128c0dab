import MeshModel
import Testing

@testable import MeshCustody
@testable import MeshNode

@Suite struct ControlReportTests {
    @Test(arguments: [0, 951_782_399_999, 951_868_800_000, 1_795_348_800_123, 253_402_300_799_999])
    func aTimeReadsBackAsItWasWritten(milliseconds: Int64) {
        let time = UnixMilliseconds(milliseconds)
        #expect(UnixMilliseconds(iso8601: time.description) == time)
    }

    @Test(arguments: [
        "", "2026-11-22T12:00:00Z", "2026-13-22T12:00:00.000Z", "2026-11-22T12:00:00.0+0Z",
    ])
    func othersThanOurTimesAreNoTimes(text: String) {
        #expect(UnixMilliseconds(iso8601: text) == nil)
    }

    @Test func aReportSurvivesTheSocket() throws {
        let mesh = try #require(MeshName("coastwatch"))
        let node = try #require(NodeName("dmz"))
        let report = StatusReport(
            node: node,
            mesh: mesh,
            incarnation: Incarnation(number: 3, random: 0xAB),
            started: UnixMilliseconds(1_000),
            spool: .init(limit: .gibibytes(1), used: .mebibytes(5)),
            neighbours: [.init(name: node, state: .ok, since: UnixMilliseconds(2_000))],
            flows: []
        )
        let line = try JSONValue(encoding: report).json()
        #expect(try JSONValue(json: Array(line.utf8)).decode(StatusReport.self) == report)
        #expect(report.incarnation == "3-00000000000000ab")
    }

    @Test func membersOfANewerDaemonAreLeftAside() throws {
        let value: JSONValue = ["files": 1, "bytes": 2, "landed": 0, "mood": "fine"]
        #expect(try value.decode(SendReport.self) == SendReport(files: 1, bytes: 2, landed: 0))
    }

    @Test func anAnswerOfAnotherShapeIsAControlFailure() throws {
        let error = #expect(throws: NodeError.self) {
            try JSONValue.object(["files": "many"]).decode(SendReport.self)
        }
        #expect(error?.code == .controlFailed)
    }

    @Test func wholeNumbersStayWhole() throws {
        let text = "[9223372036854775807,-1,0.5,1e300,true,null,\"ü\"]"
        let value = try JSONValue(json: Array(text.utf8))
        #expect(value.array?.first?.integer == .max)
        #expect(try JSONValue(json: Array(value.json().utf8)) == value)
    }

    @Test func pathsThatAreNotTextTravelAsHexadecimal() {
        #expect(JSONValue(bytes: Array("/a".utf8)) == "/a")
        #expect(JSONValue(bytes: [0x2F, 0xFF]) == ["hex": "2fff"])
        #expect(JSONValue(bytes: [0x2F, 0xFF]).bytes == [0x2F, 0xFF])
        #expect(JSONValue.integer(3).bytes == nil)
    }
}
