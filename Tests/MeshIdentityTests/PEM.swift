import FoundationEssentials
import Testing

/// Just enough of PEM for fixtures: base64 between two lines of dashes, which may be missing.
enum PEM {
    static func der(_ text: String) throws -> [UInt8] {
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("-") }
        return Array(try #require(Data(base64Encoded: lines.joined())))
    }
}
