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

/* By the pass itself, one tensor after the other. */
double candidate_loss(Searcher *s, const Candidate *c)
{
    Arena *a = arena_new();
    Unit u = *s->folded;
    Recipe *r = candidate_recipe(s, c);
    u.arena = a;
    u.model = model_copy(a, s->fronts.variants[c->variant].model);
    u.recipe = r;
    pass_quantize(&u);
    const double loss = judge_model(s->judge, u.model).kl;
    arena_free(a);
    return loss;
}

/* Every tensor fitted alone. */
static Model *fitted_alone(Arena *a, const Searcher *s, Fitter *f, const Candidate *c)
{
    Model *m = model_copy(a, s->fronts.variants[c->variant].model);
    Linear *l;
    for (int i = 0; (l = model_linears(m, i)); i++) {
        fitter_fit(f, a, i, c->bits[i], l);
    }
    return m;
}

/* What linear i at a width changes, nats. */
static double move_loss(Searcher *s, Fitter *f, Model *m, int i, int w, double now)
{
    Arena *a = arena_new();
    Linear *l = model_linears(m, i);
    const Linear before = *l;
    fitter_fit(f, a, i, width_bits[w], l);
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
    Arena *scratch = arena_new();
    Fitter *fitter = fitter_new(scratch, s->folded, f->variants[c->variant].model);
    Model *m = fitted_alone(scratch, s, fitter, c);
    const double now = judge_model(s->judge, m).kl;
    Item *items = NEW(a, Item, f->n_linears);
    int(*step)[MOVES] = arena_alloc(a, (size_t)f->n_linears, sizeof *step);
    for (int i = 0; i < f->n_linears; i++) {
        int all[MOVES];
        Choice *choice = NEW(a, Choice, MOVES);
        steps_of(f->allowed[i], c->bits[i], all);
        for (int k = 0; k < MOVES; k++) {
            if (all[k] >= 0) {
                step[i][items[i].n] = all[k];
                choice[items[i].n++] = (Choice){
                    shares->bytes[i][all[k]], k == 1 ? 0 : move_loss(s, fitter, m, i, all[k], now)};
            }
        }
        items[i].choice = choice;
    }
    fitter_free(fitter);
    arena_free(scratch);
    Allocation *front;
    *n = allocate(a, items, f->n_linears, &front);
    Candidate *list = NEW(a, Candidate, *n);
    for (int k = 0; k < *n; k++) {
        double *bits = NEW(a, double, f->n_linears);
        list[k] = (Candidate){c->variant, bits, shares->fixed + front[k].bytes,
                              loss + front[k].loss, shares->fixed_ms};
        for (int i = 0; i < f->n_linears; i++) {
            const int w = step[i][front[k].chosen[i]];
            bits[i] = width_bits[w];
            list[k].ms += shares->ms[i][w];
        }
    }
    return list;
}
