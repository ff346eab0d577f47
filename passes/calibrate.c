/* Finds the range of the residual stream: the largest |residual| over the unit's samples. */
#include "calibrate.h"

#include <math.h>

static float absmax(const Model *m, const Reference *r)
{
    float top = 0;
    for (int l = -1; l < m->n_layers; l++) {
        const float *x = reference_residual(r, l);
        for (int i = 0; i < m->dim; i++) {
            if (!isfinite(x[i])) {
                fatal("%s: residual stream: not finite after layer %d: the weights are too large "
                      "for floats",
                      m->path, l);
            }
            top = fabsf(x[i]) > top ? fabsf(x[i]) : top;
        }
    }
    return top;
}

void pass_calibrate(Unit *u)
{
    const Corpus *c = unit_samples(u);
    Reference *r = reference_new(u->arena, u->model, unit_window(u), 0);
    int left = u->recipe->calib_tokens;
    float top = 0;
    for (int d = 0; d < c->n_docs && left > 0; d++) {
        reference_reset(r);
        for (int i = 0; i < c->n_tokens[d] && left > 0; i++, left--) {
            reference_step(r, c->tokens[d][i]);
            top = fmaxf(top, absmax(u->model, r));
        }
    }
    u->model->residual_absmax = top;
    if (u->calib) {
        check_calibration_text(u, c);
    }
}
