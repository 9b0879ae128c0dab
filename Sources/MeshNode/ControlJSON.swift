import Foundation
import MeshModel

/// Any JSON value: what travels over the control socket.
///
/// Numbers that are whole and fit 64 bits stay whole. Text is written with sorted keys and no line
/// breaks, so that equal values give equal lines.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Reads JSON text.
    ///
    /// - Throws: ``NodeError`` with code ``NodeError/Code/controlFailed`` if it is not JSON.
    package init(json bytes: [UInt8]) throws {
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(bytes))
        } catch {
            throw NodeError(.controlFailed, "This is not JSON.", cause: error)
        }
    }

    /// Writes JSON text; `indented` is for people.
    package func json(indented: Bool = false) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if indented { encoder.outputFormatting.insert(.prettyPrinted) }
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// Turns a report into the value that carries it.
    package init(encoding report: some Encodable) throws {
        let bytes = try JSONEncoder().encode(report)
        self = try JSONDecoder().decode(Self.self, from: bytes)
    }

    /// Reads a report; members that it does not know are left aside.
    ///
    /// - Throws: ``NodeError`` with code ``NodeError/Code/controlFailed`` if a member is missing or
    ///   of another kind.
    package func decode<Report: Decodable>(_ type: Report.Type) throws -> Report {
        do {
            return try JSONDecoder().decode(type, from: try JSONEncoder().encode(self))
        } catch {
            throw NodeError(
                .controlFailed,
                "The daemon's answer is not a \(type).",
                hint: "Use a `tributary` of the daemon's version.",
                cause: error
            )
        }
    }
}

extension JSONValue {
    /// The member of an object; `nil` for anything else.
    package subscript(_ key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    /// The text, if it is a string.
    package var string: String? { if case .string(let text) = self { text } else { nil } }
    /// The number, if it is whole.
    package var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
    /// The truth value, if it is one.
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The elements, if it is an array.
    package var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
}

extension JSONValue {
    /// Any bytes: as a string where they are UTF-8, else as `{"hex": "…"}`.
    package init(bytes: [UInt8]) {
        if let text = String(validating: bytes, as: UTF8.self) {
            self = .string(text)
        } else {
            self = .object(["hex": .string(Hex.encode(bytes))])
        }
    }

    /// Reads what ``init(bytes:)`` wrote; `nil` for anything else.
    package var bytes: [UInt8]? {
        if let text = self.string { return Array(text.utf8) }
        return self["hex"]?.string.flatMap(Hex.decode)
    }
}

extension JSONValue: Codable {
    /// Reads any value.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// Writes any value.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByNilLiteral
{
    /// A string.
    package init(stringLiteral value: String) { self = .string(value) }
    /// A whole number.
    package init(integerLiteral value: Int64) { self = .integer(value) }
    /// A truth value.
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    /// An array.
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// Null.
    package init(nilLiteral: ()) { self = .null }
    /// An object; the last of equal keys counts.
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { $1 })
    }
}
