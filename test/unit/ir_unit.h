/* A small unit with every format in it, taken through the passes, printed and read back. */
#ifndef LMCC_TEST_IR_UNIT_H
#define LMCC_TEST_IR_UNIT_H

#include "tiny_model.h"

static const Target target = {
    .name = "test",
    .what = "a made-up chip",
    .n_regions = 2,
    .regions = {{.name = "flash", .size = 1 << 20},
                {.name = "ram", .size = 1 << 18, .writable = true}},
    .weights_region = 0,
    .state_region = 1,
    .row_align = 8,
    .tensor_align = 16,
    .state_align = 8,
};

static inline Tokenizer *tokenizer(Arena *a, int vocab)
{
    static const uint8_t bytes[] = {0, 10, 34, 92, 195, 169, 255, 32};
    static const Merge merges[] = {{3, 4, 5, 0}, {3, 5, 6, -7}, {4, 3, 7, 2}};
    Tokenizer *t = NEW(a, Tokenizer, 1);
    *t = (Tokenizer){.kind = TOKENIZER_BYTE_LEVEL,
                     .n_pieces = vocab,
                     .n_merges = 3,
                     .bos = 1,
                     .eos = -1,
                     .unk = 0,
                     .add_prefix = true};
    t->pieces = NEW(a, Piece, vocab);
    for (int i = 0; i < vocab; i++) {
        t->pieces[i] = (Piece){bytes, i % 9, (PieceKind)(i % PIECE_KINDS)};
    }
    t->merges = arena_copy(a, merges, LENGTH(merges), sizeof *merges);
    for (int i = 0; i < 256; i++) {
        t->byte_id[i] = i % 3 ? -1 : i % vocab;
    }
    return t;
}

/* Every format, pruned unevenly, with sinks. Scores and fits are of the weights alone: a text has
 * no samples, and those that a pruned model writes are not those of the whole one. */
static inline Recipe *recipe(Arena *a)
{
    Recipe *r = recipe_default(a);
    static const char *const settings[] = {"window=7",
                                           "sinks=2",
                                           "prune-heads.counts=0,1,3",
                                           "prune-neurons.counts=3,0,1",
                                           "prune-heads.method=magnitude",
                                           "prune-heads.compensate=no",
                                           "prune-neurons.method=magnitude",
                                           "prune-neurons.compensate=no",
                                           "calibrate.tokens=16",
                                           "quantize.method=weights",
                                           "quantize.rounds=3"};
    static const char *const bits[] = {"2",          "*.attn.*=3", "layers.1.*=ternary",
                                       "*.mlp.up=5", "*.attn.o=8", "head=1"};
    for (size_t i = 0; i < LENGTH(settings); i++) {
        recipe_set(a, r, settings[i]);
    }
    for (size_t i = 0; i < LENGTH(bits); i++) {
        recipe_set_bits(a, r, bits[i]);
    }
    return r;
}

static inline Unit *new_unit(Arena *a, bool tied)
{
    Unit *u = NEW(a, Unit, 1);
    *u = (Unit){.arena = a,
                .model = tiny_model(a, tied ? 3 : 4, tied),
                .recipe = recipe(a),
                .target = &target};
    u->model->rope_interleaved = tied;
    u->model->hash = 0x0123456789abcdef;
    u->model->tokenizer = tied ? NULL : tokenizer(a, u->model->vocab);
    return u;
}

/* A unit after a pass: NULL none, "budget" all. */
static inline Unit *unit_after(Arena *a, bool tied, const char *pass)
{
    Unit *u = new_unit(a, tied);
    if (pass) {
        run_passes(u, pass, NULL, NULL);
    }
    return u;
}

static inline Unit *parse(Arena *a, const char *text, size_t n)
{
    Unit *u = NEW(a, Unit, 1);
    *u = (Unit){.arena = a, .recipe = recipe(a), .target = &target};
    ir_parse(u, "test.ir", text, n);
    return u;
}

static inline Buf print(const Unit *u)
{
    Buf b = {0};
    ir_print(u, &b);
    return b;
}

static inline void assert_same_text(const Buf *x, const Buf *y)
{
    assert_int_equal(x->len, y->len);
    assert_memory_equal(x->data, y->data, x->len);
}

#endif
