import Glibc

/// What a system call answered when it failed.
struct SystemError: Error, Hashable, Sendable {
    /// The `errno`.
    let number: Int32

    /// The one of the last call on this thread.
    static var last: Self { Self(number: errno) }
}

extension SystemError: CustomStringConvertible {
    /// The system's own words.
    var description: String { String(cString: strerror(self.number)) }
}
