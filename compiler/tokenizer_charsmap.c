/* The tables of SentencePiece's normalizer: what characters become, and the sequences of them that
 * become something, along nodes that are numbered as states; Hangul's may be left out. */
#include "tokenizer_builder.h"

#include <stdlib.h>

enum { NO_STATE = 0xFFFF };

typedef struct Charsmap {
    const CharTree *tree;
    int *state; /* of each node; CHARSMAP_NONE: it is left out */
    int n_states, n_edges;
} Charsmap;

static void number_states(Arena *a, Charsmap *m)
{
    bool *by_rule = NEW(a, bool, m->tree->n_nodes + 1);
    find_hangul(a, m->tree, by_rule);
    m->state = NEW(a, int, m->tree->n_nodes + 1);
    for (int i = 0; i < m->tree->n_nodes; i++) {
        m->state[i] = by_rule[i] ? CHARSMAP_NONE : m->n_states++;
        m->n_edges += by_rule[i] ? 0 : m->tree->nodes[i].n;
    }
    if (m->n_states >= NO_STATE || m->n_edges >= NO_STATE) {
        fatal("tokenizer: precompiled_charsmap: %d states with %d edges: the limit is %d",
              m->n_states, m->n_edges, NO_STATE - 1);
    }
}

/* Characters, ascending, with their table of planes. */
static void add_codes(Builder *b, const char *prefix, const uint32_t *codes, int n)
{
    add_planes(b, arena_printf(b->arena, "%s_plane", prefix), codes, n);
    uint16_t *low = add_table(b, arena_printf(b->arena, "%s_code", prefix), ELEM_U16, n);
    for (int i = 0; i < n; i++) {
        low[i] = (uint16_t)codes[i];
    }
}

/* The strings that stand in the tables, each once: `start` says where. */
typedef struct Strings {
    Buf bytes;
    uint16_t *start;
    int n;
    int *
        place; /* of each edge's string in the list, by CharEdge.to; CHARSMAP_NONE: not there yet */
} Strings;

static int add_string(Strings *s, const char *text)
{
    buf_write(&s->bytes, text, strlen(text));
    if (s->bytes.len > UINT16_MAX) {
        fatal("tokenizer: precompiled_charsmap: strings of over %d bytes", UINT16_MAX);
    }
    s->start[++s->n] = (uint16_t)s->bytes.len;
    return s->n - 1;
}

static void add_map(Builder *b, const Charsmap *m, Strings *s)
{
    const CharNode *root = &m->tree->root;
    uint32_t *codes = NEW(b->arena, uint32_t, root->n);
    int n = 0;
    for (int i = 0; i < root->n; i++) {
        if (root->edges[i].to >= 0) {
            codes[n++] = root->edges[i].code;
            add_string(s, m->tree->strings + root->edges[i].to);
        }
    }
    add_codes(b, "map", codes, n);
}

static void add_opens(Builder *b, const Charsmap *m)
{
    const CharNode *root = &m->tree->root;
    uint32_t *codes = NEW(b->arena, uint32_t, root->n);
    uint16_t *state = NEW(b->arena, uint16_t, root->n);
    int n = 0;
    for (int i = 0; i < root->n; i++) {
        const int node = root->edges[i].node;
        if (node >= 0 && m->state[node] >= 0) {
            codes[n] = root->edges[i].code;
            state[n++] = (uint16_t)m->state[node];
        }
    }
    add_codes(b, "open", codes, n);
    memcpy(add_table(b, "open_state", ELEM_U16, n), state, (size_t)n * sizeof *state);
}

/* The characters that go on with a sequence, ascending; gives their number. */
static int add_joins(Builder *b, const Charsmap *m, uint32_t **codes)
{
    CodeSet set = code_set_new(b->arena);
    for (int i = 0; i < m->tree->n_nodes; i++) {
        for (int k = 0; m->state[i] >= 0 && k < m->tree->nodes[i].n; k++) {
            code_set_add(&set, m->tree->nodes[i].edges[k].code);
        }
    }
    *codes = NEW(b->arena, uint32_t, set.n);
    int n = 0;
    for (uint32_t c = 0; (c = code_set_next(&set, c)) < CODE_POINTS; c++) {
        (*codes)[n++] = c;
    }
    add_codes(b, "join", *codes, n);
    return n;
}

