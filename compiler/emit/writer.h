/* What the writers of ops share: the buffer that calls go to, and operands as text. */
#ifndef LMCC_WRITER_H
#define LMCC_WRITER_H

#include "layers.h"

#include <string.h>

typedef struct Writer {
    const Emission *e;
    const Program *p;
    Buf *shapes;
    Body *body; /* of the layer that the calls are for */
    Buf *calls; /* in it */
    int n_known;
    const char **known; /* names of the shapes written so far */
    bool prefill;       /* the calls are for two tokens of a prompt, whose places are in `at` */
    const Op *op;       /* whose call is written */
    int *local;         /* scalars, by their number in the program: their number in the function */
} Writer;

static inline long long imm(const Op *op, int i)
{
    return (long long)op->imm[i];
}

/* Something that may differ between layers of one shape: `name` is its name in the shape. */
static inline const char *hole(const Writer *w, const char *name, const char *type,
                               const char *value)
{
    return body_hole(w->e->arena, w->body, (Hole){name, type, "", value, value});
}

/* A name of constants or buffers as a member of a struct, without the layer's number:
 * "l3_q_codes" and "layers.3.attn.q" give "q_codes" and "attn_q". */
static inline const char *member(const Writer *w, const char *name)
{
    const size_t word = strspn(name, "layers.");
    const size_t digits = name[0] == 'l' ? strspn(name + word, "0123456789") : 0;
    char *s = arena_strndup(w->e->arena, name, strlen(name));
    for (char *c = s; *c; c++)
        *c = *c == '.' || *c == '-' ? '_' : *c;
    return digits > 0 ? s + word + digits + 1 : s;
}

/* An int32_t argument that layers may differ in. */
static inline const char *number(const Writer *w, const char *name, long long value)
{
    return hole(w, name, "int32_t ", arena_printf(w->e->arena, "%lld", value));
}

/* "LM_I32(128)": a buffer in the state's memory. */
static inline const char *at(const Writer *w, int buffer)
{
    static const char *const macros[ELEMS] = {[ELEM_I8] = "LM_I8",
                                              [ELEM_I16] = "LM_I16",
                                              [ELEM_U16] = "LM_U16",
                                              [ELEM_I32] = "LM_I32",
                                              [ELEM_U32] = "LM_U32"};
    const Buffer *b = &w->p->buffers[buffer];
    const char *offset = arena_printf(w->e->arena, "%lld", (long long)b->offset);
    const char *own = b->row > 0 ? arena_printf(w->e->arena, " + at * %d", b->row) : "";
    return arena_printf(w->e->arena, "%s(%s)%s", macros[b->elem],
                        hole(w, member(w, b->name), "uint32_t ", offset), own);
}

/* "LM_CONST_U8(128)": a constant in the blob. */
static inline const char *in_blob(const Writer *w, int i)
{
    static const char *const macros[ELEMS] = {
        [ELEM_I8] = "LM_CONST_I8",   [ELEM_U8] = "LM_CONST_U8",   [ELEM_I16] = "LM_CONST_I16",
        [ELEM_U16] = "LM_CONST_U16", [ELEM_I32] = "LM_CONST_I32", [ELEM_U32] = "LM_CONST_U32"};
    const Data *d = &w->p->data[i];
    const char *offset = arena_printf(w->e->arena, "%lld", (long long)w->e->file->offset[i]);
    return arena_printf(w->e->arena, "%s(%s)", macros[d->elem],
                        hole(w, member(w, d->name), "uint32_t ", offset));
}

/* "story_l0_q_codes": a constant. */
static inline const char *data(const Writer *w, int i)
{
    static const char *const types[ELEMS] = {
        [ELEM_I8] = "const int8_t *",   [ELEM_U8] = "const uint8_t *",
        [ELEM_I16] = "const int16_t *", [ELEM_U16] = "const uint16_t *",
        [ELEM_I32] = "const int32_t *", [ELEM_U32] = "const uint32_t *"};
    const Data *d = &w->p->data[i];
    if (w->e->weights == WEIGHTS_BLOB)
        return in_blob(w, i);
    return hole(w, member(w, d->name), types[d->elem],
                arena_printf(w->e->arena, "%s_%s", w->e->name, d->name));
}

static inline int local(const Writer *w, int scalar)
{
    return w->local[scalar];
}

/* "s3 - 18 * 65536": the unit of a buffer from its scale and exponent. */
static inline const char *unit(const Writer *w, int scalar, int64_t exp)
{
    Arena *a = w->e->arena;
    const long long size = (long long)(exp < 0 ? -exp : exp);
    const Hole h = {
        .name = arena_printf(a, "%s_unit", member(w, op_info[w->op->kind].name)),
        .type = "int32_t ",
        .lead = " + ",
        .text = exp ? arena_printf(a, " %c %lld * 65536", exp < 0 ? '-' : '+', size) : "",
        .value = arena_printf(a, "%s%lld * 65536", exp < 0 ? "-" : "", size),
    };
    return arena_printf(a, "s%d%s", local(w, scalar), body_hole(a, w->body, h));
}

/* "s->position": where the op's token stands. */
static inline const char *place(const Writer *w, const Op *op, const char *what)
{
    if (w->prefill)
        return arena_printf(w->e->arena, "at[%d].%s", op->token, what);
    if (w->p->encoder && strcmp(what, "filled") == 0)
        return op->kind == OP_ATTEND ? "n" : "at + 1";
    if (w->p->encoder)
        return "(uint32_t)at";
    return arena_printf(w->e->arena, "%s%s", strcmp(what, "filled") == 0 ? "" : "s->", what);
}

/* Where the op's token stands in its layer's ring: `slot`, or how many are `filled` with it. */
static inline const char *ring(const Writer *w, const Op *op, const char *what)
{
    const int window = model_window(w->e->unit->model, op->layer, w->p->window);
    if (window == w->p->window)
        return place(w, op, what);
    if (strcmp(what, "filled") == 0)
        return arena_printf(w->e->arena, "lm_ring_filled(%s, %d)", place(w, op, what), window);
    return arena_printf(w->e->arena, "lm_ring_slot(%s, %dU)", place(w, op, "position"), window);
}

/* True when the shape of this name has to be written now; starts its definition. */
static inline bool new_shape(Writer *w, const char *name, const char *type, const char *params)
{
    for (int i = 0; i < w->n_known; i++)
        if (strcmp(w->known[i], name) == 0)
            return false;
    w->known = arena_grow(w->e->arena, w->known, w->n_known, sizeof *w->known);
    w->known[w->n_known++] = name;
    buf_printf(w->shapes, "LM_FUNCTION %s %s(%s)\n{\n    ", type, name, params);
    return true;
}

/* compiler/emit/matrices.c: the calls of tables and matrices, and the functions that they call. */
void write_table(Writer *w, const Op *op);
void write_matvec(Writer *w, const Op *op);
void write_matvec_part(Writer *w, const Op *op);
void write_top(Writer *w, const Op *op);
void write_table_pair(Writer *w, const Op *op);
void write_matvec_pair(Writer *w, const Op *op);

/* compiler/emit/static.c: the call of an op whose x has a static scale. */
void write_static(Writer *w, const Op *op);

/* compiler/emit/encoder.c: the calls of ops that only encoders have. */
void write_norm_fixed(Writer *w, const Op *op);
void write_quantize(Writer *w, const Op *op);
void write_patch(Writer *w, const Op *op);
void write_dense(Writer *w, const Op *op);
void write_pool(Writer *w, const Op *op);
void write_unit(Writer *w, const Op *op);

#endif
