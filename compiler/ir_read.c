/* Words and numbers of the text IR. The text is hostile: a word has a limit, a number a range, and
 * no array is larger than the text that must fill it. */
#include "ir_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ir_fatal(const IrReader *r, const char *fmt, ...)
{
    char why[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    fatal("%s:%d: %s", r->file, r->line, why);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool ir_more(IrReader *r)
{
    while (r->at < r->stop && is_space(*r->at)) {
        r->at++;
    }
    return r->at < r->stop && *r->at != '#';
}

void ir_line(IrReader *r)
{
    do {
        r->line++;
        if (r->next == r->end) {
            ir_fatal(r, "the text stops here; its last line is \"end\"");
        }
        const char *newline = memchr(r->next, '\n', (size_t)(r->end - r->next));
        r->at = r->next;
        r->stop = newline ? newline : r->end;
        r->next = newline ? newline + 1 : r->end;
    } while (!ir_more(r));
}

/* What comes next, without taking it, as messages show it. */
static Clip next_word(IrReader *r)
{
    char text[IR_WORD] = "the end of the line";
    if (ir_more(r)) {
        size_t n = 0;
        while (n < IR_WORD - 1 && r->at + n < r->stop && !is_space(r->at[n])) {
            n++;
        }
        memcpy(text, r->at, n);
        text[n] = '\0';
    }
    return text_clip(text);
}

void ir_line_end(IrReader *r)
{
    if (ir_more(r)) {
        ir_fatal(r, "expected the end of the line, got \"%s\"", next_word(r).s);
    }
}

void ir_word(IrReader *r, const char *what)
{
    size_t n = 0;
    if (!ir_more(r)) {
        ir_fatal(r, "expected %s, got the end of the line", what);
    }
    while (r->at + n < r->stop && !is_space(r->at[n])) {
        if (r->at[n] < '!' || r->at[n] > '~') {
            ir_fatal(r, "expected %s, got an unprintable byte", what);
        }
        if (++n == IR_WORD) {
            ir_fatal(r, "expected %s, got a word of more than %d characters", what, IR_WORD - 1);
        }
    }
    memcpy(r->word, r->at, n);
    r->word[n] = '\0';
    r->at += n;
}

bool ir_try(IrReader *r, const char *word)
{
    const size_t n = strlen(word);
    if (!ir_more(r) || (size_t)(r->stop - r->at) < n || memcmp(r->at, word, n) != 0 ||
        (r->at + n < r->stop && !is_space(r->at[n]))) {
        return false;
    }
    r->at += n;
    return true;
}

void ir_expect(IrReader *r, const char *word)
{
    if (!ir_try(r, word)) {
        ir_fatal(r, "expected \"%s\", got \"%s\"", word, next_word(r).s);
    }
}

bool ir_try_key(IrReader *r, const char *key)
{
    const size_t n = strlen(key);
    if (!ir_more(r) || (size_t)(r->stop - r->at) <= n || memcmp(r->at, key, n) != 0 ||
        r->at[n] != '=') {
        return false;
    }
    r->at += n + 1;
    if (r->at == r->stop || is_space(*r->at)) {
        ir_fatal(r, "%s: no value", key);
    }
    ir_word(r, key);
    return true;
}

void ir_key(IrReader *r, const char *key)
{
    if (!ir_try_key(r, key)) {
        ir_fatal(r, "expected \"%s=\", got \"%s\"", key, next_word(r).s);
    }
}

/* Numbers ---------------------------------------------------------------------------------- */

static int64_t word_int(const IrReader *r, const char *what, int64_t min, int64_t max)
{
    char *end;
    const long long v = strtoll(r->word, &end, 10);
    if (*end || end == r->word || v < min || v > max) { /* what overflows is LLONG_MIN or _MAX */
        ir_fatal(r, "%s: expected an integer from %lld to %lld, got \"%s\"", what, (long long)min,
                 (long long)max, text_clip(r->word).s);
    }
    return v;
}

static float word_float(const IrReader *r, const char *what)
{
    char *end;
    const float v = strtof(r->word, &end);
    if (*end || end == r->word || !isfinite(v)) {
        ir_fatal(r, "%s: expected a finite number, got \"%s\"", what, text_clip(r->word).s);
    }
    return v;
}

static int word_choice(const IrReader *r, const char *what, const char *const *names, int n)
{
    const int i = find_name(names, n, r->word);
    if (i < 0) {
        ir_fatal(r, "%s: \"%s\" is unknown", what, text_clip(r->word).s);
    }
    return i;
}

int64_t ir_int(IrReader *r, const char *what, int64_t min, int64_t max)
{
    ir_word(r, what);
    return word_int(r, what, min, max);
}

float ir_float(IrReader *r, const char *what)
{
    ir_word(r, what);
    return word_float(r, what);
}

int64_t ir_key_int(IrReader *r, const char *key, int64_t min, int64_t max)
{
    ir_key(r, key);
    return word_int(r, key, min, max);
}

float ir_key_float(IrReader *r, const char *key)
{
    ir_key(r, key);
    return word_float(r, key);
}

bool ir_key_bool(IrReader *r, const char *key)
{
    static const char *const names[] = {"no", "yes"};
    return ir_key_choice(r, key, names, 2) == 1;
}

int64_t ir_optional_int(IrReader *r, const char *key, int64_t min, int64_t max, int64_t otherwise)
{
    return ir_try_key(r, key) ? word_int(r, key, min, max) : otherwise;
}

float ir_optional_float(IrReader *r, const char *key)
{
    return ir_try_key(r, key) ? word_float(r, key) : 0;
}

bool ir_optional_bool(IrReader *r, const char *key)
{
    static const char *const names[] = {"no", "yes"};
    return ir_try_key(r, key) && word_choice(r, key, names, 2) == 1;
}

int ir_choice(IrReader *r, const char *what, const char *const *names, int n)
{
    ir_word(r, what);
    return word_choice(r, what, names, n);
}

int ir_key_choice(IrReader *r, const char *key, const char *const *names, int n)
{
    ir_key(r, key);
    return word_choice(r, key, names, n);
}

/* Names, hex, quoted text ------------------------------------------------------------------ */

/* Names end up in generated code and in messages. */
static const char *word_name(const IrReader *r, const char *what)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    if (strspn(r->word, allowed) != strlen(r->word)) {
        ir_fatal(r, "%s: \"%s\" is no name", what, text_clip(r->word).s);
    }
    return arena_strndup(r->arena, r->word, strlen(r->word));
}

const char *ir_name(IrReader *r, const char *what)
{
    ir_word(r, what);
    return word_name(r, what);
}

const char *ir_key_name(IrReader *r, const char *key)
{
    ir_key(r, key);
    return word_name(r, key);
}

static int hex_digit(const IrReader *r)
{
    static const char digits[] = "0123456789abcdef";
    const char *p = r->at < r->stop && *r->at ? strchr(digits, *r->at) : NULL;
    if (!p) {
        ir_fatal(r, "expected a hex digit (0-9a-f)");
    }
    return (int)(p - digits);
}

void ir_hex(IrReader *r, uint8_t *bytes, int64_t n, int digits)
{
    ir_more(r);
    for (int64_t i = 0; i < n; i++) {
        int v = 0;
        for (int k = 0; k < digits; k++) {
            v = v << 4 | hex_digit(r);
            r->at++;
        }
        bytes[i] = (uint8_t)v;
    }
    if (r->at < r->stop && !is_space(*r->at)) {
        ir_fatal(r, "more than %lld hex digits", (long long)n * digits);
    }
}

/* One character of quoted text: \" \\ \xNN, or itself. */
static uint8_t quoted_char(IrReader *r)
{
    if (*r->at < ' ' || *r->at > '~') {
        ir_fatal(r, "quoted text has an unprintable byte: write it as \\xNN");
    }
    if (*r->at != '\\') {
        return (uint8_t)*r->at++;
    }
    r->at++;
    if (r->at < r->stop && (*r->at == '"' || *r->at == '\\')) {
        return (uint8_t)*r->at++;
    }
    if (r->at == r->stop || *r->at != 'x') {
        ir_fatal(r, "a backslash stands before \", \\ or xNN");
    }
    int v = 0;
    for (int k = 0; k < 2; k++) {
        r->at++;
        v = v << 4 | hex_digit(r);
    }
    r->at++;
    return (uint8_t)v;
}

const uint8_t *ir_quoted(IrReader *r, int max, int *n)
{
    if (!ir_more(r) || *r->at != '"') {
        ir_fatal(r, "expected quoted text, got \"%s\"", next_word(r).s);
    }
    r->at++;
    uint8_t *text = NEW(r->arena, uint8_t, r->stop - r->at + 1);
    *n = 0;
    while (r->at < r->stop && *r->at != '"') {
        text[*n] = quoted_char(r);
        if (++*n > max) {
            ir_fatal(r, "quoted text of more than %d bytes", max);
        }
    }
    if (r->at == r->stop) {
        ir_fatal(r, "quoted text has no end");
    }
    r->at++;
    return text;
}

void ir_room(const IrReader *r, int64_t n, int64_t each, const char *what)
{
    const int64_t left = r->end - r->next;
    if (n > left / each) {
        ir_fatal(r, "%lld %s are announced, but the file ends before", (long long)n, what);
    }
}
