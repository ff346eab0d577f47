/* Which files of runtime_template/ go into the generated kernels header, in the order that they
 * need one another: the kernels that the program runs, and of each set of loops the best that the
 * target's core has. */
#include "emit.h"

#include <string.h>

static const struct RuntimeFile *better_than(const Emission *e, const char *file);

static bool has_format(const Emission *e, Format f)
{
    Linear *l;
    for (int i = 0; (l = model_linears(e->unit->model, i)); i++)
        if (l->format == f)
            return true;
    return false;
}

static bool pairs(const Emission *e)
{
    return e->unit->program->n_step < e->unit->program->n_ops;
}

static bool ternary(const Emission *e)
{
    return has_format(e, FORMAT_TERNARY);
}

static bool int8(const Emission *e)
{
    return has_format(e, FORMAT_INT8);
}

static bool direct(const Emission *e)
{
    const Program *p = e->unit->program;
    for (int i = 0; i < p->n_ops; i++)
        if (p->ops[i].kernel >= 0 &&
            strcmp(kernels[p->ops[i].kernel].file, "lm_planes_direct.h") == 0)
            return true;
    return false;
}

static bool xnor(const Emission *e)
{
    const Program *p = e->unit->program;
    for (int i = 0; i < p->n_ops; i++)
        if (p->ops[i].kernel >= 0 && kernels[p->ops[i].kernel].table == TABLE_BITS)
            return true;
    return false;
}

static bool signs(const Emission *e)
{
    return e->unit->model->activation_bits == 1;
}

static bool has_tokenizer(const Emission *e, TokenizerKind kind)
{
    const Tokenizer *t = e->unit->model->tokenizer;
    return t && t->kind == kind;
}

static bool words(const Emission *e)
{
    return has_tokenizer(e, TOKENIZER_BYTE_LEVEL);
}

static bool bpe(const Emission *e)
{
    return has_tokenizer(e, TOKENIZER_BYTE_LEVEL) || has_tokenizer(e, TOKENIZER_SPM);
}

static bool unigram(const Emission *e)
{
    return has_tokenizer(e, TOKENIZER_UNIGRAM);
}

static bool bert(const Emission *e)
{
    return has_tokenizer(e, TOKENIZER_WORDPIECE);
}

static bool normalized(const Emission *e)
{
    const Tokenizer *t = e->unit->model->tokenizer;
    return t && t->form != NORMAL_NONE;
}

static bool charsmap(const Emission *e)
{
    return normalized(e) && e->unit->model->tokenizer->form == NORMAL_CHARSMAP;
}

static bool clusters(const Emission *e)
{
    return charsmap(e) && e->unit->model->tokenizer->clusters;
}

static bool normal(const Emission *e)
{
    return normalized(e) && !charsmap(e);
}

static bool top(const Emission *e)
{
    return top_of(e->unit->program) > 0;
}

static bool grammars(const Emission *e)
{
    return e->grammars != NULL;
}

static bool prompts(const Emission *e)
{
    return e->prompts.n > 0;
}

static bool options(const Emission *e)
{
    return e->unit->recipe->extras >> EXTRA_OPTIONS & 1;
}

static bool surprisal(const Emission *e)
{
    return e->unit->recipe->extras >> EXTRA_SURPRISAL & 1;
}

static bool has_op(const Emission *e, OpKind kind)
{
    const Program *p = e->unit->program;
    for (int i = 0; i < p->n_ops; i++)
        if (p->ops[i].kind == kind)
            return true;
    return false;
}

static bool biases(const Emission *e)
{
    return has_op(e, OP_BIAS);
}

static bool gains(const Emission *e)
{
    return has_op(e, OP_GAIN) || has_op(e, OP_ROW_GAIN);
}

/* Scales of activations that are fixed. */
static bool static_scales(const Emission *e)
{
    const Program *p = e->unit->program;
    for (int i = 0; i < p->n_ops; i++)
        if (op_scale(&p->ops[i]))
            return true;
    return false;
}

static bool sub_norms(const Emission *e)
{
    return has_op(e, OP_SUB_NORM);
}

static bool head_norms(const Emission *e)
{
    return has_op(e, OP_HEAD_NORM) || sub_norms(e);
}

static bool blob(const Emission *e)
{
    return e->weights == WEIGHTS_BLOB;
}

