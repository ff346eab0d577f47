/* lm_planes.h for ARMv6-M (Cortex-M0, M0+): the same tables and sums with few instructions. Half
 * of the sums live in r8..r11, to which this instruction set can add. Register r7 (frame pointer)
 * keeps its value, so it compiles at every optimisation level. Needs lm_planes.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_PLANES_THUMB1_H
#define LM_PLANES_THUMB1_H

/* r4 = input n of 8 */
#define LM_T1_INPUT(n) "movs r4, #" #n "\n\tldrsb r4, [r1, r4]\n\t"

/* What the count of the upper five inputs adds where input n turns 1 and those below it 0, times
 * 0x10001, which is in r6. r5: the sum of those below, then with it. */
#define LM_T1_CHANGE(n, d)                                                                         \
    LM_T1_INPUT(n) "subs r3, r4, r5\n\tadds r5, r4\n\tmuls r3, r6\n\tmov " d ", r3\n\t"
#define LM_T1_CHANGES                                                                              \
    "movs r6, #1\n\tlsls r6, r6, #16\n\tadds r6, #1\n\t" LM_T1_INPUT(                              \
        3) "movs r2, r4\n\tmovs r5, r4\n\tmuls r2, r6\n\t" LM_T1_CHANGE(4, "r7")                   \
        LM_T1_CHANGE(5, "r9") LM_T1_CHANGE(6, "r10") LM_T1_CHANGE(7, "r11")

/* r3..r6: the biased subsets of the first three inputs, in pairs. */
#define LM_T1_SUBSETS                                                                              \
    LM_T1_INPUT(0)                                                                                 \
    "lsls r3, r4, #16\n\tlsls r4, r6, #10\n\tadds r3, r4\n\t" LM_T1_INPUT(                         \
        2) "muls r4, r6\n\tmovs r5, r4\n\t" LM_T1_INPUT(1) "muls r4, r6\n\tadds r4, r3\n\t"        \
                                                           "adds r6, r4, r5\n\tadds r5, r3\n\t"

/* The next 4 words follow from those before by a change: of input 3 in r2, of input 4 in r7. */
#define LM_T1_WORDS "stmia r0!, {r3, r4, r5, r6}\n\t"
#define LM_T1_ADD(v)                                                                               \
    "adds r3, " v "\n\tadds r4, " v "\n\tadds r5, " v "\n\tadds r6, " v "\n\t" LM_T1_WORDS
#define LM_T1_UP(d) "mov r1, " d "\n\t" LM_T1_ADD("r1")
#define LM_T1_UP_3 LM_T1_ADD("r2") LM_T1_ADD("r7") LM_T1_ADD("r2")
#define LM_T1_UP_7 LM_T1_UP_3 LM_T1_UP("r9") LM_T1_UP_3
#define LM_T1_UP_15 LM_T1_UP_7 LM_T1_UP("r10") LM_T1_UP_7

/* x (8 x groups) -> table (256 x groups), groups > 0, of biased sums of subsets; gives the sum of
 * the last entries, each that of all eight. */
LM_FUNCTION uint32_t lm_table_groups_thumb1(const int8_t *x, int16_t *table, int32_t groups)
{
    const int16_t *last = table + groups * 256;
    register uint32_t sum __asm__("r8") = 0;
    register const int8_t *in __asm__("r12") = x;
    register const int16_t *end __asm__("lr") = last;
    register int16_t *t __asm__("r0") = table;
    __asm__ volatile(
        ".syntax unified\n\tpush {r7}\n1:\n\tmov r1, %[x]\n\t" LM_T1_CHANGES LM_T1_SUBSETS
        "adds r1, #8\n\tmov %[x], r1\n\t" LM_T1_WORDS LM_T1_UP_15 LM_T1_UP("r11") LM_T1_UP_15
        "lsrs r6, r6, #16\n\tadd %[sum], r6\n\tcmp r0, %[end]\n\tbeq 2f\n\tb 1b\n2:\n\tpop {r7}"
        : [t] "+l"(t), [x] "+r"(in), [sum] "+r"(sum)
        : [end] "r"(end)
        : "r1", "r2", "r3", "r4", "r5", "r6", "r9", "r10", "r11", "cc", "memory");
    return sum;
}

