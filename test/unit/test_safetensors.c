/* Every rule of the safetensors reader, by a small file that breaks it. */
#include "import_test.h"

#include <math.h>
#include <zstd.h>

static Buf make(const char *header, const void *data, size_t n)
{
    Buf b = {0};
    put_u64(&b, strlen(header));
    buf_puts(&b, header);
    buf_write(&b, data, n);
    return b;
}

static const char *write_tensors(const char *name, const char *header, const void *data, size_t n)
{
    Buf b = make(header, data, n);
    const char *path = write_file(name, b.data, b.len);
    buf_free(&b);
    return path;
}

typedef struct Bad {
    const char *header;
    size_t data; /* bytes of data that follow */
    const char *error;
} Bad;

#define T(dtype, shape, begin, end)                                                                \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

static const Bad bad[] = {
    {"", 0, "must start with '{'"},
    {" {}", 0, "must start with '{'"},
    {"[]", 0, "must start with '{'"},
    {"{", 0, "not valid JSON"},
    {"{}x", 0, "not valid JSON"},
    {"{\"\xFF\":1}", 0, "not valid JSON"},
    {"{\"a\":" T("U8", "[1]", 0, 1) ",\"a\":" T("U8", "[1]", 0, 1) "}", 1, "duplicate"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "__metadata__: {\"k\": 1}: an object of strings"},
    {"{\"__metadata__\":[]}", 0, "__metadata__: []: an object of strings"},
    {"{\"a\":3}", 0, "tensor a: its header entry is not an object"},
    {"{\"a\":{\"shape\":[],\"data_offsets\":[0,1]}}", 1, "dtype: (missing): unknown dtype"},
    {"{\"a\":" T("F33", "[1]", 0, 4) "}", 4, "dtype: \"F33\": unknown dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "shape: (missing)"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "data_offsets: (missing)"},
    {"{\"a\":" T("U8", "[1.0]", 0, 1) "}", 1, "shape: 1.0: an integer"},
    {"{\"a\":" T("U8", "[-1]", 0, 1) "}", 1, "shape: -1: an integer"},
    {"{\"a\":" T("F32", "[4611686018427387904,4]", 0, 4) "}", 4, "the product overflows"},
    {"{\"a\":" T("F32", "[576460752303423488]", 0, 4) "}", 4, "the product overflows"},
    {"{\"a\":" T("U8", "[1]", 1, 0) "}", 1, "the end is before the start"},
    {"{\"a\":" T("F4", "[3]", 0, 1) "}", 1, "does not fill whole bytes"},
    {"{\"a\":" T("F6_E2M3", "[2]", 0, 1) "}", 1, "does not fill whole bytes"},
    {"{\"a\":" T("F32", "[2]", 0, 4) "}", 4, "span 4 bytes: shape and dtype F32 need 8"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, "array of two"},
    {"{\"a\":" T("U8", "[1]", 1, 2) "}", 2, "starts at byte 1 of the data"},
    {"{\"a\":" T("U8", "[1]", 0, 1) ",\"b\":" T("U8", "[1]", 2, 3) "}", 3, "(a gap)"},
    {"{\"a\":" T("U8", "[2]", 0, 2) ",\"b\":" T("U8", "[2]", 1, 3) "}", 3, "(they overlap)"},
    {"{\"a\":" T("U8", "[2]", 0, 2) ",\"b\":" T("U8", "[2]", 0, 2) "}", 2, "(they overlap)"},
    {"{\"a\":" T("U8", "[1]", 0, 1) "}", 2, "2 bytes of data: the header describes 1"},
    {"{\"a\":" T("U8", "[4]", 0, 4) "}", 3, "the file was cut off"},
    {"{}", 1, "1 bytes of data: the header describes 0"},
};

static void test_rejections(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(bad); i++) {
        const char *path =
            write_tensors("bad.safetensors", bad[i].header, "\0\0\0\0\0\0\0\0", bad[i].data);
        EXPECT_FATAL(safetensors_open(arena, path), bad[i].error);
        EXPECT_FATAL(safetensors_open(arena, path), "bad.safetensors");
    }
}

