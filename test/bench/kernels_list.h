/* Which kernels run on which shapes: included by kernels_main.c, which has the macros. */
#ifdef SMALL
#define SHAPES(X, ...) X(__VA_ARGS__, 64, 64) X(__VA_ARGS__, 32, 64) X(__VA_ARGS__, 19, 61)
#define WIDTHS(X, ...) X(__VA_ARGS__, 64)
#else
#define SHAPES(X, ...)                                                                             \
    X(__VA_ARGS__, 64, 64)                                                                         \
    X(__VA_ARGS__, 32, 64)                                                                         \
    X(__VA_ARGS__, 172, 64)                                                                        \
    X(__VA_ARGS__, 64, 172)                                                                        \
    X(__VA_ARGS__, 512, 64)                                                                        \
    X(__VA_ARGS__, 256, 256)                                                                       \
    X(__VA_ARGS__, 512, 512)                                                                       \
    X(__VA_ARGS__, 19, 61)
#define WIDTHS(X, ...) X(__VA_ARGS__, 64) X(__VA_ARGS__, 256)
#endif
/* All numbers of planes only where it is about correctness and the cost formula. */
#define FEW(X, ...) X(__VA_ARGS__, 64, 64) X(__VA_ARGS__, 19, 61)

/* X(LIST, ...) per kernel of each form; LIST is SHAPES or FEW. */
#define PLANES_OF(X, build, kernel)                                                                \
    SHAPES(X, build, kernel, 1)                                                                    \
    SHAPES(X, build, kernel, 2)                                                                    \
    FEW(X, build, kernel, 3)                                                                       \
    FEW(X, build, kernel, 4)                                                                       \
    FEW(X, build, kernel, 5)                                                                       \
    FEW(X, build, kernel, 6)

/* Of signs. */
#define XNOR_OF(X, build, kernel)                                                                  \
    SHAPES(X, build, kernel, 1)                                                                    \
    SHAPES(X, build, kernel, 2)                                                                    \
    FEW(X, build, kernel, 4)

/* Of kernels for two inputs. */
#define PAIR_OF(X, build, kernel)                                                                  \
    SHAPES(X, build, kernel, 2)                                                                    \
    FEW(X, build, kernel, 1)                                                                       \
    FEW(X, build, kernel, 3)                                                                       \
    FEW(X, build, kernel, 4)                                                                       \
    FEW(X, build, kernel, 5)                                                                       \
    FEW(X, build, kernel, 6)

#if defined(__ARM_ARCH_6M__)
#define ISA_PLANES(X) PLANES_OF(X, lm_table_byte_thumb1, lm_planes_byte_thumb1)
#define ISA_XNOR(X)
#define ISA_TERNARY(X) SHAPES(X, lm_table_trit_thumb1, lm_ternary_byte_thumb1)
#define ISA_DIRECT(X)
#define ISA_INT8(X) SHAPES(X, lm_int8_thumb1)
#define ISA_PLANES_PAIR(X) PAIR_OF(X, lm_table_pair_byte_thumb1, lm_planes_pair_byte_thumb1)
#define ISA_TERNARY_PAIR(X) SHAPES(X, lm_table_pair_trit_thumb1, lm_ternary_pair_byte_thumb1)
#define ISA_INT8_PAIR(X) SHAPES(X, lm_int8_pair_thumb1)
#define ISA_TABLES(X) WIDTHS(X, lm_table_byte_thumb1) WIDTHS(X, lm_table_trit_thumb1)
#elif defined(__ARM_FEATURE_MVE)
#define ISA_PLANES(X)                                                                              \
    PLANES_OF(X, lm_table_byte_thumb2, lm_planes_byte_thumb2)                                      \
    PLANES_OF(X, lm_table_byte_mve, lm_planes_byte_mve)
#define ISA_XNOR(X)                                                                                \
    XNOR_OF(X, lm_table_bits, lm_planes_xnor_thumb2)                                               \
    XNOR_OF(X, lm_table_bits, lm_planes_xnor_mve)
#define ISA_TERNARY(X)                                                                             \
    SHAPES(X, lm_table_trit_thumb2, lm_ternary_byte_thumb2)                                        \
    SHAPES(X, lm_table_trit_mve, lm_ternary_byte_mve)
