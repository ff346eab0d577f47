/* Gives every linear its codes, in the format that the recipe's bits name for it. */
#include "pass.h"

#include <math.h>

#define TERNARY_BITS 1.6 /* five ternary weights a byte */
#define INT8_BITS 8.0

static void check_finite(const Model *m, const Linear *l)
{
    for (size_t i = 0; i < (size_t)l->rows * (size_t)l->cols; i++) {
        if (!isfinite(l->w[i])) {
            fatal("%s: tensor %s: row %zu column %zu is not finite", m->path, l->name,
                  i / (size_t)l->cols, i % (size_t)l->cols);
        }
    }
}

static void quantize_linear(Unit *u, Linear *l)
{
    double bits = recipe_bits_for(u->recipe, l->name);
    check_finite(u->model, l);
    if (bits == INT8_BITS) {
        fit_int8(u->arena, l);
    } else if (bits == TERNARY_BITS) {
        fit_ternary(u->arena, l, u->recipe->fit_rounds);
    } else if (bits >= 1 && bits <= MAX_PLANES && bits == floor(bits)) {
        fit_planes(u->arena, l, (int)bits, u->recipe->fit_rounds);
    } else {
        fatal("recipe: quantize: tensor %s: %g bits; a tensor has 1 to %d, %g or %g", l->name, bits,
              MAX_PLANES, TERNARY_BITS, INT8_BITS);
    }
    note("quantize: %s: %s, %g bits", l->name, format_names[l->format], bits);
}

void pass_quantize(Unit *u)
{
    Linear *l;
    for (int i = 0; (l = model_linears(u->model, i)) != NULL; i++) {
        quantize_linear(u, l);
    }
}
