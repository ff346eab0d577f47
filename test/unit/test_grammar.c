/* Grammars: what the parser refuses; the automaton against a matcher that walks the expressions, on
 * random texts; classes of characters over every code point; which tokens may follow, by trying all
 * sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../compiler/runtime.h"
#include "grammar.h"
#include "trap.h"

#include <stdio.h>
#include <string.h>

/* The parser ------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "neither rules nor phrases"},
        {"\n\r\n", "neither rules nor phrases"},
        {"root ::= \"a", "line 1: the text ends"},
        {"root ::= \"a\n\"", "line 1: the line ends inside quotes"},
        {"root ::= [b-a]", "ends before it begins"},
        {"root ::= []", "a class of no characters"},
        {"root ::= [^\\x00-\\U0010FFFF]", "a class of no characters"},
        {"root ::= \"\\q\"", "unknown escape"},
        {"root ::= \"\\u12g4\"", "hexadecimal digits"},
        {"root ::= \"\\uD800\"", "no character has this number"},
        {"root ::= \"\\U00110000\"", "no character has this number"},
        {"root ::= \"\xC0\x80\"", "not UTF-8"},
        {"a phrase\nnot UTF-8: \xFF", "line 2: not UTF-8"},
        {"root ::= (\"a\"", "expected )"},
        {"root ::= \"a\")", "line 1: expected a rule"},
        {"root ::= \"a\"{3,2}", "more repetitions at the least"},
        {"root ::= \"a\"{,2}", "expected a number"},
        {"root ::= \"a\"{9999}", "more than 4096 repetitions"},
        {"root ::= \"a\"{2", "expected {m}"},
        {"root ::= b\nb ::= c\nc ::= \"x\" | b", "line 3: rule b refers to itself"},
        {"root ::= \"a\"\n\nroot ::= \"b\"", "line 3: the rule of this name was given before"},
        {"root ::= \"a\"\n= b", "line 2: expected a rule"},
        {"root ::= b", "there is no rule b"},
        {"root ::= ((((((((\"ab\"{4096}){4096}){4096}))))))", "too large"},
        {"root ::= (((\"\"{4096}){4096}){4096})", "too large"},
        {"root ::= [ab]* \"a\" [ab]{15}", "too large"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        Arena *a = arena_new();
        NamedTexts to = {0};
        EXPECT_FATAL(grammar_add(a, &to, "g", cases[i].text), cases[i].message);
        arena_free(a);
    }
    Arena *a = arena_new();
    NamedTexts to = {0};
    EXPECT_FATAL(grammar_add(a, &to, "2g", "a"), "must be a lower-case C name");
    EXPECT_FATAL(grammar_add(a, &to, "", "a"), "must be a lower-case C name");
    arena_free(a);
}

/* A matcher over expressions ----------------------------------------------------------------- */

enum { MOST = 24 };

typedef struct Set {
    bool at[MOST + 1]; /* positions in the text */
} Set;

static Set match(const Grammar *g, const Expr *e, const uint8_t *text, int n, Set from);

static Set match_class(const Expr *e, const uint8_t *text, int n, Set from)
{
    Set to = {0};
    for (int i = 0; i < n; i++) {
        lm_text t = {text, 0, (uint32_t)n, 0, 0};
        uint32_t length;
        const uint32_t c = lm_text_char(&t, (uint32_t)i, &length);
        for (int k = 0; from.at[i] && c != LM_BAD_CHAR && k < e->n; k++)
            to.at[i + (int)length] |= e->ranges[k].low <= c && c <= e->ranges[k].high;
    }
    return to;
}

static Set match_repeat(const Grammar *g, const Expr *e, const uint8_t *text, int n, Set from)
{
    Set to = {0};
    for (int count = 0; e->max < 0 ? count <= e->min + n : count <= e->max; count++) {
        for (int i = 0; i <= n && count >= e->min; i++)
            to.at[i] |= from.at[i];
        from = match(g, e->child[0], text, n, from);
    }
    return to;
}

