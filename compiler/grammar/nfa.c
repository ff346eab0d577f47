/* Expressions as a nondeterministic automaton over bytes (Thompson 1968), built from the end: every
 * part is told which node comes next and gives the node that it begins with. Classes of characters
 * become sequences of byte ranges. */
#include "grammar.h"

enum { MAX_NODES = 1 << 18, MAX_STEPS = 1 << 20, MAX_DEPTH = 4000 };

static int add_node(Arena *a, Nfa *nfa, const Grammar *g, NfaNode node)
{
    if (nfa->n == MAX_NODES)
        fatal(
            "grammar %s: too large: more than %d steps when repetitions and rules are written out",
            g->name, MAX_NODES);
    nfa->node = arena_grow(a, nfa->node, nfa->n, sizeof *nfa->node);
    nfa->node[nfa->n] = node;
    return nfa->n++;
}

static int add_byte(Arena *a, Nfa *nfa, const Grammar *g, int low, int high, int next)
{
    return add_node(a, nfa, g, (NfaNode){STEP_BYTE, (uint8_t)low, (uint8_t)high, next, -1});
}

/* Either; -1: only the other. */
static int add_split(Arena *a, Nfa *nfa, const Grammar *g, int one, int other)
{
    if (one < 0 || other < 0)
        return one < 0 ? other : one;
    return add_node(a, nfa, g, (NfaNode){STEP_SPLIT, 0, 0, one, other});
}

/* UTF-8 of the code points low .. high, all of which have the same number of bytes, `more` of them
 * after the present one, and differ in no bit that was read before. */
static int utf8_range(Arena *a, Nfa *nfa, const Grammar *g, uint32_t low, uint32_t high, int more,
                      int lead, int next)
{
    const uint32_t step = 1U << 6 * more, mask = step - 1;
    if (more == 0)
        return add_byte(a, nfa, g, lead + (int)low, lead + (int)high, next);
    int first = -1;
    while (low <= high) { /* ranges that share this byte, or have all bytes after it */
        uint32_t end = low | mask;
        if ((low & mask) == 0 && high - low >= mask)
            end = (high + 1) / step * step - 1;
        end = end > high ? high : end;
        const bool whole = (low & mask) == 0 && (end & mask) == mask;
        const int rest = utf8_range(a, nfa, g, whole ? 0 : low & mask, whole ? mask : end & mask,
                                    more - 1, 0x80, next);
        first = add_split(
            a, nfa, g,
            add_byte(a, nfa, g, lead + (int)(low / step), lead + (int)(end / step), rest), first);
        low = end + 1;
    }
    return first;
}

static int class_nfa(Arena *a, Nfa *nfa, const Grammar *g, const Expr *e, int next)
{
    static const struct {
        uint32_t low, high;
        int more, lead;
    } parts[] = {{0, 0x7F, 0, 0},
                 {0x80, 0x7FF, 1, 0xC0},
                 {0x800, 0xD7FF, 2, 0xE0},
                 {0xE000, 0xFFFF, 2, 0xE0},
                 {0x10000, 0x10FFFF, 3, 0xF0}};
    int first = -1;
    for (int i = 0; i < e->n; i++)
        for (size_t k = 0; k < LENGTH(parts); k++) {
            const CharRange r = e->ranges[i];
            const uint32_t low = r.low > parts[k].low ? r.low : parts[k].low;
            const uint32_t high = r.high < parts[k].high ? r.high : parts[k].high;
            if (low <= high)
                first = add_split(
                    a, nfa, g, utf8_range(a, nfa, g, low, high, parts[k].more, parts[k].lead, next),
                    first);
        }
    return first;
}

static int expr_nfa(Arena *a, Nfa *nfa, const Grammar *g, const Expr *e, int next);

static int repeat_nfa(Arena *a, Nfa *nfa, const Grammar *g, const Expr *e, int next)
{
    int first = next;
    if (e->max < 0) {
        first = add_node(a, nfa, g, (NfaNode){STEP_SPLIT, 0, 0, -1, next});
        const int body = expr_nfa(a, nfa, g, e->child[0], first);
        nfa->node[first].to = body;
    }
    for (int i = e->min; i < e->max; i++)
        first = add_split(a, nfa, g, expr_nfa(a, nfa, g, e->child[0], first), next);
    for (int i = 0; i < e->min; i++)
        first = expr_nfa(a, nfa, g, e->child[0], first);
    return first;
}

static int kind_nfa(Arena *a, Nfa *nfa, const Grammar *g, const Expr *e, int next)
{
    int first = -1;
    switch (e->kind) {
    case EXPR_TEXT:
        for (int i = e->n - 1; i >= 0; i--)
            next = add_byte(a, nfa, g, e->bytes[i], e->bytes[i], next);
        return next;
    case EXPR_CLASS: return class_nfa(a, nfa, g, e, next);
    case EXPR_SEQUENCE:
        for (int i = e->n - 1; i >= 0; i--)
            next = expr_nfa(a, nfa, g, e->child[i], next);
        return next;
    case EXPR_CHOICE:
        for (int i = e->n - 1; i >= 0; i--)
            first = add_split(a, nfa, g, expr_nfa(a, nfa, g, e->child[i], next), first);
        return first;
    case EXPR_REPEAT: return repeat_nfa(a, nfa, g, e, next);
    case EXPR_RULE: return expr_nfa(a, nfa, g, g->rules[e->rule].expr, next);
    }
    die("grammar: expression of kind %d", (int)e->kind);
}

static int expr_nfa(Arena *a, Nfa *nfa, const Grammar *g, const Expr *e, int next)
{
    if (++nfa->steps > MAX_STEPS || ++nfa->depth > MAX_DEPTH)
        fatal("grammar %s: too large when repetitions and rules are written out", g->name);
    const int first = kind_nfa(a, nfa, g, e, next);
    nfa->depth--;
    return first;
}

int grammar_nfa(Arena *a, Nfa *nfa, const Grammar *g)
{
    const int accept = add_node(a, nfa, g, (NfaNode){STEP_ACCEPT, 0, 0, -1, -1});
    return expr_nfa(a, nfa, g, g->rules[0].expr, accept);
}