static int by_value(const void *x, const void *y)
{
    const uint32_t *s = x, *t = y;
    return *s < *t ? -1 : *s > *t;
}

static void add_edges(Builder *b, const Charsmap *m, Strings *s)
{
    uint32_t *codes;
    const int n_codes = add_joins(b, m, &codes);
    uint16_t *first = add_table(b, "edge_first", ELEM_U16, m->n_states + 1);
    uint16_t *join = add_table(b, "edge_join", ELEM_U16, m->n_edges);
    uint16_t *text = add_table(b, "edge_text", ELEM_U16, m->n_edges);
    uint16_t *state = add_table(b, "edge_state", ELEM_U16, m->n_edges);
    int at = 0;
    for (int i = 0; i < m->tree->n_nodes; i++) {
        const CharNode *node = &m->tree->nodes[i];
        for (int k = 0; m->state[i] >= 0 && k < node->n; k++, at++) {
            const CharEdge *e = &node->edges[k];
            const int next = e->node < 0 ? CHARSMAP_NONE : m->state[e->node];
            if (e->to >= 0 && s->place[e->to] < 0) {
                s->place[e->to] = add_string(s, m->tree->strings + e->to);
            }
            const uint32_t *code =
                bsearch(&e->code, codes, (size_t)n_codes, sizeof *codes, by_value);
            join[at] = (uint16_t)(code - codes);
            text[at] = (uint16_t)(e->to < 0 ? NO_STATE : s->place[e->to]);
            state[at] = (uint16_t)(next < 0 ? NO_STATE : next);
        }
        if (m->state[i] >= 0) {
            first[m->state[i] + 1] = (uint16_t)at;
        }
    }
}

static CharTree tree_of(Arena *a, const Tokenizer *t)
{
    return charsmap_tree(a, "tokenizer", t->charsmap, t->charsmap_bytes);
}

/* No table where no string becomes another one. */
void add_charsmap_tables(Builder *b)
{
    const CharTree tree = tree_of(b->arena, b->t);
    Charsmap m = {.tree = &tree};
    if (tree.root.n == 0) {
        return;
    }
    number_states(b->arena, &m);
    Strings s = {.start = NEW(b->arena, uint16_t, tree.root.n + m.n_edges + 1),
                 .place = NEW(b->arena, int, tree.n_strings)};
    memset(s.place, 0xFF, tree.n_strings * sizeof *s.place);
    add_map(b, &m, &s);
    if (m.n_states > 0) {
        add_opens(b, &m);
        add_edges(b, &m, &s);
    }
    memcpy(add_table(b, "map_start", ELEM_U16, s.n + 1), s.start,
           (size_t)(s.n + 1) * sizeof *s.start);
    uint8_t *bytes = add_table(b, "map_bytes", ELEM_U8, s.bytes.len ? (int64_t)s.bytes.len : 1);
    if (s.bytes.len) {
        memcpy(bytes, s.bytes.data, s.bytes.len);
    }
    buf_free(&s.bytes);
}

bool charsmap_hangul(const Tokenizer *t)
{
    Arena *a = arena_new();
    const CharTree tree = tree_of(a, t);
    const bool found = find_hangul(a, &tree, NEW(a, bool, tree.n_nodes + 1));
    arena_free(a);
    return found;
}

/* Normalized bytes stand in a quarter as many entries until they are read, and each may be a token.
 */
int charsmap_room(const Tokenizer *t)
{
    Arena *a = arena_new();
    const int room = (tree_of(a, t).growth * 5 + 3) / 4;
    arena_free(a);
    return room;
}