static bool dense_is(const Emission *e, DenseActivation kind)
{
    return has_op(e, OP_DENSE) && e->unit->model->dense_activation == kind;
}

static bool gelu_tanh(const Emission *e)
{
    return e->unit->model->activation == ACT_GELU_TANH || dense_is(e, DENSE_GELU_TANH);
}

static bool gelu_erf(const Emission *e)
{
    return e->unit->model->activation == ACT_GELU || dense_is(e, DENSE_GELU);
}

static bool gelu(const Emission *e)
{
    return gelu_tanh(e) || gelu_erf(e);
}

static bool relu(const Emission *e)
{
    return e->unit->model->activation == ACT_RELU || e->unit->model->activation == ACT_RELU2;
}

static bool layer_norms(const Emission *e)
{
    return has_op(e, OP_LAYER_NORM) || has_op(e, OP_NORM_FIXED);
}

static bool static_sub_norms(const Emission *e)
{
    return static_scales(e) && sub_norms(e);
}

static bool dense(const Emission *e)
{
    return dense_is(e, DENSE_TANH) || dense_is(e, DENSE_RELU);
}

static bool pool(const Emission *e)
{
    return has_op(e, OP_POOL);
}

static bool patch(const Emission *e)
{
    return has_op(e, OP_PATCH);
}

static bool joins(const Emission *e)
{
    const Model *m = e->unit->model;
    return m->encoder && m->tokenizer && m->tokenizer->pairs;
}

static bool classes(const Emission *e)
{
    const HeadKind kind = e->unit->model->head_kind;
    return kind == HEAD_CLASS || kind == HEAD_LABEL;
}

/* Every file in the place of lm_turn.h builds on lm_turn_left.h. */
static bool turns_left(const Emission *e)
{
    return better_than(e, "lm_turn.h") != NULL;
}

/* NULL `used`: always. A file of kernels is there when the program runs one of them, a file instead
 * of a portable one when the target has what it needs; of several the first. */
