import Glibc

/// A value that threads share: one lock, and conditions to wait for.
///
/// `Mutex` of the standard library cannot wait for a condition, which a committer must.
///
/// Unchecked, because the compiler cannot see the lock: `value` is touched only between
/// `pthread_mutex_lock` and `pthread_mutex_unlock` of `mutex`, which no other code can reach.
final class Monitor<Value: Sendable>: @unchecked Sendable {
    enum Condition: Int, CaseIterable {
        /// There is something to commit, or an end to see.
        case work
        /// Something was written, or never will be.
        case written
        /// Something was committed, or never will be.
        case progress
        /// Something was read.
        case read
    }

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let conditions: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    init(_ value: Value) {
        self.value = value
        self.mutex = .allocate(capacity: 1)
        self.mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(self.mutex, nil)
        self.conditions = .allocate(capacity: Condition.allCases.count)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        for index in Condition.allCases.indices {
            (self.conditions + index).initialize(to: pthread_cond_t())
            pthread_cond_init(self.conditions + index, &attributes)
        }
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        for index in Condition.allCases.indices { pthread_cond_destroy(self.conditions + index) }
        pthread_mutex_destroy(self.mutex)
        self.conditions.deallocate()
        self.mutex.deallocate()
    }

    /// Runs `body` while no other thread touches the value.
    func withLock<R>(_ body: (inout Value) throws -> R) rethrows -> R {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        return try body(&self.value)
    }

    /// Runs `body`, again after every wake-up, until it answers.
    func wait<R>(on condition: Condition, _ body: (inout Value) throws -> R?) rethrows -> R {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        while true {
            if let result = try body(&self.value) { return result }
            pthread_cond_wait(self.conditions + condition.rawValue, self.mutex)
        }
    }

    /// Waits until `isDone` says so, asked again after every wake-up, but for no longer than that.
    ///
    /// - Returns: What it said last.
    func wait(on condition: Condition, atMost time: Duration, _ isDone: (Value) -> Bool) -> Bool {
        var end = timespec()
        clock_gettime(CLOCK_MONOTONIC, &end)
        let nanoseconds = Int64(end.tv_nsec) + time.components.attoseconds / 1_000_000_000
        end.tv_sec += Int(time.components.seconds + nanoseconds / 1_000_000_000)
        end.tv_nsec = Int(nanoseconds % 1_000_000_000)
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        while !isDone(self.value) {
            let number = pthread_cond_timedwait(
                self.conditions + condition.rawValue,
                self.mutex,
                &end
            )
            guard number == 0 else { return isDone(self.value) }
        }
        return true
    }

    /// Wakes whoever waits on a condition.
    func wake(_ condition: Condition) {
        pthread_cond_broadcast(self.conditions + condition.rawValue)
    }
}

/// A thread of its own, for work that blocks on the disk.
enum CommitterThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread that runs `body` and ends.
    static func start(_ body: @escaping @Sendable () -> Void) throws {
        let box = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
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
            throw DiskError(operation: "pthread_create", path: "committer", number: number)
        }
        pthread_detach(thread)
    }
}
