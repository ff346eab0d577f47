/* What a model that reads frames is trained on: clips, several to a window. A file of few clips
 * teaches these alone, so variants of them are added until there are enough: the teacher says what
 * each of them means. */
#include "sequence.h"
#include "train/pool.h"

#include <string.h>

#define WINDOW_TOKENS 256
#define HELD_OUT_TOKENS 4096
#define HELD_OUT_ONE_OF 8
#define ENOUGH_CLIPS 4096
#define MOST_NUMBERS (1 << 24) /* of a pool: 64 MiB */
#define LOUDER 12              /* in bytes: of logarithms, so a gain */
#define SHIFTED_ONE_OF 8       /* frames that a clip may lose at one end */
#define HIDDEN_ONE_OF 5        /* frames, and bands, that may be missing */

typedef struct Filler {
    Pool *pool;
    const Corpus *from;
    int frames, bands;   /* of a clip */
    int *lines, n_lines; /* clips that variants are made of */
    int each, used;      /* clips of a window, and in the one being filled */
    int64_t most;        /* windows */
    int *room;           /* a clip */
    uint64_t random;
} Filler;

static int draw(Filler *f, int n)
{
    f->random += RANDOM_STEP;
    return (int)(random_mix(f->random) % (uint64_t)n);
}

static bool full(const Filler *f)
{
    return f->pool->n >= f->most;
}

static void put(Filler *f, const int *clip)
{
    Pool *p = f->pool;
    const size_t bytes = (size_t)f->frames * (size_t)f->bands;
    memcpy(p->inputs + (size_t)p->n * (size_t)p->row + (size_t)f->used * bytes, clip,
           bytes * sizeof(int));
    p->lengths[(size_t)p->n * (size_t)p->window + (size_t)f->used++] = p->longest;
    if (f->used == f->each) {
        p->n++;
        f->used = 0;
    }
}

/* Sooner or later; what the clip does not reach is like its end. */
static void shift(Filler *f, const int *clip, int *to)
{
    const int most = f->frames / SHIFTED_ONE_OF, by = draw(f, 2 * most + 1) - most;
    for (int i = 0; i < f->frames; i++) {
        const int from = larger(0, smaller(f->frames - 1, i + by));
        memcpy(to + (size_t)i * (size_t)f->bands, clip + (size_t)from * (size_t)f->bands,
               (size_t)f->bands * sizeof(int));
    }
}

/* Energies of sounds add up, and of a sum's logarithm the larger one is most. */
static void mix(Filler *f, int *clip)
{
    const int *other = f->from->tokens[f->lines[draw(f, f->n_lines)]];
    for (int i = 0; i < f->frames * f->bands; i++) {
        clip[i] = larger(clip[i], other[i]);
    }
}

/* Ends as another does. */
static void splice(Filler *f, int *clip)
{
    const int *other = f->from->tokens[f->lines[draw(f, f->n_lines)]];
    const size_t at = (size_t)draw(f, f->frames) * (size_t)f->bands;
    memcpy(clip + at, other + at, ((size_t)f->frames * (size_t)f->bands - at) * sizeof(int));
}

static void amplify(Filler *f, int *clip)
{
    const int by = draw(f, 2 * LOUDER + 1) - LOUDER;
    for (int i = 0; i < f->frames * f->bands; i++) {
        clip[i] = larger(-128, smaller(127, clip[i] + by));
    }
}

/* A moment and a stripe of bands become the clip's mean (SpecAugment, Park and others, arXiv
 * 1904.08779). */
static void hide(Filler *f, int *clip)
{
    const int moments = draw(f, f->frames / HIDDEN_ONE_OF + 1), at = draw(f, f->frames);
    const int stripe = draw(f, f->bands / HIDDEN_ONE_OF + 1), low = draw(f, f->bands);
    int64_t sum = 0;
    for (int i = 0; i < f->frames * f->bands; i++) {
        sum += clip[i];
    }
    for (int i = 0; i < f->frames * f->bands; i++) {
        const int frame = i / f->bands, band = i % f->bands;
        if ((frame >= at && frame < at + moments) || (band >= low && band < low + stripe)) {
            clip[i] = (int)(sum / (f->frames * f->bands));
        }
    }
}

static void put_variant(Filler *f, const int *clip)
{
    int *room = f->room;
    shift(f, clip, room);
    switch (draw(f, 4)) {
    case 0: mix(f, room); break;
    case 1: splice(f, room); break;
    default: break;
    }
    amplify(f, room);
    hide(f, room);
    put(f, room);
}

/* The clips i with i % 8 == 0, or the others, of one alone that one; then variants of them until
 * there are so many windows in all. */
static void fill(Filler *f, bool held_out, int64_t most)
{
    const Corpus *c = f->from;
    f->most = most;
    f->n_lines = 0;
    for (int i = 0; i < c->n_docs; i++) {
        if ((i % HELD_OUT_ONE_OF == 0) == held_out || c->n_docs == 1) {
            f->lines[f->n_lines++] = i;
        }
    }
    for (int i = 0; i < f->n_lines && !full(f); i++) {
        put(f, c->tokens[f->lines[i]]);
    }
    for (int i = 0; !full(f); i = (i + 1) % f->n_lines) {
        put_variant(f, c->tokens[f->lines[i]]);
    }
}

/* As many as there are clips, few of them with variants, but no more than asked for. */
static int64_t windows_for(const Filler *f, int64_t tokens)
{
    const int clips = larger(f->from->n_docs - f->from->n_docs / HELD_OUT_ONE_OF, ENOUGH_CLIPS);
    const int64_t have = clips / f->each + 1, room = MOST_NUMBERS / f->pool->row + 1;
    const int64_t wanted = tokens / f->pool->window + 1, most = have < room ? have : room;
    return wanted < most ? wanted : most;
}

Pool *pool_of_clips(Unit *u, Arena *a, int64_t tokens)
{
    const Model *m = u->model;
    const int bytes = model_inputs(m, m->context);
    const Corpus *c = unit_samples_of(u, tokens);
    Pool *p = NEW(a, Pool, 1);
    Filler f = {.pool = p,
                .from = c,
                .frames = model_frames(m),
                .bands = m->bands,
                .lines = NEW(a, int, c->n_docs),
                .room = NEW(a, int, bytes),
                .each = larger(WINDOW_TOKENS / m->context, 1),
                .random = (uint64_t)u->recipe->seed << 32};
    p->longest = m->context;
    p->window = f.each * m->context;
    p->row = f.each * bytes;
    p->n_held_out = 1 + HELD_OUT_TOKENS / p->window;
    const int64_t most = p->n_held_out + windows_for(&f, tokens);
    p->inputs = NEW(a, int, (size_t)most *(size_t)p->row);
    p->lengths = NEW(a, int, (size_t)most *(size_t)p->window);
    fill(&f, true, p->n_held_out);
    fill(&f, false, most);
    return p;
}
