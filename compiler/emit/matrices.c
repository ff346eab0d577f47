/* The calls of activation tables and matrices, whole, in parts of their columns, of two inputs at
 * once, and of a head that keeps the largest; and one function for each shape of a kernel. */
#include "writer.h"

#include <stdio.h>

/* "LM_I8(128) + 64": that many elements on. */
static const char *from(const Writer *w, const char *start, int64_t n)
{
    return n == 0 ? start : arena_printf(w->e->arena, "%s + %lld", start, (long long)n);
}

/* All of x, or a part of it. */
void write_table(Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    const long long cols = imm(op, TABLE_COLS);
    const char *name = /* without its lm_ */
        arena_printf(w->e->arena, "%s_%lld", k->table_function + 3, cols);
    if (new_shape(w, name, "int32_t", "const int8_t *x, int16_t *table"))
        buf_printf(w->shapes, "return %s(x, table, %lld);\n}\n\n", k->table_function, cols);
    buf_puts(w->calls, "    ");
    if (k->format == FORMAT_PLANES) /* the only one whose kernels take the sum */
        buf_printf(w->calls, "const int32_t s%d = ", local(w, op->scalar_out));
    else
        buf_puts(w->calls, "(void)");
    buf_printf(w->calls, "%s(%s, %s);\n", name, from(w, at(w, op->in[0]), imm(op, TABLE_FIRST)),
               at(w, op->out[0]));
}

/* "planes_byte_b2_x172": kernel, planes, inputs. How many rows there are is an argument: it costs
 * nothing, and matrices of one input share an instance. */
static const char *matvec_name(const Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    char name[128];
    int n = snprintf(name, sizeof name, "%s",
                     (op->kind == OP_MATVEC_PAIR ? k->pair_function : k->function) + 3);
    if (k->format == FORMAT_PLANES)
        n += snprintf(name + n, sizeof name - (size_t)n, "_b%lld", imm(op, MATVEC_PLANES));
    n += snprintf(name + n, sizeof name - (size_t)n, "_x%lld", imm(op, MATVEC_COLS));
    if (imm(op, MATVEC_PRE))
        n += snprintf(name + n, sizeof name - (size_t)n, "_pre%lld", imm(op, MATVEC_PRE));
    return arena_strndup(w->e->arena, name, (size_t)n);
}

/* The dimensions; whether planes are among them depends on the format. */
static void write_dimensions(const Writer *w, const Op *op)
{
    buf_printf(w->shapes, "n, %lld, ", imm(op, MATVEC_COLS));
    if (kernels[op->kernel].format == FORMAT_PLANES)
        buf_printf(w->shapes, "%lld, ", imm(op, MATVEC_PLANES));
    buf_printf(w->shapes, "%lld, %lld);\n}\n\n", imm(op, MATVEC_PRE), imm(op, MATVEC_STRIDE));
}

/* Gives whether it takes the sum of the inputs. */
static bool write_matvec_shape(Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    const bool sum = kernel_takes_sum(k);
    const char *params = arena_printf(
        w->e->arena,
        "const uint8_t *codes, const uint8_t *rows, const %s *x, %sint32_t *y, int32_t n",
        k->table == TABLE_NONE ? "int8_t" : "int16_t", sum ? "int32_t sum, " : "");
    if (new_shape(w, matvec_name(w, op), "void", params)) {
        buf_printf(w->shapes, "%s(codes, rows, x, %sy, ", k->function, sum ? "sum, " : "");
        write_dimensions(w, op);
    }
    return sum;
}

void write_matvec(Writer *w, const Op *op)
{
    const bool sum = write_matvec_shape(w, op);
    buf_printf(w->calls, "    %s(%s, %s, %s, ", matvec_name(w, op), data(w, op->data[0]),
               data(w, op->data[1]), at(w, op->in[0]));
    if (sum)
        buf_printf(w->calls, "s%d, ", local(w, op->scalar_in[0]));
    buf_printf(w->calls, "%s, %lld);\n", at(w, op->out[0]), imm(op, MATVEC_ROWS));
}

/* Which of a matrix's columns: the first, the last, others. */
static const struct PartName {
    const char *suffix, *constant;
} part_names[] = {
    {"_first", "LM_PART_FIRST"}, {"_next", "LM_PART_NEXT"}, {"_last", "LM_PART_LAST"}};

