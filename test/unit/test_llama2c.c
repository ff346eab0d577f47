/* llama2.c files of all three versions, made here weight by weight, and what must be refused. */
#include "import_test.h"

#include <math.h>

enum { DIM = 8, HIDDEN = 12, LAYERS = 2, HEADS = 4, KV_HEADS = 2, VOCAB = 10, CONTEXT = 6 };
enum { KV_DIM = DIM / HEADS * KV_HEADS, GROUP = 8 };
enum { T_EMBED, T_ATTN_NORM, T_MLP_NORM, T_FINAL_NORM, T_HEAD, T_ROLE };

static const uint32_t sizes[7] = {DIM, HIDDEN, LAYERS, HEADS, KV_HEADS, VOCAB, CONTEXT};
static const size_t role_size[ROLES] = {DIM * DIM,   KV_DIM *DIM, KV_DIM *DIM, DIM *DIM,
                                        HIDDEN *DIM, HIDDEN *DIM, DIM *HIDDEN};

/* One layer's tensors have ids that its index tells apart. */
static uint32_t tensor_id(int kind, int layer)
{
    return (uint32_t)(kind + 20 * layer);
}

/* In version 2 the scale of group g of a tensor is 2^-(g % 3), and code i its test weight x 32. */
static void put_matrix(Buf *b, int version, uint32_t id, size_t n)
{
    if (version < 2) {
        put_weights(b, id, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int8_t code = (int8_t)lrintf(test_weight(id, i) * 32);
        buf_write(b, &code, 1);
    }
    for (size_t g = 0; g < n / GROUP; g++)
        put_float(b, ldexpf(1, -(int)(g % 3)));
}

static void put_layers(Buf *b, int version, int kind, size_t n)
{
    for (int l = 0; l < LAYERS; l++)
        put_matrix(b, kind < T_ROLE ? 0 : version, tensor_id(kind, l), n);
}

static void put_roles(Buf *b, int version, Role first, Role last)
{
    for (int r = (int)first; r <= (int)last; r++)
        put_layers(b, version, T_ROLE + r, role_size[r]);
}

/* w1, w2, w3: gate, down, up. */
static void put_mlp(Buf *b, int version)
{
    put_roles(b, version, ROLE_GATE, ROLE_GATE);
    put_roles(b, version, ROLE_DOWN, ROLE_DOWN);
    put_roles(b, version, ROLE_UP, ROLE_UP);
}

static Buf make_v0(bool tied)
{
    Buf b = {0};
    for (int i = 0; i < 7; i++)
        put_u32(&b, i == 5 && !tied ? 0u - VOCAB : sizes[i]);
    put_weights(&b, tensor_id(T_EMBED, 0), VOCAB * DIM);
    put_layers(&b, 0, T_ATTN_NORM, DIM);
    put_roles(&b, 0, ROLE_Q, ROLE_O);
    put_layers(&b, 0, T_MLP_NORM, DIM);
    put_mlp(&b, 0);
    put_weights(&b, tensor_id(T_FINAL_NORM, 0), DIM);
    for (int i = 0; i < CONTEXT * (DIM / HEADS); i++)
        put_float(&b, NAN); /* the RoPE tables are not looked at */
    if (!tied)
        put_weights(&b, tensor_id(T_HEAD, 0), VOCAB * DIM);
    return b;
}

static Buf make_v12(int version, bool tied)
{
    Buf b = {0};
    put_u32(&b, 0x616b3432);
    put_u32(&b, (uint32_t)version);
    for (int i = 0; i < 7; i++)
        put_u32(&b, sizes[i]);
    buf_write(&b, tied ? "\1" : "\0", 1);
    put_u32(&b, version == 2 ? GROUP : 0);
    while (b.len < 256)
        buf_write(&b, "\0", 1);
    put_layers(&b, 0, T_ATTN_NORM, DIM);
    put_layers(&b, 0, T_MLP_NORM, DIM);
    put_weights(&b, tensor_id(T_FINAL_NORM, 0), DIM);
    put_matrix(&b, version, tensor_id(T_EMBED, 0), VOCAB * DIM);
    put_roles(&b, version, ROLE_Q, ROLE_O);
    put_mlp(&b, version);
    if (!tied)
        put_matrix(&b, version, tensor_id(T_HEAD, 0), VOCAB * DIM);
    return b;
}

static void check_weights(const float *w, int version, int kind, int layer, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float want = test_weight(tensor_id(kind, layer), i);
        if (version == 2)
            want = 32 * want * ldexpf(1, -(int)(i / GROUP % 3));
        assert_true(w[i] == want);
    }
}

static void check_model(const Model *m, int version, bool tied)
{
    assert_int_equal(m->dim, DIM);
    assert_int_equal(m->context, CONTEXT);
    assert_int_equal(m->vocab, VOCAB);
    assert_true(m->tied_head == tied && m->rope_interleaved);
    assert_true(m->rope_theta == 1e4f && m->norm_eps == 1e-5f);
    assert_null(m->tokenizer);
    check_weights(m->embed.w, version, T_EMBED, 0, VOCAB * DIM);
    check_weights(m->final_norm.gamma, 0, T_FINAL_NORM, 0, DIM);
    if (!tied)
        check_weights(m->head.w, version, T_HEAD, 0, VOCAB * DIM);
    for (int l = 0; l < LAYERS; l++) {
        check_weights(m->blocks[l].attn_norm.gamma, 0, T_ATTN_NORM, l, DIM);
        check_weights(m->blocks[l].mlp_norm.gamma, 0, T_MLP_NORM, l, DIM);
        for (int r = 0; r < ROLES; r++)
            check_weights(m->blocks[l].linear[r].w, version, T_ROLE + r, l, role_size[r]);
    }
}

