package import MeshCustody
import MeshModel

// What an operator asks.
extension TestMesh {
    /// Why a file is where it is: the first version that a node tells of.
    package func why(_ path: String, at name: String) async -> WhyReport.Item? {
        guard let node = try? self.node(name) else { return nil }
        return try? await node.why(path).items.first
    }

    /// Ends waiting for a next attempt at a node.
    package func retry(
        _ target: RetryTarget,
        at name: String
    ) async -> Result<RetryReport, any Error> {
        do {
            let node = try self.node(name)
            return .success(try await node.engine.answer { .queue(.retry(target, $0)) }.get())
        } catch { return .failure(error) }
    }
}

extension TestNode {
    /// Why a file is where it is.
    package func why(_ path: String) async throws -> WhyReport {
        try await self.engine.answer { .why(.path(Array(path.utf8)), $0) }
    }

    /// Has parcels wait here, or lets them go.
    package func hold(_ target: QueueTarget, isHeld: Bool = true) async throws -> HoldReport {
        try await self.engine.answer { .queue(.hold(target, isHeld: isHeld, $0)) }.get()
    }
}
