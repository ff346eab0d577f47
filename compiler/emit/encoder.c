/* The calls of the ops that only encoders have, and the parts of an encoder's files that are its
 * own.
 */
#include "writer.h"

void write_norm_fixed(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "norm_fixed_%lld", imm(op, LAYER_NORM_DIM));
    if (new_shape(
            w, name, "void",
            "int32_t *v, const int16_t *gamma, const int32_t *beta, int32_t eps, int32_t exp, "
            "int32_t fraction"))
        buf_printf(w->shapes,
                   "lm_layer_norm_fixed(v, gamma, beta, v, %lld, %lldU, %lld, %lldU, eps, %lldU, "
                   "exp, fraction);\n}\n\n",
                   imm(op, LAYER_NORM_DIM), imm(op, LAYER_NORM_MEAN_M), imm(op, LAYER_NORM_MEAN_E),
                   imm(op, LAYER_NORM_EPS_M), imm(op, LAYER_NORM_ROOT_M));
    buf_printf(w->calls, "    %s(%s, %s, %s, %s, %s, %s);\n", name, at(w, op->out[0]),
               data(w, op->data[0]), data(w, op->data[1]),
               number(w, "norm_eps", imm(op, LAYER_NORM_EPS_E)),
               number(w, "norm_exp", imm(op, LAYER_NORM_EXP)),
               number(w, "norm_fraction", imm(op, LAYER_NORM_FRACTION)));
}

void write_quantize(Writer *w, const Op *op)
{
    const char *name = arena_printf(w->e->arena, "quantize_%lld", imm(op, QUANTIZE_N));
    if (new_shape(w, name, "lm_scale", "const int32_t *v, int32_t fraction, int8_t *x"))
        buf_printf(w->shapes,
                   "return lm_quantize(v, %lld, LM_SCALE(32768, -15 - fraction), x);\n}\n\n",
                   imm(op, QUANTIZE_N));
    buf_printf(w->calls, "    const lm_scale s%d = %s(%s, %s, %s);\n", local(w, op->scalar_out),
               name, at(w, op->in[0]), number(w, "fraction", imm(op, QUANTIZE_FRACTION)),
               at(w, op->out[0]));
}

void write_dense(Writer *w, const Op *op)
{
    static const char *const functions[DENSE_ACTIVATIONS] = {
        [DENSE_TANH] = "lm_dense_tanh(",
        [DENSE_RELU] = "lm_dense_relu(",
        [DENSE_GELU] = "(void)lm_gelu_loop(lm_gelu_erf_table, ",
        [DENSE_GELU_TANH] = "(void)lm_gelu_loop(lm_gelu_table, ",
    };
    buf_printf(w->calls, "    %s%s, %s, %lld);\n", functions[w->e->unit->model->dense_activation],
               at(w, op->out[0]), unit(w, op->scalar_in[0], imm(op, DENSE_EXP)), imm(op, DENSE_N));
}

/* Its input is the rows of all tokens. */
void write_pool(Writer *w, const Op *op)
{
    buf_printf(w->calls, "    lm_pool(LM_I32(%lld), %s, %s, %lld);\n",
               (long long)w->p->buffers[op->in[0]].offset, imm(op, POOL_ALL) ? "n" : "1",
               at(w, op->out[0]), imm(op, POOL_DIM));
}

void write_patch(Writer *w, const Op *op)
{
    buf_printf(w->calls, "    const lm_scale s%d = lm_patch(t, at, %s, %lld);\n",
               local(w, op->scalar_out), at(w, op->out[0]), imm(op, PATCH_N));
}

void write_unit(Writer *w, const Op *op)
{
    buf_printf(w->calls, "    lm_unit_length(%s, %lld);\n", at(w, op->out[0]), imm(op, UNIT_N));
}

/* Files ------------------------------------------------------------------------------------ */

/* A C string: what is not plain ASCII as octal, which ends after three digits. */
static void quoted(const char *s, Buf *b)
{
    buf_puts(b, "\"");
    for (; *s; s++) {
        const uint8_t c = (uint8_t)*s;
        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c < ' ' || c > '~' || c == '?') /* ?: no trigraphs */
            buf_printf(b, "\\%03o", c);
        else
            buf_printf(b, "%c", c);
    }
    buf_puts(b, "\"");
}

