/* Kernels through tables of some columns at a time, beside those of all: included by kernels_main.c
 * with -DPARTS. A part is a call with constant widths, as the emitter writes them. */
#define PLANES_PART(build, kernel, p, r, first, w, part)                                           \
    do {                                                                                           \
        const int32_t sum = build(x + (first), table, w);                                          \
        const int32_t lanes = block_rows(LAYOUT_PLANES, p) * (p);                                  \
        kernel##_part(packed + (first) / 8 * lanes, rows_data, table, sum, y, r, w, p, PRE,        \
                      stride, part);                                                               \
    } while (0)
#define TERNARY_PART(build, kernel, p, r, first, w, part)                                          \
    do {                                                                                           \
        (void)build(x + (first), table, w);                                                        \
        kernel##_part(packed + (first) / 5 * 8, rows_data, table, y, r, w, PRE, stride, part);     \
    } while (0)

/* w columns at a time; the last part may have fewer. */
#define PARTS_RUN(PART, layout, build, kernel, p, r, c, w)                                         \
    RUN(kernel##_##p##_##r##_##c##_by_##w)                                                         \
    {                                                                                              \
        const int32_t stride = stride_of(layout, p, c), last = ((c)-1) / (w) * (w);                \
        PART(build, kernel, p, r, 0, w, LM_PART_FIRST);                                            \
        for (int32_t first = w; first < last; first += w) {                                        \
            PART(build, kernel, p, r, first, w, LM_PART_NEXT);                                     \
        }                                                                                          \
        PART(build, kernel, p, r, last, (c)-last, LM_PART_LAST);                                   \
    }
#define PARTS_ROW(PART, layout, build, kernel, p, r, c, w)                                         \
    {#kernel "/" #w, layout, p, r, c, kernel##_##p##_##r##_##c##_by_##w, 1},

#define WIDTHS(X, ...)                                                                             \
    X(__VA_ARGS__, 256, 1024, 512)                                                                 \
    X(__VA_ARGS__, 256, 1024, 256)                                                                 \
    X(__VA_ARGS__, 256, 1024, 128)                                                                 \
    X(__VA_ARGS__, 256, 1024, 64)                                                                  \
    X(__VA_ARGS__, 19, 172, 96)                                                                    \
    X(__VA_ARGS__, 19, 61, 32)
#define TRIT_WIDTHS(X, ...)                                                                        \
    X(__VA_ARGS__, 256, 1024, 260)                                                                 \
    X(__VA_ARGS__, 256, 1024, 120)                                                                 \
    X(__VA_ARGS__, 19, 172, 100)                                                                   \
    X(__VA_ARGS__, 19, 61, 20)
#define FEW(X, ...)                                                                                \
    X(__VA_ARGS__, 19, 172, 96)                                                                    \
    X(__VA_ARGS__, 19, 61, 32)
#define PLANES_PARTS(X, build, kernel)                                                             \
    FEW(X, PLANES_PART, LAYOUT_PLANES, build, kernel, 1)                                           \
    WIDTHS(X, PLANES_PART, LAYOUT_PLANES, build, kernel, 2)                                        \
    FEW(X, PLANES_PART, LAYOUT_PLANES, build, kernel, 3)                                           \
    FEW(X, PLANES_PART, LAYOUT_PLANES, build, kernel, 4)                                           \
    FEW(X, PLANES_PART, LAYOUT_PLANES, build, kernel, 5)                                           \
    FEW(X, PLANES_PART, LAYOUT_PLANES, build, kernel, 6)
#define TERNARY_PARTS(X, build, kernel)                                                            \
    TRIT_WIDTHS(X, TERNARY_PART, LAYOUT_TERNARY, build, kernel, 0)

#if defined(__ARM_ARCH_6M__)
#define ISA_PARTS(X)                                                                               \
    PLANES_PARTS(X, lm_table_byte_thumb1, lm_planes_byte_thumb1)                                   \
    TERNARY_PARTS(X, lm_table_trit_thumb1, lm_ternary_byte_thumb1)
#define ISA_WHOLE(X) X(lm_table_byte_thumb1, lm_planes_byte_thumb1, 2, 256, 1024)
#elif defined(__ARM_FEATURE_MVE)
#define ISA_PARTS(X)                                                                               \
    PLANES_PARTS(X, lm_table_byte_mve, lm_planes_byte_mve)                                         \
    TERNARY_PARTS(X, lm_table_trit_mve, lm_ternary_byte_mve)
#define ISA_WHOLE(X) X(lm_table_byte_mve, lm_planes_byte_mve, 2, 256, 1024)
#elif defined(__thumb2__)
#define ISA_PARTS(X)                                                                               \
    PLANES_PARTS(X, lm_table_byte_thumb2, lm_planes_byte_thumb2)                                   \
    TERNARY_PARTS(X, lm_table_trit_thumb2, lm_ternary_byte_thumb2)
#define ISA_WHOLE(X) X(lm_table_byte_thumb2, lm_planes_byte_thumb2, 2, 256, 1024)
#else
#define ISA_PARTS(X)                                                                               \
    PLANES_PARTS(X, lm_table_byte_rv32, lm_planes_byte_rv32)                                       \
    TERNARY_PARTS(X, lm_table_trit_rv32, lm_ternary_byte_rv32)
#define ISA_WHOLE(X) X(lm_table_byte_rv32, lm_planes_byte_rv32, 2, 256, 1024)
#endif

#define ALL_PARTS(X)                                                                               \
    PLANES_PARTS(X, lm_table_byte, lm_planes_byte)                                                 \
    PLANES_PARTS(X, lm_table_nibble, lm_planes_nibble)                                             \
    TERNARY_PARTS(X, lm_table_trit, lm_ternary_byte) ISA_PARTS(X)
#define ALL_WHOLE(X)                                                                               \
    X(lm_table_byte, lm_planes_byte, 2, 256, 1024)                                                 \
    X(lm_table_nibble, lm_planes_nibble, 2, 256, 1024) ISA_WHOLE(X)

ALL_PARTS(PARTS_RUN)
ALL_WHOLE(PLANES_RUN)

static const Instance instances[] = {ALL_WHOLE(PLANES_ROW) ALL_PARTS(PARTS_ROW)};
