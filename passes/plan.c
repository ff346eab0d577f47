/* plan: addresses. What lasts comes first in the state's memory; the rest shares what follows, the
 * largest buffer first, each at the lowest offset where nothing that is live with it lies
 * (first-fit decreasing). Constants go to the target's region for weights. */
#include "pass.h"

#include <stdlib.h>

static int64_t round_up(int64_t v, int64_t to)
{
    return (v + to - 1) / to * to;
}

static int64_t bytes_of(const Buffer *b)
{
    return (int64_t)b->count * elem_bytes[b->elem];
}

int state_align(const Target *t)
{
    return t->state_align > 4 ? t->state_align : 4;
}

static bool live_together(const Buffer *a, const Buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Lasting before the rest, then larger before smaller, then by index. */
static bool before(const Program *p, int i, int k)
{
    const Buffer *a = &p->buffers[i], *b = &p->buffers[k];
    if (a->lasting != b->lasting)
        return a->lasting;
    if (bytes_of(a) != bytes_of(b))
        return bytes_of(a) > bytes_of(b);
    return i < k;
}

static void sort(const Program *p, int *order)
{
    for (int i = 0; i < p->n_buffers; i++) {
        int k = i;
        for (; k > 0 && before(p, i, order[k - 1]); k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
}

/* The lowest offset where b overlaps none of the placed buffers that live with it. */
static int64_t lowest_offset(const Program *p, const int *order, int placed, const Buffer *b,
                             int64_t align)
{
    int64_t offset = 0;
    bool moved = true;
    while (moved) {
        moved = false;
        for (int i = 0; i < placed; i++) {
            const Buffer *o = &p->buffers[order[i]];
            if (live_together(o, b) && offset < o->offset + bytes_of(o) &&
                o->offset < offset + bytes_of(b)) {
                offset = round_up(o->offset + bytes_of(o), align);
                moved = true;
            }
        }
    }
    return offset;
}

void plan_state(Arena *a, Program *p, int64_t align)
{
    int *order = NEW(a, int, p->n_buffers);
    sort(p, order);
    p->state_bytes = 0;
    for (int i = 0; i < p->n_buffers; i++) {
        Buffer *b = &p->buffers[order[i]];
        b->offset = lowest_offset(p, order, i, b, align);
        const int64_t end = b->offset + round_up(bytes_of(b), align);
        p->state_bytes = end > p->state_bytes ? end : p->state_bytes;
    }
}

void pass_plan(Unit *u)
{
    Program *p = u->program;
    plan_state(u->arena, p, state_align(u->target));
    p->weight_bytes = 0;
    for (int i = 0; i < p->n_data; i++) {
        Data *d = &p->data[i];
        d->region = u->target->weights_region;
        p->weight_bytes = round_up(p->weight_bytes, d->align) + d->count * elem_bytes[d->elem];
    }
}