/* As lm_table_byte, to the bit; table (256 per 8 cols) on a 4-byte boundary. */
LM_INLINE int32_t lm_table_byte_thumb1(const int8_t *x, int16_t *table, int32_t cols)
{
    const int32_t whole = cols / 8, groups = (cols + 7) / 8;
    uint32_t sum = 0U - LM_BIAS * (uint32_t)groups;
    if (whole > 0) {
        sum += lm_table_groups_thumb1(x, table, whole);
    }
    if (whole < groups) {
        int8_t tail[8];
        sum +=
            lm_table_groups_thumb1(lm_inputs(x, 8 * whole, 8, cols, tail), table + whole * 256, 1);
    }
    return (int32_t)sum;
}

/* One byte of codes to one lane's sum: its first entry, in a low register or a high one, or one
 * more. */
#define LM_T1_LOW(lane, at)                                                                        \
    "ldrb " lane ", [r0, #" at "]\n\tlsls " lane ", " lane ", #1\n\tldrh " lane ", [r1, " lane     \
    "]\n\t"
#define LM_T1_FIRST(lane, at) LM_T1_LOW("r2", at) "mov " lane ", r2\n\t"
#define LM_T1_LOOK(lane, at) LM_T1_LOW("r2", at) "add " lane ", r2\n\t"

/* The first step of 8 lanes or of 6, codes from r0 on; a next one, its codes at the given places.
 */
#define LM_T1_LOW_4                                                                                \
    LM_T1_LOW("r3", "0") LM_T1_LOW("r4", "1") LM_T1_LOW("r5", "2") LM_T1_LOW("r6", "3")
#define LM_T1_FIRST_6 LM_T1_LOW_4 LM_T1_FIRST("r8", "4") LM_T1_FIRST("r9", "5")
#define LM_T1_FIRST_8 LM_T1_FIRST_6 LM_T1_FIRST("r10", "6") LM_T1_FIRST("r11", "7")
#define LM_T1_NEXT_6(at0, at1, at2, at3, at4, at5)                                                 \
    "add r1, %[step]\n\t" LM_T1_LOOK("r3", at0) LM_T1_LOOK("r4", at1) LM_T1_LOOK("r5", at2)        \
        LM_T1_LOOK("r6", at3) LM_T1_LOOK("r8", at4) LM_T1_LOOK("r9", at5)
#define LM_T1_NEXT_8(at0, at1, at2, at3, at4, at5, at6, at7)                                       \
    LM_T1_NEXT_6(at0, at1, at2, at3, at4, at5) LM_T1_LOOK("r10", at6) LM_T1_LOOK("r11", at7)

/* The second to fourth step of four. */
#define LM_T1_SIX_2 LM_T1_NEXT_6("6", "7", "8", "9", "10", "11")
#define LM_T1_SIX_3 LM_T1_SIX_2 LM_T1_NEXT_6("12", "13", "14", "15", "16", "17")
#define LM_T1_SIX_4 LM_T1_SIX_3 LM_T1_NEXT_6("18", "19", "20", "21", "22", "23")
#define LM_T1_EIGHT_2 LM_T1_NEXT_8("8", "9", "10", "11", "12", "13", "14", "15")
#define LM_T1_EIGHT_3 LM_T1_EIGHT_2 LM_T1_NEXT_8("16", "17", "18", "19", "20", "21", "22", "23")
#define LM_T1_EIGHT_4 LM_T1_EIGHT_3 LM_T1_NEXT_8("24", "25", "26", "27", "28", "29", "30", "31")

/* So many steps from the first on; then four, or four a round until r1 is at the last step's table.
 */
