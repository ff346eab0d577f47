/* Mutations: of bytes, of text (numbers, strings, lines, nesting) and of binary headers. Which
 * ones, where and how many is all drawn from one seeded generator: a seed says everything. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* Replaces b[at .. at + n) with m bytes. */
static void splice(Buf *b, size_t at, size_t n, const void *with, size_t m)
{
    Buf out = {0};
    buf_write(&out, b->data, at);
    buf_write(&out, with, m);
    buf_write(&out, b->data + at + n, b->len - at - n);
    buf_free(b);
    *b = out;
}

/* Bytes ------------------------------------------------------------------------------------- */

static void flip_bit(Random *r, Buf *b)
{
    b->data[draw(r, b->len)] ^= (char)(1 << draw(r, 8));
}

static void set_byte(Random *r, Buf *b)
{
    static const char likely[] = "\0\1\177\200\376\377{}[]:,#&*!|>'\"%@`-?~ \n\t\r09.eE+_\\/<";
    b->data[draw(r, b->len)] = likely[draw(r, sizeof likely - 1)];
}

static void truncate_at(Random *r, Buf *b)
{
    b->len = draw(r, 2) ? draw(r, b->len) : b->len - 1 - draw(r, b->len < 16 ? b->len : 16);
}

static void extend(Random *r, Buf *b)
{
    char more[64];
    const size_t n = 1 + draw(r, sizeof more);
    const bool zero = draw(r, 2);
    for (size_t i = 0; i < n; i++)
        more[i] = zero ? 0 : (char)draw(r, 256);
    buf_write(b, more, n);
}

static void copy_block(Random *r, Buf *b)
{
    const size_t n = 1 + draw(r, b->len < 64 ? b->len : 64);
    const size_t from = draw(r, b->len - n + 1), to = draw(r, b->len + 1);
    char block[64];
    memcpy(block, b->data + from, n);
    splice(b, to, draw(r, 2) && to + n <= b->len ? n : 0, block, n);
}

static void delete_block(Random *r, Buf *b)
{
    const size_t n = 1 + draw(r, b->len < 64 ? b->len : 64);
    splice(b, draw(r, b->len - n + 1), n, "", 0);
}

/* Binary: a number of four bytes, in the header as often as anywhere ------------------------- */

static void set_word(Random *r, Buf *b)
{
    /* clang-format off */
    static const uint32_t likely[] = {
        0, 1, 2, 3, 7, 127, 255, 256, 65535, 65536, 65537, 0x7fffffff, 0x80000000, 0xffffffff,
        0xfffffffe, 0x40000000, 0x3fffffff, 0x10000000, 0x7f800000 /* inf */,
        0xff800000, 0x7fc00000 /* nan */, 0x7f7fffff /* largest */, 0xff7fffff, 0x00000001,
        0x00800000 /* smallest normal */, 0x5f000000 /* 2^63 */, 0x4f000000 /* 2^31 */};
    /* clang-format on */
    if (b->len < 4)
        return;
    const size_t head = b->len < 64 ? b->len : 64;
    const size_t at = draw(r, draw(r, 2) ? head - 3 : b->len - 3) & ~(size_t)(draw(r, 4) ? 3 : 0);
    const uint32_t v = likely[draw(r, LENGTH(likely))];
    for (int i = 0; i < 4; i++)
        b->data[at + (size_t)i] = (char)(v >> 8 * i);
}

static void add_to_word(Random *r, Buf *b)
{
    const size_t at = draw(r, b->len < 48 ? b->len : 48) & ~(size_t)3;
    b->data[at] = (char)(b->data[at] + (int)draw(r, 9) - 4);
}

/* Text -------------------------------------------------------------------------------------- */

static bool is_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '+' || c == 'e' || c == 'x';
}

