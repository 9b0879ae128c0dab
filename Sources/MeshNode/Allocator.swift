#if canImport(Glibc)
    import CMalloc

    /// What the daemon asks of glibc's allocator.
    enum Allocator {
        /// Keeps the memory of blobs between one and the next.
        ///
        /// As glibc is set, each buffer of a few hundred KiB is mapped, touched page by page for the
        /// first time, and unmapped again, which costs more than filling it.
        static func keepBuffers() {
            _ = mallopt(M_MMAP_THRESHOLD, 32 << 20)
            _ = mallopt(M_TRIM_THRESHOLD, 128 << 20)
            _ = mallopt(M_TOP_PAD, 16 << 20)
            _ = mallopt(M_ARENA_MAX, 4)
        }
    }
#endif