static void test_sizes(void **state)
{
    (void)state;
    Buf b = {0};
    EXPECT_FATAL(safetensors_open(arena, write_text("x.safetensors", "1234567")),
                 "7 bytes: a safetensors file has at least 8");
    put_u64(&b, 100000001);
    buf_puts(&b, "{}");
    EXPECT_FATAL(safetensors_open(arena, write_file("x.safetensors", b.data, b.len)),
                 "the limit is 100000000");
    b.len = 0;
    put_u64(&b, 3);
    buf_puts(&b, "{}");
    EXPECT_FATAL(safetensors_open(arena, write_file("x.safetensors", b.data, b.len)),
                 "header of 3 bytes: the file has only 10");
    b.len = 0;
    put_u64(&b, UINT64_MAX);
    EXPECT_FATAL(safetensors_open(arena, write_file("x.safetensors", b.data, b.len)), "the limit");
    buf_free(&b);
}

/* Unaligned data, any order, padding, empty and rank-0 tensors, all three dtypes. */
static const char mixed[] =
    "{\"__metadata__\":{\"format\":\"pt\"},\"one\":" T("U8", "[1]", 0, 1) ",\"bf\":" T(
        "BF16", "[2]", 5, 9) ",\"f\":" T("F32", "[]", 1,
                                         5) ",\"none\":" T("F32", "[0,3]", 9,
                                                           9) ",\"h\":" T("F16", "[1,2]", 9,
                                                                          13) "}  ";
static const uint8_t mixed_data[] = {7, 0, 0, 0x80, 0x3F, 0x80, 0x3F, 0x40, 0xC0, 0, 0x3C, 1, 0};

static void check_mixed(const Safetensors *s)
{
    assert_true(safetensors_has(s, "bf"));
    assert_false(safetensors_has(s, "bg"));
    assert_true(*safetensors_load(arena, s, "f", 0, NULL) == 1.0f);
    float *bf = safetensors_load(arena, s, "bf", 1, (int[]){2});
    assert_true(bf[0] == 1.0f && bf[1] == -3.0f);
    float *h = safetensors_load(arena, s, "h", 2, (int[]){1, 2});
    assert_true(h[0] == 1.0f && h[1] == 0x1p-24f);
    assert_string_equal(safetensors_unused(s, 0), "none");
    assert_string_equal(safetensors_unused(s, 1), "one");
    assert_null(safetensors_unused(s, 2));
}

static void test_reads(void **state)
{
    (void)state;
    const char *path = write_tensors("ok.safetensors", mixed, mixed_data, sizeof mixed_data);
    const Safetensors *s = safetensors_open(arena, path);
    check_mixed(s);
    assert_non_null(safetensors_load(arena, s, "none", 2, (int[]){0, 3}));
    EXPECT_FATAL(safetensors_load(arena, s, "zz", 0, NULL), "tensor zz: missing");
    EXPECT_FATAL(safetensors_load(arena, s, "h", 2, (int[]){2, 1}),
                 "tensor h: shape [1, 2]: the configuration asks for [2, 1]");
    EXPECT_FATAL(safetensors_load(arena, s, "h", 1, (int[]){2}), "asks for [2]");
    EXPECT_FATAL(safetensors_load(arena, s, "one", 1, (int[]){1}),
                 "dtype U8: supported are F32, F16 and BF16");
    safetensors_open(arena, write_tensors("empty.safetensors", "{}", "", 0));
}

static void test_finite(void **state)
{
    (void)state;
    float w[] = {1, 2, NAN, -INFINITY};
    const char *path = write_tensors(
        "nan.safetensors", "{\"a\":" T("F32", "[3]", 0, 12) ",\"b\":" T("F32", "[1]", 12, 16) "}",
        w, sizeof w);
    const Safetensors *s = safetensors_open(arena, path);
    EXPECT_FATAL(safetensors_load(arena, s, "a", 1, (int[]){3}), "tensor a: element 2 is NaN");
    EXPECT_FATAL(safetensors_load(arena, s, "b", 1, (int[]){1}), "element 0 is infinite");
}

static const char *write_zst(const char *name, const void *data, size_t n)
{
    size_t bound = ZSTD_compressBound(n);
    char *packed = NEW(arena, char, bound);
    return write_file(name, packed, ZSTD_compress(packed, bound, data, n, 3));
}

