/* lower: Model -> Program. One op after the other as a token meets them, every dimension, exponent
 * and shift a constant; the parts are lower_*.c. Kernels, packed weights, addresses come later. */
#include "lower.h"

#include <math.h>

/* Spare bits of the residual above the largest value that calibrate saw. */
#define HEADROOM_BITS 6

static int residual_fraction(float absmax)
{
    int e;
    frexp(absmax, &e);
    const int fraction = 31 - HEADROOM_BITS - e;
    return fraction < 0 ? 0 : fraction > 28 ? 28 : fraction;
}

static void lower_block(Lowering *w, const Block *b)
{
    Reading mlp = {-1, -1};
    const Linear *q = &b->linear[ROLE_Q], *up = &b->linear[ROLE_UP];
    const Reading attention = lower_reading(w, &b->attn_norm, "attn", q);
    if (w->model->parallel) /* before attention adds to the stream */
        mlp = lower_reading(w, &b->mlp_norm, "mlp", up);
    lower_attention(w, b, attention);
    if (!w->model->parallel)
        mlp = lower_reading(w, &b->mlp_norm, "mlp", up);
    lower_mlp(w, b, mlp);
}

void pass_lower(Unit *u)
{
    const Model *m = u->model;
    Program *p = u->program = NEW(u->arena, Program, 1);
    p->window = u->recipe->window ? u->recipe->window : m->context;
    p->sinks = u->recipe->sinks;
    p->encoder = m->encoder;
    p->residual_fraction = residual_fraction(m->residual_absmax);
    if (p->sinks >= p->window)
        fatal("%s: sinks: %d first tokens kept in a window of %d: must be fewer", m->path, p->sinks,
              p->window);
    if (p->window > 65536)
        fatal("%s: window: %d tokens: at most 65536", m->path, p->window);
    if (p->sinks > 0 && m->position != POSITION_ROPE)
        fatal("%s: sinks: %d: only rotary positions can be moved: this model's are %s", m->path,
              p->sinks, position_names[m->position]);
    for (int l = 0; l < m->n_layers; l++)
        if (p->sinks > 0 && model_window(m, l, p->window) < p->window)
            fatal("%s: sinks: %d: layer %d sees %d tokens only: give a window of at most so many",
                  m->path, p->sinks, l, m->blocks[l].window);
    if (m->sub_norm && m->activation_bits == 1)
        fatal("%s: activations: 1 bit: not for a model that norms what attn.o and mlp.down read",
              m->path);
    Lowering w = {.angles = -1,
                  .turned = -1,
                  .arena = u->arena,
                  .model = m,
                  .program = p,
                  .layer = -1,
                  .logits = -1,
                  .turns = p->sinks > 0 ? 2 : 1};
    lower_input(&w);
    for (w.layer = 0; w.layer < m->n_layers; w.layer++) {
        const Exit *exit = model_exit(m, w.layer);
        lower_block(&w, &m->blocks[w.layer]);
        if (exit)
            lower_exit(&w, (int)(exit - m->exits));
    }
    if (m->encoder)
        lower_encoder_output(&w);
    else
        lower_output(&w, u->recipe->top);
    p->n_step = p->n_ops;
}