void emit_labels(const Emission *e, Buf *b)
{
    const Model *m = e->unit->model;
    const int n = m->head_kind == HEAD_CLASS || m->head_kind == HEAD_LABEL ? m->head.rows : 0;
    if (n == 0)
        return;
    buf_printf(b, "static const char *const %s_labels[%d] = {\n", e->name, n);
    for (int i = 0; i < n; i++) {
        buf_puts(b, "    ");
        quoted(m->labels ? m->labels[i] : arena_printf(e->arena, "%d", i), b);
        buf_puts(b, ",\n");
    }
    buf_puts(b, "};\n");
}

/* Frames of the self-test: run i reads from frame i on. */
void emit_golden_frames(const Emission *e, Buf *b)
{
    const Model *m = e->unit->model;
    const int n = (model_frames(m) + GOLDEN_RUNS - 1) * m->bands;
    int *bytes = NEW(e->arena, int, n);
    if (!model_reads_frames(m))
        return;
    golden_bytes(0, m->bands, n, bytes);
    buf_printf(b, "static const int8_t %s_golden_frames[%d] = {", e->name, n);
    for (int i = 0; i < n; i++)
        buf_printf(b, "%s%d,", i % 16 == 0 ? "\n    " : " ", bytes[i]);
    buf_puts(b, "\n};\n");
}

void emit_encoder_constants(const Emission *e, Buf *b)
{
    static const int heads[HEAD_KINDS] = {
        [HEAD_CLASS] = 1, [HEAD_LABEL] = 2, [HEAD_MASK] = 3, [HEAD_EMBED] = 4};
    const Model *m = e->unit->model;
    const Recipe *r = e->unit->recipe;
    const Tokenizer *t = m->tokenizer;
    const bool pairs = t && t->pairs && !model_reads_frames(m);
    const struct {
        const char *name, *before;
        long long value;
    } list[] = {
        {"HEAD", "", heads[m->head_kind]},
        {"OUTPUTS", "", model_outputs(m)},
        {"EACH_TOKEN", "\n/* 1: the head has something to say of each token. */\n",
         model_each_token(m)},
        {"EXITS",
         "\n/* Layers after which a head says whether to go on, and the probability from which it\n"
         " * does not, in units of 2^-15. */\n",
         m->n_exits},
        {"EXIT_THRESHOLD", "", exit_units(e->unit->recipe)},
        {"THRESHOLD",
         "\n/* A class or label of a lesser probability, in units of 2^-15, gives way to the\n"
         " * fallback; -1: there is none. */\n",
         (long long)(r->class_threshold * 32768 + 0.5)},
        {"FALLBACK", "", find_fallback(m, r->class_fallback)},
        {"FALLBACK_FIRST", "", find_fallback(m, r->class_first)},
        {"TYPES",
         "\n/* 2: tokens of the second of two texts have a type of their own. TEXT_PAIRS 1: the\n"
         " * tokenizer knows how two texts make a sequence: JOINED tokens between them, and "
         "whether\n"
         " * the second one is of that type. */\n",
         m->second ? 2 : 1},
        {"TEXT_PAIRS", "", pairs},
        {"JOIN_BEFORE", "", pairs && t->add_bos && t->bos >= 0},
        {"JOIN_AFTER", "", pairs && t->add_after},
        {"JOINED", "", pairs ? t->n_between : 0},
        {"JOINED_FIRST", "", pairs && t->n_between > 0 ? t->between[0] : 0},
        {"JOINED_SECOND", "", pairs && t->n_between > 1 ? t->between[1] : 0},
        {"JOIN_TYPED", "", pairs && t->typed_pairs},
        {"WINDOW", "\n/* The longest sequence, in tokens. */\n", e->unit->program->window},
        {"FRAMES", "\n/* Frames of a sequence, and bytes of a frame; 0: it has tokens. */\n",
         model_frames(m)},
        {"BANDS", "", m->bands},
        {"GOLDEN_RUNS", "\n/* What the self-test reads. */\n", GOLDEN_RUNS},
    };
    for (size_t i = 0; i < LENGTH(list); i++)
        buf_printf(b, "%s#define %s_%s %lld\n", list[i].before, e->upper, list[i].name,
                   list[i].value);
}
