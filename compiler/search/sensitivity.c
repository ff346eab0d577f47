/* What each tensor loses at each width: one is quantized, all others stay float. */
#include "search.h"

#include <math.h>

#define MAX_FIT_ROUNDS 6 /* enough to rank tensors */

const double width_bits[WIDTHS] = {1, 1.6, 2, 3, 4, 5, 6, 8};

/* By weights alone: what a fit on calibration data gains differs little from tensor to tensor. */
void quantize_linear_alone(Arena *a, Linear *l, double bits, int rounds)
{
    if (bits == 8) {
        fit_int8(a, l);
    } else if (bits == 1.6) {
        fit_ternary(a, l, rounds);
    } else {
        fit_planes(a, l, (int)bits, rounds);
    }
}

Sensitivity measure_sensitivity(Arena *a, Judge *j, const Model *original, const unsigned *allowed,
                                int rounds)
{
    Model *walk = (Model *)(uintptr_t)original; /* only read: the walkers serve writers too */
    Sensitivity s = {0};
    rounds = rounds < MAX_FIT_ROUNDS ? rounds : MAX_FIT_ROUNDS;
    while (model_linears(walk, s.n)) {
        s.n++;
    }
    s.loss = arena_alloc(a, (size_t)s.n, sizeof *s.loss);
    for (int i = 0; i < s.n; i++) {
        for (int w = 0; w < WIDTHS; w++) {
            Arena *scratch = arena_new();
            Linear l = *model_linears(walk, i);
            s.loss[i][w] = INFINITY;
            if (allowed[i] >> w & 1) {
                quantize_linear_alone(scratch, &l, width_bits[w], rounds);
                s.loss[i][w] = fmax(judge_linear(j, i, &l), 0); /* rounding may leave less than 0 */
            }
            arena_free(scratch);
        }
        note("search: %s: loses %.5f at 2 bits, %.5f at 4", model_linears(walk, i)->name,
             s.loss[i][2], s.loss[i][4]);
    }
    return s;
}
