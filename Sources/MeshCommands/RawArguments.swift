import Glibc
import MeshNode

/// The command line as bytes.
///
/// Swift repairs arguments that are not UTF-8, and a repaired path names another file. This finds
/// the bytes that an argument had before.
struct RawArguments {
    private let all: [[UInt8]]

    /// Takes the arguments, program name included or not.
    init(_ all: [[UInt8]]) { self.all = all }

    /// This process's.
    static var process: Self {
        let argv = UnsafeBufferPointer(
            start: CommandLine.unsafeArgv,
            count: Int(CommandLine.argc)
        )
        return Self(
            argv.compactMap { argument in
                argument.map { text in
                    Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
                }
            }
        )
    }

    /// The bytes behind `texts`, which stand in the order of the command line.
    func bytes(of texts: [String]) -> [[UInt8]] {
        var rest = self.all[...]
        return texts.map { text in
            let found = rest.firstIndex {
                String(validating: $0, as: UTF8.self) == nil
                    && String(decoding: $0, as: UTF8.self) == text
            }
            guard text.unicodeScalars.contains("\u{FFFD}"), let found else {
                return Array(text.utf8)
            }
            defer { rest = rest[(found + 1)...] }
            return rest[found]
        }
    }

    /// Puts the working directory before a relative path, and takes out `.`, `..` and doubled slashes.
    ///
    /// Links are not followed: the daemon resolves the path beneath its own roots.
    static func absolute(_ path: [UInt8]) throws -> [UInt8] {
        if path.first == UInt8(ascii: "/") { return Self.normalised(path) }
        guard let directory = getcwd(nil, 0) else {
            throw NodeError(.controlFailed, "The working directory is gone.")
        }
        defer { free(directory) }
        let prefix = Array(UnsafeRawBufferPointer(start: directory, count: strlen(directory)))
        return Self.normalised(prefix + [UInt8(ascii: "/")] + path)
    }

    static func normalised(_ path: [UInt8]) -> [UInt8] {
        var kept: [ArraySlice<UInt8>] = []
        for component in path.split(separator: UInt8(ascii: "/")) {
            if component.elementsEqual("..".utf8) {
                _ = kept.popLast()
            } else if !component.elementsEqual(".".utf8) {
                kept.append(component)
            }
        }
        return [UInt8(ascii: "/")] + kept.joined(separator: [UInt8(ascii: "/")])
    }
}
