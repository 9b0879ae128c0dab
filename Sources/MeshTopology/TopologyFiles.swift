import MeshModel

/// Why a file that a topology includes could not be read.
public struct UnreadableFile: Error, Sendable {
    /// The reason, in a few words: `No such file or directory`.
    public let reason: String

    /// Gives the reason.
    public init(reason: String) { self.reason = reason }
}

/// Reads the files of a topology: the first, and those that others include.
struct TopologyFiles {
    /// The most files of one topology.
    static let countMax = 1_000

    /// What one file says at its top.
    struct Document {
        let file: Int
        /// Where it begins to say something.
        let at: Place
        let keys: Fields
    }

    private(set) var values: ElementReader
    private(set) var documents: [Document] = []
    /// Something that was included could not be read.
    private(set) var hasUnread = false
    /// The paths of the files that were read, without `.` and `..`.
    private var paths: Set<String> = []
    private var bytes = 0
    private let include: (String) throws(UnreadableFile) -> String

    init(including read: @escaping (String) throws(UnreadableFile) -> String) {
        self.values = ElementReader(findings: FindingList())
        self.include = read
    }

    /// Reads a file and all that it includes.
    mutating func read(_ text: String, path: String, from ancestors: [String] = []) {
        self.bytes += text.utf8.count
        let fits = self.bytes <= Limits.topologyBytesMax
        let file = self.values.findings.add(file: path, text: fits ? text : "")
        guard fits else {
            self.values.findings.error(
                .tooLarge,
                at: .start(of: file),
                "A topology has at most \(ByteCount(Limits.topologyBytesMax))."
            )
            self.hasUnread = true
            return
        }
        let plain = Self.plain(path)
        self.paths.insert(plain)
        guard let (root, isWhole) = YAMLDocument.read(file, in: &self.values.findings),
            let keys = self.values.table(root, .topology)
        else {
            self.hasUnread = true
            return
        }
        if !isWhole { self.hasUnread = true }
        self.documents.append(Document(file: file, at: root.at, keys: keys))
        guard let include = keys["include"]?.value else { return }
        var elements = [include]
        if case .list(let list) = include.content { elements = list }
        for element in elements {
            guard case .text(let name) = element.content else { continue }
            self.include(name, at: element.at, from: ancestors + [plain], beside: path)
        }
    }

    private mutating func include(
        _ name: String,
        at place: Place,
        from ancestors: [String],
        beside path: String
    ) {
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        let target = name.hasPrefix("/") ? name : "\(folder)\(name)"
        let plain = Self.plain(target)
        if ancestors.contains(plain) {
            let isItself = ancestors.last == plain
            self.values.findings.error(
                .includeCycle,
                at: place,
                isItself
                    ? "\(path) includes itself."
                    : "\(name) includes this file already, directly or through others."
            )
            return
        }
        guard !self.paths.contains(plain) else {
            self.values.findings.error(
                .duplicateInclude,
                at: place,
                "\(name) is included twice.",
                hint: "What it declares counts for the whole topology: include it once."
            )
            return
        }
        guard self.paths.count < Self.countMax else {
            self.hasUnread = true
            self.values.findings.error(
                .tooLarge,
                at: place,
                "A topology has at most \(Self.countMax) files."
            )
            return
        }
        do throws(UnreadableFile) {
            let text = try self.include(target)
            self.read(text, path: target, from: ancestors)
        } catch {
            self.hasUnread = true
            self.values.findings.error(
                .unreadableInclude,
                at: place,
                "\(target) could not be read: \(error.reason).",
                hint: "A relative path counts from the file that includes it."
            )
        }
    }

    /// A path without `.` and `..`, as written; links in the file system are not seen.
    private static func plain(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != ".." {
                parts.removeLast()
            } else {
                parts.append(part)
            }
        }
        return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }
}
