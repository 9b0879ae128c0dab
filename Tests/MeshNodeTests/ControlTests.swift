import Foundation
import Logging
import MeshModel
import ServiceLifecycle
import Synchronization
import Testing

@testable import MeshNode

@Suite struct ControlTests {
    @Test func anAnswerComesBackAfterItsEvents() async throws {
        let socket = try Socket()
        let heard = try await socket.serve { request, emit in
            emit(["event": "progress", "files": 1])
            emit(["event": "progress", "files": 2])
            return ["verb": .string(request.verb), "arguments": .object(request.arguments)]
        } during: { client in
            try await onThread {
                var events: [JSONValue] = []
                let result = try client.call(ControlRequest("send", ["a": [1, "b", nil]])) {
                    events.append($0)
                }
                return (events, result)
            }
        }
        #expect(heard.0.map { $0["files"]?.integer } == [1, 2])
        #expect(heard.1 == ["verb": "send", "arguments": ["a": [1, "b", nil]]])
    }

    @Test func aFailureKeepsItsCodeAndHint() async throws {
        let socket = try Socket()
        let expected = ControlError(code: "not_found", message: "No such file.", hint: "Look.")
        await #expect(throws: expected) {
            try await socket.serve { _, _ in
                throw expected
            } during: { client in
                _ = try await onThread { try client.call(ControlRequest("trace")) }
            }
        }
    }

    @Test func anErrorOfTheNodeGoesOutUnderItsOwnCode() async throws {
        let socket = try Socket()
        let error = await #expect(throws: ControlError.self) {
            try await socket.serve { _, _ in
                throw NodeError(.siteForbids, "No.")
            } during: { client in
                _ = try await onThread { try client.call(ControlRequest("send")) }
            }
        }
        #expect(error?.code == "site_forbids")
    }

    @Test func aLineThatIsNoRequestIsAnsweredAndTheConnectionLives() async throws {
        let socket = try Socket()
        let lines = try await socket.serve { request, _ in
            .string(request.verb)
        } during: { _ in
            try await socket.exchange(["nonsense", "{\"verb\":\"status\"}"])
        }
        #expect(lines.count == 2)
        #expect(try JSONValue(json: Array(lines[0].utf8))["error"]?["code"] == "control_failed")
        #expect(lines[1] == "{\"result\":\"status\"}")
    }

    @Test func aLineBeyondTheBoundIsRefusedWithoutBeingKept() async throws {
        let socket = try Socket()
        let lines = try await socket.serve { _, _ in
            nil
        } during: { _ in
            try await socket.exchange([
                String(repeating: "x", count: Limits.controlLineBytesMax + 9)
            ])
        }
        #expect(lines.count <= 1)
        for line in lines { #expect(line.contains("line_too_long")) }
    }

    @Test func aSilentConnectionIsHungUpOn() async throws {
        let socket = try Socket()
        let lines = try await socket.serve(idleSeconds: 0) { _, _ in
            nil
        } during: { _ in
            try await socket.exchange([])
        }
        #expect(lines.isEmpty)
    }

    @Test func aClientThatHangsUpCancelsItsHandler() async throws {
        let socket = try Socket()
        let (cancelled, tell) = AsyncStream<Void>.makeStream()
        try await socket.serve { _, emit in
            emit("begun")
            let (never, _) = AsyncStream<Void>.makeStream()
            for await _ in never {}
            tell.finish()
            throw CancellationError()
        } during: { client in
            struct HangUp: Error {}
            await #expect(throws: HangUp.self) {
                try await onThread {
                    try client.call(ControlRequest("send")) { _ in throw HangUp() }
                }
            }
            for await _ in cancelled {}
        }
    }

    @Test func stoppingIsSaidToThoseWhoWait() async throws {
        let socket = try Socket()
        let server = try ControlServer(socketPath: socket.path, logger: socket.logger) { _, emit in
            emit("begun")
            let (never, _) = AsyncStream<Void>.makeStream()
            for await _ in never {}
            throw CancellationError()
        }
        let serving = Task { try await server.run() }
        let client = ControlClient(socketPath: socket.path)
        let error = await #expect(throws: ControlError.self) {
            try await onThread { try client.call(ControlRequest("send")) { _ in serving.cancel() } }
        }
        #expect(error?.code == "stopping")
        try await serving.value
    }

    @Test func shuttingDownIsNoFailure() async throws {
        let socket = try Socket()
        let server = try ControlServer(socketPath: socket.path, logger: socket.logger) { _, _ in nil
        }
        let group = ServiceGroup(services: [server], logger: socket.logger)
        let serving = Task { try await group.run() }
        let client = ControlClient(socketPath: socket.path)
        _ = try await onThread { try client.call(ControlRequest("status")) }
        await group.triggerGracefulShutdown()
        try await serving.value
    }

    @Test func whoConnectsWhileItStopsIsHungUpOn() async throws {
        for pause in 0..<20 {
            let socket = try Socket()
            let server = try ControlServer(socketPath: socket.path, logger: socket.logger) { _, _ in
                nil
            }
            let clients = try (0..<16).map { _ in try ControlSocket.connect(to: socket.path) }
            defer { for client in clients { ControlSocket.discard(client) } }
            let serving = Task { try await server.run() }
            for _ in 0..<pause { await Task.yield() }
            serving.cancel()
            try await serving.value
            for client in clients {
                let bytes = try await onThread { (try? ControlSocket.read(from: client)) ?? [] }
                #expect(bytes.isEmpty)
            }
        }
    }

    @Test func noDaemonIsNotReachable() throws {
        let socket = try Socket()
        let error = #expect(throws: NodeError.self) {
            try ControlClient(socketPath: socket.path).call(ControlRequest("status"))
        }
        #expect(error?.code == .notReachable)
        #expect(error?.hint != nil)
    }

    @Test func theSocketIsForItsOwnerAndGroup() throws {
        let socket = try Socket()
        let server = try ControlServer(socketPath: socket.path, logger: socket.logger) { _, _ in nil
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: socket.path)
        #expect(attributes[.posixPermissions] as? Int == 0o660)
        _ = server
    }

    @Test func aHomeMayLieDeeperThanASocketAddressHolds() async throws {
        let socket = try Socket(below: String(repeating: "d", count: 200))
        let result = try await socket.serve { _, _ in
            true
        } during: { client in
            try await onThread { try client.call(ControlRequest("status")) }
        }
        #expect(result == true)
    }

    @Test func aSocketOfADeadDaemonIsReplacedButAFileIsNot() throws {
        let socket = try Socket()
        for _ in 0..<2 {
            _ = try ControlServer(socketPath: socket.path, logger: socket.logger) { _, _ in nil }
        }
        try FileManager.default.removeItem(atPath: socket.path)
        try Data("precious".utf8).write(to: URL(filePath: socket.path))
        #expect(throws: NodeError.self) {
            try ControlServer(socketPath: socket.path, logger: socket.logger) { _, _ in nil }
        }
        #expect(try String(contentsOfFile: socket.path, encoding: .utf8) == "precious")
    }
}

