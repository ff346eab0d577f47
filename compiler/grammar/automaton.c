/* The nondeterministic automata of all grammars as one deterministic automaton: sets of nodes
 * become states (Rabin and Scott 1959), then states that no text tells apart become one (Moore
 * 1956). */
#include "grammar.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MAX_STATES = 32767, MAX_MEMBERS = 1 << 23, NO_STATE = -1 };

/* Byte strings and their numbers, in the order in which they were met. */
typedef struct Keys {
    Arena *arena;
    int n, room; /* room: a power of two, of the open-addressed table */
    int *slot;
    const void **key;
    size_t *size;
} Keys;

static void grow_keys(Keys *k)
{
    const int room = k->room ? 2 * k->room : 1024;
    int *slot = NEW(k->arena, int, room);
    memset(slot, 0xff, (size_t)room * sizeof *slot);
    for (int i = 0; i < k->n; i++) {
        size_t at = XXH64(k->key[i], k->size[i], 0) & (size_t)(room - 1);
        while (slot[at] >= 0)
            at = (at + 1) & (size_t)(room - 1);
        slot[at] = i;
    }
    k->slot = slot;
    k->room = room;
}

static int key_number(Keys *k, const void *key, size_t size, bool *is_new)
{
    if (2 * k->n >= k->room)
        grow_keys(k);
    size_t at = XXH64(key, size, 0) & (size_t)(k->room - 1);
    for (; k->slot[at] >= 0; at = (at + 1) & (size_t)(k->room - 1)) {
        const int i = k->slot[at];
        if (k->size[i] == size && memcmp(k->key[i], key, size) == 0) {
            *is_new = false;
            return i;
        }
    }
    k->key = arena_grow(k->arena, (void *)k->key, k->n, sizeof *k->key);
    k->size = arena_grow(k->arena, k->size, k->n, sizeof *k->size);
    k->key[k->n] = arena_copy(k->arena, key, size, 1);
    k->size[k->n] = size;
    k->slot[at] = k->n;
    *is_new = true;
    return k->n++;
}

/* Sets of nodes ---------------------------------------------------------------------------- */

typedef struct Subsets {
    Arena *arena;
    const Nfa *nfa;
    Keys keys; /* of each state its nodes that read or accept, ascending ints */
    int64_t members;
    int *mark, round; /* nodes that are in the set at hand */
    int *set, n_set, *stack;
    Automaton *m;
    int n_edges;
} Subsets;

static void begin_set(Subsets *s)
{
    s->round++;
    s->n_set = 0;
}

/* The node and what is reached from it without reading. */
static void add_closure(Subsets *s, int node)
{
    int n = 0;
    s->stack[n++] = node;
    while (n > 0) {
        const int i = s->stack[--n];
        const NfaNode *at = &s->nfa->node[i];
        if (s->mark[i] == s->round)
            continue;
        s->mark[i] = s->round;
        if (at->step != STEP_SPLIT) {
            s->set[s->n_set++] = i;
            continue;
        }
        s->stack[n++] = at->other;
        s->stack[n++] = at->to;
    }
}

static int ascending(const void *x, const void *y)
{
    return *(const int *)x - *(const int *)y;
}

static int state_of_set(Subsets *s)
{
    bool is_new;
    qsort(s->set, (size_t)s->n_set, sizeof *s->set, ascending);
    const int state = key_number(&s->keys, s->set, (size_t)s->n_set * sizeof *s->set, &is_new);
    s->members += is_new ? s->n_set : 0;
    if (s->keys.n > MAX_STATES || s->members > MAX_MEMBERS)
        fatal("grammars: more than %d states: too large", MAX_STATES);
    return state;
}

static void add_edge(Subsets *s, int state, int low, int high, int to)
{
    Automaton *m = s->m;
    ByteEdge *last = s->n_edges > m->first[state] ? &m->edge[s->n_edges - 1] : NULL;
    if (last && last->to == to && last->high + 1 == low) {
        last->high = high;
        return;
    }
    m->edge = arena_grow(s->arena, m->edge, s->n_edges, sizeof *m->edge);
    m->edge[s->n_edges++] = (ByteEdge){low, high, to};
}

/* Where the ranges of a set's nodes begin and end, bytes are told apart. */
static void expand(Subsets *s, int state)
{
    const int *node = s->keys.key[state];
    const int n = (int)(s->keys.size[state] / sizeof *node);
    bool cut[257] = {true};
    for (int i = 0; i < n; i++) {
        const NfaNode *at = &s->nfa->node[node[i]];
        if (at->step != STEP_BYTE)
            continue;
        cut[at->low] = cut[at->high + 1] = true;
    }
    for (int low = 0, high; low < 256; low = high + 1) {
        for (high = low; high < 255 && !cut[high + 1]; high++) {
        }
        begin_set(s);
        for (int i = 0; i < n; i++) {
            const NfaNode *at = &s->nfa->node[node[i]];
            if (at->step == STEP_BYTE && at->low <= low && high <= at->high)
                add_closure(s, at->to);
        }
        if (s->n_set > 0)
            add_edge(s, state, low, high, state_of_set(s));
    }
}

