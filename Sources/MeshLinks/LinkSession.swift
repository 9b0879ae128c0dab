import MeshModel
import MeshProtocol
import NIOCore
import Synchronization

/// The engine's end of a session: a mailbox that the session's thread empties.
final class LinkSession: Session {
    let id: UInt64
    let peer: NodeName
    let isDialler: Bool
    let greeting: Hello?

    private struct Mailbox {
        var commands: [SessionCommand] = []
        /// Wakes the session's thread; `nil` before the start and after the end.
        var wake: (@Sendable () -> Void)?
        var isAwake = false
        var isClosed = false
    }

    /// Bytes of each event that the engine has not handled yet.
    private struct Unhandled {
        var costs = CircularBuffer<Int>()
        var bytes = 0
    }

    private let unhandled = Mutex(Unhandled())
    private static let lastID = Atomic<UInt64>(0)
    private let mailbox = Mutex(Mailbox())

    init(peer: NodeName, isDialler: Bool, greeting: Hello) {
        self.id = Self.lastID.wrappingAdd(1, ordering: .relaxed).newValue
        self.peer = peer
        self.isDialler = isDialler
        self.greeting = greeting
    }

    func send(_ message: Message) { self.post(.send(message)) }
    func want(_ parcel: ParcelID, _ blobs: [WantedBlob]) { self.post(.want(parcel, blobs)) }
    func unwant(_ parcel: ParcelID) { self.post(.unwant(parcel)) }
    func serve(_ parcel: ParcelID, class parcelClass: UInt8, _ blobs: [ServedBlob]) {
        self.post(.serve(parcel, parcelClass, blobs))
    }
    func serveSmall(_ small: Message, class parcelClass: UInt8) {
        self.post(.serveSmall(small, parcelClass))
    }
    func withdraw(_ parcel: ParcelID) { self.post(.withdraw(parcel)) }
    func handled() {
        self.unhandled.withLock { unhandled in
            unhandled.bytes -= unhandled.costs.popFirst() ?? 0
        }
    }

    /// Counts an event that goes to the engine.
    ///
    /// - Returns: The bytes of those that it has not handled.
    func hand(_ bytes: Int) -> Int {
        self.unhandled.withLock { unhandled in
            unhandled.costs.append(bytes)
            unhandled.bytes += bytes
            return unhandled.bytes
        }
    }

    func probe() { self.post(.probe) }
    func end(_ bye: Bye) { self.post(.end(bye)) }

    /// Says how to wake the thread that calls ``takeCommands()``.
    func attach(wake: @escaping @Sendable () -> Void) {
        let mustWake = self.mailbox.withLock { box in
            box.wake = wake
            box.isAwake = !box.commands.isEmpty
            return box.isAwake
        }
        if mustWake { wake() }
    }

    /// Empties the mailbox.
    func takeCommands() -> [SessionCommand] {
        self.mailbox.withLock { box in
            box.isAwake = false
            defer { box.commands = [] }
            return box.commands
        }
    }

    /// Drops what waits, and whatever comes from now on.
    func close() {
        self.mailbox.withLock { box in
            box.commands = []
            box.wake = nil
            box.isClosed = true
        }
    }

    private func post(_ command: SessionCommand) {
        let wake = self.mailbox.withLock { box -> (@Sendable () -> Void)? in
            guard !box.isClosed else { return nil }
            box.commands.append(command)
            guard !box.isAwake, let wake = box.wake else { return nil }
            box.isAwake = true
            return wake
        }
        wake?()
    }
}
