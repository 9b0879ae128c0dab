import Glibc
package import MeshContent
package import MeshModel
import Synchronization

/// What the capture of one file established.
package struct Captured: Hashable, Sendable {
    /// Bytes of the file.
    package let size: Int64
    /// Their digest, made as ``algorithm`` says.
    package let digest: Digest
    /// How it was made.
    package let algorithm: DigestAlgorithm
    /// How many entries the file has, those from before a restart included; none for a small one.
    package let entryCount: UInt64
    /// Which version of the file this was.
    package let stamp: FileStamp
}

/// Reads, cuts, encodes and hashes files, one at a time.
///
/// Pieces are encoded and hashed beside the reading and cutting of the next ones, where a thread is
/// free. Keeps its buffers between files; one for each thread.
package final class Capture {
    private let cutter: PieceCutter
    private let slots: [EncodingSlot]
    private let buffer: UnsafeMutableRawBufferPointer
    private let zeroPieceLength: Int

    /// How many pieces are encoded at a time.
    private static let slotCount = 3

    /// Takes memory for seven pieces.
    package init(profile: CutProfile) {
        self.cutter = PieceCutter(profile: profile)
        self.slots = (0..<Self.slotCount).map { _ in EncodingSlot(profile: profile) }
        self.buffer = .allocate(byteCount: 4 * profile.maximum, alignment: 4_096)
        self.zeroPieceLength = Self.zeroPieceLengths.withLock { known in
            if let length = known[profile] { return length }
            let length = Self.lengthOfZeroPiece(PieceCutter(profile: profile))
            known[profile] = length
            return length
        }
    }

    /// By profile: finding one takes as long as cutting a megabyte.
    private static let zeroPieceLengths = Mutex<[CutProfile: Int]>([:])

    private static func lengthOfZeroPiece(_ cutter: PieceCutter) -> Int {
        let maximum = cutter.profile.maximum
        let zeros = UnsafeRawBufferPointer(start: calloc(maximum, 1), count: maximum)
        defer { free(UnsafeMutableRawPointer(mutating: zeros.baseAddress)) }
        return cutter.length(ofNextPieceIn: zeros, isLast: false) ?? maximum
    }

    deinit { self.buffer.deallocate() }

    /// Captures a file, giving each piece as soon as it is cut.
    ///
    /// - Parameters:
    ///   - file: The file, all of it.
    ///   - algorithm: How its digest is to be made.
    ///   - prefix: The entries that are durable from before a restart. What they cover is read
    ///     again, for the file's digest, and compared; nothing of it is given.
    ///   - emit: Called in order on this thread with a number from the prefix's count on, and what
    ///     is stored of the piece; `nil` for a hole. What it throws ends the capture.
    /// - Returns: What the closing says of the file.
    /// - Throws: ``FilesError/Code/sourceChanged`` if the file is not one version from the first
    ///   byte to the last, or not the one that the prefix came from: what was emitted is void then.
    ///   ``FilesError/Code/tooLarge`` beyond ``Limits/fileBytesMax``, before anything is emitted.
    package func run(
        _ file: SourceFile,
        digest algorithm: DigestAlgorithm = .sha256,
        resumingAfter prefix: some Sequence<Entry> = [],
        emit: (_ number: UInt64, Entry, StoredBlob?) throws -> Void
    ) throws -> Captured {
        let stamp = try file.stamp()
        guard stamp.size <= Limits.fileBytesMax else {
            throw FilesError.tooLarge(file.path, size: stamp.size)
        }
        file.descriptor.willReadInOrder()
        var reader = PieceReader(
            file,
            size: stamp.size,
            cutter: self.cutter,
            zeroPieceLength: self.zeroPieceLength,
            buffer: self.buffer
        )
        let digest = SharedDigest(algorithm)
        var number: UInt64 = 0
        for entry in prefix {
            guard let piece = try reader.next(length: Int(entry.plainLength)),
                self.compare(piece, with: entry, number, digest)
            else {
                throw FilesError.changed(
                    "\(file.path) differs from what was captured of it before."
                )
            }
            number += 1
        }
        // Pieces that are being encoded, the first of them in front.
        var begun: [(number: UInt64, plain: UnsafeRawBufferPointer)] = []
        defer {
            for slot in self.slots { slot.drop() }
            digest.drop()
        }
        func finish(downTo count: Int) throws {
            while begun.count > count {
                let (number, plain) = begun.removeFirst()
                guard let piece = self.slot(number).finish() else { continue }
                digest.take(number, piece.entry, plain)
                try emit(number, piece.entry, piece.blob)
            }
        }
        while let piece = try reader.next(beforeMoving: { try finish(downTo: 0) }) {
            switch piece {
            case .zeros(let count):
                try finish(downTo: 0)
                digest.take(zeros: UInt32(count))
                try emit(number, .hole(count), nil)
            case .bytes(let plain):
                try finish(downTo: Self.slotCount - 1)
                digest.offer(number, plain)
                self.slot(number).begin(plain)
                begun.append((number, plain))
            }
            number += 1
        }
        try finish(downTo: 0)
        try Self.check(file, against: stamp)
        return Captured(
            size: stamp.size,
            digest: digest.finalize(),
            algorithm: algorithm,
            entryCount: number,
            stamp: stamp
        )
    }

    /// Reads a file that is to travel as a small parcel.
    ///
    /// - Throws: ``FilesError/Code/sourceChanged`` as ``run(_:resumingAfter:emit:)`` does;
    ///   ``FilesError/Code/tooLarge`` if it has more than ``Limits/smallPlainBytesMax`` bytes.
    package static func readSmall(
        _ file: SourceFile
    ) throws -> (content: [UInt8], captured: Captured) {
        let stamp = try file.stamp()
        guard stamp.size <= Limits.smallPlainBytesMax else {
            throw FilesError.tooLarge(file.path, size: stamp.size)
        }
        let size = Int(stamp.size)
        let content = try file.read(size, at: 0)
        try Self.check(file, against: stamp)
        guard content.count == size else {
            throw FilesError.changed("\(file.path) became shorter while it was read.")
        }
        let digest = content.withUnsafeBytes { Digest.sha256(of: $0) }
        let captured = Captured(
            size: stamp.size,
            digest: digest,
            algorithm: .sha256,
            entryCount: 0,
            stamp: stamp
        )
        return (content, captured)
    }

    private func slot(_ number: UInt64) -> EncodingSlot {
        self.slots[Int(number % UInt64(Self.slotCount))]
    }

    private func compare(
        _ piece: PieceReader.Piece,
        with entry: Entry,
        _ number: UInt64,
        _ digest: SharedDigest
    ) -> Bool {
        switch piece {
        case .zeros:
            digest.take(zeros: entry.plainLength)
            return entry.isHole
        case .bytes(let bytes):
            digest.offer(number, bytes)
            let isSame = self.slot(number).matches(entry, bytes)
            digest.take(number, entry, bytes)
            return isSame
        }
    }

    private static func check(_ file: SourceFile, against stamp: FileStamp) throws {
        guard try file.stamp() == stamp else {
            throw FilesError.changed("\(file.path) changed while it was read.")
        }
    }
}
