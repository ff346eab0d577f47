/* Finds the range of the residual stream: the largest |residual| over the unit's samples. */
#include "calibrate.h"

#include <math.h>

/* x: the residual stream after layer l. */
static float absmax_of(const Model *m, const float *x, int l)
{
    float top = 0;
    for (int i = 0; i < m->dim; i++) {
        if (!isfinite(x[i])) {
            fatal("%s: residual stream: not finite after layer %d: the weights are too large "
                  "for floats",
                  m->path, l);
        }
        top = fabsf(x[i]) > top ? fabsf(x[i]) : top;
    }
    return top;
}

static float absmax(const Model *m, const Reference *r)
{
    float top = 0;
    for (int l = -1; l < m->n_layers; l++)
        top = fmaxf(top, absmax_of(m, reference_residual(r, l), l));
    return top;
}

/* Of an encoder, which reads a document at once. */
static float encoder_absmax(Unit *u)
{
    const Model *m = u->model;
    const Corpus *c = unit_samples(u);
    EncoderReference *r = encoder_reference_new(u->arena, m, corpus_longest(c));
    int left = u->recipe->calib_tokens;
    float top = 0;
    for (int d = 0; d < c->n_docs && left > 0; left -= c->n_tokens[d++]) {
        encoder_reference_read(r, c->tokens[d], c->n_tokens[d]);
        for (int l = -1; l < m->n_layers; l++)
            for (int t = 0; t < c->n_tokens[d]; t++)
                top = fmaxf(top, absmax_of(m, encoder_reference_residual(r, l, t), l));
    }
    return top;
}

void pass_calibrate(Unit *u)
{
    if (u->model->encoder) {
        u->model->residual_absmax = encoder_absmax(u);
        return;
    }
    const Corpus *c = unit_first_samples(u, u->recipe->calib_tokens);
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
