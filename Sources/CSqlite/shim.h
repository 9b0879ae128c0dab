#include <sqlite3.h>

/// What a variadic function is needed for, which Swift cannot call: no counting of memory, which takes a
/// lock at each allocation, and room beside each connection for so many small values.
///
/// Before the first connection of the process; afterwards SQLite refuses, and stays as it is.
static inline void tributary_sqlite_configure(int bytes, int count) {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, bytes, count);
}
