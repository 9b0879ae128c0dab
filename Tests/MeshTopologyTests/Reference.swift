import Foundation
import MeshTopology

/// Renders the language as the tables of `docs/reference/topology.md` and as a JSON Schema.
enum Reference {
    static let tables = LanguageTable.allCases.filter { $0 != .site }

    // MARK: Markdown

    static func markdown(_ table: LanguageTable) -> String {
        let head = """
            | Key | Value | Unit | If left out | Example | Meaning | Works |
            |---|---|---|---|---|---|---|
            """
        let rows = table.keys.map { key in
            let cells = [
                "`\(key.name)`", Self.value(key.form), Self.units(key.form), key.usual,
                "`\(key.name): \(key.example)`", key.summary,
                key.support == .works ? "yes" : "not yet",
            ]
            let row = cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")
            return "| \(row) |"
        }
        return ([head] + rows).joined(separator: "\n")
    }

    private static func value(_ form: Form) -> String {
        switch form {
        case .scalar(let scalar): scalar.name
        case .scalars(let scalar): "\(scalar.name), or a list"
        case .list(let form): "list: \(Self.value(form))"
        case .table(let table): "[\(table.rawValue)](#\(table.rawValue))"
        case .named(let name, let form): "by the name of \(name): \(Self.value(form))"
        case .either(let scalar, let form): "\(scalar.name); or \(Self.value(form))"
        }
    }

    private static func units(_ form: Form) -> String {
        switch form {
        case .scalar(let scalar), .scalars(let scalar): scalar.units
        default: ""
        }
    }

    // MARK: Schema

    static func schema() throws -> String {
        var definitions: [String: Any] = [:]
        for table in Self.tables where table != .topology {
            definitions[table.rawValue] = Self.schema(table)
        }
        var root = Self.schema(.topology)
        root["$schema"] = "http://json-schema.org/draft-07/schema#"
        root["title"] = "Tributary topology"
        root["description"] = "Made from the keys in Sources/MeshTopology/Language."
        root["definitions"] = definitions
        let data = try JSONSerialization.data(
            withJSONObject: root,
            options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        )
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    private static func schema(_ table: LanguageTable) -> [String: Any] {
        var properties: [String: Any] = [:]
        for key in table.keys {
            let summary = key.summary.prefix(1).uppercased() + key.summary.dropFirst()
            let later = key.support == .works ? "" : " Not supported yet."
            let usual = key.usual.replacing("`", with: "")
            properties[key.name] = [
                "description":
                    "\(summary).\(later) If left out: \(usual). "
                    + "Example: \(key.name): \(key.example)",
                "allOf": [Self.schema(key.form)],
            ]
        }
        // A node without keys is written with nothing behind its name.
        var schema: [String: Any] = ["properties": properties, "additionalProperties": false]
        schema["type"] = ["object", "null"]
        let required = table.keys.filter { $0.usual == "required" }.map(\.name)
        if table != .topology, !required.isEmpty { schema["required"] = required }
        return schema
    }

    private static func schema(_ form: Form) -> [String: Any] {
        switch form {
        case .scalar(let scalar): Self.schema(scalar)
        case .scalars(let scalar):
            ["anyOf": [Self.schema(scalar), ["type": "array", "items": Self.schema(scalar)]]]
        case .list(let form): ["type": ["array", "null"], "items": Self.schema(form)]
        case .table(let table): ["$ref": "#/definitions/\(table.rawValue)"]
        case .named(let name, let form):
            [
                "type": ["object", "null"], "additionalProperties": Self.schema(form),
                "propertyNames": Self.schema(name == "a node" ? .nodeRange : .word(name)),
            ]
        case .either(let scalar, let form):
            ["anyOf": [Self.schema(scalar), Self.schema(form)]]
        }
    }

    private static func schema(_ scalar: Scalar) -> [String: Any] {
        switch scalar.schema {
        case .pattern(let pattern): ["type": "string", "pattern": pattern]
        case .text: ["type": "string", "minLength": 1]
        case .words(let words): ["enum": words]
        case .integer(let range):
            ["type": "integer", "minimum": range.lowerBound, "maximum": range.upperBound]
        case .number: ["type": "number", "exclusiveMinimum": 0]
        case .bool: ["type": "boolean"]
        }
    }
}
