import MeshModel

/// The directory of the path that was used last, kept open for those that lie beside it.
///
/// To be kept no longer than a batch takes: the disk may come and go. One for each thread.
final class KeptDirectory {
    private var open: Descriptor?
    private var parent: PathBytes?

    /// Lends the directory in which a path's last component lies; `opening` is called unless it is
    /// open already.
    func use<R>(
        _ path: PathBytes,
        opening: () throws -> Descriptor,
        _ body: (borrowing Descriptor) throws -> R
    ) throws -> R {
        var directory = self.open.take()
        if directory == nil || self.parent != path.parent {
            directory = nil
            directory = try opening()
            self.parent = path.parent
        }
        guard let found = directory.take() else { preconditionFailure("It was opened above.") }
        // Not kept if that fails: it may have been removed, and another be in its place.
        let result = try body(found)
        self.open = consume found
        return result
    }
}
