/* What is appended to the Program: buffers and ops under the name, layer and phase being lowered,
 * and constants in fixed point. */
#include "lower.h"

#include <math.h>

int add_buffer(Lowering *w, const char *what, ElemType elem, int64_t count, bool lasting)
{
    const char *name = w->layer < 0 || w->layer >= w->model->n_layers
                           ? what
                           : arena_printf(w->arena, "layers.%d.%s", w->layer, what);
    if (count > INT32_MAX / 4)
        fatal("%s: %s: %lld elements: more than any target can hold", w->model->path, name,
              (long long)count);
    return program_add_buffer(w->arena, w->program, name, elem, (int)count, lasting);
}

int add_row(Lowering *w, const char *what, ElemType elem, int n)
{
    const bool rows = w->program->encoder;
    const int i = add_buffer(w, what, elem, rows ? (int64_t)w->program->window * n : n, false);
    w->program->buffers[i].row = rows ? n : 0;
    return i;
}

int64_t padded(int64_t rows)
{
    return (rows + 7) / 8 * 8;
}

Op *add_op(Lowering *w, OpKind kind)
{
    Op *op = program_add_op(w->arena, w->program, kind, w->layer);
    op->phase = w->phase;
    return op;
}

int lower_integers(Lowering *w, const char *data_name, const float *v, int n, int fraction)
{
    const int data = program_add_data(w->arena, w->program, data_name, ELEM_I32, n);
    for (int i = 0; i < n; i++) {
        const double fixed = nearbyint(ldexp((double)v[i], fraction));
        ((int32_t *)w->program->data[data].bytes)[i] =
            (int32_t)fmin(fmax(fixed, -INT32_MAX), INT32_MAX);
    }
    return data;
}