static void test_zstd(void **state)
{
    (void)state;
    Buf b = make(mixed, mixed_data, sizeof mixed_data);
    const char *path = write_zst("ok.safetensors.zst", b.data, b.len);
    check_mixed(safetensors_open(arena, path));
    File f = file_map(arena, path);
    EXPECT_FATAL(safetensors_open(arena, write_file("cut.zst", f.data, f.size - 1)),
                 "not a zstd file, or cut off");
    EXPECT_FATAL(safetensors_open(arena, write_text("text.zst", "{}")), "not a zstd file");
    uint8_t *damaged = arena_copy(arena, f.data, f.size, 1);
    damaged[6] ^= 1; /* content size, low byte */
    EXPECT_FATAL(safetensors_open(arena, write_file("d.zst", damaged, f.size)), "d.zst");
    size_t zeros = (size_t)64 << 20;
    EXPECT_FATAL(safetensors_open(arena, write_zst("bomb.zst", NEW(arena, char, zeros), zeros)),
                 "more than 200 times its size");
    buf_free(&b);
}

static void test_zstd_frames(void **state)
{
    (void)state;
    Buf b = make(mixed, mixed_data, sizeof mixed_data), two = {0};
    for (size_t at = 0; at < b.len; at += 100) {
        size_t n = b.len - at < 100 ? b.len - at : 100;
        File f = file_map(arena, write_zst("part", b.data + at, n));
        buf_write(&two, f.data, f.size);
    }
    check_mixed(safetensors_open(arena, write_file("two.zst", two.data, two.len)));
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
    char packed[4096];
    size_t n = ZSTD_compress2(c, packed, sizeof packed, b.data, b.len);
    ZSTD_freeCCtx(c);
    EXPECT_FATAL(safetensors_open(arena, write_file("pipe.zst", packed, n)),
                 "does not say its size");
    /* magic, a single segment with an 8-byte content size of 2^63, an empty last block */
    static const uint8_t huge[] = {0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0,
                                   0,    0,    0,    0,    0x80, 1, 0, 0};
    EXPECT_FATAL(safetensors_open(arena, write_file("huge.zst", huge, sizeof huge)),
                 "unpacks to more than");
    buf_free(&b);
    buf_free(&two);
}

static const char *write_index(const char *weight_map)
{
    return write_text("m.safetensors.index.json",
                      arena_printf(arena, "{\"metadata\":{},\"weight_map\":%s}", weight_map));
}

static void test_shards(void **state)
{
    (void)state;
    float w[] = {1, 2};
    write_tensors("s1.safetensors", "{\"a\":" T("F32", "[1]", 0, 4) "}", w, 4);
    write_tensors("s2.safetensors",
                  "{\"b\":" T("F32", "[1]", 0, 4) ",\"c\":" T("F32", "[0]", 4, 4) "}", w + 1, 4);
#define C ",\"c\":\"s2.safetensors\""
    const char *ok = "{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"" C "}";
    const Safetensors *s = safetensors_open(arena, write_index(ok));
    assert_true(*safetensors_load(arena, s, "b", 1, (int[]){1}) == 2);
    assert_string_equal(safetensors_unused(s, 0), "a");
    static const Bad indexes[] = {
        {"{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"}", 0, "tensor c: is in s2"},
        {"{\"a\":\"s2.safetensors\",\"b\":\"s2.safetensors\"" C "}", 0, "tensor a: is not in s2"},
        {"{\"a\":\"s1.safetensors\",\"z\":\"s1.safetensors\"}", 0, "tensor z: is not in s1"},
        {"{\"a\":\"../s1.safetensors\"}", 0, "a plain file name was expected"},
        {"{\"a\":\"..\"}", 0, "a plain file name was expected"},
        {"{\"a\":\"x\\\\y\"}", 0, "a plain file name was expected"},
        {"{\"a\":\"\"}", 0, "a plain file name was expected"},
        {"{\"a\":7}", 0, "a: 7: a string was expected"},
        {"{\"b\":\"s2.safetensors\",\"c\":7}", 0, "tensor c: is in s2"},
        {"{\"a\":null}", 0, "a: null: a file name was expected"},
        {"{\"a\":\"gone\"}", 0, "gone: cannot open"},
        {"[]", 0, "weight_map: []: an object was expected"},
        {"null", 0, "weight_map: missing"},
    };
    for (size_t i = 0; i < LENGTH(indexes); i++)
        EXPECT_FATAL(safetensors_open(arena, write_index(indexes[i].header)), indexes[i].error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_rejections), FILE_TEST(test_sizes), FILE_TEST(test_reads),
        FILE_TEST(test_finite),     FILE_TEST(test_zstd),  FILE_TEST(test_zstd_frames),
        FILE_TEST(test_shards),
    };
    return cmocka_run_group_tests(tests, make_test_dir, remove_test_dir);
}