static const struct RuntimeFile {
    const char *file;
    int needs; /* Feature or -1 */
    bool (*used)(const Emission *e);
    const char *instead_of;
} files[] = {
    {"lm_port.h", -1, NULL, NULL},
    {"lm_error.h", -1, NULL, NULL},
    {"lm_mul.h", -1, NULL, NULL},
    {"arm/lm_mul_dsp.h", FEATURE_DSP, NULL, "lm_mul.h"},
    {"arm/lm_mul_thumb2.h", FEATURE_THUMB2, NULL, "lm_mul.h"},
    {"riscv/lm_mul_rv32.h", FEATURE_RV32IMC, NULL, "lm_mul.h"},
    {"lm_add_sat.h", -1, NULL, NULL},
    {"arm/lm_add_sat_dsp.h", FEATURE_DSP, NULL, "lm_add_sat.h"},
    {"lm_core.h", -1, NULL, NULL},
    {"arm/lm_core_thumb2.h", FEATURE_THUMB2, NULL, "lm_core.h"},
    {"lm_division.h", -1, NULL, NULL},
    {"lm_division_instruction.h", FEATURE_THUMB2, NULL, "lm_division.h"},
    {"lm_division_instruction.h", FEATURE_RV32IMC, NULL, "lm_division.h"},
    {"lm_fixed.h", -1, NULL, NULL},
    {"lm_tables.h", -1, NULL, NULL},
    {"lm_functions.h", -1, NULL, NULL},
    {"lm_quantizer.h", -1, NULL, NULL},
    {"lm_loops.h", -1, NULL, NULL},
    {"lm_loops.h", FEATURE_MVE, NULL, "lm_loops.h"}, /* compilers make vectors of it */
    {"arm/lm_loops_dsp.h", FEATURE_DSP, NULL, "lm_loops.h"},
    {"arm/lm_loops_thumb1.h", FEATURE_THUMB1, NULL, "lm_loops.h"},
    {"lm_raise.h", -1, NULL, NULL},
    {"arm/lm_raise_thumb1.h", FEATURE_THUMB1, NULL, "lm_raise.h"},
    {"lm_turn_left.h", -1, turns_left, NULL},
    {"lm_turn.h", -1, NULL, NULL},
    {"lm_turn.h", FEATURE_MVE, NULL, "lm_turn.h"}, /* as lm_loops.h */
    {"arm/lm_turn_dsp.h", FEATURE_DSP, NULL, "lm_turn.h"},
    {"arm/lm_turn_thumb1.h", FEATURE_THUMB1, NULL, "lm_turn.h"},
    {"lm_quantize.h", -1, NULL, NULL},
    {"lm_norm.h", -1, NULL, NULL},
    {"lm_head_norm.h", -1, head_norms, NULL},
    {"lm_sub_norm.h", -1, sub_norms, NULL},
    {"lm_layer_norm.h", -1, layer_norms, NULL},
    {"lm_bias.h", -1, biases, NULL},
    {"lm_gain.h", -1, gains, NULL},
    {"lm_planes.h", -1, NULL, NULL},
    {"arm/lm_planes_thumb1.h", FEATURE_THUMB1, NULL, NULL},
    {"arm/lm_planes_thumb2.h", FEATURE_THUMB2, NULL, NULL},
    {"arm/lm_planes_mve.h", FEATURE_MVE, NULL, NULL},
    {"riscv/lm_planes_rv32.h", FEATURE_RV32IMC, NULL, NULL},
    {"lm_planes_direct.h", -1, direct, NULL},
    {"lm_sign.h", -1, signs, NULL},
    {"lm_xnor.h", -1, xnor, NULL},
    {"arm/lm_xnor_thumb2.h", FEATURE_THUMB2, NULL, NULL},
    {"arm/lm_xnor_mve.h", FEATURE_MVE, NULL, NULL},
    {"lm_ternary.h", -1, ternary, NULL},
    {"arm/lm_ternary_thumb1.h", FEATURE_THUMB1, NULL, NULL},
    {"arm/lm_ternary_thumb2.h", FEATURE_THUMB2, NULL, NULL},
    {"arm/lm_ternary_mve.h", FEATURE_MVE, NULL, NULL},
    {"riscv/lm_ternary_rv32.h", FEATURE_RV32IMC, NULL, NULL},
    {"lm_int8.h", -1, int8, NULL},
    {"arm/lm_int8_thumb1.h", FEATURE_THUMB1, NULL, NULL},
    {"arm/lm_int8_dsp.h", FEATURE_DSP, NULL, NULL},
    {"arm/lm_int8_mve.h", FEATURE_MVE, NULL, NULL},
    {"riscv/lm_int8_rv32.h", FEATURE_RV32IMC, NULL, NULL},
    {"lm_pairs.h", -1, pairs, NULL},
    {"arm/lm_pairs_thumb1.h", FEATURE_THUMB1, NULL, NULL},
    {"arm/lm_pairs_thumb2.h", FEATURE_THUMB2, NULL, NULL},
    {"riscv/lm_pairs_rv32.h", FEATURE_RV32IMC, NULL, NULL},
    {"arm/lm_int8_pair_thumb1.h", FEATURE_THUMB1, NULL, NULL},
    {"arm/lm_int8_pair_dsp.h", FEATURE_DSP, NULL, NULL},
    {"riscv/lm_int8_pair_rv32.h", FEATURE_RV32IMC, NULL, NULL},
    {"lm_scores.h", -1, NULL, NULL},
    {"arm/lm_scores_mve.h", FEATURE_MVE, NULL, "lm_scores.h"},
    {"arm/lm_scores_dsp.h", FEATURE_DSP, NULL, "lm_scores.h"},
    {"riscv/lm_scores_rv32.h", FEATURE_RV32IMC, NULL, "lm_scores.h"},
    {"lm_numerator.h", -1, NULL, NULL},
    {"arm/lm_numerator_mve.h", FEATURE_MVE, NULL, "lm_numerator.h"},
    {"lm_softmax.h", -1, NULL, NULL},
    {"arm/lm_softmax_thumb1.h", FEATURE_THUMB1, NULL, "lm_softmax.h"},
    {"arm/lm_softmax_mve.h", FEATURE_MVE, NULL, "lm_softmax.h"},
    {"arm/lm_softmax_dsp.h", FEATURE_DSP, NULL, "lm_softmax.h"},
    {"lm_mix.h", -1, NULL, NULL},
    {"arm/lm_mix_thumb1.h", FEATURE_THUMB1, NULL, "lm_mix.h"},
    {"arm/lm_mix_mve.h", FEATURE_MVE, NULL, "lm_mix.h"},
    {"arm/lm_mix_dsp.h", FEATURE_DSP, NULL, "lm_mix.h"},
    {"riscv/lm_mix_rv32.h", FEATURE_RV32IMC, NULL, "lm_mix.h"},
    {"lm_softmax_mix.h", -1, NULL, NULL},
    {"arm/lm_softmax_mix_thumb1.h", FEATURE_THUMB1, NULL, "lm_softmax_mix.h"},
    {"lm_heads.h", -1, NULL, NULL},
    {"arm/lm_heads_thumb1.h", FEATURE_THUMB1, NULL, "lm_heads.h"},
    {"lm_attention.h", -1, NULL, NULL},
    {"lm_factor.h", -1, static_scales, NULL},
    {"lm_static_loops.h", -1, static_scales, NULL},
    {"lm_static_loops.h", FEATURE_MVE, NULL, "lm_static_loops.h"}, /* as lm_loops.h */
    {"arm/lm_static_loops_dsp.h", FEATURE_DSP, NULL, "lm_static_loops.h"},
    {"lm_static.h", -1, static_scales, NULL},
    {"lm_static_sub_norm.h", -1, static_sub_norms, NULL},
    {"lm_layer.h", -1, NULL, NULL},
    {"lm_gelu_table.h", -1, gelu_tanh, NULL},
    {"lm_gelu_erf_table.h", -1, gelu_erf, NULL},
    {"lm_gelu.h", -1, gelu, NULL},
    {"lm_relu.h", -1, relu, NULL},
    {"lm_tanh_table.h", -1, dense, NULL},
    {"lm_dense.h", -1, dense, NULL},
    {"lm_patch.h", -1, patch, NULL},
    {"lm_pool.h", -1, pool, NULL},
    {"lm_top.h", -1, top, NULL},
    {"lm_hash.h", -1, NULL, NULL},
    {"lm_blob.h", -1, blob, NULL},
    {"lm_prompts.h", -1, prompts, NULL},
    {"lm_sample.h", -1, NULL, NULL},
    {"lm_sample_top.h", -1, top, NULL},
    {"lm_classes.h", -1, classes, NULL},
    {"lm_surprisal.h", -1, surprisal, NULL},
    {"lm_options.h", -1, options, NULL},
    {"lm_utf8.h", -1, NULL, NULL},
    {"lm_text.h", -1, NULL, NULL},
    {"lm_unicode.h", -1, words, NULL},
    {"lm_tokenizer.h", -1, NULL, NULL},
    {"lm_words.h", -1, words, NULL},
    {"lm_bpe.h", -1, bpe, NULL},
    {"lm_unigram.h", -1, unigram, NULL},
    {"lm_bert.h", -1, bert, NULL},
    {"lm_encode.h", -1, NULL, NULL},
    {"lm_join.h", -1, joins, NULL},
    {"lm_normal.h", -1, normal, NULL},
    {"lm_charsmap.h", -1, charsmap, NULL},
    {"lm_grapheme_table.h", -1, clusters, NULL},
    {"lm_grapheme.h", -1, clusters, NULL},
    {"lm_cluster.h", -1, clusters, NULL},
    {"lm_normalized.h", -1, normalized, NULL},
    {"lm_grammar.h", -1, grammars, NULL},
};

