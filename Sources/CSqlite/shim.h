#include <sqlite3.h>

/// Sets how SQLite allocates, by a variadic function, which Swift cannot call.
///
/// It counts no memory, which takes a lock for each allocation, and each connection has room for `count`
/// small values of up to `bytes` beside it. To be called before the first connection of the process;
/// afterwards SQLite refuses, and all stays as it is.
static inline void tributary_sqlite_configure(int bytes, int count) {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, bytes, count);
}
