/* Reads a unit back from its text: the model here, tokenizer and program in files of their own.
 * Lines come in the order in which ir_print.c writes them. The reader checks what it takes to
 * build the structs; whether they make sense is for the verifier. */
#include "import.h"
#include "ir_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ir_is_text(const char *path)
{
    char start[sizeof IR_MAGIC - 1];
    FILE *f = file_exists(path) ? fopen(path, "rb") : NULL;
    if (!f) {
        return false;
    }
    const size_t n = fread(start, 1, sizeof start, f);
    fclose(f);
    return n == sizeof start && memcmp(start, IR_MAGIC, n) == 0;
}

static float *read_floats(IrReader *r, const char *what, float *v, int n)
{
    ir_expect(r, what);
    for (int i = 0; i < n; i++) {
        v[i] = ir_float(r, what);
    }
    ir_line_end(r);
    return v;
}

static void read_book(IrReader *r, Linear *l)
{
    ir_line(r);
    ir_expect(r, "book");
    l->zero = (int8_t)ir_int(r, "book", INT8_MIN, INT8_MAX);
    for (int k = 0; k < l->planes; k++) {
        l->coef[k] = (int8_t)ir_int(r, "book", INT8_MIN, INT8_MAX);
    }
    ir_line_end(r);
}

static void read_codes(IrReader *r, Linear *l)
{
    if (l->format == FORMAT_PLANES) {
        read_book(r, l);
    }
    l->scale = NEW(r->arena, uint8_t, l->rows);
    l->code = NEW(r->arena, uint8_t, (int64_t)l->rows * l->cols);
    for (int i = 0; i < l->rows; i++) {
        ir_line(r);
        ir_expect(r, "codes");
        l->scale[i] = (uint8_t)ir_int(r, "scale", 0, UINT8_MAX);
        ir_hex(r, l->code + (size_t)i * (size_t)l->cols, l->cols, ir_code_digits(l));
        ir_line_end(r);
    }
}

/* Sizes are what the line says: pruned models differ from layer to layer. */
static void read_linear(IrReader *r, Linear *l)
{
    ir_line(r);
    ir_expect(r, "linear");
    l->name = ir_name(r, "a linear's name");
    l->rows = (int)ir_key_int(r, "rows", 1, MAX_VOCAB);
    l->cols = (int)ir_key_int(r, "cols", 1, MAX_VOCAB);
    l->format = (Format)ir_key_choice(r, "format", format_names, FORMATS);
    if (l->format == FORMAT_PLANES) {
        l->planes = (int)ir_key_int(r, "planes", 1, MAX_PLANES);
    }
    if (l->format != FORMAT_FLOAT) {
        l->scale_exp = (int)ir_key_int(r, "scale_exp", -512, 512);
        l->gain = ir_optional_float(r, "gain");
    }
    const bool bias = ir_optional_bool(r, "bias");
    l->input_clip = ir_optional_float(r, "input_clip");
    ir_line_end(r);
    ir_room(r, (int64_t)l->rows * l->cols, 2, "weights");
    l->w = NEW(r->arena, float, (int64_t)l->rows * l->cols);
    for (int i = 0; i < l->rows; i++) {
        ir_line(r);
        read_floats(r, "w", l->w + (size_t)i * (size_t)l->cols, l->cols);
    }
    if (bias) {
        ir_line(r);
        l->bias = read_floats(r, "bias", NEW(r->arena, float, l->rows), l->rows);
    }
    if (l->format != FORMAT_FLOAT) {
        read_codes(r, l);
    }
}

/* kind: of the residual stream's norms; those of heads are NORM_RMS. */
static void read_norm(IrReader *r, NormKind kind, Norm *n)
{
    ir_line(r);
    ir_expect(r, "norm");
    n->name = ir_name(r, "a norm's name");
    n->n = (int)ir_key_int(r, "n", 1, MAX_DIM);
    ir_line_end(r);
    ir_room(r, n->n, 2, "weights");
    n->gamma = NEW(r->arena, float, n->n);
    ir_line(r);
    read_floats(r, "gamma", n->gamma, n->n);
    if (kind == NORM_LAYER) {
        ir_line(r);
        n->beta = read_floats(r, "beta", NEW(r->arena, float, n->n), n->n);
    }
}

