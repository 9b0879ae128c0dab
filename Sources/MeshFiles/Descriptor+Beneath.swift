import Glibc
import MeshModel
import Synchronization

// Paths that a peer or a walk gave, resolved beneath a root and never through a link.
extension Descriptor {
    /// Opens what a path beneath this directory belongs to.
    ///
    /// One `openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS` (Linux 5.6) where the kernel has
    /// it; otherwise one `openat` with `O_NOFOLLOW` a component, which is as safe, for a checked
    /// path has no `..`, and slower.
    func open(beneath path: PathBytes, _ flags: Int32) throws(SystemError) -> Descriptor {
        if let opened = try self.openAtOnce(path.bytes, flags | O_CLOEXEC | O_NOCTTY) {
            return Descriptor(number: opened)
        }
        return try self.openStepwise(path, flags)
    }

    /// The directory in which a path's last component lies, and that component.
    func openParent(of path: PathBytes) throws(SystemError) -> Descriptor {
        guard let parent = path.parent else {
            return Descriptor(
                number: try Self.call { fcntl(self.number, F_DUPFD_CLOEXEC, 0) }
            )
        }
        return try self.open(beneath: parent, O_RDONLY | O_DIRECTORY)
    }

    func openStepwise(_ path: PathBytes, _ flags: Int32) throws(SystemError) -> Descriptor {
        let components = path.components
        guard let parent = path.parent else { return try self.open(name: components[0], flags) }
        var directory = try self.open(name: components[0], LinuxCalls.pathOnly | O_DIRECTORY)
        for component in parent.components.dropFirst() {
            directory = try directory.open(name: component, LinuxCalls.pathOnly | O_DIRECTORY)
        }
        return try directory.open(name: components[components.count - 1], flags)
    }
}

extension PathBytes {
    /// The path without its last component; `nil` if it has only that.
    var parent: PathBytes? {
        guard let slash = self.bytes.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        return PathBytes(Array(self.bytes[..<slash]))
    }

    /// The last component.
    var name: [UInt8] {
        guard let slash = self.bytes.lastIndex(of: UInt8(ascii: "/")) else { return self.bytes }
        return Array(self.bytes[(slash + 1)...])
    }

    /// A path in the directory of this one.
    func sibling(_ name: [UInt8]) -> PathBytes? {
        PathBytes(self.bytes.dropLast(self.name.count) + name)
    }
}

/// Whether the kernel was found not to know `openat2`.
private let openBeneathIsMissing = Atomic<Bool>(false)

extension Descriptor {
    /// The descriptor; `nil` if the kernel, or a sandbox around us, does not know `openat2`.
    private func openAtOnce(_ path: [UInt8], _ flags: Int32) throws(SystemError) -> Int32? {
        guard let systemCall = LinuxCalls.systemCall,
            !openBeneathIsMissing.load(ordering: .relaxed)
        else { return nil }
        var how = LinuxCalls.OpenHow(
            flags: UInt64(flags),
            resolve: LinuxCalls.OpenHow.beneath | LinuxCalls.OpenHow.noSymbolicLinks
        )
        do throws(SystemError) {
            return try path.withPath { (path) throws(SystemError) in
                let opened = try Self.call {
                    systemCall(
                        LinuxCalls.openBeneathNumber,
                        Int(self.number),
                        path,
                        &how,
                        MemoryLayout<LinuxCalls.OpenHow>.size
                    )
                }
                return Int32(opened)
            }
        } catch {
            switch error.number {
            case ENOSYS:
                openBeneathIsMissing.store(true, ordering: .relaxed)
                return nil
            case EPERM, EAGAIN:
                // Sandboxes answer EPERM for calls that they do not know; EAGAIN means that
                // something was renamed meanwhile. Step by step both are answered truly.
                return nil
            default:
                throw error
            }
        }
    }
}
