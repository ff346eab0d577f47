/* Which files of runtime_template/ go into the generated kernels header, in the order that they
 * need one another: the kernels that the program runs, and of each set of loops the best that the
 * target's core has. */
#include "emit.h"

#include <string.h>

static bool has_format(const Emission *e, Format f)
{
    Linear *l;
    for (int i = 0; (l = model_linears(e->unit->model, i)); i++)
        if (l->format == f)
            return true;
    return false;
}

static bool ternary(const Emission *e)
{
    return has_format(e, FORMAT_TERNARY);
}

static bool int8(const Emission *e)
{
    return has_format(e, FORMAT_INT8);
}

static bool words(const Emission *e)
{
    const Tokenizer *t = e->unit->model->tokenizer;
    return t && t->kind == TOKENIZER_BYTE_LEVEL;
}

/* Of the files of one slot, the first that the core can run is taken; most are alone in theirs.
 * `used` NULL: always. A file of kernels is there when the program runs one of them. */
static const struct RuntimeFile {
    const char *file;
    const char *slot; /* NULL: its own */
    int needs;        /* Feature or -1 */
    bool (*used)(const Emission *e);
    bool kernels;
} files[] = {
    {"lm_port.h", NULL, -1, NULL, false},
    {"lm_error.h", NULL, -1, NULL, false},
    {"lm_fixed.h", NULL, -1, NULL, false},
    {"lm_tables.h", NULL, -1, NULL, false},
    {"lm_functions.h", NULL, -1, NULL, false},
    {"lm_quantize.h", NULL, -1, NULL, false},
    {"lm_norm.h", NULL, -1, NULL, false},
    {"lm_planes.h", NULL, -1, NULL, false},
    {"arm/lm_planes_thumb1.h", NULL, FEATURE_THUMB1, NULL, true},
    {"arm/lm_planes_thumb2.h", NULL, FEATURE_THUMB2, NULL, true},
    {"arm/lm_planes_direct.h", NULL, FEATURE_THUMB2, NULL, true},
    {"arm/lm_planes_mve.h", NULL, FEATURE_MVE, NULL, true},
    {"lm_ternary.h", NULL, -1, ternary, false},
    {"arm/lm_ternary_thumb1.h", NULL, FEATURE_THUMB1, NULL, true},
    {"arm/lm_ternary_thumb2.h", NULL, FEATURE_THUMB2, NULL, true},
    {"arm/lm_ternary_mve.h", NULL, FEATURE_MVE, NULL, true},
    {"lm_int8.h", NULL, -1, int8, false},
    {"arm/lm_int8_dsp.h", NULL, FEATURE_DSP, NULL, true},
    {"arm/lm_int8_mve.h", NULL, FEATURE_MVE, NULL, true},
    {"lm_attention.h", NULL, -1, NULL, false},
    {"lm_layer.h", NULL, -1, NULL, false},
    {"lm_hash.h", NULL, -1, NULL, false},
    {"lm_sample.h", NULL, -1, NULL, false},
    {"lm_utf8.h", NULL, -1, NULL, false},
    {"lm_unicode.h", NULL, -1, words, false},
    {"lm_tokenizer.h", NULL, -1, NULL, false},
    {"lm_words.h", NULL, -1, words, false},
};

/* Kernel files that build on another one. */
static const struct {
    const char *file, *needs;
} builds_on[] = {
    {"arm/lm_ternary_thumb1.h", "arm/lm_planes_thumb1.h"},
    {"arm/lm_ternary_thumb2.h", "arm/lm_planes_thumb2.h"},
    {"arm/lm_ternary_mve.h", "arm/lm_planes_mve.h"},
};

static bool runs_kernel_of(const Emission *e, const char *file)
{
    const Program *p = e->unit->program;
    for (int i = 0; i < p->n_ops; i++)
        if (p->ops[i].kernel >= 0 && strcmp(kernels[p->ops[i].kernel].file, file) == 0)
            return true;
    for (size_t i = 0; i < LENGTH(builds_on); i++)
        if (strcmp(builds_on[i].needs, file) == 0 && runs_kernel_of(e, builds_on[i].file))
            return true;
    return false;
}

static bool suits(const Emission *e, const struct RuntimeFile *f)
{
    return f->needs < 0 || e->unit->target->feature[f->needs];
}

/* Another file of its slot comes before it in the table and is taken. */
static bool superseded(const Emission *e, const struct RuntimeFile *f)
{
    for (const struct RuntimeFile *o = files; f->slot && o < f; o++)
        if (o->slot && strcmp(o->slot, f->slot) == 0 && suits(e, o))
            return true;
    return false;
}

static bool used(const Emission *e, const struct RuntimeFile *f)
{
    if (f->kernels)
        return runs_kernel_of(e, f->file);
    return suits(e, f) && !superseded(e, f) && (!f->used || f->used(e));
}

void emit_runtime(const Emission *e, Buf *b)
{
    for (size_t i = 0; i < LENGTH(files); i++) {
        if (!used(e, &files[i]))
            continue;
        const EmbeddedFile *f =
            embedded_find(arena_printf(e->arena, "runtime_template/%s", files[i].file));
        if (!f)
            die("no template %s", files[i].file);
        buf_write(b, f->data, f->size);
        buf_puts(b, "\n");
    }
}
