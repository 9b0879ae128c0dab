import Glibc

/// One `inotify` instance: names directories to the kernel and reads what it tells of them.
struct INotify: ~Copyable {
    private let descriptor: Descriptor

    /// What the kernel tells.
    struct Event: Hashable {
        /// Which watch; -1 when events were lost.
        var watch: Int32
        var mask: UInt32
        /// The name in the watched directory; empty for the directory itself.
        var name: [UInt8]
    }

    /// `IN_ONLYDIR` and `IN_EXCL_UNLINK` of `inotify.h`, and what is worth hearing of a source.
    ///
    /// Not `IN_MODIFY`: whoever writes closes some day, and until then the file is not done.
    private static let mask =
        UInt32(IN_CREATE) | UInt32(IN_MOVED_TO) | UInt32(IN_CLOSE_WRITE) | UInt32(IN_ATTRIB)
        | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) | UInt32(IN_DELETE_SELF)
        | UInt32(IN_MOVE_SELF) | 0x0100_0000 | 0x0400_0000

    /// Takes one of the user's `max_user_instances`.
    init() throws(SystemError) {
        self.descriptor = Descriptor(
            number: try Descriptor.call { inotify_init1(Int32(O_NONBLOCK) | O_CLOEXEC) }
        )
    }

    var number: Int32 { self.descriptor.number }

    /// Watches an open directory, and says by what number.
    ///
    /// By its descriptor, so that no name on the way can be exchanged meanwhile.
    func watch(_ directory: borrowing Descriptor) throws(SystemError) -> Int32 {
        let path = Array("/proc/self/fd/\(directory.number)".utf8)
        return try path.withPath { (path) throws(SystemError) in
            try Descriptor.call { inotify_add_watch(self.number, path, Self.mask) }
        }
    }

    func forget(_ watch: Int32) { _ = inotify_rm_watch(self.number, watch) }

    /// What has happened since the last call, as much as one read gives; empty when that is all.
    func read() throws(SystemError) -> [Event] {
        let room = 64 << 10
        var events: [Event] = []
        let result: Result<Void, SystemError> = withUnsafeTemporaryAllocation(
            byteCount: room,
            alignment: 8
        ) { buffer in
            do throws(SystemError) {
                let count = try Descriptor.call {
                    Glibc.read(self.number, buffer.baseAddress, room)
                }
                events = Self.parse(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                return .success(())
            } catch {
                return error.number == EAGAIN ? .success(()) : .failure(error)
            }
        }
        try result.get()
        return events
    }

    /// Reads `struct inotify_event`: watch, mask, cookie, length of the name, the name and NULs.
    private static func parse(_ bytes: UnsafeRawBufferPointer) -> [Event] {
        var events: [Event] = []
        var offset = 0
        while offset + 16 <= bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
            guard offset + 16 + length <= bytes.count else { break }
            let name = bytes[(offset + 16)..<(offset + 16 + length)].prefix { $0 != 0 }
            events.append(
                Event(
                    watch: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self),
                    mask: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self),
                    name: Array(name)
                )
            )
            offset += 16 + length
        }
        return events
    }
}
