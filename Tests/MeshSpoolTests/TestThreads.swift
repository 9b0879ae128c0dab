import Glibc
import MeshSpool
import Synchronization

/// A thread for a test that needs real ones.
enum TestThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    static func start(_ body: @escaping @Sendable () -> Void) throws {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Body(body))
        let number = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            box.toOpaque()
        )
        guard number == 0 else {
            box.release()
            throw DiskError(operation: "pthread_create", path: "", number: number)
        }
        pthread_detach(thread)
    }
}

/// Opens once so many have arrived.
final class Gate: Sendable {
    private let left: Mutex<Int>

    init(count: Int) { self.left = Mutex(count) }

    func arrive() { self.left.withLock { $0 -= 1 } }

    func wait() { while self.left.withLock({ $0 > 0 }) { sched_yield() } }
}

/// A directory that goes away with its last user.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/tributary-spool-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template).map({ String(cString: $0) }) else {
            throw DiskError(operation: "mkdtemp", path: "", number: errno)
        }
        self.path = path
    }

    deinit { Self.remove(self.path) }

    private static func remove(_ path: String) {
        if let names = try? RealDisk().list(path) {
            for name in names { Self.remove(path + "/" + name) }
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}
