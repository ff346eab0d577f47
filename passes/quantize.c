/* Gives every linear its codes, in the format that the recipe's bits name for it. */
#include "quantize.h"

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

void fit_weights(Arena *a, Linear *l, const GptqOptions *o)
{
    switch (o->format) {
    case FORMAT_INT8: fit_int8(a, l); break;
    case FORMAT_TERNARY: fit_ternary(a, l, o->rounds); break;
    case FORMAT_PLANES: (o->uniform ? fit_uniform : fit_planes)(a, l, o->planes, o->rounds); break;
    case FORMAT_FLOAT:
    case FORMATS: die("format %d", (int)o->format);
    }
}

static GptqOptions fit_options(const Recipe *r, const Linear *l)
{
    double bits = recipe_bits_for(r, l->name);
    GptqOptions o = {.rounds = r->fit_rounds, .uniform = r->levels == LEVELS_UNIFORM};
    o.damping = 0.01;
    if (bits == INT8_BITS) {
        o.format = FORMAT_INT8;
    } else if (bits == TERNARY_BITS) {
        o.format = FORMAT_TERNARY;
    } else if (bits >= 1 && bits <= MAX_PLANES && bits == floor(bits)) {
        o.format = FORMAT_PLANES;
        o.planes = (int)bits;
    } else {
        fatal("recipe: quantize: tensor %s: %g bits; a tensor has 1 to %d, %g or %g", l->name, bits,
              MAX_PLANES, TERNARY_BITS, INT8_BITS);
    }
    return o;
}

/* Weights that are ternary already need no more than ternary codes, whatever they may take. */
static bool fit_ternary_lattice(Arena *a, Linear *l, const GptqOptions *o, bool gain)
{
    const GptqOptions ternary = {.format = FORMAT_TERNARY, .rounds = o->rounds};
    const bool wider = o->format == FORMAT_INT8 || (o->format == FORMAT_PLANES && o->planes > 1);
    return wider && fit_lattice(a, l, &ternary, gain);
}

void quantize_linear(Unit *u, Linear *l, const GptqMoments *m)
{
    GptqOptions o = fit_options(u->recipe, l);
    const bool gain = l != &u->model->positions;
    check_finite(u->model, l);
    if (fit_ternary_lattice(u->arena, l, &o, gain) || fit_lattice(u->arena, l, &o, gain)) {
        return;
    }
    if (m && gptq_moments_usable(m)) {
        double error = gptq_fit(u->arena, l, m, &o).error;
        note("quantize: %s: %s, %g bits, %.3g of the outputs' energy lost", l->name,
             format_names[l->format], linear_bits(l), error);
    } else {
        if (m) {
            warn("%s: tensor %s: its inputs overflow on samples: fitted to its weights alone",
                 u->model->path, l->name);
        }
        fit_weights(u->arena, l, &o);
        note("quantize: %s: %s, %g bits", l->name, format_names[l->format], linear_bits(l));
    }
}

static void quantize_alone(Unit *u)
{
    Linear *l;
    int n = 0;
    while (model_linears(u->model, n)) {
        n++;
    }
    for (int i = 0; (l = model_linears(u->model, i)) != NULL; i++) {
        progress("quantize", i, n);
        quantize_linear(u, l, NULL);
    }
    progress("quantize", n, n);
}

void pass_quantize(Unit *u)
{
    (u->recipe->fit_method == FIT_GPTQ ? quantize_sequential : quantize_alone)(u);
    if (u->recipe->scales == SCALES_STATIC) {
        find_static_scales(u);
    }
}
