package import MeshModel

/// What a landing has just done to the disk: for tests that judge the order of durable steps.
package enum LandingStep: Hashable, Sendable {
    /// A directory was made, and its name in the directory above is durable.
    case madeDirectory(PathBytes)
    /// Bytes were given to the temporary file; they may be in memory only.
    case wrote(PathBytes)
    /// The temporary file's bytes, length, mode and time are durable.
    case syncedFile(PathBytes)
    /// The temporary file has its final name; the name may be in memory only.
    case renamed(PathBytes, to: PathBytes)
    /// The names in the directory of this path are durable.
    case syncedDirectory(of: PathBytes)
}
