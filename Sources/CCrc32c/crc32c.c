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
#define WITH_INSTRUCTION __attribute__((target("sse4.2")))
#define CRC_WORD(value, word) ((uint32_t)_mm_crc32_u64(value, word))
#define CRC_BYTE(value, byte) _mm_crc32_u8(value, byte)

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }

#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#define WITH_INSTRUCTION __attribute__((target("crc")))
#define CRC_WORD(value, word) __builtin_arm_crc32cd(value, word)
#define CRC_BYTE(value, byte) __builtin_arm_crc32cb(value, byte)

static int has_instruction(void) { return (getauxval(AT_HWCAP) & 1ul << 7) != 0; }  // HWCAP_CRC32

#endif

#ifdef WITH_INSTRUCTION

// The instruction may begin every cycle and takes three: so three lanes of this many bytes run
// beside each other, and are joined as if zeros had followed the first two.
enum { lane = 1024 };
static uint32_t past_lane[4][256];
static pthread_once_t past_lane_once = PTHREAD_ONCE_INIT;

static void make_past_lane(void) {
    pthread_once(&table_once, make_table);
    for (int byte = 0; byte < 4; byte++)
        for (int bit = 0; bit < 8; bit++) {
            uint32_t value = 1u << (8 * byte + bit);
            for (int i = 0; i < lane; i++) value = value >> 8 ^ table[0][value & 255];
            // The operation is linear: the numbers below this bit are there already.
            for (int i = 0; i < 1 << bit; i++)
                past_lane[byte][i | 1 << bit] = past_lane[byte][i] ^ value;
        }
}

static uint32_t past(uint32_t crc) {
    return past_lane[0][crc & 255] ^ past_lane[1][crc >> 8 & 255] ^ past_lane[2][crc >> 16 & 255]
        ^ past_lane[3][crc >> 24];
}

static uint64_t word_at(const unsigned char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    return word;
}

WITH_INSTRUCTION
static uint32_t with_instruction(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    crc = ~crc;
    if (count >= 3 * lane) pthread_once(&past_lane_once, make_past_lane);
    for (; count >= 3 * lane; next += 3 * lane, count -= 3 * lane) {
        uint32_t second = 0, third = 0;
        for (int i = 0; i < lane; i += 8) {
            crc = CRC_WORD(crc, word_at(next + i));
            second = CRC_WORD(second, word_at(next + lane + i));
            third = CRC_WORD(third, word_at(next + 2 * lane + i));
        }
        crc = past(past(crc) ^ second) ^ third;
    }
    for (; count >= 8; next += 8, count -= 8) crc = CRC_WORD(crc, word_at(next));
    while (count--) crc = CRC_BYTE(crc, *next++);
    return ~crc;
}

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
