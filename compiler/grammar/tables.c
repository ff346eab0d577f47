/* What the runtime needs of an automaton, for the tokens of one model: its edges as arrays, and
 * which states a token may end in. A sentence must be spelled by whole tokens to its end: where a
 * model lacks the tokens for that, a state is no good although more bytes would lead on. */
#include "grammar.h"

#include <string.h>

enum { TABLES = 5, MAX_EDGES = 65535 };

/* The state after the bytes, -1: none. */
static int state_after(const Automaton *m, int state, const uint8_t *bytes, int n)
{
    for (int i = 0; i < n && state >= 0; i++) {
        int e = m->first[state];
        while (e < m->first[state + 1] && m->edge[e].high < bytes[i])
            e++;
        state = e < m->first[state + 1] && m->edge[e].low <= bytes[i] ? m->edge[e].to : -1;
    }
    return state;
}

/* States that tokens lead to, and from where. */
typedef struct Reach {
    int n, *state; /* in the order they were found, starts first */
    int n_steps;
    struct Step {
        int from, to;
    } * step; /* each pair once */
} Reach;

static void reach_from(Arena *a, const Automaton *m, const Tokenizer *t, int from, Reach *r,
                       int *seen, bool *found)
{
    for (int id = 0; id < t->n_pieces; id++) {
        const Piece *p = &t->pieces[id];
        const int to =
            p->kind == PIECE_CONTROL || p->len == 0 ? -1 : state_after(m, from, p->bytes, p->len);
        if (to < 0 || seen[to] == from + 1)
            continue;
        seen[to] = from + 1;
        r->step = arena_grow(a, r->step, r->n_steps, sizeof *r->step);
        r->step[r->n_steps++] = (struct Step){from, to};
        if (!found[to])
            r->state[r->n++] = to;
        found[to] = true;
    }
}

static void find_reach(Arena *a, const Automaton *m, const Tokenizer *t, Reach *r)
{
    int *seen = NEW(a, int, m->n_states);
    bool *found = NEW(a, bool, m->n_states);
    r->state = NEW(a, int, m->n_states);
    for (int i = 0; i < m->n_starts; i++) {
        if (!found[m->start[i]])
            r->state[r->n++] = m->start[i];
        found[m->start[i]] = true;
    }
    for (int i = 0; i < r->n; i++)
        reach_from(a, m, t, r->state[i], r, seen, found);
}

/* Steps were found front to back, so few rounds from the back settle them. */
static void mark_live(const Automaton *m, const Reach *r, uint8_t *flags)
{
    bool more = true;
    for (int i = 0; i < r->n; i++)
        flags[r->state[i]] =
            m->accepts[r->state[i]] ? (uint8_t)(STATE_ACCEPTS | STATE_LIVE) : (uint8_t)0;
    while (more) {
        more = false;
        for (int i = r->n_steps - 1; i >= 0; i--) {
            const struct Step s = r->step[i];
            const uint8_t add = flags[s.to] & STATE_LIVE ? STATE_LIVE | STATE_GOES_ON : 0;
            more = more || (flags[s.from] | add) != flags[s.from];
            flags[s.from] |= add;
        }
    }
}

static void *add_table(Arena *a, GrammarTables *g, const char *name, ElemType elem, int n)
{
    Data *d = &g->data[g->n_data++];
    *d = (Data){.name = name, .elem = elem, .count = n, .align = elem_bytes[elem], .region = -1};
    d->bytes = arena_alloc(a, (size_t)n, (size_t)elem_bytes[elem]);
    return d->bytes;
}

int64_t grammar_flash(const GrammarTables *g)
{
    int64_t n = 0;
    for (int i = 0; g && i < g->n_data; i++)
        n += g->data[i].count * elem_bytes[g->data[i].elem];
    return n;
}

int64_t grammar_ram(int vocab)
{
    return (vocab + 31) / 32 * 4;
}

static Automaton *automaton_of(Arena *a, const NamedTexts *list)
{
    Grammar **parsed = NEW(a, Grammar *, list->n);
    for (int i = 0; i < list->n; i++)
        parsed[i] = grammar_parse(a, list->name[i], list->text[i]);
    return grammar_automaton(a, parsed, list->n);
}

GrammarTables *grammar_tables(Arena *a, const NamedTexts *list, const Tokenizer *t)
{
    const Automaton *m = automaton_of(a, list);
    GrammarTables *g = NEW(a, GrammarTables, 1);
    Reach r = {0};
    g->n_states = m->n_states;
    g->n_edges = m->first[m->n_states];
    g->n_starts = m->n_starts;
    g->start = m->start;
    g->data = NEW(a, Data, TABLES);
    if (g->n_edges > MAX_EDGES)
        fatal("grammars: %d edges: more than %d", g->n_edges, MAX_EDGES);
    uint16_t *first = add_table(a, g, "grammar_first", ELEM_U16, m->n_states + 1);
    uint8_t *low = add_table(a, g, "grammar_low", ELEM_U8, larger(g->n_edges, 1));
    uint8_t *high = add_table(a, g, "grammar_high", ELEM_U8, larger(g->n_edges, 1));
    uint16_t *to = add_table(a, g, "grammar_to", ELEM_U16, larger(g->n_edges, 1));
    uint8_t *flags = add_table(a, g, "grammar_flags", ELEM_U8, m->n_states);
    for (int i = 0; i <= m->n_states; i++)
        first[i] = (uint16_t)m->first[i];
    for (int i = 0; i < g->n_edges; i++) {
        low[i] = (uint8_t)m->edge[i].low;
        high[i] = (uint8_t)m->edge[i].high;
        to[i] = (uint16_t)m->edge[i].to;
    }
    find_reach(a, m, t, &r);
    mark_live(m, &r, flags);
    for (int i = 0; i < m->n_starts; i++)
        if (!(flags[m->start[i]] & STATE_LIVE))
            fatal("grammar %s: the model's tokens cannot spell any sentence of it", list->name[i]);
    return g;
}
