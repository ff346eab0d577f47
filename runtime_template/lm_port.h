/* What differs between compilers and cores, in one place. The rest of the runtime is C99 that
 * includes nothing but this. SPDX-License-Identifier: 0BSD */
#ifndef LM_PORT_H
#define LM_PORT_H

#include <stddef.h>
#include <stdint.h>

/* memcpy and memset are the only library functions used. A toolchain without a C library has no
 * header for them; its compiler calls them all the same. */
#if defined(__has_include)
#if __has_include(<string.h>)
#include <string.h>
#else
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
#endif
#else
#include <string.h>
#endif

/* A kernel in assembler is one literal, longer than C99 promises; GCC does not count these. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Woverlength-strings"
#endif

#ifndef LM_HOT /* where functions that take the time go */
#define LM_HOT
#endif
#if defined(__GNUC__) || defined(__clang__) /* armclang too */
#define LM_INLINE static inline __attribute__((always_inline, unused))
#define LM_FUNCTION static __attribute__((noinline, unused)) LM_HOT
#elif defined(__ICCARM__)
#define LM_INLINE _Pragma("inline=forced") static inline
#define LM_FUNCTION _Pragma("inline=never") static LM_HOT
#else
#define LM_INLINE static inline
#define LM_FUNCTION static LM_HOT
#endif

/* Before a loop over elements: so many of them a round, more where there is little to do for each.
 * On RISC-V eight take 1.3 KiB of code to save 0.6 % of a token's instructions: never more than
 * four. */
#if defined(__clang__)
#define LM_UNROLL_8 _Pragma("clang loop unroll_count(8)")
#define LM_UNROLL_4 _Pragma("clang loop unroll_count(4)")
#elif defined(__GNUC__)
#if defined(__riscv)
#define LM_UNROLL_8 _Pragma("GCC unroll 4")
#else
#define LM_UNROLL_8 _Pragma("GCC unroll 8")
#endif
#define LM_UNROLL_4 _Pragma("GCC unroll 4")
#else
#define LM_UNROLL_8
#define LM_UNROLL_4
#endif

/* Keeps a constant in a register, where compilers would rather take an immediate. */
#if defined(__GNUC__) || defined(__clang__)
#define LM_HIDE(v) __asm__("" : "+r"(v))
#else
#define LM_HIDE(v) ((void)0)
#endif

#ifdef __cplusplus
#define LM_RESTRICT
#else
#define LM_RESTRICT restrict
#endif

/* Two 16-bit numbers in a word as they lie in memory: the first times LM_FIRST, the second times
 * LM_SECOND. `to` is on a 4-byte boundary, which lets a core that must not miss it store a word. */
#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__) &&                                    \
    __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LM_FIRST 0x10000U
#define LM_SECOND 1U
#else
#define LM_FIRST 1U
#define LM_SECOND 0x10000U
#endif
#if defined(__GNUC__) || defined(__clang__)
typedef uint32_t __attribute__((may_alias)) lm_word;
LM_INLINE void lm_store_pair(int16_t *to, uint32_t pair)
{
    *(lm_word *)(void *)to = pair; /* memcpy would be a call where nothing is built in */
}
/* from: on a 4-byte boundary. */
LM_INLINE uint32_t lm_aligned_word(const void *from)
{
    return *(const lm_word *)from;
}
#else
LM_INLINE void lm_store_pair(int16_t *to, uint32_t pair)
{
    memcpy(to, &pair, 4);
}
LM_INLINE uint32_t lm_aligned_word(const void *from)
{
    uint32_t word;
    memcpy(&word, from, 4);
    return word;
}
#endif

/* Number of bits needed to write v: 0 for 0, 32 for 2^31 and above. Cores with a count-leading-
 * zeros instruction use it; elsewhere the builtin would call a library, so it is spelled out. */
#if defined(__ARM_FEATURE_CLZ) || defined(__x86_64__) || defined(__i386__) || defined(__aarch64__)
LM_INLINE int32_t lm_bits(uint32_t v)
{
    return v == 0U ? 0 : 32 - __builtin_clz(v);
}
#else
LM_INLINE int32_t lm_bits(uint32_t v)
{
    int32_t n = 0;
    if (v >= 0x10000U) {
        v >>= 16;
        n += 16;
    }
    if (v >= 0x100U) {
        v >>= 8;
        n += 8;
    }
    if (v >= 0x10U) {
        v >>= 4;
        n += 4;
    }
    if (v >= 0x4U) {
        v >>= 2;
        n += 2;
    }
    return n + (int32_t)(v >= 2U ? 2U : v);
}
#endif

/* Alignment of a constant array that needs n. On x86-64 compilers expect 16 of any array that is
 * that large, also where they see its declaration only (System V ABI). */
#if defined(__x86_64__)
#define LM_ARRAY_ALIGN(n) ((n) < 16 ? 16 : (n))
#else
#define LM_ARRAY_ALIGN(n) (n)
#endif

#endif
