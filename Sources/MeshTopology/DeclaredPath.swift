import MeshModel

/// Rules and arithmetic for the paths that topologies and sites write down.
///
/// Lexical only: nothing here looks at a file system.
package enum DeclaredPath {
    /// Why `path` cannot be used; `nil` when it can.
    static func problem(with path: String) -> String? {
        if path.utf8.count > PathBytes.byteCountMax { return "it is too long" }
        if path.hasPrefix("~") { return "`~` means nothing here" }
        if path.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            return "it has control characters"
        }
        if path.utf8.split(separator: UInt8(ascii: "/")).contains(where: {
            $0.elementsEqual("..".utf8)
        }) {
            return "it has the component `..`"
        }
        if path.isEmpty { return "it is empty" }
        let isHome = !path.hasPrefix("/") && Self.components(path).isEmpty
        return isHome ? "it is the home of the node itself" : nil
    }

    /// The path itself if it is absolute, otherwise the path beneath `home`.
    package static func resolve(_ path: String, beneath home: String) -> String {
        if path.hasPrefix("/") { return path }
        return home.hasSuffix("/") ? home + path : "\(home)/\(path)"
    }

    /// Whether `path` is `root` or lies beneath it, compared component by component.
    static func isPath(_ path: String, atOrBeneath root: String) -> Bool {
        guard path.hasPrefix("/") == root.hasPrefix("/") else { return false }
        return Self.components(path).starts(with: Self.components(root))
    }

    /// The components of `path` after those of `root`; `nil` unless it lies beneath.
    static func components(of path: String, beneath root: String) -> [String]? {
        guard Self.isPath(path, atOrBeneath: root) else { return nil }
        let rest = Self.components(path).dropFirst(Self.components(root).count)
        return rest.isEmpty ? nil : rest.map(String.init)
    }

    private static func components(_ path: String) -> [Substring] {
        path.split(separator: "/").filter { $0 != "." }
    }
}