#define ISA_DIRECT(X) SHAPES(X, lm_planes_direct, 1) SHAPES(X, lm_planes_direct, 2)
#define ISA_INT8(X) SHAPES(X, lm_int8_dsp) SHAPES(X, lm_int8_mve)
#define ISA_PLANES_PAIR(X) PAIR_OF(X, lm_table_pair_byte_thumb2, lm_planes_pair_byte_thumb2)
#define ISA_TERNARY_PAIR(X) SHAPES(X, lm_table_pair_trit_thumb2, lm_ternary_pair_byte_thumb2)
#define ISA_INT8_PAIR(X) SHAPES(X, lm_int8_pair_dsp) SHAPES(X, lm_int8_pair_mve)
#define ISA_TABLES(X) WIDTHS(X, lm_table_byte_mve) WIDTHS(X, lm_table_trit_mve)
#elif defined(__thumb2__)
#define ISA_PLANES(X) PLANES_OF(X, lm_table_byte_thumb2, lm_planes_byte_thumb2)
#define ISA_XNOR(X) XNOR_OF(X, lm_table_bits, lm_planes_xnor_thumb2)
#define ISA_TERNARY(X) SHAPES(X, lm_table_trit_thumb2, lm_ternary_byte_thumb2)
#define ISA_DIRECT(X) SHAPES(X, lm_planes_direct, 1) SHAPES(X, lm_planes_direct, 2)
#if defined(__ARM_FEATURE_DSP)
#define ISA_INT8(X) SHAPES(X, lm_int8_dsp)
#define ISA_INT8_PAIR(X) SHAPES(X, lm_int8_pair_dsp)
#else
#define ISA_INT8(X)
#define ISA_INT8_PAIR(X)
#endif
#define ISA_PLANES_PAIR(X) PAIR_OF(X, lm_table_pair_byte_thumb2, lm_planes_pair_byte_thumb2)
#define ISA_TERNARY_PAIR(X) SHAPES(X, lm_table_pair_trit_thumb2, lm_ternary_pair_byte_thumb2)
#define ISA_TABLES(X) WIDTHS(X, lm_table_byte_thumb2) WIDTHS(X, lm_table_trit_thumb2)
#elif defined(__riscv) && __riscv_xlen == 32
#define ISA_PLANES(X) PLANES_OF(X, lm_table_byte_rv32, lm_planes_byte_rv32)
#define ISA_XNOR(X)
#define ISA_TERNARY(X) SHAPES(X, lm_table_trit_rv32, lm_ternary_byte_rv32)
#define ISA_DIRECT(X)
#define ISA_INT8(X) SHAPES(X, lm_int8_rv32)
#define ISA_PLANES_PAIR(X) PAIR_OF(X, lm_table_pair_byte_rv32, lm_planes_pair_byte_rv32)
#define ISA_TERNARY_PAIR(X) SHAPES(X, lm_table_pair_trit, lm_ternary_pair_byte_rv32)
#define ISA_INT8_PAIR(X) SHAPES(X, lm_int8_pair_rv32)
#define ISA_TABLES(X) WIDTHS(X, lm_table_byte_rv32) WIDTHS(X, lm_table_trit_rv32)
#else
#define ISA_PLANES(X)
#define ISA_XNOR(X)
#define ISA_TERNARY(X)
#define ISA_DIRECT(X)
#define ISA_INT8(X)
#define ISA_PLANES_PAIR(X)
#define ISA_TERNARY_PAIR(X)
#define ISA_INT8_PAIR(X)
#define ISA_TABLES(X)
#endif

#define ALL_PLANES(X)                                                                              \
    PLANES_OF(X, lm_table_byte, lm_planes_byte)                                                    \
    SHAPES(X, lm_table_nibble, lm_planes_nibble, 1)                                                \
    SHAPES(X, lm_table_nibble, lm_planes_nibble, 2)                                                \
    ISA_PLANES(X)
#define ALL_XNOR(X) XNOR_OF(X, lm_table_bits, lm_planes_xnor) ISA_XNOR(X)
#define ALL_TERNARY(X) SHAPES(X, lm_table_trit, lm_ternary_byte) ISA_TERNARY(X)
#define ALL_INT8(X) SHAPES(X, lm_int8) ISA_INT8(X)
#define ALL_PLANES_PAIR(X) PAIR_OF(X, lm_table_pair_byte, lm_planes_pair_byte) ISA_PLANES_PAIR(X)
#define ALL_TERNARY_PAIR(X) SHAPES(X, lm_table_pair_trit, lm_ternary_pair_byte) ISA_TERNARY_PAIR(X)
#define ALL_INT8_PAIR(X) SHAPES(X, lm_int8_pair) ISA_INT8_PAIR(X)
#define ALL_TABLES(X)                                                                              \
    WIDTHS(X, lm_table_byte)                                                                       \
    WIDTHS(X, lm_table_nibble) WIDTHS(X, lm_table_trit) WIDTHS(X, lm_table_bits) ISA_TABLES(X)

ALL_PLANES(PLANES_RUN)
ALL_XNOR(XNOR_RUN)
ALL_TERNARY(TERNARY_RUN)
ISA_DIRECT(DIRECT_RUN)
ALL_INT8(INT8_RUN)
ALL_PLANES_PAIR(PLANES_PAIR_RUN)
ALL_TERNARY_PAIR(TERNARY_PAIR_RUN)
ALL_INT8_PAIR(INT8_PAIR_RUN)
ALL_TABLES(TABLE_RUN)
#ifdef SMALL
#define NAIVE(X) X(64, 64)
#else
#define NAIVE(X) X(64, 64) X(32, 64) X(172, 64) X(64, 172) X(512, 64) X(256, 256) X(512, 512)
#endif
NAIVE(NAIVE_RUN)

static const Instance instances[] = {
    ALL_PLANES(PLANES_ROW) ALL_XNOR(XNOR_ROW) ALL_TERNARY(TERNARY_ROW) ISA_DIRECT(DIRECT_ROW)
        ALL_INT8(INT8_ROW) ALL_PLANES_PAIR(PLANES_PAIR_ROW) ALL_TERNARY_PAIR(TERNARY_PAIR_ROW)
            ALL_INT8_PAIR(INT8_PAIR_ROW) ALL_TABLES(TABLE_ROW) NAIVE(NAIVE_ROW)};