/* Kernel files that build on another one. */
static const struct {
    const char *file, *needs;
} builds_on[] = {
    {"arm/lm_ternary_thumb1.h", "arm/lm_planes_thumb1.h"},
    {"arm/lm_ternary_thumb2.h", "arm/lm_planes_thumb2.h"},
    {"arm/lm_ternary_mve.h", "arm/lm_planes_mve.h"},
    {"arm/lm_xnor_mve.h", "arm/lm_planes_mve.h"},
    {"arm/lm_pairs_thumb1.h", "arm/lm_planes_thumb1.h"},
    {"arm/lm_pairs_thumb2.h", "arm/lm_planes_thumb2.h"},
    {"riscv/lm_pairs_rv32.h", "riscv/lm_planes_rv32.h"},
    {"arm/lm_int8_pair_thumb1.h", "arm/lm_int8_thumb1.h"},
    {"arm/lm_int8_pair_dsp.h", "arm/lm_int8_dsp.h"},
    {"riscv/lm_ternary_rv32.h", "riscv/lm_planes_rv32.h"},
};

/* What a compiler defines when it compiles for a core with the feature. */
static const char *const guards[FEATURES] = {
    [FEATURE_THUMB1] =
        "(defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)) && !defined(__ARM_BIG_ENDIAN)",
    [FEATURE_THUMB2] = "defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)",
    [FEATURE_DSP] =
        "defined(__thumb2__) && defined(__ARM_FEATURE_DSP) && !defined(__ARM_BIG_ENDIAN)",
    [FEATURE_MVE] = "defined(__ARM_FEATURE_MVE)",
    [FEATURE_RV32IMC] = "defined(__riscv_muldiv) && __riscv_xlen == 32 && !defined(__riscv_32e)",
};

