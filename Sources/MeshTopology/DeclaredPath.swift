package import MeshModel

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

    private static func components(_ path: String) -> [Substring] {
        path.split(separator: "/").filter { $0 != "." }
    }
}

extension ByteCount {
    /// Largest first.
    private static let units: [(name: String, bytes: Int64)] = [
        ("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000),
        ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("KB", 1_000),
    ]
    private static let declaredMax: Int64 = 1 << 60

    /// Reads a size such as `10 GiB` or `1.5 TB`; `nil` without a unit, or beyond an exbibyte.
    package init?(declared text: String) {
        guard let unit = Self.units.first(where: { text.hasSuffix($0.name) }) else { return nil }
        var number = text.dropLast(unit.name.count)
        if number.hasSuffix(" ") { number = number.dropLast() }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = Self.digits(parts[0], countMax: 18) else {
            return nil
        }
        var (bytes, overflow) = whole.multipliedReportingOverflow(by: unit.bytes)
        guard !overflow, bytes <= Self.declaredMax else { return nil }
        if parts.count == 2 {
            guard let fraction = Self.digits(parts[1], countMax: 9) else { return nil }
            let scale = parts[1].reduce(into: Int64(1)) { scale, _ in scale *= 10 }
            bytes += fraction * (unit.bytes / scale) + fraction * (unit.bytes % scale) / scale
        }
        self.init(bytes)
    }

    private static func digits(_ text: Substring, countMax: Int) -> Int64? {
        let isNumber = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return isNumber && (1...countMax).contains(text.utf8.count) ? Int64(text) : nil
    }

    /// The size as ``init(declared:)`` reads it; what no unit divides is rounded up to a KiB.
    package var declared: String {
        for unit in Self.units where self.rawValue > 0 && self.rawValue.isMultiple(of: unit.bytes) {
            return "\(self.rawValue / unit.bytes) \(unit.name)"
        }
        return "\((self.rawValue + 1_023) >> 10) KiB"
    }
}