static void test_versions(void **state)
{
    (void)state;
    for (int version = 0; version < 3; version++)
        for (int tied = 0; tied < 2; tied++) {
            Buf b = version ? make_v12(version, tied) : make_v0(tied);
            check_model(import_model(arena, write_file("m.bin", b.data, b.len), NULL), version,
                        tied);
            expect_bad_import(write_file("m.bin", b.data, b.len - 1), "header asks for exactly");
            buf_write(&b, "", 1);
            expect_bad_import(write_file("m.bin", b.data, b.len), "header asks for exactly");
            buf_free(&b);
        }
}

typedef struct Bad {
    size_t at; /* of the header field */
    uint32_t value;
    const char *error;
} Bad;

static void expect_bad(const Buf *good, const Bad *bad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t *data = arena_copy(arena, good->data, good->len, 1);
        for (int k = 0; k < 4; k++)
            data[bad[i].at + (size_t)k] = (uint8_t)(bad[i].value >> 8 * k);
        expect_bad_import(write_file("bad.bin", data, good->len), bad[i].error);
    }
}

static void test_bad_v0(void **state)
{
    (void)state;
    static const Bad bad[] = {
        {0, 0, "dim is 0: must be 1 to 65536"},
        {0, 65537, "dim is 65537"},
        {0, 10, "dim 10 is not a multiple of n_heads 4"},
        {0, 12, "head size 3: rotary positions need an even one"},
        {0, 8192, "head size 2048: the limit is 1024"},
        {4, 0xFFFFFFFF, "hidden_dim is -1"},
        {8, 1025, "n_layers is 1025"},
        {12, 0, "n_heads is 0"},
        {16, 3, "4 attention heads: not a multiple of the 3 kv heads"},
        {16, 8, "not a multiple of the 8 kv heads"},
        {20, 0, "vocab_size is 0"},
        {20, 0x80000000, "vocab_size is 2147483648"},
        {20, 0xFFFFFFF6, "header asks for exactly"},
        {24, 0, "seq_len is 0"},
        {28, 0x7FC00000, "tensor embed: element 0 is NaN"},
        {32, 0xFF800000, "tensor embed: element 1 is infinite"},
    };
    Buf b = make_v0(true);
    expect_bad(&b, bad, LENGTH(bad));
    expect_bad_import(write_file("bad.bin", b.data, 27), "at least 28");
    expect_bad_import(write_file("bad.bin", b.data, 0), "at least 28");
    buf_free(&b);
}

static void test_bad_v2(void **state)
{
    (void)state;
    static const Bad bad[] = {
        {4, 0, "version is 0"},
        {4, 3, "version is 3: must be 1 to 2"},
        {28, 0xFFFFFFF6, "vocab_size is -10"},
        {36, 2, "shared_classifier is 2"},
        {37, 0, "group_size is 0"},
        {37, 24, "not a multiple of group_size 24"},
        {37, 4, "header asks for exactly"},
        {256, 0x7F800000, "tensor layers.0.attn.norm: element 0 is infinite"},
    };
    Buf b = make_v12(2, true);
    expect_bad(&b, bad, LENGTH(bad));
    expect_bad_import(write_file("bad.bin", b.data, 255), "at least 256");
    /* the embedding's first scale: 256, five norms of 8 floats, its 80 codes */
    const Bad scale[] = {{256 + 5 * 8 * 4 + 80, 0x7F7FFFFF, "tensor embed: element 0 is infinite"},
                         {256 + 5 * 8 * 4 + 80, 0x7FC00000, "embed (scales): element 0 is NaN"}};
    expect_bad(&b, scale, LENGTH(scale));
    buf_free(&b);
}

static void test_foreign(void **state)
{
    (void)state;
    static const Bad kinds[] = {
        {0, 0x04034B50, "PyTorch pickles are not read"},
        {0, 0x0A8A0280, "PyTorch pickles are not read"},
        {0, 0x46554747, "keys: a file of 28 bytes"}, /* GGUF by its magic, whatever the name */
        {0, 640, "dim 640"},                         /* 80 02 00 00: a dim and not a pickle */
    };
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        Buf b = {0};
        put_u32(&b, kinds[i].value);
        for (int k = 0; k < 6; k++)
            put_u32(&b, 3);
        expect_bad_import(write_file("foreign.bin", b.data, b.len), kinds[i].error);
        buf_free(&b);
    }
    expect_bad_import(write_text("m.pt", ""), "pickles");
    expect_bad_import(write_text("m.onnx", ""),
                      "unknown kind of model: supported are safetensors: directory");
    expect_bad_import(in_dir("gone"), "no such file or directory");
}

static void test_stories(void **state)
{
    (void)state;
    const char *path = data_file("stories260K.bin"), *tok = data_file("tok512.bin");
    if (!path || !tok)
        skip();
    Model *m = import_model(arena, path, NULL);
    assert_int_equal(m->dim, 64);
    assert_int_equal(m->n_layers, 5);
    assert_int_equal(m->blocks[4].n_kv_heads, 4);
    assert_int_equal(m->blocks[0].n_neurons, 172);
    assert_int_equal(model_parameters(m), 260032);
    assert_true(m->tied_head);
    assert_non_null(m->tokenizer); /* tok512.bin is beside it */
    assert_int_equal(m->tokenizer->n_pieces, 512);
    Model *again = import_model(arena, path, tok);
    assert_true(again->hash == m->hash);
    assert_true(model_hash(model_copy(arena, m)) == m->hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_versions), FILE_TEST(test_bad_v0),  FILE_TEST(test_bad_v2),
        FILE_TEST(test_foreign),  FILE_TEST(test_stories),
    };
    return cmocka_run_group_tests(tests, make_test_dir, remove_test_dir);
}
