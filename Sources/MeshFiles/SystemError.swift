import Glibc

/// What a system call answered when it failed.
struct SystemError: Error, Hashable, Sendable {
    /// The `errno`.
    let number: Int32

    static let noEntry = ENOENT
    static let noSpace = ENOSPC
    static let quota = EDQUOT
    static let noAccess = EACCES
    static let notPermitted = EPERM
    static let readOnly = EROFS
    static let fileTooBig = EFBIG
    static let isDirectory = EISDIR
    static let notDirectory = ENOTDIR
    static let loop = ELOOP
    static let nameTooLong = ENAMETOOLONG
    static let notEmpty = ENOTEMPTY
    static let exists = EEXIST
    static let crossDevice = EXDEV
    static let illegalSequence = EILSEQ
    static let invalid = EINVAL
    static let noSuchAddress = ENXIO
    static let noSystemCall = ENOSYS
    static let again = EAGAIN
    static let notSupported = EOPNOTSUPP
    static let processFiles = EMFILE
    static let systemFiles = ENFILE
    static let noMemory = ENOMEM

    /// The one of the last call on this thread.
    static var last: Self { Self(number: errno) }
}

extension SystemError: CustomStringConvertible {
    /// The system's own words.
    var description: String { String(cString: strerror(self.number)) }
}
