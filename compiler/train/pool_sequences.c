/* What an encoder is trained on: whole sequences, several to a window. A text of few lines teaches
 * its lines alone, so variants of them fill up what is wanted: the teacher says what each of them
 * means. */
#include "sequence.h"
#include "train/pool.h"

#include <string.h>

#define WINDOW_TOKENS 256
#define HELD_OUT_TOKENS 4096
#define HELD_OUT_ONE_OF 8
#define CHANGED_ONE_OF 8 /* tokens of a variant that are another's */
#define SPLICED_ONE_OF 2 /* variants that end as another does */
#define MASKED_PERCENT 15

typedef struct Filler {
    Pool *pool;
    const Corpus *from;
    int *lines, n_lines; /* documents to train on */
    int64_t most;        /* windows */
    int used, documents; /* tokens and documents in the window being filled */
    int mask;            /* the token that hides another, -1: none */
    uint64_t random;
} Filler;

static int draw(Filler *f, int n)
{
    f->random += RANDOM_STEP;
    return (int)(random_mix(f->random) % (uint64_t)n);
}

/* Of a masked model, as its tokenizer names it. */
static int mask_of(const Model *m)
{
    const Tokenizer *t = m->tokenizer;
    static const char *const written[] = {"[MASK]", "<mask>"};
    for (int i = 0; m->head_kind == HEAD_MASK && t && i < t->n_added; i++) {
        for (size_t w = 0; w < LENGTH(written); w++) {
            const int n = (int)strlen(written[w]);
            if (t->added[i].len == n && memcmp(t->added[i].bytes, written[w], (size_t)n) == 0) {
                return t->added[i].id;
            }
        }
    }
    return -1;
}

static void close_window(Filler *f)
{
    f->pool->n += f->used > 0;
    f->used = f->documents = 0;
}

static bool full(const Filler *f)
{
    return f->pool->n >= f->most;
}

static void put(Filler *f, const int *tokens, int n)
{
    Pool *p = f->pool;
    if (f->used + n > p->window) {
        close_window(f);
    }
    if (full(f)) {
        return;
    }
    const size_t at = (size_t)p->n * (size_t)p->window;
    memcpy(p->inputs + at + f->used, tokens, (size_t)n * sizeof(int));
    for (int i = 1; i + 1 < n && f->mask >= 0; i++) {
        if (draw(f, 100) < MASKED_PERCENT) {
            p->inputs[at + (size_t)(f->used + i)] = f->mask;
        }
    }
    p->lengths[at + (size_t)f->documents++] = n;
    f->used += n;
}

/* One of the lines, changed: its ends, which say that it is a sequence, stay. */
static void put_variant(Filler *f, int line, int *room)
{
    const Corpus *c = f->from;
    const int other = f->lines[draw(f, f->n_lines)], *end = c->tokens[other];
    int n = c->n_tokens[line];
    memcpy(room, c->tokens[line], (size_t)n * sizeof(int));
    if (n > 3 && c->n_tokens[other] > 3 && draw(f, SPLICED_ONE_OF) == 0) {
        const int at = 1 + draw(f, n - 2), from = 1 + draw(f, c->n_tokens[other] - 2);
        const int more = smaller(c->n_tokens[other] - from, f->pool->longest - at);
        memcpy(room + at, end + from, (size_t)more * sizeof(int));
        n = at + more;
        room[n - 1] = end[c->n_tokens[other] - 1];
    }
    for (int i = 1; i + 1 < n; i++) {
        if (draw(f, CHANGED_ONE_OF) == 0) {
            const int with = f->lines[draw(f, f->n_lines)], inner = c->n_tokens[with] - 2;
            room[i] = inner > 0 ? c->tokens[with][1 + draw(f, inner)] : room[i];
        }
    }
    put(f, room, n);
}

/* Every eighth line is held out, of one line alone that one. */
static void hold_out(Filler *f)
{
    const Corpus *c = f->from;
    int64_t tokens = 0;
    for (int i = 0; i < c->n_docs; i++) {
        const bool held = i % HELD_OUT_ONE_OF == 0 && tokens < HELD_OUT_TOKENS;
        if (held) {
            put(f, c->tokens[i], c->n_tokens[i]);
            tokens += c->n_tokens[i];
        }
        if (!held || c->n_docs == 1) {
            f->lines[f->n_lines++] = i;
        }
    }
    close_window(f);
    f->pool->n_held_out = f->pool->n;
}

Pool *pool_of_sequences(Unit *u, Arena *a, int64_t tokens)
{
    const Corpus *c = unit_samples_of(u, tokens);
    Pool *p = NEW(a, Pool, 1);
    p->longest = corpus_longest(c);
    p->window = p->row = larger(WINDOW_TOKENS, p->longest);
    Filler f = {.pool = p,
                .from = c,
                .lines = NEW(a, int, c->n_docs),
                .mask = mask_of(u->model),
                .random = (uint64_t)u->recipe->seed << 32};
    /* Windows are at least half full. */
    f.most = 2 * (HELD_OUT_TOKENS + tokens) / p->window + 4;
    const size_t room = (size_t)f.most * (size_t)p->window;
    p->inputs = NEW(a, int, room);
    p->lengths = NEW(a, int, room);
    hold_out(&f);
    f.most = p->n + tokens / p->window + 1;
    for (int i = 0; i < f.n_lines && !full(&f); i++) {
        put(&f, c->tokens[f.lines[i]], c->n_tokens[f.lines[i]]);
    }
    int *variant = NEW(a, int, 2 * (size_t)p->longest);
    for (int i = 0; !full(&f); i = (i + 1) % f.n_lines) {
        put_variant(&f, f.lines[i], variant);
    }
    return p;
}
