/* Invariants of the ops that read matrices: sums that fit in 32 bits, kernels that the target has,
 * tables that hold what the kernel expects, packed bytes that decode to the model's codes. */
#include "verify.h"

#include <stdlib.h>

static const Op *op_at(const Verifier *v, int i)
{
    return &v->program->ops[i];
}

/* Sums ------------------------------------------------------------------------------------- */

static int64_t most(const Linear *l)
{
    int64_t sum = llabs((long long)l->zero);
    for (int k = 0; k < l->planes; k++) {
        sum += llabs((long long)l->coef[k]);
    }
    return l->format == FORMAT_PLANES ? sum : l->format == FORMAT_TERNARY ? 1 : 127;
}

/* acc = codes . x with |x| <= 127, or 1 of signs, in any order of its parts; y = (acc >> pre) *
 * scale, and the floor of a negative acc is one further from zero. */
static void check_sums(const Verifier *v, int op, const Linear *l)
{
    const int64_t pre = op_at(v, op)->imm[MATVEC_PRE], x = reads_signs(v->program, op) ? 1 : 127;
    if (pre < 0 || pre > 31) {
        broken(v, "op %d (matvec): pre is %lld", op, (long long)pre);
    }
    if (x * most(l) * l->cols > INT32_MAX) {
        broken(v, "op %d (matvec): %s: sums of %d products do not fit in 32 bits", op, l->name,
               l->cols);
    }
    for (int r = 0; r < l->rows; r++) {
        int64_t acc = 0;
        for (int c = 0; c < l->cols; c++) {
            const uint8_t code = l->code[(size_t)r * (size_t)l->cols + (size_t)c];
            acc += x * llabs((long long)linear_code_value(l, code));
        }
        if (((acc + (1LL << pre) - 1) >> pre) * l->scale[r] > INT32_MAX) {
            broken(v, "op %d (matvec): %s: row %d does not fit in 32 bits with pre=%lld", op,
                   l->name, r, (long long)pre);
        }
    }
}

/* Kernels and tables ----------------------------------------------------------------------- */

static void need_vector(const Verifier *v, int op, int buffer, ElemType elem, int64_t count)
{
    const Buffer *b = &v->program->buffers[buffer];
    if (b->elem != elem || b->count < count) {
        broken(v, "op %d (%s): buffer %s is %d %s, not %lld %s", op,
               op_info[op_at(v, op)->kind].name, b->name, b->count, elem_names[b->elem],
               (long long)count, elem_names[elem]);
    }
}

static const Kernel *need_kernel(const Verifier *v, int i)
{
    const Op *op = op_at(v, i);
    if (op->kernel < 0) {
        broken(v, "op %d (%s): no kernel is chosen", i, op_info[op->kind].name);
    }
    const Kernel *k = &kernels[op->kernel];
    const Target *t = v->unit->target;
    if (t && k->needs >= 0 && !t->feature[k->needs]) {
        broken(v, "op %d (%s): kernel %s needs %s, which %s does not have", i,
               op_info[op->kind].name, k->name, feature_names[k->needs], t->name);
    }
    return k;
}

static void check_table(const Verifier *v, int i)
{
    const Op *op = op_at(v, i);
    const int64_t cols = op->imm[TABLE_COLS];
    const bool pair = op->kind == OP_TABLE_PAIR;
    if (!holds(v, FACT_CHOSEN)) {
        broken(v, "op %d (table): there, but no kernels are chosen", i);
    }
    const Kernel *k = need_kernel(v, i);
    if (!(pair ? k->pair_table_function : k->table_function)) {
        broken(v, "op %d (%s): kernel %s has no such table", i, op_info[op->kind].name, k->name);
    }
    const int64_t first = op->kind == OP_TABLE_PART ? op->imm[TABLE_FIRST] : 0;
    if (cols < 1 || cols > INT32_MAX / 256 || first < 0 || first > INT32_MAX / 256) {
        broken(v, "op %d (table): %lld inputs from %lld", i, (long long)cols, (long long)first);
    }
    if (k->table == TABLE_BITS && !reads_signs(v->program, i)) {
        broken(v, "op %d (table): bits of a vector that is not of signs", i);
    }
    need_vector(v, i, op->in[0], ELEM_I8, first + cols);
    if (pair) {
        need_vector(v, i, op->in[1], ELEM_I8, cols);
    }
    need_vector(v, i, op->out[0], pair ? ELEM_U32 : ELEM_I16, table_entries(k->table, (int)cols));
}

