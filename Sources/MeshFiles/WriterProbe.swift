import Glibc

/// Whether somebody has a file open for writing, as a read lease tells.
package enum Writers: Hashable, Sendable {
    /// Nobody has: the kernel would have said so.
    case none
    /// Somebody has.
    case some
    /// The kernel cannot be trusted to know, or did not say.
    case unknown
}

/// Asks the kernel for a read lease, which it grants only when nobody has the file open for
/// writing, and gives it back at once.
///
/// Whoever opens the file for writing between the two calls waits until the lease is given back,
/// some microseconds, and the kernel tells us of that with SIGIO, which would end the process:
/// see ``ignoreLeaseSignal()``.
package enum WriterProbe {
    /// `F_SETLEASE` of `fcntl.h`.
    private static let setLease: Int32 = 1_024

    /// File systems whose leases are known to see every writer; others may have writers elsewhere.
    private static let trustedFileSystems: Set<Int> = [
        0xEF53,  // ext4
        0x5846_5342,  // xfs
        0x9123_683E,  // btrfs
        0x0102_1994,  // tmpfs
        0xF2F5_2010,  // f2fs
    ]

    private static let ignored: Void = { _ = signal(SIGIO, SIG_IGN) }()

    /// Ignores SIGIO in the whole process, once; the daemon does so at its start.
    package static func ignoreLeaseSignal() { _ = Self.ignored }

    /// Whether leases tell the truth on the file system of an open file.
    static func isTrusted(_ file: borrowing Descriptor) -> Bool {
        file.fileSystem().map { Self.trustedFileSystems.contains($0) } ?? false
    }

    /// Asks; an answer other than ``Writers/unknown`` needs a file of our own, or `CAP_LEASE`.
    static func ask(_ file: borrowing Descriptor) -> Writers {
        Self.ignoreLeaseSignal()
        guard Self.isTrusted(file) else { return .unknown }
        // Nothing may come between these two: a writer may be waiting.
        if fcntl(file.number, Self.setLease, Int32(F_RDLCK)) == 0 {
            _ = fcntl(file.number, Self.setLease, Int32(F_UNLCK))
            return .none
        }
        return errno == EAGAIN ? .some : .unknown
    }
}

extension SourceFile {
    /// Whether anybody has this file open for writing now.
    package func writers() -> Writers { WriterProbe.ask(self.descriptor) }
}