static bool is_pair(const Op *op)
{
    return op->kind == OP_TABLE_PAIR || op->kind == OP_MATVEC_PAIR;
}

static bool runs_kernel_of(const Emission *e, const char *file)
{
    const Program *p = e->unit->program;
    for (int i = 0; i < p->n_ops; i++) {
        const Op *op = &p->ops[i];
        const Kernel *k = &kernels[op->kernel < 0 ? 0 : op->kernel];
        if (op->kernel >= 0 && strcmp(is_pair(op) ? k->pair_file : k->file, file) == 0)
            return true;
    }
    for (size_t i = 0; i < LENGTH(builds_on); i++)
        if (strcmp(builds_on[i].needs, file) == 0 && runs_kernel_of(e, builds_on[i].file))
            return true;
    return false;
}

/* NULL: the portable file is the best there is. */
static const struct RuntimeFile *better_than(const Emission *e, const char *file)
{
    for (size_t i = 0; i < LENGTH(files); i++)
        if (files[i].instead_of && strcmp(files[i].instead_of, file) == 0 &&
            e->unit->target->feature[files[i].needs])
            return strcmp(files[i].file, file) == 0 ? NULL : &files[i];
    return NULL;
}

static void put_loops(const Emission *e, const struct RuntimeFile *f, Buf *b)
{
    const struct RuntimeFile *better = better_than(e, f->file);
    if (better) {
        buf_printf(b, "#if %s\n", guards[better->needs]);
        emit_file(e, better->file, b);
        buf_puts(b, "#else\n");
    }
    emit_file(e, f->file, b);
    if (better)
        buf_puts(b, "#endif\n\n");
}

void emit_any_core(const Emission *e, const char *file, Buf *b)
{
    const char *directive = "#if";
    for (size_t i = 0; i < LENGTH(files); i++)
        if (files[i].instead_of && strcmp(files[i].instead_of, file) == 0) {
            buf_printf(b, "%s %s\n", directive, guards[files[i].needs]);
            emit_file(e, files[i].file, b);
            directive = "#elif";
        }
    buf_puts(b, "#else\n");
    emit_file(e, file, b);
    buf_puts(b, "#endif\n\n");
}

static void put_twin(const char *name, const char *portable, Buf *b)
{
    if (name && strcmp(name, portable) != 0)
        buf_printf(b, "#define %s %s\n", name, portable);
}

/* The kernels of a file; on other cores their names mean the portable twins. */
static void put_kernels(const Emission *e, const struct RuntimeFile *f, Buf *b)
{
    buf_printf(b, "#if %s\n", guards[f->needs]);
    emit_file(e, f->file, b);
    buf_puts(b, "#else\n");
    for (const Kernel *k = kernels; k->name; k++) {
        const Kernel *p = kernel_twin(k);
        if (strcmp(k->file, f->file) == 0) {
            put_twin(k->function, p->function, b);
            put_twin(k->table_function, p->table_function, b);
            put_twin(k->part_function, p->part_function, b);
        }
        if (k->pair_file && strcmp(k->pair_file, f->file) == 0) {
            put_twin(k->pair_function, p->pair_function, b);
            put_twin(k->pair_table_function, p->pair_table_function, b);
        }
    }
    buf_puts(b, "#endif\n\n");
}

void emit_runtime(const Emission *e, Buf *b)
{
    for (size_t i = 0; i < LENGTH(files); i++) {
        const struct RuntimeFile *f = &files[i];
        if (f->instead_of)
            continue;
        if (f->needs < 0 && (!f->used || f->used(e)))
            put_loops(e, f, b);
        else if (f->needs >= 0 && runs_kernel_of(e, f->file))
            put_kernels(e, f, b);
    }
}
