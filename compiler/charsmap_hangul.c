/* Which nodes of a charsmap say of Hangul letters what the rule of Unicode, chapter 3.12, says: a
 * letter L, or what becomes one, a V and perhaps a T are a syllable. They are the most of the nodes
 * where they are there, and the device needs none of them. */
#include "tokenizer_builder.h"

enum { JAMO_L = 0x1100, JAMO_V = 0x1161, JAMO_T = 0x11A7, N_L = 19, N_V = 21, N_T = 28 };
enum { SYLLABLES = 0xAC00 };

typedef struct Hangul {
    const CharTree *tree;
    CodeSet letters[3]; /* that are, or become, an L, a V or a T */
    bool *by_rule;      /* of each node */
} Hangul;

static const CharEdge *find_edge(const CharNode *node, uint32_t code)
{
    int low = 0, high = node->n;
    while (low < high) {
        const int mid = (low + high) / 2;
        if (node->edges[mid].code < code) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < node->n && node->edges[low].code == code ? &node->edges[low] : NULL;
}

/* The character that a string is; 0: it is not one. */
static uint32_t char_of(const char *s)
{
    lm_text text = {(const uint8_t *)s, 0, (uint32_t)strlen(s), 0, 0};
    uint32_t length = 0;
    const uint32_t code = text.n ? lm_text_char(&text, 0, &length) : 0;
    return length == text.n ? code : 0;
}

/* What a character becomes by itself, where that is one character. */
static uint32_t letter_of(const CharTree *tree, uint32_t code)
{
    const CharEdge *e = find_edge(&tree->root, code);
    return !e || e->to < 0 ? code : char_of(tree->strings + e->to);
}

static void find_letters(Arena *a, Hangul *m)
{
    static const struct {
        uint32_t first, last;
    } ranges[3] = {
        {JAMO_L, JAMO_L + N_L - 1}, {JAMO_V, JAMO_V + N_V - 1}, {JAMO_T + 1, JAMO_T + N_T - 1}};
    for (int i = 0; i < 3; i++) {
        m->letters[i] = code_set_new(a);
        for (uint32_t c = ranges[i].first; c <= ranges[i].last; c++) {
            if (letter_of(m->tree, c) == c) {
                code_set_add(&m->letters[i], c);
            }
        }
        for (int k = 0; k < m->tree->root.n; k++) {
            const CharEdge *e = &m->tree->root.edges[k];
            const uint32_t c = e->to < 0 ? 0 : char_of(m->tree->strings + e->to);
            if (c >= ranges[i].first && c <= ranges[i].last) {
                code_set_add(&m->letters[i], e->code);
            }
        }
    }
}

/* Whether a node's characters are those of the set, all of them. */
static bool follows_set(const CharNode *node, const CodeSet *set)
{
    uint32_t c = code_set_next(set, 0);
    for (int i = 0; i < node->n; i++, c = code_set_next(set, c + 1)) {
        if (node->edges[i].code != c) {
            return false;
        }
    }
    return c == CODE_POINTS;
}

/* Whether the letters after the syllable `first` compose with it as T does. */
static bool ends_by_rule(const Hangul *m, int node, uint32_t first)
{
    const CharNode *n = node < 0 ? NULL : &m->tree->nodes[node];
    bool good = n && follows_set(n, &m->letters[2]);
    for (int i = 0; good && i < n->n; i++) {
        const CharEdge *e = &n->edges[i];
        good = e->node < 0 && e->to >= 0 &&
               char_of(m->tree->strings + e->to) == first + letter_of(m->tree, e->code) - JAMO_T;
    }
    return good;
}

static bool lead_by_rule(const Hangul *m, int node, uint32_t lead)
{
    const CharNode *n = node < 0 ? NULL : &m->tree->nodes[node];
    bool good = n && follows_set(n, &m->letters[1]);
    for (int i = 0; good && i < n->n; i++) {
        const CharEdge *e = &n->edges[i];
        const uint32_t vowel = letter_of(m->tree, e->code) - JAMO_V;
        const uint32_t code = SYLLABLES + (lead * N_V + vowel) * N_T;
        good = e->to >= 0 && char_of(m->tree->strings + e->to) == code &&
               ends_by_rule(m, e->node, code);
    }
    return good;
}

static void mark_lead(Hangul *m, int node)
{
    const CharNode *n = &m->tree->nodes[node];
    m->by_rule[node] = true;
    for (int i = 0; i < n->n; i++) {
        m->by_rule[n->edges[i].node] = true;
    }
}

/* Marks the nodes that say what the rule does; false: not all letters follow it. */
static bool mark_hangul(Hangul *m)
{
    bool seen[N_L] = {false};
    for (uint32_t c = 0; (c = code_set_next(&m->letters[0], c)) < CODE_POINTS; c++) {
        const CharEdge *e = find_edge(&m->tree->root, c);
        const uint32_t lead = letter_of(m->tree, c) - JAMO_L;
        if (!e || !lead_by_rule(m, e->node, lead)) {
            return false;
        }
        mark_lead(m, e->node);
        seen[lead] = true;
    }
    return !memchr(seen, false, sizeof seen);
}

/* Whether only Hangul letters lead to marked nodes, which are left out. */
static bool marks_apart(const Hangul *m)
{
    for (int k = 0; k < m->tree->root.n; k++) {
        const CharEdge *e = &m->tree->root.edges[k];
        if (e->node >= 0 && m->by_rule[e->node] && !code_set_has(&m->letters[0], e->code)) {
            return false;
        }
    }
    for (int i = 0; i < m->tree->n_nodes; i++) {
        const CharNode *node = &m->tree->nodes[i];
        for (int k = 0; !m->by_rule[i] && k < node->n; k++) {
            if (node->edges[k].node >= 0 && m->by_rule[node->edges[k].node]) {
                return false;
            }
        }
    }
    return true;
}

bool find_hangul(Arena *a, const CharTree *tree, bool *by_rule)
{
    Hangul m = {.tree = tree, .by_rule = by_rule};
    find_letters(a, &m);
    const bool found =
        code_set_next(&m.letters[0], 0) >= JAMO_L && mark_hangul(&m) && marks_apart(&m);
    if (!found) {
        memset(by_rule, 0, (size_t)tree->n_nodes * sizeof *by_rule);
    }
    return found;
}