/* The op before op i that wrote a buffer last. */
static const Op *writer(const Verifier *v, int i, int buffer)
{
    const int w = writer_of(v->program, i, buffer);
    return w < 0 ? NULL : op_at(v, w);
}

/* What a matvec reads was made by a table op of the same form, for as many inputs. */
static void check_reads_table(const Verifier *v, int i, const Kernel *k)
{
    const Op *op = op_at(v, i), *table = writer(v, i, op->in[0]);
    const bool part = op->kind == OP_MATVEC_PART;
    const OpKind kind = part                         ? OP_TABLE_PART
                        : op->kind == OP_MATVEC_PAIR ? OP_TABLE_PAIR
                                                     : OP_TABLE;
    const int64_t cols = op->imm[part ? (int)PART_WIDTH : (int)MATVEC_COLS];
    if (!table || table->kind != kind || kernels[table->kernel].table != k->table ||
        table->imm[TABLE_COLS] != cols ||
        (part && table->imm[TABLE_FIRST] != op->imm[PART_FIRST])) {
        broken(v, "op %d (matvec): its input is no %s table of %lld inputs", i,
               table_names[k->table], (long long)cols);
    }
    if (kernel_takes_sum(k) && op->scalar_in[0] != table->scalar_out) {
        broken(v, "op %d (matvec): sum is s%d, that of its table s%d", i, op->scalar_in[0],
               table->scalar_out);
    }
}

static void check_kernel(const Verifier *v, int i, const Linear *l)
{
    const Op *op = op_at(v, i);
    if (op->scalar_in[0] < -1 || op->scalar_in[0] >= v->program->n_scalars) {
        broken(v, "op %d (matvec): sum is s%d", i, op->scalar_in[0]);
    }
    if (!holds(v, FACT_CHOSEN)) {
        if (op->kernel != -1 || op->scalar_in[0] != -1) {
            broken(v, "op %d (matvec): has a kernel, but \"chosen\" does not hold", i);
        }
        need_vector(v, i, op->in[0], ELEM_I8, l->cols);
        return;
    }
    const Kernel *k = need_kernel(v, i);
    if (!kernel_reads(k, l->format, l->planes)) {
        broken(v, "op %d (matvec): kernel %s, but %s is %s of %g bits", i, k->name, l->name,
               format_names[l->format], linear_bits(l));
    }
    const bool pair = op->kind == OP_MATVEC_PAIR;
    if (pair && !k->pair_function) {
        broken(v, "op %d (matvec-pair): kernel %s takes one input", i, k->name);
    }
    if (pair && (op->in[1] >= 0) != (k->table == TABLE_NONE)) {
        broken(v, "op %d (matvec-pair): kernel %s, second input %d", i, k->name, op->in[1]);
    }
    if (k->table == TABLE_NONE) {
        need_vector(v, i, op->in[0], ELEM_I8, l->cols);
        if (pair) {
            need_vector(v, i, op->in[1], ELEM_I8, l->cols);
        }
    } else {
        check_reads_table(v, i, k);
    }
}

/* Parts follow one another from the first column to the last, each reading the same vector, and
 * nothing else writes what they add up in. */
