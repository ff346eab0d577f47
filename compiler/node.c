/* Strict reading of a YAML tree: every conversion either yields a value in range or ends with a
 * message that names the file, the line, the key, what was expected and what was found. */
#include "recipe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHOWN = sizeof(Clip) - 4, /* characters before the "..." */
    MAX_NAME = 63,            /* longer names get no suggestion */
};

static const char *const kind_names[] = {
    [NODE_SCALAR] = "a value", [NODE_LIST] = "a list", [NODE_MAP] = "a map"};

/* It may hold anything, terminal escapes included. */
Clip text_clip(const char *text)
{
    Clip c;
    size_t n = 0;
    for (; text[n] && n < SHOWN; n++)
        c.s[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
    strcpy(c.s + n, text[n] ? "..." : "");
    return c;
}

void node_fatal(const Node *n, const char *key, const char *fmt, ...)
{
    char why[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    Clip shown = text_clip(key);
    if (!n->file)
        fatal("%s: %s", shown.s, why);
    if (n->line == 0)
        fatal("%s: %s: %s", n->file, shown.s, why);
    fatal("%s:%d: %s: %s", n->file, n->line, shown.s, why);
}

static _Noreturn void wrong_value(const Node *n, const char *key, const char *expected)
{
    node_fatal(n, key, "expected %s, got \"%s\"%s", expected, text_clip(n->text).s,
               n->quoted ? " in quotes" : "");
}

/* The text of a value; a plain empty, ~ or null one is not a value. */
static const char *scalar(const Node *n, const char *key, const char *expected)
{
    if (n->kind != NODE_SCALAR)
        node_fatal(n, key, "expected %s, got %s", expected, kind_names[n->kind]);
    bool null = !*n->text || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0;
    if (null && !n->quoted)
        node_fatal(n, key, "expected %s, got nothing", expected);
    return n->text;
}

const Node *node_get(const Node *map, const char *key)
{
    if (map->kind != NODE_MAP)
        return NULL;
    for (int i = 0; i < map->n; i++) {
        if (strcmp(map->key[i], key) == 0)
            return map->child[i];
    }
    return NULL;
}

const char *node_string(const Node *n, const char *key)
{
    return scalar(n, key, "text");
}

/* Digits after an optional sign, or 0x and hex digits; returns what follows them, NULL for none.
 * A leading zero is refused: YAML 1.1 reads it as octal, people do not. */
static const char *parse_int(const char *s, int64_t *out)
{
    bool negative = *s == '-';
    const char *digits = s + negative;
    bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    digits += hex ? 2 : 0;
    size_t n = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
    if (n == 0 || (!hex && n > 1 && digits[0] == '0'))
        return NULL;
    errno = 0;
    unsigned long long v = strtoull(digits, NULL, hex ? 16 : 10);
    if (errno || v > INT64_MAX)
        return NULL;
    *out = negative ? -(int64_t)v : (int64_t)v;
    return digits + n;
}

int64_t node_int(const Node *n, const char *key, int64_t min, int64_t max)
{
    char expected[80];
    snprintf(expected, sizeof(expected), "a whole number from %" PRId64 " to %" PRId64, min, max);
    int64_t v = 0;
    const char *end = parse_int(scalar(n, key, expected), &v);
    if (n->quoted || !end || *end || v < min || v > max)
        wrong_value(n, key, expected);
    return v;
}

int64_t node_size(const Node *n, const char *key)
{
    static const char *const expected = "a size such as 512, 64K or 2M, at most 1024G";
    const int64_t max = (int64_t)1 << 40;
    int64_t v = 0;
    const char *end = parse_int(scalar(n, key, expected), &v);
    if (n->quoted || !end || v < 0)
        wrong_value(n, key, expected);
    int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    if (end[shift != 0] || v > max >> shift)
        wrong_value(n, key, expected);
    return v << shift;
}

/* Decimal only: strtod alone would take "nan", "inf", "0x1p3" and leading space. */
double node_double(const Node *n, const char *key, double min, double max)
{
    char expected[80];
    snprintf(expected, sizeof(expected), "a number from %g to %g", min, max);
    const char *text = scalar(n, key, expected);
    char *end = NULL;
    bool plain = !n->quoted && strspn(text, "+-.0123456789eE") == strlen(text);
    double v = plain ? strtod(text, &end) : 0;
    if (!plain || *end || !(v >= min && v <= max))
        wrong_value(n, key, expected);
    return v + 0.0; /* -0 becomes 0 */
}

bool node_bool(const Node *n, const char *key)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    const char *text = scalar(n, key, "true or false");
    for (size_t i = 0; !n->quoted && i < LENGTH(words); i++) {
        if (strcmp(text, words[i]) == 0)
            return i & 1;
    }
    wrong_value(n, key, "true or false");
}

int node_choice(const Node *n, const char *key, const char *const *names, int n_names)
{
    char expected[160] = "one of";
    size_t len = strlen(expected);
    for (int i = 0; i < n_names && len < sizeof(expected); i++)
        len += (size_t)snprintf(expected + len, sizeof(expected) - len, " %s", names[i]);
    const char *text = scalar(n, key, expected);
    for (int i = 0; i < n_names; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    wrong_value(n, key, expected);
}

/* How many characters to insert, delete or replace (Levenshtein), one row at a time. */
static int edit_distance(const char *s, const char *t)
{
    int row[MAX_NAME + 1];
    int n = (int)strlen(t);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 0; s[i]; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 0; j < n; j++) {
            int best = diagonal + (s[i] != t[j]);
            diagonal = row[j + 1];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j + 1] = best < diagonal + 1 ? best : diagonal + 1;
        }
    }
    return row[n];
}

const char *nearest_name(const char *s, const char *const *known)
{
    size_t length = strlen(s);
    const char *best = NULL;
    int limit = length < 6 ? 2 : 3; /* one more than the typing errors that are forgiven */
    for (; length <= MAX_NAME && *known; known++) {
        int d = strlen(*known) <= MAX_NAME ? edit_distance(s, *known) : limit;
        if (d < limit) {
            best = *known;
            limit = d;
        }
    }
    return best;
}

void node_check_keys(const Node *map, const char *what, const char *const *known)
{
    if (map->kind != NODE_MAP)
        node_fatal(map, what, "expected a map, got %s", kind_names[map->kind]);
    for (int i = 0; i < map->n; i++) {
        const char *const *k = known;
        while (*k && strcmp(*k, map->key[i]) != 0)
            k++;
        if (*k)
            continue;
        Clip key = text_clip(map->key[i]);
        const char *near = nearest_name(map->key[i], known);
        if (near)
            node_fatal(map->child[i], what, "unknown key \"%s\"; did you mean \"%s\"?", key.s,
                       near);
        node_fatal(map->child[i], what, "unknown key \"%s\"", key.s);
    }
}