static void read_block(IrReader *r, int i, const Model *m)
{
    Block *b = &m->blocks[i];
    ir_line(r);
    ir_expect(r, "block");
    ir_int(r, "a block's number", i, i);
    b->n_heads = (int)ir_key_int(r, "heads", 1, MAX_HEADS);
    b->n_kv_heads = (int)ir_key_int(r, "kv_heads", 1, MAX_HEADS);
    b->head_dim = (int)ir_key_int(r, "head_dim", 1, MAX_HEAD_DIM);
    b->n_neurons = (int)ir_key_int(r, "neurons", 1, MAX_NEURONS);
    b->window = (int)ir_optional_int(r, "window", 1, MAX_CONTEXT, 0);
    ir_line_end(r);
    b->kv_of_head = NEW(r->arena, int, b->n_heads);
    ir_line(r);
    ir_expect(r, "kv_of_head");
    for (int h = 0; h < b->n_heads; h++) {
        b->kv_of_head[h] = (int)ir_int(r, "kv_of_head", 0, MAX_HEADS);
    }
    ir_line_end(r);
    read_norm(r, m->norm, &b->attn_norm);
    if (m->qk_norm) {
        read_norm(r, NORM_RMS, &b->q_norm);
        read_norm(r, NORM_RMS, &b->k_norm);
    }
    if (m->sub_norm) {
        read_norm(r, NORM_RMS, &b->o_norm);
        read_norm(r, NORM_RMS, &b->down_norm);
    }
    for (int k = ROLE_Q; k <= ROLE_O; k++) {
        read_linear(r, &b->linear[k]);
    }
    read_norm(r, m->norm, &b->mlp_norm);
    if (m->ungated) {
        b->linear[ROLE_GATE].name = arena_printf(r->arena, "layers.%d.mlp.gate", i);
    }
    for (int k = m->ungated ? ROLE_UP : ROLE_GATE; k <= ROLE_DOWN; k++) {
        read_linear(r, &b->linear[k]);
    }
}

static uint64_t read_hash(IrReader *r)
{
    ir_key(r, "hash");
    if (strspn(r->word, "0123456789abcdef") != 16 || r->word[16]) {
        ir_fatal(r, "hash: expected 16 hex digits, got \"%s\"", text_clip(r->word).s);
    }
    return strtoull(r->word, NULL, 16);
}

/* What the lines after the last layer hold. */
typedef struct Tail {
    int labels;
    int exits;
    bool head_bias, dense, dense_norm, second;
} Tail;

static void read_encoder(IrReader *r, Model *m, Tail *t)
{
    m->encoder = true;
    m->head_kind = (HeadKind)ir_key_choice(r, "head", head_names, HEAD_KINDS);
    m->pooling = (Pooling)ir_key_choice(r, "pooling", pooling_names, POOLINGS);
    m->post_norm = ir_key_bool(r, "post_norm");
    t->labels = (int)ir_key_int(r, "labels", 0, MAX_LABELS);
    t->head_bias = ir_key_bool(r, "head_bias");
    t->dense = ir_key_bool(r, "dense");
    t->dense_norm = ir_key_bool(r, "dense_norm");
    m->dense_activation =
        (DenseActivation)ir_key_choice(r, "dense_activation", dense_names, DENSE_ACTIVATIONS);
    m->bands = (int)ir_optional_int(r, "bands", 1, MAX_DIM, 0);
    t->exits = (int)ir_optional_int(r, "exits", 1, MAX_LAYERS, 0);
    t->second = ir_optional_bool(r, "second");
}

static void read_labels(IrReader *r, Model *m, const Tail *t)
{
    ir_room(r, t->labels, 2, "labels");
    m->labels = t->labels > 0 ? NEW(r->arena, const char *, t->labels) : NULL;
    for (int i = 0; i < t->labels; i++) {
        int n;
        ir_line(r);
        ir_expect(r, "label");
        const uint8_t *text = ir_quoted(r, MAX_LABEL_BYTES, &n);
        m->labels[i] = arena_strndup(r->arena, (const char *)text, (size_t)n);
        ir_line_end(r);
    }
}

/* Gives how many rope factors there are. */
static int read_arch(IrReader *r, Model *m, Tail *tail)
{
    ir_line(r);
    ir_expect(r, "arch");
    m->norm = (NormKind)ir_key_choice(r, "norm", norm_names, NORM_KINDS);
    m->position = (PositionKind)ir_key_choice(r, "position", position_names, POSITION_KINDS);
    m->rope_interleaved = ir_key_bool(r, "interleaved");
    m->activation = (Activation)ir_key_choice(r, "activation", activation_names, ACTIVATIONS);
    m->tied_head = ir_key_bool(r, "tied_head");
    m->norm_eps = ir_key_float(r, "eps");
    m->rope_theta = ir_key_float(r, "theta");
    m->residual_absmax = ir_key_float(r, "residual_absmax");
    m->activation_bits = 8;
    if (ir_try_key(r, "activation_bits")) {
        if (strcmp(r->word, "1") != 0) {
            ir_fatal(r, "activation_bits %s: expected 1", text_clip(r->word).s);
        }
        m->activation_bits = 1;
    }
    m->qk_norm = ir_optional_bool(r, "qk_norm");
    m->ungated = ir_optional_bool(r, "ungated");
    m->rotary_pairs = (int)ir_optional_int(r, "rotary_pairs", 1, MAX_HEAD_DIM / 2, 0);
    m->sub_norm = ir_optional_bool(r, "sub_norm");
    m->parallel = ir_optional_bool(r, "parallel");
    if (ir_optional_bool(r, "encoder")) {
        read_encoder(r, m, tail);
    }
    const int n = (int)ir_optional_int(r, "rope_factors", 1, MAX_HEAD_DIM / 2, 0);
    ir_line_end(r);
    if (n > 0) {
        ir_line(r);
        m->rope_factor = read_floats(r, "rope_factor", NEW(r->arena, float, n), n);
    }
    return n;
}

