import Glibc
package import MeshModel

/// A regular file of a source, open for reading; closed with its last reference.
///
/// It stays the file that was opened, whatever its name comes to belong to.
package final class SourceFile: Sendable {
    /// Where it was beneath its root when it was opened.
    package let path: PathBytes
    /// Permission bits, as they were when it was opened.
    package let mode: UInt16
    let descriptor: Descriptor

    init(_ path: PathBytes, _ descriptor: consuming Descriptor, mode: UInt16) {
        self.path = path
        self.mode = mode
        self.descriptor = descriptor
    }

    /// Opens a regular file with `open`, which is given the flags.
    static func opening(
        _ path: PathBytes,
        _ open: (_ flags: Int32) throws(SystemError) -> Descriptor
    ) throws(FilesError) -> SourceFile {
        do throws(SystemError) {
            // Not blocking: a pipe of this name must not hold us until somebody writes to it.
            let file = try open(O_RDONLY | O_NONBLOCK)
            let status = try file.status()
            guard status.kind == .regular else { throw SystemError(number: ENXIO) }
            return SourceFile(path, file, mode: status.mode)
        } catch {
            // What a socket answers, too.
            if error.number == ENXIO { throw .notRegular(path) }
            throw .failed(toName: "open", path, error)
        }
    }

    /// What version of the file this is now.
    package func stamp() throws -> FileStamp {
        do throws(SystemError) {
            return try self.descriptor.status().stamp
        } catch {
            throw FilesError.failed(to: "look at", self.path, error)
        }
    }

    /// Reads from `offset` on and says how many bytes it got: fewer than there is room for at the
    /// end or if the kernel likes, none only at the end.
    package func read(
        into target: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws -> Int {
        do throws(SystemError) {
            return try self.descriptor.read(into: target, at: offset)
        } catch {
            throw FilesError.failed(to: "read", self.path, error)
        }
    }

    /// Reads so many bytes from `offset` on; fewer only where the file ends.
    package func read(_ count: Int, at offset: Int64) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { target, done in
            while done < count {
                let rest = UnsafeMutableRawBufferPointer(
                    UnsafeMutableBufferPointer(rebasing: target[done..<count])
                )
                let got = try self.read(into: rest, at: offset + Int64(done))
                if got == 0 { break }
                done += got
            }
        }
    }
}
