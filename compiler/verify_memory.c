/* Invariants of live ranges and addresses: recomputed here on their own, so that the passes which
 * set them are checked by something other than themselves. */
#include "verify.h"

#include <string.h>

#define MAX_ALIGN 256 /* of any target */

static int64_t buffer_bytes(const Buffer *b)
{
    return (int64_t)b->count * elem_bytes[b->elem];
}

/* Ops that name a buffer: the first and the last, -1 for none. */
typedef struct Range {
    int first, last;
} Range;

static Range *ranges_of(Arena *a, const Program *p)
{
    Range *range = NEW(a, Range, p->n_buffers);
    for (int i = 0; i < p->n_buffers; i++) {
        range[i] = (Range){-1, -1};
    }
    for (int i = 0; i < p->n_ops; i++) {
        for (int k = 0; k < 2 * MAX_OPERANDS; k++) {
            const int b = k % 2 ? p->ops[i].out[k / 2] : p->ops[i].in[k / 2];
            if (b >= 0) {
                range[b].first = range[b].first < 0 ? i : range[b].first;
                range[b].last = i;
            }
        }
    }
    return range;
}

/* Of what several phases of an encoder name, the phases as a whole: each is a loop. */
static void whole_phases(const Program *p, Range *r)
{
    int start = 0, first_start = 0, last_end = -1;
    bool several = false;
    for (int i = 0; i < p->n_ops && p->encoder && r->first >= 0; i++) {
        if (i > 0 &&
            (p->ops[i].layer != p->ops[i - 1].layer || p->ops[i].phase != p->ops[i - 1].phase)) {
            start = i;
            several = several || (i > r->first && i <= r->last);
            last_end = i > r->last && last_end < 0 ? i - 1 : last_end;
        }
        first_start = i == r->first ? start : first_start;
    }
    if (several) {
        *r = (Range){first_start, last_end < 0 ? p->n_ops - 1 : last_end};
    }
}

/* From the first op that names it to the last; what lasts always; logits to the end of
 * a step, where the caller reads them. */
static void check_live(const Verifier *v)
{
    const Program *p = v->program;
    Range *range = ranges_of(v->unit->arena, p);
    for (int i = 0; i < p->n_buffers; i++) {
        whole_phases(p, &range[i]);
        const Buffer *b = &p->buffers[i];
        const int first = b->lasting ? 0 : range[i].first;
        const int last = b->lasting                       ? p->n_ops - 1
                         : strcmp(b->name, "logits") == 0 ? p->n_step - 1
                                                          : range[i].last;
        if (b->first != first || b->last != last) {
            broken(v, "buffer %s is live from op %d to %d, marked %d to %d", b->name, first, last,
                   b->first, b->last);
        }
    }
}

static void check_place(const Verifier *v, const Buffer *b)
{
    const Target *t = v->unit->target;
    const int64_t align =
        t && t->state_align > elem_bytes[b->elem] ? t->state_align : elem_bytes[b->elem];
    if (b->offset < 0 || b->offset + buffer_bytes(b) > v->program->state_bytes) {
        broken(v, "buffer %s at %lld: not inside the state's %lld bytes", b->name,
               (long long)b->offset, (long long)v->program->state_bytes);
    }
    if (b->offset % align) {
        broken(v, "buffer %s at %lld: not aligned to %lld", b->name, (long long)b->offset,
               (long long)align);
    }
}

static void check_apart(const Verifier *v, const Buffer *a, const Buffer *b)
{
    const bool together = a->first <= b->last && b->first <= a->last;
    if (together && a->offset < b->offset + buffer_bytes(b) &&
        b->offset < a->offset + buffer_bytes(a)) {
        broken(v, "buffers %s and %s are live together and overlap at %lld", a->name, b->name,
               (long long)(a->offset > b->offset ? a->offset : b->offset));
    }
}

/* The state ends where its last buffer does, but for alignment. */
static void check_state(const Verifier *v)
{
    const Program *p = v->program;
    int64_t end = 0;
    for (int i = 0; i < p->n_buffers; i++) {
        const int64_t last = p->buffers[i].offset + buffer_bytes(&p->buffers[i]);
        end = last > end ? last : end;
    }
    if (p->state_bytes - end >= MAX_ALIGN) {
        broken(v, "the state's last buffer ends at %lld, state_bytes is %lld", (long long)end,
               (long long)p->state_bytes);
    }
}

/* Constants one after the other, each where its alignment lets it start. */
static void check_weights(const Verifier *v)
{
    const Program *p = v->program;
    const Target *t = v->unit->target;
    int64_t bytes = 0;
    for (int i = 0; i < p->n_data; i++) {
        const Data *d = &p->data[i];
        if (d->region < 0 || (t && d->region >= t->n_regions)) {
            broken(v, "constant %s is in region %d", d->name, d->region);
        }
        bytes = (bytes + d->align - 1) / d->align * d->align + d->count * elem_bytes[d->elem];
    }
    if (bytes != p->weight_bytes) {
        broken(v, "constants take %lld bytes, weight_bytes is %lld", (long long)bytes,
               (long long)p->weight_bytes);
    }
}

/* At the least what the budget asks for: a text IR may have been made for a larger target. */
static void check_fits(const Verifier *v)
{
    const Unit *u = v->unit;
    if (!u->target) {
        return;
    }
    const int64_t flash = u->flash_limit ? u->flash_limit : target_flash(u->target);
    const int64_t ram = u->ram_limit ? u->ram_limit : target_ram(u->target);
    if (v->program->weight_bytes > flash || v->program->state_bytes > ram) {
        broken(v, "%lld bytes of weights and %lld of state do not fit %s",
               (long long)v->program->weight_bytes, (long long)v->program->state_bytes,
               u->target->name);
    }
}

/* A constant's name, after the prefix, is a C identifier of its own. */
static void check_data_name(const Verifier *v, int i)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    const char *name = v->program->data[i].name;
    if (!name || !*name || strspn(name, allowed) != strlen(name)) {
        broken(v, "constant %d: \"%s\" is no C name", i, name ? name : "");
    }
    for (int k = 0; k < i; k++) {
        if (strcmp(v->program->data[k].name, name) == 0) {
            broken(v, "constants %d and %d are both called %s", k, i, name);
        }
    }
}

static void check_data(const Verifier *v, const Data *d)
{
    if (!d->bytes || d->count < 1 || d->align < 1 || (d->align & (d->align - 1)) ||
        d->align % elem_bytes[d->elem] || d->waste < 0 ||
        d->waste >= d->count * elem_bytes[d->elem]) {
        broken(v, "constant %s: %lld %s aligned to %d, %lld bytes wasted", d->name,
               (long long)d->count, elem_names[d->elem], d->align, (long long)d->waste);
    }
}

void verify_memory(const Verifier *v)
{
    const Program *p = v->program;
    for (int i = 0; i < p->n_data; i++) {
        check_data_name(v, i);
        check_data(v, &p->data[i]);
    }
    if (holds(v, FACT_LIVE)) {
        check_live(v);
    }
    if (holds(v, FACT_PLANNED)) {
        for (int i = 0; i < p->n_buffers; i++) {
            check_place(v, &p->buffers[i]);
            for (int k = 0; k < i; k++) {
                check_apart(v, &p->buffers[i], &p->buffers[k]);
            }
        }
        check_state(v);
        check_weights(v);
    }
    if (holds(v, FACT_FITS)) {
        check_fits(v);
    }
}
