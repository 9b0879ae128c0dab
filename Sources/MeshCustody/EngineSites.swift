import MeshModel
import MeshSpool
import MeshTopology

// What the collector knows of its origins.
extension Engine {
    func sites() -> Result<SitesReport, EngineError> {
        let flows = self.parts.index.flows
        let own = flows.filter { $0.collector == self.parts.node }
        guard !own.isEmpty else {
            let others = flows.map { "\($0.collector) (\($0.name))" }.sorted()
            return .failure(
                EngineError(
                    code: "not_found",
                    message: "This node collects nothing, so it has no sites.",
                    hint: "Ask at the collector: \(others.joined(separator: ", "))."
                )
            )
        }
        let sites = own.flatMap { flow in
            flow.origins.map { self.site($0, flow.name) }
        }
        return .success(
            SitesReport(sites: sites.sorted { ($0.origin, $0.flow) < ($1.origin, $1.flow) })
        )
    }

    private func site(_ origin: NodeName, _ flow: FlowName) -> SitesReport.Site {
        let accounts = self.ask([]) { try $0.accounts(of: origin, flow) }
        let last = self.ask(nil) { try $0.lastLanding(of: origin, flow) }
        let heard = self.ask(nil) { try $0.lastHeard(of: origin, flow) }
        let missedSince = self.now.adding(milliseconds: -self.parts.gapAfter)
        var gaps: [SitesReport.Gap] = []
        var onTheWay: UInt64 = 0
        for account in accounts {
            for missing in account.missing {
                if let since = missing.since, since <= missedSince {
                    gaps.append(
                        SitesReport.Gap(
                            first: missing.run.lowerBound,
                            last: missing.run.upperBound,
                            since: ReportTime(since),
                            incarnation: account.stream.incarnation.reported
                        )
                    )
                } else {
                    onTheWay += missing.run.upperBound - missing.run.lowerBound + 1
                }
            }
        }
        return SitesReport.Site(
            origin: origin.text,
            flow: flow.text,
            incarnation: accounts.first?.stream.incarnation.reported,
            heard: heard.map { ReportTime($0) },
            tallied: accounts.compactMap(\.tallied).max().map { ReportTime($0) },
            lastPath: last.map { PathBytes.printable($0.path) },
            lastLanded: last.map { ReportTime($0.at) },
            landed: accounts.reduce(0) { $0 + $1.landed },
            underWay: accounts.reduce(0) { $0 + $1.underWay },
            onTheWay: onTheWay,
            gaps: gaps
        )
    }
}
