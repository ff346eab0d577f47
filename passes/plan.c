/* plan: addresses. What lasts comes first in the state's memory; the rest shares what follows, the
 * largest buffer first, each at the lowest offset where nothing that is live with it lies
 * (first-fit decreasing). Constants go to the target's region for weights or, where the recipe asks
 * for it, to its fast one, in the order in which they are read and as far as they fit. */
#include "grammar.h"
#include "pass.h"

#include <stdlib.h>

static int64_t bytes_of(const Buffer *b)
{
    return (int64_t)b->count * elem_bytes[b->elem];
}

int state_align(const Target *t)
{
    return t->state_align > 4 ? t->state_align : 4;
}

int64_t state_limit(const Unit *u)
{
    const int64_t allowed = u->recipe->grammars.n ? grammar_ram(u->model->vocab) : 0;
    return (u->ram_limit ? u->ram_limit : target_ram(u->target)) - allowed - STACK_BYTES;
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

/* Bytes of fast memory for weights: what the state leaves of it, where it is there too. A blob is
 * in one piece. */
static int64_t fast_room(const Unit *u)
{
    const Target *t = u->target;
    if (u->recipe->place != PLACE_FAST || u->recipe->weights == WEIGHTS_BLOB || t->fast_region < 0)
        return 0;
    const int64_t size = (int64_t)t->regions[t->fast_region].size;
    return t->fast_region == t->state_region ? size - u->program->state_bytes - STACK_BYTES : size;
}

/* Every token reads all of it. */
static bool is_hot(const Program *p, int data)
{
    for (int i = 0; i < p->n_step; i++)
        for (int k = 0; k < MAX_OPERANDS; k++)
            if (p->ops[i].data[k] == data && p->ops[i].kind != OP_EMBED)
                return true;
    return false;
}

void pass_plan(Unit *u)
{
    Program *p = u->program;
    plan_state(u->arena, p, state_align(u->target));
    p->weight_bytes = 0;
    const int64_t room = fast_room(u);
    int64_t used = 0;
    for (int i = 0; i < p->n_data; i++) {
        Data *d = &p->data[i];
        const int align = d->align > 4 ? d->align : 4;
        const int64_t end = round_up(used, align) + d->count * elem_bytes[d->elem];
        const bool hot = end <= room && is_hot(p, i);
        d->region = hot ? u->target->fast_region : u->target->weights_region;
        used = hot ? end : used;
        p->weight_bytes = round_up(p->weight_bytes, d->align) + d->count * elem_bytes[d->elem];
    }
}
