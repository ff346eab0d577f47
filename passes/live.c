/* live: from which op to which op each buffer holds something. An encoder's phases are loops over
 * the tokens: what more than one phase has to do with is there from the first one's start to the
 * last one's end. */
#include "pass.h"

#include <string.h>

static bool same_phase(const Op *a, const Op *b)
{
    return a->layer == b->layer && a->phase == b->phase;
}

static void widen(const Program *p, Buffer *b)
{
    if (b->first < 0 || same_phase(&p->ops[b->first], &p->ops[b->last]))
        return;
    while (b->first > 0 && same_phase(&p->ops[b->first - 1], &p->ops[b->first]))
        b->first--;
    while (b->last + 1 < p->n_ops && same_phase(&p->ops[b->last + 1], &p->ops[b->last]))
        b->last++;
}

static void touch(Program *p, int buffer, int op)
{
    if (buffer < 0)
        return;
    Buffer *b = &p->buffers[buffer];
    b->first = b->first < 0 ? op : b->first;
    b->last = op;
}

void find_live(Program *p)
{
    for (int i = 0; i < p->n_buffers; i++)
        p->buffers[i].first = p->buffers[i].last = -1;
    for (int i = 0; i < p->n_ops; i++) {
        for (int k = 0; k < MAX_OPERANDS; k++) {
            touch(p, p->ops[i].in[k], i);
            touch(p, p->ops[i].out[k], i);
        }
    }
    for (int i = 0; i < p->n_buffers; i++) {
        Buffer *b = &p->buffers[i];
        if (b->lasting)
            b->first = 0;
        if (b->lasting)
            b->last = p->n_ops - 1;
        else if (strcmp(b->name, "logits") == 0)
            b->last = p->n_step - 1; /* the caller reads the logits after the step */
        if (p->encoder)
            widen(p, b);
    }
}

void pass_live(Unit *u)
{
    find_live(u->program);
}
