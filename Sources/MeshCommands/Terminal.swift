import Glibc
import MeshModel

/// The screen or the pipes that a command writes to.
enum Terminal {
    /// Whether a person reads stdout.
    static var isOutput: Bool { isatty(STDOUT_FILENO) == 1 }
    /// Whether a person reads stderr.
    static var isError: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether stderr may be coloured: a person reads it, and has not asked for no colours
    /// (https://no-color.org).
    static var hasColours: Bool {
        Self.isError && !Self.isSet("NO_COLOR") && Self.variable("TERM") != "dumb"
    }

    /// Writes a line to stderr; what it begins with stands out.
    static func complain(_ line: String) {
        Self.writeError((Self.hasColours ? Self.coloured(line) : line) + "\n")
    }

    /// The line with what it begins with in red.
    static func coloured(_ line: String) -> String {
        let signal = ["tributary:", "refused:", "left:"].first { line.hasPrefix($0) }
        guard let signal else { return line }
        return "\u{1B}[1;31m\(signal)\u{1B}[0m\(line.dropFirst(signal.count))"
    }

    /// Shows `text` on a line that the next progress overwrites; does nothing unless a person reads.
    ///
    /// With the share that is done, from 0 to 1, a bar goes before it where there is room.
    static func showProgress(_ text: String, share: Double? = nil) {
        guard Self.hasLines else { return }
        // A line that wraps could not be overwritten.
        let columns = Self.columns - 1
        let bar = share.map { ProgressMeter.bar($0, beside: text, columns: columns) } ?? ""
        Self.writeError("\r\("\(bar)\(text)".prefix(columns))\u{1B}[K")
    }

    /// Whether a person reads stderr, on what can write a line anew.
    private static var hasLines: Bool { Self.isError && Self.variable("TERM") != "dumb" }

    private static var columns: Int {
        var size = winsize()
        let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return isKnown ? Int(size.ws_col) : 80
    }

    private static func isSet(_ name: String) -> Bool { Self.variable(name)?.isEmpty == false }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// Clears the line that ``showProgress(_:)`` wrote.
    static func endProgress() {
        if Self.hasLines { Self.writeError("\r\u{1B}[K") }
    }

    /// Whether a person can be asked: both stdin and stderr are a terminal.
    static var canAsk: Bool { isatty(STDIN_FILENO) == 1 && Self.isError }

    /// Asks on stderr, and reads a line from the terminal; `nil` at its end.
    ///
    /// - Parameters:
    ///   - question: What to ask.
    ///   - isSecret: Whether what is typed is not to be seen.
    /// - Returns: The line without its end.
    static func ask(_ question: String, isSecret: Bool = false) -> String? {
        Self.writeError(question)
        var before = termios()
        let hides = isSecret && tcgetattr(STDIN_FILENO, &before) == 0
        if hides {
            var silent = before
            silent.c_lflag &= ~tcflag_t(ECHO)
            _ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        }
        defer {
            if hides {
                _ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
                Self.writeError("\n")
            }
        }
        return readLine(strippingNewline: true)
    }

    /// Lets so many milliseconds pass.
    static func pause(milliseconds: Int32) { _ = poll(nil, 0, milliseconds) }

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