static void check_part(const Verifier *v, int i)
{
    const Op *op = op_at(v, i);
    const Kernel *k = need_kernel(v, i);
    const int64_t first = op->imm[PART_FIRST], width = op->imm[PART_WIDTH];
    if (!k->part_function) {
        broken(v, "op %d (matvec-part): kernel %s takes all columns at once", i, k->name);
    }
    if (first < 0 || width < 1 || width >= op->imm[MATVEC_COLS] ||
        first > op->imm[MATVEC_COLS] - width || first % table_inputs(k->table) ||
        (first + width < op->imm[MATVEC_COLS] && width % table_inputs(k->table))) {
        broken(v, "op %d (matvec-part): %lld columns from %lld", i, (long long)width,
               (long long)first);
    }
    const Op *before = writer(v, i, op->out[0]);
    if (first > 0 && (!before || before->kind != OP_MATVEC_PART || before->linear != op->linear ||
                      before->kernel != op->kernel || before->token != op->token ||
                      before->imm[PART_FIRST] + before->imm[PART_WIDTH] != first)) {
        broken(v, "op %d (matvec-part): does not go on from the part before", i);
    }
    const Op *table = writer(v, i, op->in[0]);
    const Op *earlier = writer(v, (int)(table - v->program->ops), op->in[0]);
    if (first > 0 && (!earlier || earlier->in[0] != table->in[0])) {
        broken(v, "op %d (matvec-part): its table is of another vector than the part before's", i);
    }
}

/* A vector that parts add up in is read, or the step over, only when the last of them is there. */
static void check_finished(const Verifier *v, int i, int buffer)
{
    const Op *part = buffer < 0 ? NULL : writer(v, i, buffer);
    if (part && part->kind == OP_MATVEC_PART &&
        part->imm[PART_FIRST] + part->imm[PART_WIDTH] != part->imm[MATVEC_COLS]) {
        broken(v, "op %d (%s): reads %s, of which columns are missing", i,
               op_info[op_at(v, i)->kind].name, v->program->buffers[buffer].name);
    }
}

/* What a matrix with a gain reads has had it: since the last other matrix, and for each token. */
static void check_has_gain(const Verifier *v, int i, const Linear *l)
{
    const Op *op = op_at(v, i);
    int missing = l->gain > 0 ? (op->kind == OP_MATVEC_PAIR ? 2 : 1) : 0;
    for (int k = i - 1; k >= 0 && missing > 0; k--) {
        const Op *before = op_at(v, k);
        if (op_is_matvec(before->kind) && before->linear != op->linear) {
            break;
        }
        missing -= before->kind == OP_GAIN;
    }
    if (missing > 0) {
        broken(v, "op %d (matvec): %s has a gain, which its input's scale lacks", i, l->name);
    }
}

static void check_matvec(const Verifier *v, int i)
{
    const Op *op = op_at(v, i);
    const Linear *l = model_linears(v->model, op->linear);
    if (op->imm[MATVEC_ROWS] != l->rows || op->imm[MATVEC_COLS] != l->cols ||
        op->imm[MATVEC_PLANES] != (l->format == FORMAT_PLANES ? l->planes : 0)) {
        broken(v, "op %d (matvec): %lld x %lld, %lld planes: not what %s is", i,
               (long long)op->imm[MATVEC_ROWS], (long long)op->imm[MATVEC_COLS],
               (long long)op->imm[MATVEC_PLANES], l->name);
    }
    const int outputs = op->kind == OP_MATVEC_PAIR ? 2 : op->kind == OP_TOP ? 0 : 1;
    for (int k = 0; k < outputs; k++) { /* whole blocks are written */
        need_vector(v, i, op->out[k], ELEM_I32, packed_rows(l));
    }
    if (reads_signs(v->program, i) != model_signs_layer(v->model, op->layer)) {
        broken(v, "op %d (matvec): %s reads %s, but the model's activations have %d bits", i,
               l->name, reads_signs(v->program, i) ? "signs" : "no signs",
               v->model->activation_bits);
    }
    check_has_gain(v, i, l);
    check_sums(v, i, l);
    check_kernel(v, i, l);
    if (op->kind == OP_MATVEC_PART) {
        check_part(v, i);
    }
}

/* Packed weights --------------------------------------------------------------------------- */

