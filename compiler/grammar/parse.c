/* A grammar's text as expressions: the regular part of GBNF (the notation of llama.cpp's grammars),
 * or a plain list of phrases, one a line. */
#include "grammar.h"
#include "runtime.h"

#include <string.h>

enum { MAX_TEXT = 1 << 20, MAX_RULES = 256, MAX_NESTING = 64, MAX_REPEAT = 4096 };
enum { MAX_DEPTH = 4000 };

typedef struct Parser {
    Arena *arena;
    Grammar *grammar;
    lm_text text;
    uint32_t at;
    int line, depth;
} Parser;

_Noreturn static void refuse(const Parser *p, int line, const char *what)
{
    fatal("grammar %s: line %d: %s", p->grammar->name, line, what);
}

/* Characters ------------------------------------------------------------------------------- */

static int look(const Parser *p)
{
    return p->at < p->text.n ? p->text.bytes[p->at] : -1;
}

static bool looking_at(const Parser *p, const char *s)
{
    const size_t n = strlen(s);
    return p->text.n - p->at >= n && memcmp(p->text.bytes + p->at, s, n) == 0;
}

static bool take(Parser *p, char c)
{
    if (look(p) != c)
        return false;
    p->at++;
    return true;
}

static uint32_t next_char(Parser *p)
{
    uint32_t length = 0;
    if (look(p) < 0)
        refuse(p, p->line, "the text ends in the middle of a rule");
    const uint32_t code = lm_text_char(&p->text, p->at, &length);
    if (code == LM_BAD_CHAR)
        refuse(p, p->line, "not UTF-8");
    if (code == '\n')
        refuse(p, p->line, "the line ends inside quotes or brackets");
    p->at += length;
    return code;
}

static uint32_t hex(Parser *p, int digits)
{
    uint32_t v = 0;
    for (int i = 0; i < digits; i++, p->at++) {
        const int c = look(p);
        if (c >= '0' && c <= '9')
            v = v * 16 + (uint32_t)(c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            v = v * 16 + (uint32_t)((c | 32) - 'a' + 10);
        else
            refuse(p, p->line, "\\x takes 2 hexadecimal digits, \\u 4, \\U 8");
    }
    if (v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF))
        refuse(p, p->line, "no character has this number");
    return v;
}

/* Of a quoted text or a class: a character, or what an escape stands for. */
static uint32_t quoted_char(Parser *p)
{
    static const char from[] = "nrt\\\"[]^-", to[] = "\n\r\t\\\"[]^-";
    if (!take(p, '\\'))
        return next_char(p);
    const uint32_t c = next_char(p);
    const char *known = c && c < 128 ? strchr(from, (int)c) : NULL;
    if (known)
        return (uint8_t)to[known - from];
    if (c != 'x' && c != 'u' && c != 'U')
        refuse(p, p->line,
               "unknown escape: \\n \\r \\t \\\\ \\\" \\[ \\] \\^ \\- \\x \\u \\U are known");
    return hex(p, c == 'x' ? 2 : c == 'u' ? 4 : 8);
}

static void put_char(Buf *b, uint32_t c)
{
    const int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
    uint8_t bytes[4] = {(uint8_t)(lead[more] | c >> 6 * more)};
    for (int i = 1; i <= more; i++)
        bytes[i] = (uint8_t)(0x80 | (c >> 6 * (more - i) & 63));
    buf_write(b, bytes, (size_t)more + 1);
}

/* Blanks, line ends and comments. */
static void skip(Parser *p)
{
    for (int c; (c = look(p)) == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '#';) {
        if (c == '#')
            while (look(p) >= 0 && look(p) != '\n')
                p->at++;
        else
            p->at++;
        p->line += c == '\n';
    }
}

static bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_char(int c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static const char *name(Parser *p)
{
    const uint32_t start = p->at;
    while (is_name_char(look(p)))
        p->at++;
    return arena_strndup(p->arena, (const char *)p->text.bytes + start, p->at - start);
}

/* Whether a rule begins here: "name ::=". */
static bool rule_begins(const Parser *p)
{
    Parser ahead = *p;
    if (!is_letter(look(p)))
        return false;
    while (is_name_char(look(&ahead)))
        ahead.at++;
    skip(&ahead);
    return looking_at(&ahead, "::=");
}

/* Expressions ------------------------------------------------------------------------------ */

static Expr *new_expr(Parser *p, ExprKind kind)
{
    Expr *e = NEW(p->arena, Expr, 1);
    e->kind = kind;
    e->line = p->line;
    return e;
}

static void add_child(Parser *p, Expr *e, Expr *child)
{
    e->child = arena_grow(p->arena, e->child, e->n, sizeof *e->child);
    e->child[e->n++] = child;
}

static void add_range(Parser *p, Expr *e, uint32_t low, uint32_t high)
{
    e->ranges = arena_grow(p->arena, e->ranges, e->n, sizeof *e->ranges);
    e->ranges[e->n++] = (CharRange){low, high};
}

static int find_rule(Parser *p, const char *of)
{
    Grammar *g = p->grammar;
    for (int i = 0; i < g->n_rules; i++)
        if (strcmp(g->rules[i].name, of) == 0)
            return i;
    if (g->n_rules == MAX_RULES)
        refuse(p, p->line, "too many rules");
    g->rules = arena_grow(p->arena, g->rules, g->n_rules, sizeof *g->rules);
    g->rules[g->n_rules] = (Rule){of, NULL, p->line};
    return g->n_rules++;
}

static Expr *text_expr(Parser *p)
{
    Buf b = {0};
    Expr *e = new_expr(p, EXPR_TEXT);
    while (!take(p, '"'))
        put_char(&b, quoted_char(p));
    e->n = (int)b.len;
    e->bytes = b.len ? arena_copy(p->arena, b.data, b.len, 1) : NULL;
    buf_free(&b);
    return e;
}

/* The characters that no range holds, surrogates aside. */
static void negate(Parser *p, Expr *e)
{
    Expr not = {.kind = EXPR_CLASS};
    uint32_t from = 0;
    while (from <= 0x10FFFF) {
        uint32_t low = 0x110000, next = from;
        for (int i = 0; i < e->n; i++) { /* the first range that ends at `from` or later */
            if (e->ranges[i].low <= from && e->ranges[i].high >= next)
                next = e->ranges[i].high + 1;
            else if (e->ranges[i].low > from && e->ranges[i].low < low)
                low = e->ranges[i].low;
        }
        if (next > from) {
            from = next;
            continue;
        }
        add_range(p, &not, from, low - 1);
        from = low;
    }
    e->ranges = not .ranges;
    e->n = not .n;
}

static Expr *class_expr(Parser *p)
{
    Expr *e = new_expr(p, EXPR_CLASS);
    const bool negated = take(p, '^');
    while (!take(p, ']')) {
        const uint32_t low = quoted_char(p);
        uint32_t high = low;
        if (look(p) == '-' && p->at + 1 < p->text.n && p->text.bytes[p->at + 1] != ']') {
            p->at++;
            high = quoted_char(p);
        }
        if (high < low)
            refuse(p, p->line, "a range of characters ends before it begins");
        add_range(p, e, low, high);
    }
    if (negated)
        negate(p, e);
    if (e->n == 0)
        refuse(p, p->line, "a class of no characters");
    return e;
}

static int number(Parser *p)
{
    int v = 0;
    if (look(p) < '0' || look(p) > '9')
        refuse(p, p->line, "expected a number of repetitions");
    for (; look(p) >= '0' && look(p) <= '9'; p->at++) {
        v = v * 10 + look(p) - '0';
        if (v > MAX_REPEAT)
            refuse(p, p->line, "more than 4096 repetitions");
    }
    return v;
}

/* {m}, {m,} or {m,n}, past the brace. */
static void bounds(Parser *p, Expr *e)
{
    skip(p);
    e->min = e->max = number(p);
    skip(p);
    if (take(p, ',')) {
        skip(p);
        e->max = look(p) == '}' ? -1 : number(p);
        skip(p);
    }
    if (!take(p, '}'))
        refuse(p, p->line, "expected {m}, {m,} or {m,n}");
    if (e->max >= 0 && e->max < e->min)
        refuse(p, p->line, "more repetitions at the least than at the most");
}

static Expr *choice_expr(Parser *p);

static Expr *group_expr(Parser *p)
{
    if (++p->depth > MAX_NESTING)
        refuse(p, p->line, "more than 64 parentheses inside one another");
    Expr *e = choice_expr(p);
    if (!take(p, ')'))
        refuse(p, p->line, "expected )");
    p->depth--;
    return e;
}

/* NULL where none begins. */
static Expr *item_expr(Parser *p)
{
    if (take(p, '"'))
        return text_expr(p);
    if (take(p, '['))
        return class_expr(p);
    if (take(p, '('))
        return group_expr(p);
    if (take(p, '.')) {
        Expr *e = new_expr(p, EXPR_CLASS);
        add_range(p, e, 0, 0x10FFFF);
        return e;
    }
    if (!is_letter(look(p)) || rule_begins(p))
        return NULL;
    Expr *e = new_expr(p, EXPR_RULE);
    e->rule = find_rule(p, name(p));
    return e;
}

static Expr *repeated(Parser *p, Expr *item)
{
    for (skip(p);; skip(p)) {
        Expr *e = new_expr(p, EXPR_REPEAT);
        e->max = -1;
        if (take(p, '?'))
            e->max = 1;
        else if (take(p, '+'))
            e->min = 1;
        else if (take(p, '{'))
            bounds(p, e);
        else if (!take(p, '*'))
            return item;
        if (++p->depth > MAX_NESTING)
            refuse(p, p->line, "more than 64 repetitions of repetitions");
        add_child(p, e, item);
        item = e;
    }
}

static Expr *sequence_expr(Parser *p)
{
    Expr *e = new_expr(p, EXPR_SEQUENCE), *item;
    for (skip(p); (item = item_expr(p)) != NULL; skip(p)) {
        const int depth = p->depth;
        add_child(p, e, repeated(p, item));
        p->depth = depth;
    }
    return e;
}

static Expr *choice_expr(Parser *p)
{
    Expr *e = new_expr(p, EXPR_CHOICE);
    do
        add_child(p, e, sequence_expr(p));
    while (take(p, '|'));
    return e;
}

/* Rules ------------------------------------------------------------------------------------ */

static void rule(Parser *p)
{
    const int line = p->line;
    if (!rule_begins(p))
        refuse(p, p->line, "expected a rule: NAME ::= ...");
    const int i = find_rule(p, name(p));
    skip(p);
    p->at += 3;
    if (p->grammar->rules[i].expr)
        refuse(p, line, "the rule of this name was given before");
    Expr *e = choice_expr(p);
    p->grammar->rules[i].expr = e;
    p->grammar->rules[i].line = line;
}

/* Marks: 0 not seen, 1 in the middle of it, 2 done. */
static void check_recursion(const Parser *p, const Expr *e, int depth, char *marks)
{
    if (depth > MAX_DEPTH)
        refuse(p, e->line, "rules refer to rules too deeply");
    if (e->kind != EXPR_RULE) {
        const bool children = e->kind == EXPR_SEQUENCE || e->kind == EXPR_CHOICE;
        for (int i = 0; i < (e->kind == EXPR_REPEAT ? 1 : children ? e->n : 0); i++)
            check_recursion(p, e->child[i], depth + 1, marks);
        return;
    }
    const Rule *r = &p->grammar->rules[e->rule];
    if (!r->expr)
        refuse(p, e->line, arena_printf(p->arena, "there is no rule %s", text_clip(r->name).s));
    if (marks[e->rule] == 1)
        refuse(p, e->line,
               arena_printf(p->arena,
                            "rule %s refers to itself: write it with * or {m,n}, nested "
                            "forms to a depth that is wanted",
                            text_clip(r->name).s));
    if (marks[e->rule] == 2)
        return;
    marks[e->rule] = 1;
    check_recursion(p, r->expr, depth + 1, marks);
    marks[e->rule] = 2;
}

static void parse_rules(Parser *p)
{
    const Expr root = {.kind = EXPR_RULE, .line = 1, .rule = find_rule(p, "root")};
    for (skip(p); look(p) >= 0; skip(p))
        rule(p);
    check_recursion(p, &root, 0, NEW(p->arena, char, p->grammar->n_rules));
}

/* Each line that is not empty as it stands. */
static void parse_phrases(Parser *p)
{
    Expr *all = new_expr(p, EXPR_CHOICE);
    for (; look(p) >= 0; p->line++, take(p, '\n')) {
        Expr *e = new_expr(p, EXPR_TEXT);
        e->bytes = p->text.bytes + p->at;
        while (look(p) >= 0 && look(p) != '\n')
            next_char(p);
        e->n = (int)(p->text.bytes + p->at - e->bytes);
        e->n -= e->n > 0 && e->bytes[e->n - 1] == '\r';
        if (e->n > 0)
            add_child(p, all, e);
    }
    if (all->n == 0)
        refuse(p, 1, "neither rules nor phrases");
    const int root = find_rule(p, "root");
    p->grammar->rules[root].expr = all;
}

/* Whether a line begins with "root ::=". */
static bool has_root(const char *text)
{
    for (const char *s = text; s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
        s += strspn(s, " \t\r\n");
        if (strncmp(s, "root", 4) == 0 && strncmp(s + 4 + strspn(s + 4, " \t"), "::=", 3) == 0)
            return true;
    }
    return false;
}

Grammar *grammar_parse(Arena *a, const char *of, const char *text)
{
    const size_t n = strlen(text);
    Grammar *g = NEW(a, Grammar, 1);
    Parser p = {.arena = a, .grammar = g, .line = 1};
    g->name = of;
    if (n > MAX_TEXT)
        refuse(&p, 1, "longer than 1 MiB");
    p.text.bytes = (const uint8_t *)arena_strndup(a, text, n);
    p.text.n = (uint32_t)n;
    if (has_root(text))
        parse_rules(&p);
    else
        parse_phrases(&p);
    return g;
}
