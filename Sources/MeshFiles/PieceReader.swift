import Glibc
import MeshContent
import MeshModel

/// Reads a file piece by piece through one buffer.
///
/// Holes are not read, and the pieces are what they would be if their zeros had been.
struct PieceReader: ~Copyable {
    /// A piece: its bytes, good until more are read, or so many zeros.
    enum Piece {
        case bytes(UnsafeRawBufferPointer)
        case zeros(Int)
    }

    private let file: SourceFile
    private let size: Int64
    private let cutter: PieceCutter
    private let buffer: UnsafeMutableRawBufferPointer
    /// How long a piece is that begins with more zeros than it can hold.
    private let zeroPieceLength: Int
    private var extents: Extents
    /// Where in the file the next piece begins.
    private(set) var offset: Int64 = 0
    /// What of the buffer holds the file's bytes from `offset` on.
    private var known = 0..<0

    /// The buffer must hold a few pieces, so that little is moved when it is filled again.
    init(
        _ file: SourceFile,
        size: Int64,
        cutter: PieceCutter,
        zeroPieceLength: Int,
        buffer: UnsafeMutableRawBufferPointer
    ) {
        precondition(buffer.count >= 2 * cutter.profile.maximum)
        self.file = file
        self.size = size
        self.cutter = cutter
        self.buffer = buffer
        self.zeroPieceLength = zeroPieceLength
        self.extents = Extents(of: file, size: size)
    }

    /// The next piece as the profile cuts it; `nil` at the end of the file.
    ///
    /// Calls `beforeMoving` before it reads more of the file, which ends the pieces that were given.
    mutating func next(beforeMoving: () throws -> Void) throws -> Piece? {
        guard self.offset < self.size else { return nil }
        if try self.zeros(fill: self.zeroPieceLength) {
            return self.take(zeros: self.zeroPieceLength)
        }
        while true {
            let bytes = UnsafeRawBufferPointer(rebasing: self.buffer[self.known])
            let isLast = self.offset + Int64(bytes.count) == self.size
            if let length = self.cutter.length(ofNextPieceIn: bytes, isLast: isLast) {
                return self.take(length)
            }
            try beforeMoving()
            try self.fill()
        }
    }

    /// The next piece, of a length that is known from before; `nil` if the file is shorter.
    mutating func next(length: Int) throws -> Piece? {
        guard Int64(length) <= self.size - self.offset, length <= self.cutter.profile.maximum
        else { return nil }
        if try self.zeros(fill: length) { return self.take(zeros: length) }
        while self.known.count < length { try self.fill() }
        return self.take(length)
    }

    /// Whether the next `length` bytes all lie in one hole.
    private mutating func zeros(fill length: Int) throws -> Bool {
        guard case .hole(let end) = try self.extents.extent(at: self.offset, of: self.file)
        else { return false }
        return end - self.offset >= Int64(length)
    }

    private mutating func take(_ length: Int) -> Piece {
        let range = self.known.lowerBound..<self.known.lowerBound + length
        self.skip(length)
        return .bytes(UnsafeRawBufferPointer(rebasing: self.buffer[range]))
    }

    private mutating func take(zeros length: Int) -> Piece {
        let inBuffer = min(length, self.known.count)
        self.skip(inBuffer)
        self.offset += Int64(length - inBuffer)
        return .zeros(length)
    }

    private mutating func skip(_ length: Int) {
        self.offset += Int64(length)
        self.known = self.known.lowerBound + length..<self.known.upperBound
    }

    /// Moves what is left to the front and reads on behind it.
    private mutating func fill() throws {
        if self.known.lowerBound > 0, let base = self.buffer.baseAddress {
            memmove(base, base + self.known.lowerBound, self.known.count)
            self.known = 0..<self.known.count
        }
        let position = self.offset + Int64(self.known.count)
        guard position < self.size else { return }
        let room = UnsafeMutableRawBufferPointer(rebasing: self.buffer[self.known.upperBound...])
        let count: Int
        switch try self.extents.extent(at: position, of: self.file) {
        case .hole(let end):
            // Enough zeros to finish the piece that began in front of the hole, and no more.
            count = Int(min(end - position, Int64(min(room.count, self.cutter.profile.maximum))))
            if let base = room.baseAddress { memset(base, 0, count) }
        case .data(let end):
            let wanted = Int(min(end - position, Int64(room.count)))
            count = try self.file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: room[..<wanted]),
                at: position
            )
        }
        guard count > 0 else {
            throw FilesError.changed("\(self.file.path) became shorter while it was read.")
        }
        self.known = 0..<self.known.count + count
    }
}
