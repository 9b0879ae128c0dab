import Glibc

/// What the kernel and glibc offer and Swift's `Glibc` module leaves out.
///
/// Found by name when first used; a C library without one of them means that it is done without.
enum LinuxCalls {
    /// `O_PATH` of `fcntl.h`: a descriptor to go on from, for which the right to search suffices.
    static let pathOnly: Int32 = 0x20_0000
    /// `UTIME_NOW` of `sys/stat.h`.
    static let timeNow = 0x3fff_ffff
    /// `SEEK_DATA` and `SEEK_HOLE` of `unistd.h`.
    static let seekData: Int32 = 3
    static let seekHole: Int32 = 4

    /// `struct open_how` of `linux/openat2.h`.
    struct OpenHow {
        var flags: UInt64
        var mode: UInt64 = 0
        var resolve: UInt64

        static let noSymbolicLinks: UInt64 = 0x04
        static let beneath: UInt64 = 0x08
    }

    /// The number of `openat2`, the same for every machine.
    static let openBeneathNumber = 437

    typealias SystemCall =
        @convention(c) (Int, Int, UnsafeRawPointer, UnsafeRawPointer, Int) -> Int

    /// `syscall`, which is variadic, so that Swift cannot call it by name.
    ///
    /// Sound all the same for exactly these arguments: x86-64, AArch64 and RISC-V pass them in the
    /// same registers either way.
    static let systemCall: SystemCall? = Self.find("syscall")

    typealias FileSystemStatus = @convention(c) (Int32, UnsafeMutableRawPointer) -> Int32

    typealias FileSystemSync = @convention(c) (Int32) -> Int32

    /// `syncfs`: makes all of the file system of an open file durable.
    ///
    /// `nil` on kernels before 5.8, where it does not tell what could not be written.
    static let syncFileSystem: FileSystemSync? = {
        var name = utsname()
        guard uname(&name) == 0 else { return nil }
        let release = withUnsafeBytes(of: &name.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2, (numbers[0], numbers[1]) >= (5, 8) else { return nil }
        return Self.find("syncfs")
    }()

    /// `fstatfs`; the first word that it fills in is the file system's magic number.
    static let fileSystemStatus: FileSystemStatus? = Self.find("fstatfs")
    /// Room for a `struct statfs`, which has 120 bytes on 64-bit Linux.
    static let fileSystemStatusByteCount = 256

    private static func find<Function>(_ name: String) -> Function? {
        dlsym(nil, name).map { unsafeBitCast($0, to: Function.self) }
    }
}