static Set match(const Grammar *g, const Expr *e, const uint8_t *text, int n, Set from)
{
    Set to = {0};
    switch (e->kind) {
    case EXPR_TEXT:
        for (int i = 0; i + e->n <= n; i++)
            to.at[i + e->n] = from.at[i] && (!e->n || !memcmp(text + i, e->bytes, (size_t)e->n));
        return to;
    case EXPR_CLASS: return match_class(e, text, n, from);
    case EXPR_SEQUENCE:
        for (int i = 0; i < e->n; i++)
            from = match(g, e->child[i], text, n, from);
        return from;
    case EXPR_CHOICE:
        for (int i = 0; i < e->n; i++) {
            const Set one = match(g, e->child[i], text, n, from);
            for (int k = 0; k <= n; k++)
                to.at[k] |= one.at[k];
        }
        return to;
    case EXPR_REPEAT: return match_repeat(g, e, text, n, from);
    case EXPR_RULE: return match(g, g->rules[e->rule].expr, text, n, from);
    }
    return to;
}

static bool is_sentence(const Grammar *g, const uint8_t *text, int n)
{
    const Set start = {{true}};
    return match(g, g->rules[0].expr, text, n, start).at[n];
}

static int state_after(const Automaton *m, int state, const uint8_t *text, int n)
{
    for (int i = 0; i < n && state >= 0; i++) {
        int next = -1;
        for (int e = m->first[state]; e < m->first[state + 1]; e++)
            if (m->edge[e].low <= text[i] && text[i] <= m->edge[e].high)
                next = m->edge[e].to;
        state = next;
    }
    return state;
}

static bool accepts(const Automaton *m, int grammar, const uint8_t *text, int n)
{
    const int state = state_after(m, m->start[grammar], text, n);
    return state >= 0 && m->accepts[state];
}

static const char *const samples[] = {
    "root ::= \"a\" | \"ab\" | \"b\"? \"c\"+",
    "root ::= (\"a\" | \"bb\")* \"c\"{2,4} x?\nx ::= [ab] [^c]",
    "# even numbers of a\nroot ::= (b* \"a\" b* \"a\")* b*\nb ::= [b-c]",
    "root ::= \"\" | . . | [\\u00E9\\u00EA]{2}",
    "root ::= ((\"a\"?){3} \"b\"){0,2} | \"abc\"{1,}",
    "ab\nabc\nabc\n  c\nroot\nc#\r\n",
};

static void test_automaton(void **state)
{
    static const char alphabet[] = "aaabbbccc #\r\n\xC3\xA9\xAArot";
    uint64_t random = 5;
    (void)state;
    Arena *a = arena_new();
    Grammar *g[LENGTH(samples)];
    for (size_t i = 0; i < LENGTH(samples); i++)
        g[i] = grammar_parse(a, "g", samples[i]);
    const Automaton *m = grammar_automaton(a, g, LENGTH(samples));
    int sentences = 0;
    for (int trial = 0; trial < 400000; trial++) {
        uint8_t text[MOST];
        const int k = (int)(random_next(&random) % LENGTH(samples));
        const int n = (int)(random_next(&random) % 8);
        for (int i = 0; i < n; i++)
            text[i] = (uint8_t)alphabet[random_next(&random) % (sizeof alphabet - 1)];
        const bool expected = is_sentence(g[k], text, n);
        assert_int_equal(accepts(m, k, text, n), expected);
        sentences += expected;
    }
    assert_true(sentences > 10000);
    arena_free(a);
}

/* "(a|b)*abb" has four states, the textbook's; the same written twice has no more. */
static void test_fewest_states(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Grammar *g[2] = {grammar_parse(a, "g", "root ::= (\"a\" | \"b\")* \"abb\""),
                     grammar_parse(a, "h", "root ::= [ab]* \"a\" \"b\"{2}")};
    const Automaton *m = grammar_automaton(a, g, 2);
    assert_int_equal(m->n_states, 4);
    assert_int_equal(m->start[0], m->start[1]);
    arena_free(a);
}

/* Characters --------------------------------------------------------------------------------- */

static int utf8_of(uint32_t c, uint8_t *out)
{
    if (c < 0x80)
        return out[0] = (uint8_t)c, 1;
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    out[0] = (uint8_t)((0xF0 << (3 - more) & 0xFF) | c >> 6 * more);
    for (int i = 1; i <= more; i++)
        out[i] = (uint8_t)(0x80 | (c >> 6 * (more - i) & 63));
    return more + 1;
}

