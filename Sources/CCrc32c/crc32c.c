// CRC-32C: the processor's instruction where there is one, else slice-by-8 tables.
#include "CCrc32c.h"

#include <pthread.h>
#include <string.h>

static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0x82F63B78u : 0);
        table[0][i] = value;
    }
    for (int slice = 1; slice < 8; slice++)
        for (int i = 0; i < 256; i++)
            table[slice][i] = table[slice - 1][i] >> 8 ^ table[0][table[slice - 1][i] & 255];
}

uint32_t tributary_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    pthread_once(&table_once, make_table);
    crc = ~crc;
    while (count >= 8) {
        // Bytes one by one, so that it is right on either byte order; compilers make it one load.
        uint32_t low = crc
            ^ ((uint32_t)next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16
               | (uint32_t)next[3] << 24);
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255]
            ^ table[4][low >> 24] ^ table[3][next[4]] ^ table[2][next[5]] ^ table[1][next[6]]
            ^ table[0][next[7]];
        next += 8;
        count -= 8;
    }
    while (count--) crc = crc >> 8 ^ table[0][(crc ^ *next++) & 255];
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2")))
static uint32_t with_instruction(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    uint64_t value = (uint32_t)~crc;
    for (; count >= 8; next += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        value = _mm_crc32_u64(value, word);
    }
    uint32_t rest = (uint32_t)value;
    while (count--) rest = _mm_crc32_u8(rest, *next++);
    return ~rest;
}

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }

#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

__attribute__((target("crc")))
static uint32_t with_instruction(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    crc = ~crc;
    for (; count >= 8; next += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = __builtin_arm_crc32cd(crc, word);
    }
    while (count--) crc = __builtin_arm_crc32cb(crc, *next++);
    return ~crc;
}

static int has_instruction(void) { return (getauxval(AT_HWCAP) & 1ul << 7) != 0; }  // HWCAP_CRC32

#else

static uint32_t with_instruction(uint32_t crc, const void *bytes, size_t count) {
    return tributary_crc32c_portable(crc, bytes, count);
}

static int has_instruction(void) { return 0; }

#endif

uint32_t tributary_crc32c(uint32_t crc, const void *bytes, size_t count) {
    return has_instruction() ? with_instruction(crc, bytes, count)
                             : tributary_crc32c_portable(crc, bytes, count);
}
