import MeshModel

/// Numbers in words for people; JSON has them exactly.
enum Wording {
    /// Such as `512 bytes` or `1.5 GiB`.
    static func bytes(_ count: Int64) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
        guard count >= 1_024 else { return Self.count(UInt64(max(0, count)), "byte") }
        // Tenths in whole numbers, rounded down, so that "full" is never shown early.
        var tenths = count / 1_024 * 10 + count % 1_024 * 10 / 1_024
        var unit = 0
        while tenths >= 10_240, unit < units.count - 1 {
            tenths /= 1_024
            unit += 1
        }
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    /// With one digit behind the point.
    static func tenths(_ number: Double) -> String {
        let tenths = Int64((number * 10).rounded())
        return "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
    }

    /// Such as `1 file` or `12,408 files`.
    static func count(_ count: UInt64, _ noun: String) -> String {
        "\(Self.number(count)) \(noun)\(count == 1 ? "" : "s")"
    }

    /// Such as `a, b and c`; of more than five the first five, and how many more.
    static func some(_ names: [String]) -> String {
        if names.count > 5 {
            return "\(names.prefix(5).joined(separator: ", ")) and \(names.count - 5) more"
        }
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return "\(names.dropLast().joined(separator: ", ")) and \(last)"
    }

    /// Digits in groups of three.
    static func number(_ number: UInt64) -> String {
        let digits = Array(String(number))
        return digits.indices.reduce(into: "") { text, index in
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digits[index])
        }
    }

    /// The two largest units, such as `3 h 12 min`; below ten seconds with tenths.
    static func duration(milliseconds: Int64) -> String {
        let seconds = milliseconds / 1_000
        switch seconds {
        case ..<0: return "-" + Self.duration(milliseconds: -max(milliseconds, -.max))
        case ..<10: return "\(seconds).\(milliseconds % 1_000 / 100) s"
        case ..<60: return "\(seconds) s"
        case ..<3_600: return "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400: return "\(seconds / 3_600) h \(seconds / 60 % 60) min"
        default: return "\(seconds / 86_400) d \(seconds / 3_600 % 24) h"
        }
    }

    /// Such as `2 min 5 s ago`, or `in 30 s`.
    static func age(of time: UnixMilliseconds, at now: UnixMilliseconds) -> String {
        let passed = now.rawValue - time.rawValue
        return passed >= 0
            ? "\(Self.duration(milliseconds: passed)) ago"
            : "in \(Self.duration(milliseconds: -passed))"
    }
}