static void check_layout(const Verifier *v, int i, const Linear *l, int64_t stride)
{
    const Data *codes = &v->program->data[op_at(v, i)->data[0]];
    const Data *rows = &v->program->data[op_at(v, i)->data[1]];
    const int blocks = packed_rows(l) / block_rows(l->format, l->planes);
    const Target *t = v->unit->target;
    if (stride < block_bytes(l->format, l->planes, l->cols) || stride > INT32_MAX / blocks ||
        codes->elem != ELEM_U8 || codes->count != stride * blocks) {
        broken(v, "op %d: %s: %lld bytes of codes in blocks of %lld", i, l->name,
               (long long)codes->count, (long long)stride);
    }
    if (rows->elem != ELEM_U8 || rows->count != BOOK_BYTES + packed_rows(l)) {
        broken(v, "op %d: %s: %lld bytes of row scales", i, l->name, (long long)rows->count);
    }
    const int kernel = op_at(v, i)->kernel;
    const int align = t && kernel >= 0 ? kernel_align(&kernels[kernel], t) : 4;
    if (t && (stride % align || codes->align % t->tensor_align)) {
        broken(v, "op %d: %s: blocks of %lld bytes aligned to %d: kernel and %s ask for %d and %d",
               i, l->name, (long long)stride, codes->align, t->name, align, t->tensor_align);
    }
}

static void check_rows(const Verifier *v, const Linear *l, const Data *d)
{
    const uint8_t *rows = d->bytes;
    for (int k = 0; k < BOOK_BYTES && l->format == FORMAT_PLANES; k++) {
        const int8_t want = k == 0 ? l->zero : k <= l->planes ? l->coef[k - 1] : 0;
        if ((int8_t)rows[k] != want) {
            broken(v, "%s: byte %d of the codebook is %d, not %d", d->name, k, (int8_t)rows[k],
                   want);
        }
    }
    for (int r = 0; r < packed_rows(l); r++) {
        const int want = r < l->rows ? l->scale[r] : 0;
        if (rows[BOOK_BYTES + r] != want) {
            broken(v, "%s: the scale of row %d is %d, not %d", d->name, r, rows[BOOK_BYTES + r],
                   want);
        }
    }
}

static void check_packed(const Verifier *v, int i)
{
    const Op *op = op_at(v, i);
    const Linear *l = model_linears(v->model, op->linear);
    const int64_t stride = op->imm[op_reads_row(op->kind) ? (int)EMBED_STRIDE : (int)MATVEC_STRIDE];
    check_layout(v, i, l, stride);
    check_rows(v, l, &v->program->data[op->data[1]]);
    const Data *codes = &v->program->data[op->data[0]];
    for (int r = 0; r < l->rows; r++) {
        for (int c = 0; c < l->cols; c++) {
            const int got = unpack_code(l->format, l->planes, stride, codes->bytes, r, c);
            const int want = l->code[(size_t)r * (size_t)l->cols + (size_t)c];
            if (got != want) {
                broken(v, "%s: row %d column %d decodes to %d, the code is %d", codes->name, r, c,
                       got, want);
            }
        }
    }
}

void verify_matrices(const Verifier *v)
{
    for (int i = 0; i < v->program->n_ops; i++) {
        const OpKind kind = op_at(v, i)->kind;
        if (kind == OP_TABLE || kind == OP_TABLE_PAIR || kind == OP_TABLE_PART) {
            check_table(v, i);
        }
        for (int k = 0; k < MAX_OPERANDS; k++) {
            check_finished(v, i, op_at(v, i)->in[k]);
        }
        if (kind == OP_LOGITS) {
            check_finished(v, i, op_at(v, i)->out[0]);
        }
        if (op_is_matvec(kind)) {
            check_matvec(v, i);
        }
        if (op_at(v, i)->linear >= 0 && holds(v, FACT_PACKED)) {
            check_packed(v, i);
        }
    }
    verify_static_inputs(v);
}
