import MeshLinks
import NIOCore
import Testing

@testable import MeshLinks

@Suite struct SilenceWatchTests {
    static func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

    /// Looks every second and tells what is done when, until the end.
    static func steps(
        _ line: LinkLine = LinkLine(),
        isDialler: Bool = true,
        seconds: Int64,
        isOwed: (Int64) -> Bool = { _ in false },
        hears: (Int64) -> Bool = { _ in false },
        dataFrames: (Int64) -> UInt64 = { _ in 0 }
    ) -> [String] {
        var watch = SilenceWatch(
            SessionPace(LinkTimes(), line),
            isDialler: isDialler,
            at: Self.at(0)
        )
        var steps: [String] = []
        for second in 1...seconds {
            let now = Self.at(second)
            if hears(second) { watch.heard(at: now) }
            switch watch.check(at: now, isOwed: isOwed(second), dataFrames: dataFrames(second)) {
            case .nothing: continue
            case .ping: steps.append("\(second) ping")
            case .sign:
                steps.append("\(second) sign")
                watch.said(at: now, dataFrames: dataFrames(second))
            case .end: return steps + ["\(second) end"]
            }
        }
        return steps
    }

    @Test func anIdleDiallerNoticesADeadLineWithin90Seconds() {
        #expect(Self.steps(seconds: 200) == ["60 ping", "80 end"])
    }

    @Test func anIdleDiallerWithoutKeepaliveSaysNothing() {
        #expect(Self.steps(LinkLine(keepalive: nil), seconds: 10_000) == [])
    }

    @Test func anIdleListenerWaitsForThreePings() {
        #expect(Self.steps(isDialler: false, seconds: 200) == ["180 end"])
        #expect(Self.steps(isDialler: false, seconds: 900, hears: { $0 % 60 == 0 }) == [])
    }

    @Test(arguments: [true, false])
    func whoIsOwedSomethingGivesUpAfterAMinute(isDialler: Bool) {
        let thin = LinkLine(speed: 33_600, keepalive: nil)
        #expect(
            Self.steps(thin, isDialler: isDialler, seconds: 200, isOwed: { _ in true })
                == ["31 ping", "61 end"]
        )
    }

    @Test func whatBecomesOwedAfterALongSilenceHasItsMinute() {
        let steps = Self.steps(
            LinkLine(keepalive: nil),
            seconds: 2_000,
            isOwed: { $0 >= 1_000 }
        )
        #expect(steps == ["1030 ping", "1060 end"])
    }

    @Test func aPeerThatAnswersPingsIsNotSilentHoweverLongItOwes() {
        var last: Int64 = 0
        let steps = Self.steps(
            LinkLine(keepalive: nil),
            seconds: 600,
            isOwed: { _ in true },
            hears: { second in
                defer { if second - last == 31 { last = second } }
                return second - last == 31
            }
        )
        #expect(!steps.contains { $0.hasSuffix("end") })
    }

    @Test func aSlowLineIsGivenTheTimeOfFourSlices() {
        // 16 KiB at 2,400 bit/s take 54.6 s.
        let steps = Self.steps(
            LinkLine(speed: 2_400, keepalive: nil),
            seconds: 900,
            isOwed: { _ in true }
        )
        #expect(steps == ["111 ping", "220 end"])
    }

    @Test func whoTakesInDataGivesSignsOfLife() {
        let steps = Self.steps(
            seconds: 100,
            isOwed: { _ in true },
            hears: { _ in true },
            dataFrames: { UInt64($0) / 5 }
        )
        #expect(steps == ["20 sign", "40 sign", "60 sign", "80 sign", "100 sign"])
        // Pings and pongs are no data: two ends would keep each other talking for ever.
        #expect(Self.steps(seconds: 100, hears: { _ in true }) == [])
    }

    @Test func thinLinesHaveSmallSlicesAndLittleUnsent() {
        let thin = SessionPace(LinkTimes(), LinkLine(speed: 33_600))
        #expect(thin.sliceBytes == 16 << 10)
        #expect(thin.unsentBytes == 8_400)
        #expect(thin.writeBytes == 16 << 10)
        let million = SessionPace(LinkTimes(), LinkLine(speed: 1_000_000))
        #expect(million.sliceBytes > 60_000)
        #expect(million.unsentBytes == 250_000)
        #expect(SessionPace(LinkTimes(), LinkLine()).unsentBytes == nil)
    }
}