static void read_exits(IrReader *r, Model *m, int n)
{
    m->n_exits = n;
    m->exits = n > 0 ? NEW(r->arena, Exit, n) : NULL;
    for (int i = 0; i < n; i++) {
        ir_line(r);
        ir_expect(r, "exit");
        m->exits[i].layer = (int)ir_key_int(r, "layer", 0, m->n_layers);
        ir_line_end(r);
        read_linear(r, &m->exits[i].head);
    }
}

static void read_tail(IrReader *r, Model *m, const Tail *t)
{
    read_norm(r, m->norm, &m->final_norm);
    if (m->tied_head) {
        m->head = (Linear){.name = "head", .rows = m->vocab, .cols = m->dim};
    } else {
        read_linear(r, &m->head);
    }
    if (t->labels > 0 && t->labels != m->head.rows) {
        ir_fatal(r, "labels=%d: the head has %d rows", t->labels, m->head.rows);
    }
    if (t->head_bias) {
        ir_room(r, m->vocab, 2, "weights");
        ir_line(r);
        m->head.bias = read_floats(r, "head_bias", NEW(r->arena, float, m->vocab), m->vocab);
    }
    if (t->dense) {
        read_linear(r, &m->dense);
    }
    if (t->dense_norm) {
        read_norm(r, m->norm, &m->dense_norm);
    }
    if (m->bands) {
        read_linear(r, &m->patch);
    }
    if (t->second) {
        ir_room(r, m->dim, 2, "weights");
        ir_line(r);
        m->second = read_floats(r, "second", NEW(r->arena, float, m->dim), m->dim);
    }
    read_exits(r, m, t->exits);
}

static Model *read_model(IrReader *r)
{
    Model *m = NEW(r->arena, Model, 1);
    m->path = r->file;
    ir_line(r);
    ir_expect(r, "model");
    m->family = ir_key_name(r, "family");
    m->dim = (int)ir_key_int(r, "dim", 1, MAX_DIM);
    m->n_layers = (int)ir_key_int(r, "layers", 1, MAX_LAYERS);
    m->vocab = (int)ir_key_int(r, "vocab", 1, MAX_VOCAB);
    m->context = (int)ir_key_int(r, "context", 1, MAX_CONTEXT);
    m->hash = read_hash(r);
    ir_line_end(r);
    Tail tail = {0};
    const int factors = read_arch(r, m, &tail);
    read_labels(r, m, &tail);
    read_linear(r, &m->embed);
    if (m->position == POSITION_LEARNED) {
        read_linear(r, &m->positions);
    }
    m->blocks = NEW(r->arena, Block, m->n_layers);
    for (int i = 0; i < m->n_layers; i++) {
        read_block(r, i, m);
    }
    if (factors > 0 && factors != m->blocks[0].head_dim / 2) {
        ir_fatal(r, "rope_factors=%d: heads of %d have %d pairs", factors, m->blocks[0].head_dim,
                 m->blocks[0].head_dim / 2);
    }
    read_tail(r, m, &tail);
    return m;
}

static unsigned read_facts(IrReader *r)
{
    unsigned facts = 0;
    ir_line(r);
    ir_expect(r, "facts");
    while (ir_more(r)) {
        facts |= 1u << ir_choice(r, "facts", fact_names, N_FACTS);
    }
    return facts;
}

/* What the result is compared with: the float weights that every linear still has. */
static Model *float_model(Arena *a, const Model *m)
{
    Model *copy = model_copy(a, m);
    Linear *l;
    for (int i = 0; (l = model_linears(copy, i)) != NULL; i++) {
        *l =
            (Linear){.name = l->name, .rows = l->rows, .cols = l->cols, .w = l->w, .bias = l->bias};
    }
    return copy;
}

void ir_parse(Unit *u, const char *file, const char *text, size_t n)
{
    IrReader r = {.arena = u->arena, .file = file, .next = text, .end = text + n};
    ir_line(&r);
    if (!ir_try(&r, "lmcc-ir") || !ir_try(&r, "1")) {
        ir_fatal(&r, "expected \"" IR_MAGIC "\" on the first line");
    }
    ir_line_end(&r);
    u->facts = read_facts(&r);
    u->model = read_model(&r);
    u->program = NULL;
    ir_line(&r);
    if (ir_try(&r, "tokenizer")) {
        u->model->tokenizer = ir_parse_tokenizer(&r, u->model->vocab);
    }
    if (ir_try(&r, "program")) {
        u->program = ir_parse_program(&r, u->model);
    }
    ir_expect(&r, "end");
    ir_line_end(&r);
    if (r.next != r.end) {
        r.line++;
        ir_fatal(&r, "text after \"end\"");
    }
    verify(u, NULL);
    u->original = float_model(u->arena, u->model);
}
