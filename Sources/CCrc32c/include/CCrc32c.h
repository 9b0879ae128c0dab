#ifndef TRIBUTARY_CCRC32C_H
#define TRIBUTARY_CCRC32C_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `count` bytes.
///
/// `crc` is the value of the bytes before them, 0 at the beginning. Uses the processor's
/// instruction where there is one.
uint32_t tributary_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The same, with tables only: what runs on processors without the instruction.
uint32_t tributary_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

#endif