static void test_every_character(void **state)
{
    static const struct {
        const char *text;
        uint32_t low, high;
        bool inside;
    } cases[] = {
        {"root ::= .", 0, 0x10FFFF, true},
        {"root ::= [\\x7F-\\u0800]", 0x7F, 0x800, true},
        {"root ::= [\\u0123-\\U00012345]", 0x123, 0x12345, true},
        {"root ::= [^\\u0800-\\uFFFF]", 0x800, 0xFFFF, false},
        {"root ::= [^a-\\u20AC]", 'a', 0x20AC, false},
        {"root ::= [\\U0010FFFF\\U0001F600-\\U0010FFFE]", 0x1F600, 0x10FFFF, true},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        Arena *a = arena_new();
        Grammar *g = grammar_parse(a, "g", cases[i].text);
        const Automaton *m = grammar_automaton(a, &g, 1);
        for (uint32_t c = 0; c <= 0x10FFFF; c++) {
            uint8_t text[4];
            const int n = utf8_of(c, text);
            const bool inside = c >= cases[i].low && c <= cases[i].high;
            const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
            if (accepts(m, 0, text, n) != (!surrogate && inside == cases[i].inside))
                fail_msg("%s: U+%04X", cases[i].text, (unsigned)c);
        }
        static const char *const malformed[] = {
            "\xC0\x80",         "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
            "\xF5\x80\x80\x80", "\x80",         "\xFF",         "\xC3"};
        for (size_t k = 0; k < LENGTH(malformed); k++)
            assert_false(accepts(m, 0, (const uint8_t *)malformed[k], (int)strlen(malformed[k])));
        arena_free(a);
    }
}

/* Tokens ------------------------------------------------------------------------------------- */

static Tokenizer *vocabulary(Arena *a, const char *const *pieces, int n)
{
    Tokenizer *t = NEW(a, Tokenizer, 1);
    t->n_pieces = n;
    t->pieces = NEW(a, Piece, n);
    for (int i = 0; i < n; i++)
        t->pieces[i] = (Piece){(const uint8_t *)pieces[i], (int)strlen(pieces[i]),
                               i == 0 ? PIECE_CONTROL : PIECE_NORMAL};
    return t;
}

static const void *table(const GrammarTables *g, const char *name)
{
    for (int i = 0; i < g->n_data; i++)
        if (strcmp(g->data[i].name, name) == 0)
            return g->data[i].bytes;
    return NULL;
}

static lm_grammar runtime_of(const GrammarTables *g)
{
    const lm_grammar l = {table(g, "grammar_first"), table(g, "grammar_low"),
                          table(g, "grammar_high"), table(g, "grammar_to"),
                          table(g, "grammar_flags")};
    return l;
}

/* Whether tokens can lead from the state to a sentence, by trying `depth` of them. */
static bool can_finish(const Automaton *m, const Tokenizer *t, int state, int depth)
{
    bool can = m->accepts[state];
    for (int i = 1; i < t->n_pieces && !can && depth > 0; i++) {
        const int to = state_after(m, state, t->pieces[i].bytes, t->pieces[i].len);
        can = to >= 0 && can_finish(m, t, to, depth - 1);
    }
    return can;
}

/* No token is "c": what only a c could end must not begin. */
static void test_dead_ends(void **state)
{
    static const char *const pieces[] = {"<s>", "a", "b", "ab", "bc", "", "ba"};
    (void)state;
    Arena *a = arena_new();
    NamedTexts list = {0};
    grammar_add(a, &list, "g", "root ::= \"a\" \"b\"? (\"ac\" | \"bc\" | \"b\" | \"a\"{3} \"c\")");
    const Tokenizer *t = vocabulary(a, pieces, LENGTH(pieces));
    Grammar *parsed = grammar_parse(a, "g", list.text[0]);
    const Automaton *m = grammar_automaton(a, &parsed, 1);
    const GrammarTables *g = grammar_tables(a, &list, t);
    const lm_grammar l = runtime_of(g);
    int dead = 0;
    for (int s = 0; s < m->n_states; s++) {
        for (int i = 1; i < t->n_pieces; i++) {
            const Piece *p = &t->pieces[i];
            const int to = state_after(m, s, p->bytes, p->len);
            const bool expected = to >= 0 && can_finish(m, t, to, 6);
            if (l.flags[s] & LM_GRAMMAR_LIVE && p->len > 0)
                assert_int_equal(lm_grammar_read(&l, (uint32_t)s, p->bytes, (uint32_t)p->len) !=
                                     LM_GRAMMAR_NONE,
                                 expected);
            dead += to >= 0 && !expected;
        }
    }
    assert_true(dead > 0);
    NamedTexts none = {0};
    grammar_add(a, &none, "none", "root ::= \"ac\"");
    EXPECT_FATAL(grammar_tables(a, &none, t), "grammar none: the model's tokens cannot spell");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_automaton),
        cmocka_unit_test(test_fewest_states), cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_dead_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
