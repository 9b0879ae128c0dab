/// What tells one state of a file from another without reading it.
///
/// Equal stamps before and after a read mean that what was read is one version of the file.
public struct FileStamp: Hashable, Sendable {
    /// The file system's device number.
    public var device: UInt64
    /// The inode.
    public var inode: UInt64
    /// The length in bytes.
    public var size: Int64
    /// Last change of the contents, nanoseconds since 1970.
    public var modifiedNanoseconds: Int64
    /// Last change of the inode, nanoseconds since 1970.
    public var changedNanoseconds: Int64

    /// Gathers a stamp.
    public init(
        device: UInt64,
        inode: UInt64,
        size: Int64,
        modifiedNanoseconds: Int64,
        changedNanoseconds: Int64
    ) {
        self.device = device
        self.inode = inode
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
        self.changedNanoseconds = changedNanoseconds
    }

    /// Whether both are of one version of a file, though the file system was mounted anew between.
    ///
    /// Device numbers are given out anew at each mount; the rest stays.
    public func isSameVersion(as other: Self) -> Bool {
        var other = other
        other.device = self.device
        return self == other
    }

    /// 40 bytes, big-endian, in the order of the members.
    public var bytes: [UInt8] {
        let values = [
            self.device, self.inode, UInt64(bitPattern: self.size),
            UInt64(bitPattern: self.modifiedNanoseconds),
            UInt64(bitPattern: self.changedNanoseconds),
        ]
        return values.flatMap { value in
            (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
        }
    }

    /// Reads what ``bytes`` wrote.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 40 else { return nil }
        let values = (0..<5).map { index in
            bytes[index * 8..<index * 8 + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        self.init(
            device: values[0],
            inode: values[1],
            size: Int64(bitPattern: values[2]),
            modifiedNanoseconds: Int64(bitPattern: values[3]),
            changedNanoseconds: Int64(bitPattern: values[4])
        )
    }
}
