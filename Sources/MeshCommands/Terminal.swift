import Glibc
import MeshModel

/// The screen or the pipes that a command writes to.
enum Terminal {
    /// Whether a person reads stdout.
    static var isOutput: Bool { isatty(STDOUT_FILENO) == 1 }
    /// Whether a person reads stderr.
    static var isError: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes a line to stderr.
    static func complain(_ line: String) { Self.writeError(line + "\n") }

    /// Shows `text` on a line that the next progress overwrites; does nothing unless a person reads.
    static func showProgress(_ text: String) {
        if Self.isError { Self.writeError("\r\(text)\u{1B}[K") }
    }

    /// Clears the line that ``showProgress(_:)`` wrote.
    static func endProgress() {
        if Self.isError { Self.writeError("\r\u{1B}[K") }
    }

    /// The time now, to tell ages by.
    static var now: UnixMilliseconds {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UnixMilliseconds(Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }

    private static func writeError(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