static bool set_accepts(const Subsets *s, int state)
{
    const int *node = s->keys.key[state];
    for (size_t i = 0; i < s->keys.size[state] / sizeof *node; i++)
        if (s->nfa->node[node[i]].step == STEP_ACCEPT)
            return true;
    return false;
}

static void build_subsets(Subsets *s, const int *first, int n)
{
    Automaton *m = s->m;
    m->n_starts = n;
    m->start = NEW(s->arena, int, n);
    for (int i = 0; i < n; i++) {
        begin_set(s);
        add_closure(s, first[i]);
        m->start[i] = state_of_set(s);
    }
    for (; m->n_states < s->keys.n; m->n_states++) {
        m->first = arena_grow(s->arena, m->first, m->n_states, sizeof *m->first);
        m->first[m->n_states] = s->n_edges;
        expand(s, m->n_states);
    }
    m->first = arena_grow(s->arena, m->first, m->n_states, sizeof *m->first);
    m->first[m->n_states] = s->n_edges;
    m->accepts = NEW(s->arena, bool, m->n_states);
    for (int i = 0; i < m->n_states; i++)
        m->accepts[i] = set_accepts(s, i);
}

/* The fewest states ------------------------------------------------------------------------- */

/* The edges of a state between classes, neighbours with the same end joined; gives their number. */
static int class_edges(const Automaton *m, const int *class, int state, ByteEdge *out)
{
    int n = 0;
    for (int i = m->first[state]; i < m->first[state + 1]; i++) {
        ByteEdge e = m->edge[i];
        e.to = class[e.to];
        if (n > 0 && out[n - 1].to == e.to && out[n - 1].high + 1 == e.low)
            out[n - 1].high = e.high;
        else
            out[n++] = e;
    }
    return n;
}

typedef struct ClassKey {
    int class;
    ByteEdge edge[256];
} ClassKey;

/* Splits the classes of states by class and edges; gives the number of classes. */
static int refine(const Automaton *m, int *class)
{
    Arena *own = arena_new();
    Keys keys = {.arena = own};
    int *next = NEW(own, int, m->n_states);
    ClassKey *key = NEW(own, ClassKey, 1);
    for (int i = 0; i < m->n_states; i++) {
        bool is_new;
        key->class = class[i];
        const int n = class_edges(m, class, i, key->edge);
        const size_t size = offsetof(ClassKey, edge) + (size_t)n * sizeof(ByteEdge);
        next[i] = key_number(&keys, key, size, &is_new);
    }
    memcpy(class, next, (size_t)m->n_states * sizeof *class);
    const int n = keys.n;
    arena_free(own);
    return n;
}

/* Classes are numbered by their first states, so the result has the order of m. */
static Automaton *merged(Arena *a, const Automaton *m, const int *class, int n)
{
    Automaton *out = NEW(a, Automaton, 1);
    int *of = NEW(a, int, n); /* the first state of each class */
    for (int i = m->n_states - 1; i >= 0; i--)
        of[class[i]] = i;
    out->n_states = n;
    out->first = NEW(a, int, n + 1);
    out->accepts = NEW(a, bool, n);
    out->edge = NEW(a, ByteEdge, m->first[m->n_states] + 1);
    for (int i = 0; i < n; i++) {
        out->accepts[i] = m->accepts[of[i]];
        out->first[i + 1] = out->first[i] + class_edges(m, class, of[i], out->edge + out->first[i]);
    }
    out->n_starts = m->n_starts;
    out->start = NEW(a, int, m->n_starts);
    for (int i = 0; i < m->n_starts; i++)
        out->start[i] = class[m->start[i]];
    return out;
}

static Automaton *minimized(Arena *a, const Automaton *m)
{
    int *class = NEW(a, int, m->n_states);
    int n = 0, before;
    for (int i = 0; i < m->n_states; i++)
        class[i] = m->accepts[i];
    do {
        before = n;
        n = refine(m, class);
    } while (n > before);
    return merged(a, m, class, n);
}

Automaton *grammar_automaton(Arena *a, Grammar *const *list, int n)
{
    Arena *own = arena_new();
    Nfa nfa = {0};
    int *first = NEW(own, int, n);
    for (int i = 0; i < n; i++)
        first[i] = grammar_nfa(own, &nfa, list[i]);
    Subsets s = {.arena = own, .nfa = &nfa, .keys = {.arena = own}};
    s.mark = NEW(own, int, nfa.n);
    s.set = NEW(own, int, nfa.n);
    s.stack = NEW(own, int, 2 * nfa.n + 2);
    s.m = NEW(own, Automaton, 1);
    build_subsets(&s, first, n);
    Automaton *m = minimized(a, s.m);
    arena_free(own);
    return m;
}
