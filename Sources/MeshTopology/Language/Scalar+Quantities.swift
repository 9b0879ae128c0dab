import MeshModel

extension Scalar {
    private static let numberPattern = "[0-9]+(\\.[0-9]+)? ?"

    /// A number of bytes.
    static func size(of subject: String, min: ByteCount) -> Self {
        Self(
            name: "size",
            units: "`KiB` `MiB` `GiB` `TiB`, `KB` `MB` `GB` `TB`",
            schema: .pattern("^\(Self.numberPattern)[KMGT]i?B$")
        ) { text in
            guard let size = ByteCount(declared: text) else {
                return Problem(
                    kind: .invalidSize,
                    message: "`\(text)` is no size.",
                    hint: "Write a number and a unit: KiB, MiB, GiB, TiB, or KB, MB, GB, TB."
                )
            }
            guard size < min else { return nil }
            return Problem(
                kind: .invalidSize,
                message: "\(size.declared) is too little for \(subject).",
                hint: "It needs at least \(min.declared)."
            )
        }
    }

    /// A size, or a part of the spool.
    static let share = Self(
        name: "size or part of the spool",
        units: "as `spool`, or `%`",
        schema: .pattern("^(\(numberPattern)[KMGT]i?B|[0-9]{1,3} ?%)$")
    ) { text in
        DeclaredShare(declared: text) != nil
            ? nil
            : Problem(
                kind: .invalidSize,
                message: "`\(text)` is neither a size nor a part of the spool.",
                hint: "Write a size such as `2 GiB`, or a whole percentage such as `25 %`."
            )
    }

    /// A part of the whole.
    static let percent = Self(
        name: "percentage",
        units: "`%`",
        schema: .pattern("^[0-9]{1,3} ?%$")
    ) { text in
        if case .percent(1...) = DeclaredShare(declared: text) { return nil }
        return Problem(
            kind: .invalidValue,
            message: "`\(text)` is no percentage.",
            hint: "Write a whole number from 1 to 100 and the sign, such as `25 %`."
        )
    }

    /// A span of time.
    static func duration(_ range: ClosedRange<Int64>) -> Self {
        Self(
            name: "duration",
            units: "`s` `min` `h` `d`",
            schema: .pattern("^\(Self.numberPattern)(s|min|h|d)$")
        ) { text in
            let least = DeclaredSeconds.text(range.lowerBound)
            let most = DeclaredSeconds.text(range.upperBound)
            guard let seconds = DeclaredSeconds.units.value(text) else {
                return Problem(
                    kind: .invalidValue,
                    message: "`\(text)` is no duration.",
                    hint: "Write a number and a unit: s, min, h or d, such as `10 min`."
                )
            }
            guard !range.contains(seconds) else { return nil }
            return Problem(
                kind: .invalidValue,
                message: "\(DeclaredSeconds.text(seconds)) is too "
                    + "\(seconds < range.lowerBound ? "short" : "long") here.",
                hint: "It can be \(least) to \(most)."
            )
        }
    }

    /// Bits a second.
    static let speed = Self(
        name: "speed",
        units: "`bit/s` `kbit/s` `Mbit/s` `Gbit/s`",
        schema: .pattern("^\(numberPattern)[kMG]?bit/s$")
    ) { text in
        LineSpeed(declared: text) != nil
            ? nil
            : Problem(
                kind: .invalidValue,
                message: "`\(text)` is no speed.",
                hint: "Write a number and a unit, such as `33.6 kbit/s` or `100 Mbit/s`."
            )
    }

    /// When silent calls are asked for a sign of life.
    static let keepalive = Self(
        name: "duration or `off`",
        units: "`s` `min` `h` `d`",
        schema: .pattern("^(off|\(numberPattern)(s|min|h|d))$")
    ) { text in
        Keepalive(declared: text) != nil
            ? nil
            : Problem(
                kind: .invalidValue,
                message: "`\(text)` is no time between signs of life.",
                hint: "Write a time from `5 s` to `1 d`, or `off`."
            )
    }

    /// What may go over a line in a time.
    static let budget = Self(
        name: "size per time",
        units: "a size, then `/hour` `/day` `/week` `/month`",
        schema: .pattern("^\(numberPattern)[KMGT]i?B ?/ ?(hour|day|week|month)$")
    ) { text in
        let parts = text.split(separator: "/").map { String($0).trimmed }
        let isBudget =
            parts.count == 2 && ByteCount(declared: parts[0]) != nil
            && ["hour", "day", "week", "month"].contains(parts[1])
        return isBudget
            ? nil
            : Problem(
                kind: .invalidValue,
                message: "`\(text)` is no budget.",
                hint: "Write a size and a time, such as `500 MiB/day`; the times are hour, day, "
                    + "week and month."
            )
    }

    /// What a line costs.
    static let tariff = Self(
        name: "price per size or time",
        units: "a number and a currency, then `/KiB` … `/TB`, `/min`, `/h`",
        schema: .pattern("^\(numberPattern)[A-Z]{3} ?/ ?([KMGT]i?B|min|h)$")
    ) { text in
        let parts = text.split(separator: "/").map { String($0).trimmed }
        let price = (parts.first ?? "").split(separator: " ")
        let isTariff =
            parts.count == 2 && price.count == 2 && Double(price[0]).map { $0 >= 0 } ?? false
            && price[1].count == 3 && price[1].allSatisfy { ("A"..."Z").contains($0) }
            && (ByteCount(declared: "1 \(parts[1])") != nil || ["min", "h"].contains(parts[1]))
        return isTariff
            ? nil
            : Problem(
                kind: .invalidValue,
                message: "`\(text)` is no tariff.",
                hint: "Write an amount, a currency and what it buys, such as `0.10 EUR/MiB`."
            )
    }

    /// A whole number.
    static func integer(_ range: ClosedRange<Int64>, _ meaning: String) -> Self {
        Self(name: "number", units: "", schema: .integer(range)) { text in
            let digits = DeclaredUnits.digits(text[...], countMax: 9)
            guard digits.map({ range.contains($0) }) ?? false else {
                return Problem(
                    kind: .invalidValue,
                    message: "`\(text)` is not a whole number from \(range.lowerBound) to "
                        + "\(range.upperBound).",
                    hint: meaning
                )
            }
            return nil
        }
    }

    /// A number above zero.
    static let number = Self(name: "number", units: "", schema: .number) { text in
        Double(text).map { $0 > 0 && $0.isFinite } ?? false
            ? nil
            : Problem(
                kind: .invalidValue,
                message: "`\(text)` is not a number above zero.",
                hint: "Write one such as `1.5`."
            )
    }
}
