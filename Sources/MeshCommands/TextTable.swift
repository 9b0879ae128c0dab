/// Columns of text, each as wide as its widest cell.
struct TextTable {
    private var rows: [[String]]

    /// Begins with the headings.
    init(_ headings: String...) { self.rows = [headings] }

    /// Begins with a list of headings.
    init(_ headings: [String]) { self.rows = [headings] }

    /// Adds a row; `nil` shows as `-`.
    mutating func add(_ cells: String?...) { self.add(cells) }

    /// Adds a row of a list of cells.
    mutating func add(_ cells: [String?]) { self.rows.append(cells.map { $0 ?? "-" }) }

    /// The lines, each indented by so many spaces.
    func text(indent: Int = 0) -> String {
        let columns = self.rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            self.rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        let lines = self.rows.map { row in
            let cells = row.enumerated().map { column, cell in
                // Nothing follows the last cell, so it needs no padding.
                let padding = column == row.count - 1 ? 0 : widths[column] - cell.count
                return cell + String(repeating: " ", count: padding)
            }
            return String(repeating: " ", count: indent) + cells.joined(separator: "  ")
        }
        return lines.joined(separator: "\n")
    }
}
