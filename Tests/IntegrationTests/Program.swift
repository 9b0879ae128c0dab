import Dispatch
import Foundation
import Glibc
import Synchronization

/// How a process ended.
enum Ending: Hashable, Sendable {
    case exited(Int32)
    case killed(signal: Int32)
    /// It was still there at the deadline, and was killed.
    case overdue
}

/// A process that this test started; arguments are bytes, output goes to files.
final class Program: Sendable {
    let pid: pid_t

    private struct State {
        var ending: Ending?
        var isOverdue = false
        var waiters: [CheckedContinuation<Ending, Never>] = []
    }

    private let state = Mutex(State())
    private static let reapers = DispatchQueue(label: "program.reaper", attributes: .concurrent)
    private static let clock = DispatchQueue(label: "program.clock")

    init(
        _ path: String,
        _ arguments: [[UInt8]],
        input: String = "/dev/null",
        output: String,
        errors: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o600)
        var texts: [UnsafeMutablePointer<CChar>?] = [strdup(path)]
        for argument in arguments {
            texts.append(
                (argument.map(CChar.init(bitPattern:)) + [0]).withUnsafeBufferPointer {
                    $0.baseAddress.flatMap { strdup($0) }
                }
            )
        }
        texts.append(nil)
        defer { for text in texts { free(text) } }
        var pid: pid_t = 0
        let error = posix_spawn(&pid, path, &actions, nil, &texts, environ)
        guard error == 0 else { throw Failure("cannot start \(path): errno \(error)") }
        self.pid = pid
        Self.reapers.async { self.reap() }
    }

    /// Waits without reaping, so that the pid is this process's until the state says otherwise.
    private func reap() {
        var info = siginfo_t()
        while waitid(P_PID, id_t(self.pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        let (ending, waiters) = self.state.withLock { state in
            var status: Int32 = 0
            waitpid(self.pid, &status, 0)
            let signal = status & 0x7F
            let ending: Ending =
                state.isOverdue
                ? .overdue : signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
            state.ending = ending
            defer { state.waiters = [] }
            return (ending, state.waiters)
        }
        for waiter in waiters { waiter.resume(returning: ending) }
    }

    var isRunning: Bool { self.state.withLock { $0.ending == nil } }

    /// Sends a signal, if the process is still there.
    func signal(_ number: Int32) {
        self.state.withLock { state in
            if state.ending == nil { _ = kill(self.pid, number) }
        }
    }

    /// Waits for the end; what is not over in time is killed.
    func ending(within seconds: Double) async -> Ending {
        Self.clock.asyncAfter(deadline: .now() + seconds) { [weak self] in
            self?.state.withLock { state in
                guard let self, state.ending == nil else { return }
                state.isOverdue = true
                _ = kill(self.pid, SIGKILL)
            }
        }
        return await withCheckedContinuation { continuation in
            let ending = self.state.withLock { state in
                if state.ending == nil { state.waiters.append(continuation) }
                return state.ending
            }
            if let ending { continuation.resume(returning: ending) }
        }
    }
}

/// The answer of a command.
struct Answer: Sendable {
    let ending: Ending
    let output: [UInt8]
    let errors: String

    var text: String { String(decoding: self.output, as: UTF8.self) }

    func decode<Report: Decodable>(_ type: Report.Type) throws -> Report {
        do { return try JSONDecoder().decode(type, from: Data(self.output)) } catch {
            throw Failure("no \(type): \(self.ending) \(self.errors)")
        }
    }
}

extension Program {
    private static let commands = Mutex(0)

    /// Runs a command to its end; its output goes through files in a directory.
    static func answer(
        _ path: String,
        bytes arguments: [[UInt8]],
        in directory: String,
        within seconds: Double = 60
    ) async throws -> Answer {
        let number = Self.commands.withLock { number in
            number += 1
            return number
        }
        let output = "\(directory)/command-\(number).out"
        let errors = "\(directory)/command-\(number).err"
        let program = try Program(path, arguments, output: output, errors: errors)
        let ending = await program.ending(within: seconds)
        defer {
            unlink(output)
            unlink(errors)
        }
        let files = FileManager.default
        return Answer(
            ending: ending,
            output: Array(files.contents(atPath: output) ?? Data()),
            errors: String(decoding: files.contents(atPath: errors) ?? Data(), as: UTF8.self)
        )
    }

    static func answer(
        _ path: String,
        _ arguments: [String],
        in directory: String,
        within seconds: Double = 60
    ) async throws -> Answer {
        try await Self.answer(
            path,
            bytes: arguments.map { Array($0.utf8) },
            in: directory,
            within: seconds
        )
    }
}

/// What went wrong in a test's own doing, or took too long.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Moments of real time: real processes have no other clock.
enum Pace {
    private static let queue = DispatchQueue(label: "pace")

    /// Comes back after some time; for the moment of a signal, and between two looks.
    static func pass(seconds: Double) async {
        await withCheckedContinuation { continuation in
            Self.queue.asyncAfter(deadline: .now() + seconds) { continuation.resume() }
        }
    }

    /// Looks again and again until something is so.
    static func wait(
        _ what: String,
        within seconds: Double,
        every interval: Double = 0.1,
        until isSo: () async throws -> Bool,
        otherwise: () async -> String = { "" }
    ) async throws {
        let deadline = ContinuousClock.now + .milliseconds(Int(seconds * 1_000))
        while try await !isSo() {
            guard ContinuousClock.now < deadline else {
                throw Failure("waited \(seconds) s: \(what) \(await otherwise())")
            }
            await Self.pass(seconds: interval)
        }
    }
}
