/* Refinement: losses add up only nearly, the less so the larger they are. Around a candidate they
 * are measured again, each tensor one width down and one up with all others as they are there, and
 * allocated again: moves that cancel or feed each other are seen for what they are. */
#include "searcher.h"

#include <math.h>

#define MOVES 3 /* down, none, up */

/* The widths next to one, -1: none. */
static void steps_of(unsigned allowed, double bits, int *step)
{
    step[0] = step[1] = step[2] = -1;
    for (int w = 0; w < WIDTHS; w++) {
        if (!(allowed >> w & 1)) {
            continue;
        }
        if (width_bits[w] < bits) {
            step[0] = w;
        } else if (width_bits[w] == bits) {
            step[1] = w;
        } else if (step[2] < 0) {
            step[2] = w;
        }
    }
}

static Model *quantized(Arena *a, const Searcher *s, const Candidate *c)
{
    Model *m = model_copy(a, s->fronts.variants[c->variant].model);
    Linear *l;
    for (int i = 0; (l = model_linears(m, i)); i++) {
        quantize_linear_alone(a, l, c->bits[i], s->unit->recipe->fit_rounds);
    }
    return m;
}

double candidate_loss(Searcher *s, const Candidate *c)
{
    Arena *a = arena_new();
    const double loss = judge_model(s->judge, quantized(a, s, c)).kl;
    arena_free(a);
    return loss;
}

/* What linear i at a width changes, nats. */
static double move_loss(Searcher *s, Model *m, const Candidate *c, int i, int w, double now)
{
    Arena *a = arena_new();
    Linear *l = model_linears(m, i);
    const Linear before = *l;
    *l = *model_linears((Model *)(uintptr_t)s->fronts.variants[c->variant].model, i);
    quantize_linear_alone(a, l, width_bits[w], s->unit->recipe->fit_rounds);
    const double loss = judge_model(s->judge, m).kl;
    *l = before;
    arena_free(a);
    return loss - now;
}

Candidate *candidate_neighbours(Searcher *s, const Candidate *c, double loss, int *n)
{
    Arena *a = s->arena;
    const Fronts *f = &s->fronts;
    const Shares *shares = &f->variants[c->variant].shares;
    Model *m = quantized(a, s, c);
    Item *items = NEW(a, Item, f->n_linears);
    int(*step)[MOVES] = arena_alloc(a, (size_t)f->n_linears, sizeof *step);
    for (int i = 0; i < f->n_linears; i++) {
        int all[MOVES];
        Choice *choice = NEW(a, Choice, MOVES);
        steps_of(f->allowed[i], c->bits[i], all);
        for (int k = 0; k < MOVES; k++) {
            if (all[k] >= 0) {
                step[i][items[i].n] = all[k];
                choice[items[i].n++] = (Choice){shares->bytes[i][all[k]],
                                                k == 1 ? 0 : move_loss(s, m, c, i, all[k], loss)};
            }
        }
        items[i].choice = choice;
    }
    Allocation *front;
    *n = allocate(a, items, f->n_linears, &front);
    Candidate *list = NEW(a, Candidate, *n);
    for (int k = 0; k < *n; k++) {
        double *bits = NEW(a, double, f->n_linears);
        list[k] =
            (Candidate){c->variant, bits, shares->fixed + front[k].bytes, loss + front[k].loss, 0};
        for (int i = 0; i < f->n_linears; i++) {
            const int w = step[i][front[k].chosen[i]];
            bits[i] = width_bits[w];
            list[k].ms += shares->ms[i][w];
        }
    }
    return list;
}
