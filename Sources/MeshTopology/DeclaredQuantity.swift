package import MeshModel

/// Numbers with a unit, as topologies and sites write them: `1.5 GiB`, `30 s`, `33.6 kbit/s`.
struct DeclaredUnits {
    /// The largest first, so that ``text(_:)`` finds the shortest form.
    let units: [(name: String, factor: Int64)]
    /// The most that a quantity can be, in the smallest unit.
    let max: Int64

    /// Reads a quantity; `nil` without a unit, with more than nine decimals, or beyond ``max``.
    func value(_ text: String) -> Int64? {
        let byLength = self.units.sorted { $0.name.utf8.count > $1.name.utf8.count }
        guard let unit = byLength.first(where: { text.hasSuffix($0.name) }) else { return nil }
        var number = text.dropLast(unit.name.count)
        if number.hasSuffix(" ") { number = number.dropLast() }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = Self.digits(parts[0], countMax: 18) else {
            return nil
        }
        var (value, overflow) = whole.multipliedReportingOverflow(by: unit.factor)
        guard !overflow, value <= self.max else { return nil }
        if parts.count == 2 {
            guard let fraction = Self.digits(parts[1], countMax: 9) else { return nil }
            let scale = parts[1].reduce(into: Int64(1)) { scale, _ in scale *= 10 }
            value += fraction * (unit.factor / scale) + fraction * (unit.factor % scale) / scale
        }
        return value
    }

    /// The quantity in the largest unit that divides it; `nil` if none does.
    func text(_ value: Int64) -> String? {
        for unit in self.units where value > 0 && value.isMultiple(of: unit.factor) {
            return "\(value / unit.factor) \(unit.name)"
        }
        return nil
    }

    static func digits(_ text: Substring, countMax: Int) -> Int64? {
        let isNumber = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return isNumber && (1...countMax).contains(text.utf8.count) ? Int64(text) : nil
    }
}

extension ByteCount {
    static let declaredUnits = DeclaredUnits(
        units: [
            ("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000),
            ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("KB", 1_000),
        ],
        max: 1 << 60
    )

    /// Reads a size such as `10 GiB` or `1.5 TB`; `nil` without a unit, or beyond an exbibyte.
    package init?(declared text: String) {
        guard let bytes = Self.declaredUnits.value(text) else { return nil }
        self.init(bytes)
    }

    /// The size as ``init(declared:)`` reads it; what no unit divides is rounded up to a KiB.
    package var declared: String {
        Self.declaredUnits.text(self.rawValue) ?? "\((self.rawValue + 1_023) >> 10) KiB"
    }
}

/// Reads and writes spans of time as topologies do.
enum DeclaredSeconds {
    static let units = DeclaredUnits(
        units: [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)],
        max: 100 * 366 * 86_400
    )

    /// The span in the largest unit that divides it.
    static func text(_ seconds: Int64) -> String { self.units.text(seconds) ?? "\(seconds) s" }
}

/// How fast a line is.
public struct LineSpeed: Hashable, Sendable, Comparable {
    /// Bits per second, each way.
    public let bitsPerSecond: Int64

    /// Counts bits per second.
    public init(bitsPerSecond: Int64) { self.bitsPerSecond = bitsPerSecond }

    /// Lines up to 1 Mbit/s: they get smaller slices and, unless told otherwise, no pings.
    public static let thinMax = Self(bitsPerSecond: 1_000_000)

    /// Whether the first is slower.
    public static func < (left: Self, right: Self) -> Bool {
        left.bitsPerSecond < right.bitsPerSecond
    }
}

extension LineSpeed: CustomStringConvertible {
    static let declaredUnits = DeclaredUnits(
        units: [
            ("Gbit/s", 1_000_000_000), ("Mbit/s", 1_000_000), ("kbit/s", 1_000), ("bit/s", 1),
        ],
        max: 1_000_000_000_000
    )

    /// Reads a speed such as `33.6 kbit/s`; `nil` without a unit, if zero, or beyond 1,000 Gbit/s.
    init?(declared text: String) {
        guard let bits = Self.declaredUnits.value(text), bits > 0 else { return nil }
        self.init(bitsPerSecond: bits)
    }

    /// The speed as ``init(declared:)`` reads it, in the largest unit that leaves three decimals.
    public var description: String {
        for unit in Self.declaredUnits.units
        where self.bitsPerSecond >= unit.factor
            && (self.bitsPerSecond % unit.factor * 1_000).isMultiple(of: unit.factor)
        {
            let thousandths = self.bitsPerSecond % unit.factor * 1_000 / unit.factor
            let digits = String(String(1_000 + thousandths).dropFirst())
            let decimals = String(digits.reversed().drop { $0 == "0" }.reversed())
            let whole = self.bitsPerSecond / unit.factor
            return "\(whole)\(decimals.isEmpty ? "" : ".\(decimals)") \(unit.name)"
        }
        return "\(self.bitsPerSecond) bit/s"
    }
}

/// A part of something: a size, or so many hundredths of the whole.
enum DeclaredShare: Hashable, Sendable {
    case size(ByteCount)
    case percent(Int64)

    /// Reads a size, or a whole percentage from 0 to 100.
    init?(declared text: String) {
        if text.hasSuffix("%") {
            var number = text.dropLast()
            if number.hasSuffix(" ") { number = number.dropLast() }
            guard let percent = DeclaredUnits.digits(number, countMax: 3), percent <= 100 else {
                return nil
            }
            self = .percent(percent)
        } else {
            guard let size = ByteCount(declared: text) else { return nil }
            self = .size(size)
        }
    }

    func of(_ whole: ByteCount) -> ByteCount {
        switch self {
        case .size(let size): size
        case .percent(let percent):
            ByteCount(
                whole.rawValue / 100 * percent + whole.rawValue % 100 * percent / 100
            )
        }
    }
}
