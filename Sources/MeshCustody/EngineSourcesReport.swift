import MeshFiles
import MeshModel
import MeshPolicy
import MeshSpool
import MeshTopology

// What the node tells people of its sources.
extension Engine {
    /// The most examples of one reason in a report.
    private static let examplesMax = 10

    func sourcesReport() -> SourcesReport {
        SourcesReport(
            sources: self.parts.view.sends.compactMap { source in
                self.sources.flows[source.flow].map { self.report($0) }
            }
        )
    }

    private func report(_ flow: FlowSource) -> SourcesReport.Source {
        let source = flow.source
        return SourcesReport.Source(
            flow: source.flow,
            path: flow.root.path,
            collector: source.collector,
            doneWhen: source.doneWhen.description,
            first: source.first.rawValue,
            backlog: source.backlogLast ? "last" : "first",
            isCopied: source.isCopied ? nil : false,
            watch: Self.watch(flow),
            lastScan: flow.report.flatMap { report in
                flow.lastScan.map {
                    SourcesReport.Walk(
                        at: $0.at,
                        milliseconds: $0.milliseconds,
                        files: report.files,
                        bytes: report.bytes
                    )
                }
            },
            nextScan: flow.rule.isScanned && !flow.isScanning ? flow.nextScanAt : nil,
            isScanning: flow.isScanning,
            waiting: flow.queue.count,
            waitingBytes: flow.queue.bytes,
            capturing: self.capturing(source.flow),
            isFull: self.sources.full.contains(source.flow),
            missing: flow.missing.map { .init(code: $0.code, since: $0.since) },
            leftAlone: Self.leftAlone(flow)
        )
    }

    private static func watch(_ flow: FlowSource) -> SourcesReport.Watch {
        guard flow.rule.isScanned else { return .init(state: "command") }
        return switch flow.watch {
        case .none: .init(state: "scanning")
        case .blind(let code):
            .init(state: "scanning", why: code, overflows: flow.overflows)
        case .watching(let directories):
            .init(state: "watching", directories: directories, overflows: flow.overflows)
        }
    }

    private func capturing(_ flow: FlowName) -> Int {
        let small = self.sources.underWay.keys.count { $0.flow == flow }
        let large = self.rows(of: Array(self.sources.capturing.parcels)).values
        return small + large.count { $0.stream.flow == flow }
    }

    private static func leftAlone(_ flow: FlowSource) -> [SourcesReport.LeftAlone] {
        var found: [String: SourcesReport.LeftAlone] = [:]
        func add(_ reason: String, _ count: Int, _ examples: some Sequence<[UInt8]>) {
            var entry = found[reason] ?? .init(reason: reason, count: 0, examples: [])
            entry.count += count
            entry.examples += examples.map(PathBytes.printable)
            entry.examples = Array(entry.examples.prefix(Self.examplesMax))
            found[reason] = entry
        }
        if let report = flow.report {
            for (reason, count) in report.skipped {
                let examples = report.examples.filter { $0.reason == reason }
                add(reason.rawValue, count, examples.map(\.path))
            }
        }
        for (reason, settling) in Dictionary(grouping: flow.settling, by: \.value.reason) {
            let examples = settling.map(\.key).sorted().prefix(Self.examplesMax)
            add(reason, settling.count, examples.map(\.bytes))
        }
        for (reason, count) in flow.unlisted { add(reason, count, []) }
        return found.values.sorted { $0.reason < $1.reason }
    }
}
