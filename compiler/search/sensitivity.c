/* What each tensor loses at each width: one is quantized, all others stay float. */
#include "search.h"

#include <math.h>

const double width_bits[WIDTHS] = {1, 1.6, 2, 3, 4, 5, 6, 8};

static void measure_linear(Fitter *f, Judge *j, int i, unsigned allowed, double *loss)
{
    for (int w = 0; w < WIDTHS; w++) {
        Arena *scratch = arena_new();
        Linear l;
        loss[w] = INFINITY;
        if (allowed >> w & 1) {
            fitter_fit(f, scratch, i, width_bits[w], &l);
            loss[w] = fmax(judge_linear(j, i, &l), 0); /* rounding may leave less than 0 */
        }
        arena_free(scratch);
    }
}

Sensitivity measure_sensitivity(const Unit *folded, Judge *j, const unsigned *allowed)
{
    Arena *a = folded->arena;
    Sensitivity s = {0};
    while (model_linears(folded->model, s.n)) {
        s.n++;
    }
    s.loss = arena_alloc(a, (size_t)s.n, sizeof *s.loss);
    Fitter *f = fitter_new(a, folded, folded->model);
    for (int i = 0; i < s.n; i++) {
        progress("search: tensors", i, s.n);
        measure_linear(f, j, i, allowed[i], s.loss[i]);
        note("search: %s: loses %.5f at 2 bits, %.5f at 4", model_linears(folded->model, i)->name,
             s.loss[i][2], s.loss[i][4]);
    }
    progress("search: tensors", s.n, s.n);
    fitter_free(f);
    return s;
}