/* A run of bytes that satisfy `in`, searched from a random place and then from the start. */
static bool find_run(Random *r, const Buf *b, bool (*in)(char), size_t *at, size_t *n)
{
    size_t i = draw(r, b->len);
    for (int round = 0; round < 2; round++, i = 0) {
        while (i < b->len && !in(b->data[i]))
            i++;
        if (i < b->len)
            break;
    }
    if (i >= b->len)
        return false;
    while (i > 0 && in(b->data[i - 1]))
        i--;
    *at = i;
    for (*n = 0; i + *n < b->len && in(b->data[i + *n]);)
        ++*n;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void replace_number(Random *r, Buf *b)
{
    /* clang-format off */
    static const char *const likely[] = {
        "0", "-1", "1", "2", "3", "15", "255", "256", "65535", "65536", "1000000", "2147483647",
        "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296",
        "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "18446744073709551615", "18446744073709551616", "99999999999999999999999999999",
        "0.5", "-0.5", "1.6", "4.0", "1e3", "1e9", "1e308", "1e999", "-1e999", "1e-999", "4e-324",
        "NaN", "nan", "inf", "-Infinity", "-0", "0x10", "0x7fffffff", "010", "1_000", "512K", "4G",
        "99999999G", "-1K", "", " ", "null", "true", "[]", "{}", "\"\"", "\"4\"", "~", "--1", "1.",
        ".5", "+3", "1e", "0.1.2"};
    /* clang-format on */
    size_t at, n;
    if (!find_run(r, b, draw(r, 2) ? is_digit : is_number, &at, &n))
        return;
    const char *with = likely[draw(r, LENGTH(likely))];
    splice(b, at, n, with, strlen(with));
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
}

static void replace_word(Random *r, Buf *b)
{
    /* clang-format off */
    static const char *const likely[] = {
        "null", "true", "false", "yes", "off", "a", "\\u0000", "\\ud800", "\\u001b[2J", "\\n",
        "\xff\xfe",
        "\xED\xA0\x80", "\xF4\x90\x80\x80", "../../etc/passwd", "/dev/zero", "%s%n", "\033[31m",
        "<0x00>", "<<", "*a", "&a", "!!int", "---", "\xEF\xBB\xBF", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "[", "{", "*", "***********", "[!]", "constructor", "int", "memcpy"};
    /* clang-format on */
    size_t at, n, from, m;
    if (!find_run(r, b, is_word, &at, &n))
        return;
    if (draw(r, 2) && find_run(r, b, is_word, &from, &m) && m < 256) {
        char copy[256];
        memcpy(copy, b->data + from, m);
        splice(b, at, n, copy, m);
        return;
    }
    const char *with = likely[draw(r, LENGTH(likely))];
    splice(b, at, n, with, strlen(with));
}

static bool in_line(char c)
{
    return c != '\n';
}

/* A line twice (a key twice), gone, or moved elsewhere. */
static void rearrange_line(Random *r, Buf *b)
{
    size_t at, n;
    if (!find_run(r, b, in_line, &at, &n))
        return;
    Buf line = {0};
    buf_write(&line, b->data + at, n);
    buf_puts(&line, "\n");
    const uint32_t how = draw(r, 4);
    if (how > 0)
        splice(b, at, n, "", 0);
    size_t to = draw(r, b->len + 1);
    while (to > 0 && b->data[to - 1] != '\n')
        to--;
    if (how == 0)
        splice(b, at, 0, line.data, line.len);
    else if (how > 1)
        splice(b, to, 0, line.data, line.len);
    buf_free(&line);
}

/* JSON on one line: the piece between two commas twice, or gone. */
static void rearrange_item(Random *r, Buf *b)
{
    size_t at = draw(r, b->len);
    const char *first = memchr(b->data + at, ',', b->len - at);
    const char *second =
        first ? memchr(first + 1, ',', b->len - (size_t)(first + 1 - b->data)) : NULL;
    if (!second)
        return;
    at = (size_t)(first - b->data);
    const size_t n = (size_t)(second - first);
    Buf item = {0};
    buf_write(&item, first, n);
    if (draw(r, 2))
        splice(b, at, 0, item.data, n);
    else
        splice(b, at, n, "", 0);
    buf_free(&item);
}

/* Brackets around a value, many and not always closed. */
static void nest(Random *r, Buf *b)
{
    static const char *const open[] = {"[", "{\"a\":", "{", "- ", "\"a\": ", "("};
    static const char *const close[] = {"]", "}", "}", "", "", ")"};
    const uint32_t kind = draw(r, LENGTH(open));
    const uint32_t depth = draw(r, 3) ? 1 + draw(r, 40) : 1 + draw(r, 20000);
    size_t at = draw(r, b->len), n = 0;
    find_run(r, b, draw(r, 2) ? is_number : is_word, &at, &n);
    Buf left = {0}, right = {0};
    for (uint32_t i = 0; i < depth; i++) {
        buf_puts(&left, open[kind]);
        buf_puts(&right, close[kind]);
    }
    if (draw(r, 2))
        splice(b, at + n, 0, right.data ? right.data : "", right.len);
    splice(b, at, 0, left.data, left.len);
    buf_free(&left);
    buf_free(&right);
}

typedef void Mutation(Random *r, Buf *b);

static Mutation *const of_bytes[] = {flip_bit,   set_byte,     set_byte, truncate_at,
                                     copy_block, delete_block, extend};
static Mutation *const of_binary[] = {set_word, set_word, add_to_word};
static Mutation *const of_text[] = {replace_number, replace_number, replace_number, replace_word,
                                    replace_word,   rearrange_line, rearrange_item, nest};

static void apply(Random *r, Mutation *const *list, size_t n, Buf *b)
{
    if (b->len > 0)
        list[draw(r, n)](r, b);
}

static void mutate_plain(Random *r, bool text, Buf *b)
{
    if (draw(r, 3) == 0)
        apply(r, of_bytes, LENGTH(of_bytes), b);
    else if (text)
        apply(r, of_text, LENGTH(of_text), b);
    else
        apply(r, of_binary, LENGTH(of_binary), b);
}

/* The JSON header changes and its length follows, so that what is in it is looked at. */
static void mutate_safetensors(Random *r, Buf *b)
{
    uint64_t n = b->len < 8 ? 0 : read_u64le((const uint8_t *)b->data);
    if (b->len < 8 || n > b->len - 8 || draw(r, 3) == 0) {
        mutate_plain(r, false, b);
        return;
    }
    Buf head = {0};
    buf_write(&head, b->data + 8, n);
    mutate_plain(r, true, &head);
    splice(b, 8, n, head.data ? head.data : "", head.len);
    for (int i = 0; i < 8; i++)
        b->data[i] = (char)((uint64_t)head.len >> 8 * i);
    buf_free(&head);
}

void pack_zstd(Buf *b)
{
    const size_t room = ZSTD_compressBound(b->len);
    char *packed = malloc(room);
    const size_t n = ZSTD_compress(packed, room, b->data ? b->data : "", b->len, 1);
    splice(b, 0, b->len, packed, ZSTD_isError(n) ? 0 : n);
    free(packed);
}

static void unpack_zstd(Buf *b)
{
    const unsigned long long size = ZSTD_getFrameContentSize(b->data, b->len);
    char *plain = malloc(size < 1 << 20 ? size + 1 : 1);
    const size_t n = size < 1 << 20 ? ZSTD_decompress(plain, size, b->data, b->len) : 0;
    splice(b, 0, b->len, plain, ZSTD_isError(n) ? 0 : n);
    free(plain);
}

void mutate(Random *r, Form form, Buf *b)
{
    const bool inner = form == FORM_ZSTD && draw(r, 2);
    if (inner)
        unpack_zstd(b);
    for (uint32_t edits = 1 + draw(r, 3); edits > 0 && b->len > 0; edits--) {
        if (form == FORM_SAFETENSORS || inner)
            mutate_safetensors(r, b);
        else
            mutate_plain(r, form == FORM_TEXT, b);
    }
    if (inner)
        pack_zstd(b);
}
