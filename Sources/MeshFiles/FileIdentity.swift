/// What a file is, whatever it is called: survives a rename.
package struct FileIdentity: Hashable, Sendable {
    /// The file system's device number.
    package let device: UInt64
    /// The inode.
    package let inode: UInt64

    /// Gathers an identity.
    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}
