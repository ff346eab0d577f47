/* The program's part of the text IR: buffers, ops, constants. What an operand refers to is checked
 * by the verifier, once everything has been read. */
#include "ir_text.h"

#include <stdio.h>
#include <string.h>

/* "%3" for i = 3 */
static void read_number(IrReader *r, const char *sigil, int i)
{
    char expected[16];
    snprintf(expected, sizeof expected, "%s%d", sigil, i);
    ir_expect(r, expected);
}

static void read_buffer(IrReader *r, Program *p)
{
    Buffer b = {0};
    read_number(r, "%", p->n_buffers);
    b.name = ir_name(r, "a buffer's name");
    b.elem = (ElemType)ir_choice(r, "a buffer's type", elem_names, ELEMS);
    b.count = (int)ir_key_int(r, "count", 1, INT32_MAX / 4);
    b.lasting = ir_key_bool(r, "lasting");
    b.first = (int)ir_key_int(r, "first", -1, INT32_MAX);
    b.last = (int)ir_key_int(r, "last", -1, INT32_MAX);
    b.offset = ir_key_int(r, "offset", -1, INT32_MAX);
    b.row = (int)ir_optional_int(r, "row", 1, INT32_MAX / 4, 0);
    ir_line_end(r);
    const int i = program_add_buffer(r->arena, p, b.name, b.elem, b.count, b.lasting);
    p->buffers[i] = b;
}

static void read_bytes(IrReader *r, Data *d)
{
    const int64_t n = d->count * elem_bytes[d->elem];
    for (int64_t k = 0; k < n; k += IR_DATA_LINE) {
        ir_line(r);
        ir_expect(r, "bytes");
        ir_hex(r, (uint8_t *)d->bytes + k, n - k < IR_DATA_LINE ? n - k : IR_DATA_LINE, 2);
        ir_line_end(r);
    }
}

static void read_data(IrReader *r, Program *p)
{
    read_number(r, "$", p->n_data);
    const char *name = ir_name(r, "a constant's name");
    const ElemType elem = (ElemType)ir_choice(r, "a constant's type", elem_names, ELEMS);
    const int64_t count = ir_key_int(r, "count", 1, INT32_MAX);
    const int align = (int)ir_key_int(r, "align", 1, 4096);
    const int64_t waste = ir_key_int(r, "waste", 0, INT32_MAX);
    const int region = (int)ir_key_int(r, "region", -1, MAX_REGIONS - 1);
    ir_line_end(r);
    ir_room(r, count * elem_bytes[elem], 2, "bytes");
    const int i = program_add_data(r->arena, p, name, elem, count); /* moves p->data */
    Data *d = &p->data[i];
    d->align = align;
    d->waste = waste;
    d->region = region;
    read_bytes(r, d);
}

/* Ops -------------------------------------------------------------------------------------- */

static OpKind read_kind(IrReader *r)
{
    ir_word(r, "an op");
    for (int k = 0; k < OPS; k++) {
        if (strcmp(op_info[k].name, r->word) == 0) {
            return (OpKind)k;
        }
    }
    ir_fatal(r, "op \"%s\" is unknown", text_clip(r->word).s);
}

static int read_linear_name(IrReader *r, Model *m)
{
    const Linear *l;
    for (int i = 0; (l = model_linears(m, i)) != NULL; i++) {
        if (strcmp(l->name, r->word) == 0) {
            return i;
        }
    }
    ir_fatal(r, "linear \"%s\" is unknown", text_clip(r->word).s);
}

static int read_kernel_name(IrReader *r)
{
    const int k = find_kernel(r->word);
    if (k < 0) {
        ir_fatal(r, "kernel \"%s\" is unknown", text_clip(r->word).s);
    }
    return k;
}

/* KEY=%3, or KEY=- for one that is not there yet */
static int read_ref(IrReader *r, const char *key, char sigil)
{
    int i, end = 0;
    ir_key(r, key);
    if (strcmp(r->word, "-") == 0) {
        return -1;
    }
    if (r->word[0] != sigil || strlen(r->word) > 9 || sscanf(r->word + 1, "%d%n", &i, &end) != 1 ||
        i < 0 || r->word[1 + end]) {
        ir_fatal(r, "%s: expected - or a reference such as %c3, got \"%s\"", key, sigil,
                 text_clip(r->word).s);
    }
    return i;
}

static void read_refs(IrReader *r, const char *section, const char *const *keys, char sigil,
                      int *refs)
{
    if (keys[0]) {
        ir_expect(r, section);
    }
    for (int i = 0; keys[i]; i++) {
        refs[i] = read_ref(r, keys[i] + (keys[i][0] == '?'), sigil);
    }
}

static void read_op(IrReader *r, Program *p, Model *m)
{
    ir_int(r, "an op's number", p->n_ops, p->n_ops);
    const OpKind kind = read_kind(r);
    const int layer = (int)ir_key_int(r, "layer", -1, m->n_layers);
    Op *op = program_add_op(r->arena, p, kind, layer);
    const OpInfo *info = &op_info[kind];
    if (ir_try_key(r, "token")) {
        if (strcmp(r->word, "1") != 0) {
            ir_fatal(r, "token %s: a batch has tokens 0 and 1", text_clip(r->word).s);
        }
        op->token = 1;
    }
    op->phase = (int)ir_optional_int(r, "phase", 1, PHASES - 1, 0);
    if (ir_try_key(r, "linear")) {
        op->linear = read_linear_name(r, m);
    }
    if (ir_try_key(r, "kernel")) {
        op->kernel = read_kernel_name(r);
    }
    read_refs(r, "in", info->in, '%', op->in);
    read_refs(r, "out", info->out, '%', op->out);
    read_refs(r, "data", info->data, '$', op->data);
    if (info->imm[0]) {
        ir_expect(r, "imm");
    }
    for (int i = 0; info->imm[i]; i++) {
        op->imm[i] = info->imm[i][0] == '?'
                         ? ir_optional_int(r, info->imm[i] + 1, INT64_MIN, INT64_MAX, 0)
                         : ir_key_int(r, info->imm[i], INT64_MIN, INT64_MAX);
    }
    read_refs(r, "scalar", info->scalar_in, 's', op->scalar_in);
    if (info->scalar_out) {
        ir_expect(r, "gives");
        op->scalar_out = read_ref(r, info->scalar_out, 's');
    }
    ir_line_end(r);
}

Program *ir_parse_program(IrReader *r, Model *m)
{
    Program *p = NEW(r->arena, Program, 1);
    p->encoder = m->encoder;
    p->window = (int)ir_key_int(r, "window", 1, INT32_MAX);
    p->sinks = (int)ir_key_int(r, "sinks", 0, INT32_MAX);
    p->residual_fraction = (int)ir_key_int(r, "residual_fraction", 0, 31);
    p->n_scalars = (int)ir_key_int(r, "scalars", 0, 1 << 20);
    p->n_step = (int)ir_key_int(r, "step", 0, INT32_MAX);
    p->state_bytes = ir_key_int(r, "state_bytes", 0, INT32_MAX);
    p->weight_bytes = ir_key_int(r, "weight_bytes", 0, INT32_MAX);
    ir_line_end(r);
    for (ir_line(r); ir_try(r, "buffer"); ir_line(r)) {
        read_buffer(r, p);
    }
    for (; ir_try(r, "op"); ir_line(r)) {
        read_op(r, p, m);
    }
    for (; ir_try(r, "data"); ir_line(r)) {
        read_data(r, p);
    }
    return p;
}