#define LM_T1_6_LANES_1 LM_T1_FIRST_6 "adds r0, #6\n\t"
#define LM_T1_6_LANES_2 LM_T1_FIRST_6 LM_T1_SIX_2 "adds r0, #12\n\t"
#define LM_T1_6_LANES_3 LM_T1_FIRST_6 LM_T1_SIX_3 "adds r0, #18\n\t"
#define LM_T1_6_LANES_4 LM_T1_FIRST_6 LM_T1_SIX_4 "adds r0, #24\n\t"
#define LM_T1_6_LANES_ROUND                                                                        \
    LM_T1_NEXT_6("0", "1", "2", "3", "4", "5") LM_T1_SIX_4 "adds r0, #24\n\t"
#define LM_T1_8_LANES_1 LM_T1_FIRST_8 "adds r0, #8\n\t"
#define LM_T1_8_LANES_2 LM_T1_FIRST_8 LM_T1_EIGHT_2 "adds r0, #16\n\t"
#define LM_T1_8_LANES_3 LM_T1_FIRST_8 LM_T1_EIGHT_3 "adds r0, #24\n\t"
#define LM_T1_8_LANES_4 LM_T1_FIRST_8 LM_T1_EIGHT_4 "adds r0, #32\n\t"
#define LM_T1_8_LANES_ROUND                                                                        \
    LM_T1_NEXT_8("0", "1", "2", "3", "4", "5", "6", "7") LM_T1_EIGHT_4 "adds r0, #32\n\t"
#define LM_T1_ROUNDS(round) "2:\n\t" round "cmp r1, %[end]\n\tbeq 3f\n\tb 2b\n3:\n\t"

/* Set where no branch follows: a far one goes by lr. */
#define LM_T1_STEP register int32_t step __asm__("lr") = bytes

/* The steps that rounds of four leave, with or without these. No switch, of which compilers make a
 * call where nothing is optimized. */
