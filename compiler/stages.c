/* The models on the way: what each pass that changed the network left, so that every loss can be
 * laid at the door of the pass that caused it. */
#include "run.h"

#include <string.h>
#include <xxhash.h>

/* Changes with every weight as it is now: float weights, and codes with what they mean. */
static uint64_t weights_hash(const Model *m)
{
    Model *walk = (Model *)(uintptr_t)m; /* only read: the walkers serve writers too */
    uint64_t hash = model_hash(m);
    const Linear *l;
    for (int i = 0; (l = model_linears(walk, i)); i++) {
        if (l->format == FORMAT_FLOAT)
            continue;
        const size_t rows = (size_t)l->rows;
        const int facts[] = {(int)l->format, l->planes, l->zero, l->scale_exp};
        hash = XXH64(facts, sizeof facts, hash);
        hash = XXH64(&l->gain, sizeof l->gain, hash);
        hash = XXH64(l->coef, sizeof l->coef, hash);
        hash = XXH64(l->scale, rows, hash);
        hash = XXH64(l->code, rows * (size_t)l->cols, hash);
    }
    return hash;
}

static void add_stage(Unit *u, const char *what, Stages *s)
{
    s->list = arena_grow(u->arena, s->list, s->n, sizeof *s->list);
    s->list[s->n++] = (Stage){what, model_copy(u->arena, u->model)};
}

void run_passes_in_stages(Unit *u, Stages *s)
{
    uint64_t hash = u->original ? weights_hash(u->original) : 0;
    if (u->original && weights_hash(u->model) != hash) {
        add_stage(u, "as read", s);
        hash = weights_hash(u->model);
    }
    for (int i = 0; passes[i].name; i++) {
        const bool known = u->original != NULL;
        run_passes(u, passes[i].name, NULL, NULL);
        const uint64_t now = weights_hash(u->model);
        if (known && now != hash)
            add_stage(u, arena_printf(u->arena, "after %s", passes[i].name), s);
        hash = now;
    }
}