void write_matvec_part(Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    const bool sum = kernel_takes_sum(k), planes = k->format == FORMAT_PLANES;
    const bool last = imm(op, PART_FIRST) + imm(op, PART_WIDTH) == imm(op, MATVEC_COLS);
    const struct PartName *part = &part_names[imm(op, PART_FIRST) == 0 ? 0 : last ? 2 : 1];
    const char *bits = planes ? arena_printf(w->e->arena, "_b%lld", imm(op, MATVEC_PLANES)) : "";
    const long long pre = last ? imm(op, MATVEC_PRE) : 0;
    const char *name = arena_printf(w->e->arena, "%s%s_x%lld_of_%lld%s%s", k->part_function + 3,
                                    bits, imm(op, PART_WIDTH), imm(op, MATVEC_COLS), part->suffix,
                                    pre ? arena_printf(w->e->arena, "_pre%lld", pre) : "");
    const char *params = arena_printf(
        w->e->arena,
        "const uint8_t *codes, const uint8_t *rows, const int16_t *x, %sint32_t *y, int32_t n",
        sum ? "int32_t sum, " : "");
    if (new_shape(w, name, "void", params)) {
        buf_printf(w->shapes, "%s(codes, rows, x, %sy, n, %lld, ", k->part_function,
                   sum ? "sum, " : "", imm(op, PART_WIDTH));
        if (planes)
            buf_printf(w->shapes, "%lld, ", imm(op, MATVEC_PLANES));
        buf_printf(w->shapes, "%lld, %lld, %s);\n}\n\n", pre, imm(op, MATVEC_STRIDE),
                   part->constant);
    }
    const int64_t offset =
        block_bytes(k->format, (int)op->imm[MATVEC_PLANES], (int)op->imm[PART_FIRST]);
    buf_printf(w->calls, "    %s(%s, %s, %s, ", name, from(w, data(w, op->data[0]), offset),
               data(w, op->data[1]), at(w, op->in[0]));
    if (sum)
        buf_printf(w->calls, "s%d, ", local(w, op->scalar_in[0]));
    buf_printf(w->calls, "%s, %lld);\n", at(w, op->out[0]), imm(op, MATVEC_ROWS));
}

/* A chunk of rows, as lm_top calls for it. */
static const char *write_top_kernel(Writer *w, const Op *op)
{
    const bool sum = write_matvec_shape(w, op);
    const char *rows = matvec_name(w, op), *name = arena_printf(w->e->arena, "top_%s", rows);
    if (new_shape(w, name, "void",
                  "const uint8_t *codes, const uint8_t *rows, const void *x, int32_t sum, "
                  "int32_t *y, int32_t n"))
        buf_printf(w->shapes, "%s%s(codes, rows, x, %sy, n);\n}\n\n", sum ? "" : "(void)sum;\n    ",
                   rows, sum ? "sum, " : "");
    return name;
}

void write_top(Writer *w, const Op *op)
{
    const char *sum = kernel_takes_sum(&kernels[op->kernel])
                          ? arena_printf(w->e->arena, "s%d", local(w, op->scalar_in[0]))
                          : "0";
    buf_printf(w->calls,
               "    lm_top(%s, %s, %s, %s, %s, %s, %s, %s, %lld, %lld, %lld, %lld, "
               "%s_LOGIT_FRACTION);\n",
               write_top_kernel(w, op), data(w, op->data[0]), data(w, op->data[1]),
               at(w, op->in[0]), sum, unit(w, op->scalar_in[1], imm(op, TOP_EXP)),
               at(w, op->out[1]), at(w, op->out[0]), imm(op, MATVEC_ROWS), imm(op, TOP_N),
               imm(op, TOP_CHUNK), (long long)top_chunk_bytes(w->e->unit->model, op), w->e->upper);
}

void write_table_pair(Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    const long long cols = imm(op, TABLE_COLS);
    const char *name = arena_printf(w->e->arena, "%s_%lld", k->pair_table_function + 3, cols);
    if (new_shape(w, name, "lm_two", "const int8_t *x, const int8_t *second, uint32_t *table"))
        buf_printf(w->shapes, "return %s(x, second, table, %lld);\n}\n\n", k->pair_table_function,
                   cols);
    buf_puts(w->calls, "    ");
    if (kernel_takes_sum(k))
        buf_printf(w->calls, "const lm_two s%d = ", local(w, op->scalar_out));
    else
        buf_puts(w->calls, "(void)");
    buf_printf(w->calls, "%s(%s, %s, %s);\n", name, at(w, op->in[0]), at(w, op->in[1]),
               at(w, op->out[0]));
}

void write_matvec_pair(Writer *w, const Op *op)
{
    const Kernel *k = &kernels[op->kernel];
    const bool sum = kernel_takes_sum(k), straight = k->table == TABLE_NONE;
    const char *name = matvec_name(w, op);
    const char *params =
        arena_printf(w->e->arena,
                     "const uint8_t *codes, const uint8_t *rows, %s%s, int32_t *y, "
                     "int32_t *second_y, int32_t n",
                     straight ? "const int8_t *x, const int8_t *second" : "const uint32_t *table",
                     sum ? ", lm_two sums" : "");
    if (new_shape(w, name, "void", params)) {
        buf_printf(w->shapes, "%s(codes, rows, %s%s, y, second_y, ", k->pair_function,
                   straight ? "x, second" : "table", sum ? ", sums" : "");
        write_dimensions(w, op);
    }
    buf_printf(w->calls, "    %s(%s, %s, %s, ", name, data(w, op->data[0]), data(w, op->data[1]),
               at(w, op->in[0]));
    if (straight)
        buf_printf(w->calls, "%s, ", at(w, op->in[1]));
    if (sum)
        buf_printf(w->calls, "s%d, ", local(w, op->scalar_in[0]));
    buf_printf(w->calls, "%s, %s, %lld);\n", at(w, op->out[0]), at(w, op->out[1]),
               imm(op, MATVEC_ROWS));
}
