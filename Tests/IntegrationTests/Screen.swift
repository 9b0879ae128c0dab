import Foundation
import Glibc
import Synchronization

/// A terminal without a person: what a program writes to it is read, and what is typed is chosen.
final class Screen: Sendable {
    /// Where programs find it.
    let path: String
    private let master: Int32
    /// Held open, so that a reader sees no end before the program has begun.
    private let held: Int32
    private let shown = Mutex<[UInt8]>([])

    /// Linux's TIOCSPTLCK and TIOCGPTN.
    private static let (setLock, getNumber) = (UInt(0x4004_5431), UInt(0x8004_5430))

    init(columns: UInt16 = 80) throws {
        // posix_openpt(3) and its kin, which Glibc's module does not have.
        self.master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)
        var (isLocked, number) = (CInt(0), CUnsignedInt(0))
        guard ioctl(self.master, Self.setLock, &isLocked) == 0,
            ioctl(self.master, Self.getNumber, &number) == 0
        else { throw Failure("no terminal: errno \(errno)") }
        self.path = "/dev/pts/\(number)"
        self.held = open(self.path, O_RDWR | O_NOCTTY)
        var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        guard ioctl(self.master, UInt(TIOCSWINSZ), &size) == 0 else {
            throw Failure("no size: errno \(errno)")
        }
    }

    deinit {
        close(self.held)
        close(self.master)
    }

    /// All that has been shown so far.
    var text: String {
        self.shown.withLock { shown in
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while true {
                let count = read(self.master, &buffer, buffer.count)
                guard count > 0 else { break }
                shown += buffer.prefix(count)
            }
            return String(decoding: shown, as: UTF8.self)
        }
    }

    /// Types, as a person does.
    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(self.master, bytes, bytes.count)
    }

    /// Whether what is typed shows.
    var echoes: Bool {
        var settings = termios()
        tcgetattr(self.held, &settings)
        return settings.c_lflag & tcflag_t(ECHO) != 0
    }

    /// Starts a program of ours here, with variables set.
    func run(_ arguments: [String], _ variables: [String] = []) throws -> Program {
        let words = variables + [Mesh.tributary] + arguments
        return try Program(
            "/usr/bin/env",
            words.map { Array($0.utf8) },
            input: self.path,
            output: self.path,
            errors: self.path
        )
    }
}