#define LM_T1_BY_STEPS(left, lanes, run)                                                           \
    if ((left) == 0) {                                                                             \
        run(LM_T1_##lanes##_1, LM_T1_##lanes##_ROUND);                                             \
    } else if ((left) == 1) {                                                                      \
        run(LM_T1_##lanes##_2, LM_T1_##lanes##_ROUND);                                             \
    } else if ((left) == 2) {                                                                      \
        run(LM_T1_##lanes##_3, LM_T1_##lanes##_ROUND);                                             \
    } else {                                                                                       \
        run(LM_T1_##lanes##_4, LM_T1_##lanes##_ROUND);                                             \
    }
#define LM_T1_SUM(steps)                                                                           \
    LM_T1_STEP;                                                                                    \
    __asm__ volatile(".syntax unified\n\t" steps                                                   \
                     : "+l"(w), "+l"(t), "=&l"(a), "=&l"(b), "=&l"(c), "=&l"(d), "=&r"(e),         \
                       "=&r"(f), "=&r"(g), "=&r"(h)                                                \
                     : [end] "r"(end), [step] "r"(step)                                            \
                     : "r2", "cc", "memory")
#define LM_T1_SUM_STEPS(steps, round) LM_T1_SUM(steps)
#define LM_T1_SUM_ROUNDS(steps, round) LM_T1_SUM(steps LM_T1_ROUNDS(round))

/* As lm_lanes_byte with 8 lanes, or with 6 where groups > 4, but that the sums keep the bias of the
 * table: they are LM_BIAS * groups too high. Named registers are set last, from plain variables,
 * and r8 to r12 first, through any other. */
LM_INLINE void lm_lanes_byte_thumb1(const uint8_t *codes, const int16_t *table, int32_t groups,
                                    int32_t lanes, int32_t *s)
{
    const int32_t bytes = 512, left = (groups - 1) & 3;
    const int16_t *last = table + (groups - 1) * 256;
    register int32_t e __asm__("r8");
    register int32_t f __asm__("r9");
    register int32_t g __asm__("r10");
    register int32_t h __asm__("r11");
    register const int16_t *end __asm__("r12") = last;
    register const uint8_t *w __asm__("r0") = codes;
    register const int16_t *t __asm__("r1") = table;
    register int32_t a __asm__("r3");
    register int32_t b __asm__("r4");
    register int32_t c __asm__("r5");
    register int32_t d __asm__("r6");
    if (lanes == 6) {
        LM_T1_BY_STEPS(left, 6_LANES, LM_T1_SUM_ROUNDS)
    } else if (groups > 4) {
        LM_T1_BY_STEPS(left, 8_LANES, LM_T1_SUM_ROUNDS)
    } else {
        LM_T1_BY_STEPS(left, 8_LANES, LM_T1_SUM_STEPS)
    }
    const int32_t s0 = a, s1 = b, s2 = c, s3 = d, s4 = e, s5 = f, s6 = g, s7 = h;
    s[0] = s0;
    s[1] = s1;
    s[2] = s2;
    s[3] = s3;
    s[4] = s4;
    s[5] = s5;
    s[6] = lanes == 8 ? s6 : 0;
    s[7] = lanes == 8 ? s7 : 0;
}

/* What blocks of 4 rows of 2 planes need beside what stands in registers; all but the scales, which
 * are read at r7, lie at the stack's end meanwhile. */
typedef struct lm_blocks_thumb1 {
    int32_t pre;
    const int16_t *table;
    int32_t c0, c1, zero; /* the book, of biased sums */
    int32_t *y;
    const uint8_t *codes_end, *scales;
} lm_blocks_thumb1;

/* The rows of a block, ((zero + c0 s0 + c1 s1) >> pre) * scale: sums in r3..r6 and r8..r11, then
 * the rows in r3..r6. */
#define LM_T1_COMBINE                                                                              \
    "ldr r1, [sp, #4]\n\tldr r2, [sp, #8]\n\tmuls r3, r1\n\tmuls r4, r2\n\tadds r3, r4\n\t"        \
    "muls r5, r1\n\tmuls r6, r2\n\tadds r4, r5, r6\n\tmov r5, r8\n\tmuls r5, r1\n\t"               \
    "mov r6, r9\n\tmuls r6, r2\n\tadds r5, r6\n\tmov r6, r10\n\tmuls r6, r1\n\t"                   \
    "mov r1, r11\n\tmuls r1, r2\n\tadds r6, r1\n\tldr r1, [sp, #12]\n\tadds r3, r1\n\t"            \
    "adds r4, r1\n\tadds r5, r1\n\tadds r6, r1\n\t"
#define LM_T1_PRE                                                                                  \
    "ldr r1, [sp, #24]\n\tasrs r3, r1\n\tasrs r4, r1\n\tasrs r5, r1\n\tasrs r6, r1\n\t"
#define LM_T1_SCALE(row, at) "ldrb r2, [r7, #" at "]\n\tmuls " row ", r2\n\t"
#define LM_T1_STORE_ROWS                                                                           \
    LM_T1_SCALE("r3", "0")                                                                         \
    LM_T1_SCALE("r4", "1")                                                                         \
    LM_T1_SCALE("r5", "2")                                                                         \
        LM_T1_SCALE("r6", "3") "adds r7, #4\n\tldr r1, [sp, #16]\n\tstmia r1!, {r3, r4, r5, "      \
                               "r6}\n\tstr r1, [sp, #16]\n\t"
#define LM_T1_RUN(sums, pre, at_end)                                                               \
    LM_T1_STEP;                                                                                    \
    __asm__ volatile(                                                                              \
        ".syntax unified\n\tpush {r7}\n\tldmia r1!, {r2}\n\tpush {r2}\n\t"                         \
        "ldmia r1!, {r2, r3, r4, r5, r6, r7}\n\tpush {r2, r3, r4, r5, r6, r7}\n\t"                 \
        "ldr r7, [r1]\n1:\n\tldr r1, [sp]\n\t" sums LM_T1_COMBINE pre LM_T1_STORE_ROWS at_end      \
        "beq 4f\n\tb 1b\n4:\n\tadd sp, #28\n\tpop {r7}"                                            \
        : "+l"(w), "+l"(at)                                                                        \
        : [end] "r"(end), [step] "r"(step)                                                         \
        : "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "cc", "memory")
#define LM_T1_AT_END_8 "cmp r0, %[end]\n\t"
#define LM_T1_AT_END "ldr r1, [sp, #20]\n\tcmp r0, r1\n\t"
#define LM_T1_RUN_8(steps, round) LM_T1_RUN(steps round, "", LM_T1_AT_END_8)
#define LM_T1_RUN_8_PRE(steps, round) LM_T1_RUN(steps round, LM_T1_PRE, LM_T1_AT_END_8)
#define LM_T1_RUN_ROUNDS(steps, round) LM_T1_RUN(steps LM_T1_ROUNDS(round), "", LM_T1_AT_END)
#define LM_T1_RUN_ROUNDS_PRE(steps, round)                                                         \
    LM_T1_RUN(steps LM_T1_ROUNDS(round), LM_T1_PRE, LM_T1_AT_END)

/* Blocks of 4 rows of 2 planes, groups > 4, that follow one another. r7 waits on the stack, too. Up
 * to 8 groups need one round, none to look for its end. */
LM_INLINE void lm_planes_2_thumb1(const uint8_t *codes, const lm_blocks_thumb1 *blocks,
                                  int32_t groups)
{
    const int32_t bytes = 512, left = (groups - 1) & 3, pre = blocks->pre;
    const void *last = groups > 8 ? (const void *)(blocks->table + (groups - 1) * 256)
                                  : (const void *)blocks->codes_end;
    register const void *end __asm__("r12") = last;
    register const uint8_t *w __asm__("r0") = codes;
    register const lm_blocks_thumb1 *at __asm__("r1") = blocks;
    if (groups > 8 && pre > 0) {
        LM_T1_BY_STEPS(left, 8_LANES, LM_T1_RUN_ROUNDS_PRE)
    } else if (groups > 8) {
        LM_T1_BY_STEPS(left, 8_LANES, LM_T1_RUN_ROUNDS)
    } else if (pre > 0) {
        LM_T1_BY_STEPS(left, 8_LANES, LM_T1_RUN_8_PRE)
    } else {
        LM_T1_BY_STEPS(left, 8_LANES, LM_T1_RUN_8)
    }
}

/* As lm_planes_byte_part. */
LM_INLINE void lm_planes_byte_thumb1_part(const uint8_t *codes, const uint8_t *rows_data,
                                          const int16_t *table, int32_t sum, int32_t *y,
                                          int32_t rows, int32_t cols, int32_t planes, int32_t pre,
                                          int32_t stride, int32_t part)
{
    const int32_t step = lm_plane_rows(planes), groups = (cols + 7) / 8;
    const int32_t lanes = step * planes;
    const int32_t biased = lanes == 8 || (lanes == 6 && groups > 4) ? 1 : 0;
    lm_book book = lm_read_book(rows_data, sum);
    book = biased != 0 ? lm_unbias(book, groups, planes) : book;
    for (int32_t r = 0; r < rows; r += step) {
        int32_t s[8];
        if (biased != 0) {
            lm_lanes_byte_thumb1(codes, table, groups, lanes, s);
        } else {
            lm_lanes_byte(codes, table, groups, lanes, s);
        }
        lm_combine_part(s, book, rows_data + LM_BOOK_BYTES + r, y + r, planes, pre, part);
        codes += stride;
    }
}

LM_INLINE void lm_planes_byte_thumb1(const uint8_t *codes, const uint8_t *rows_data,
                                     const int16_t *table, int32_t sum, int32_t *y, int32_t rows,
                                     int32_t cols, int32_t planes, int32_t pre, int32_t stride)
{
    const int32_t groups = (cols + 7) / 8;
    if (planes == 2 && groups > 4 && stride == 8 * groups && rows > 0) {
        const lm_book book = lm_unbias(lm_read_book(rows_data, sum), groups, planes);
        const uint8_t *scales = rows_data + LM_BOOK_BYTES, *end = codes + (rows + 3) / 4 * stride;
        const lm_blocks_thumb1 blocks = {pre, table, book.c0, book.c1, book.zero, y, end, scales};
        lm_planes_2_thumb1(codes, &blocks, groups);
    } else {
        lm_planes_byte_thumb1_part(codes, rows_data, table, sum, y, rows, cols, planes, pre, stride,
                                   LM_PART_WHOLE);
    }
}

#endif