/// A control socket in a directory of its own.
private struct Socket {
    let path: String
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let scratch: ScratchDirectory

    init(below directory: String? = nil) throws {
        self.scratch = try ScratchDirectory()
        let scratch = self.scratch.path
        let home = directory.map { "\(scratch)/\($0)" } ?? scratch
        try FileManager.default.createDirectory(
            atPath: home,
            withIntermediateDirectories: true
        )
        self.path = "\(home)/control.sock"
    }

    /// Runs a server while `body` asks it.
    func serve<Value: Sendable>(
        idleSeconds: Int64 = 60,
        _ handler: @escaping ControlServer.Handler,
        during body: @Sendable (ControlClient) async throws -> Value
    ) async throws -> Value {
        let server = try ControlServer(
            socketPath: self.path,
            idleSeconds: idleSeconds,
            logger: self.logger,
            handler: handler
        )
        return try await withThrowingTaskGroup { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            return try await body(ControlClient(socketPath: self.path))
        }
    }

    /// Sends lines and returns what comes back: as many lines, or fewer when the server hangs up.
    func exchange(_ lines: [String]) async throws -> [String] {
        let path = self.path
        return try await onThread {
            let socket = try ControlSocket.connect(to: path)
            defer { ControlSocket.discard(socket) }
            for line in lines {
                // The server may hang up while we still talk.
                do { try ControlSocket.write(Array((line + "\n").utf8), to: socket) } catch {
                    break
                }
            }
            var received: [UInt8] = []
            while received.count(where: { $0 == UInt8(ascii: "\n") }) < max(1, lines.count) {
                guard let bytes = try? ControlSocket.read(from: socket), !bytes.isEmpty else {
                    break
                }
                received += bytes
            }
            return String(decoding: received, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }
}

/// Blocks a thread of its own, not one of those that everything asynchronous shares.
private func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result { try body() }) }.start()
    }
}
