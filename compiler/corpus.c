/* Texts become a corpus: a list of token documents. Every token but the first of a document is
 * scored. */
#include "run.h"

#include <string.h>

#define LINES_MEAN_BYTES 200 /* longer lines than this are documents of their own */

typedef struct Span {
    const char *text;
    size_t len;
} Span;

/* The next line that has something but white space in it, without its end; false at the end. */
static bool next_line(const File *f, size_t *at, Span *line)
{
    while (*at < f->size) {
        const char *start = (const char *)f->data + *at;
        const char *end = memchr(start, '\n', f->size - *at);
        size_t len = end ? (size_t)(end - start) : f->size - *at;
        *at += len + (end ? 1 : 0);
        if (len > 0 && start[len - 1] == '\r') {
            len--;
        }
        for (size_t i = 0; i < len; i++) {
            if (start[i] != ' ' && start[i] != '\t') {
                *line = (Span){start, len};
                return true;
            }
        }
    }
    return false;
}

static DocsKind guess_docs(const File *f)
{
    size_t at = 0, lines = 0, bytes = 0;
    Span line;
    while (next_line(f, &at, &line)) {
        lines++;
        bytes += line.len;
    }
    return lines > 0 && bytes / lines > LINES_MEAN_BYTES ? DOCS_LINES : DOCS_FILE;
}

static void add_document(Arena *a, Corpus *c, int *cap, const int *tokens, int n)
{
    if (c->n_docs == *cap) {
        int more = *cap ? 2 * *cap : 64;
        int **docs = NEW(a, int *, more);
        int *counts = NEW(a, int, more);
        if (c->n_docs > 0) {
            memcpy(docs, c->tokens, (size_t)c->n_docs * sizeof(*docs));
            memcpy(counts, c->n_tokens, (size_t)c->n_docs * sizeof(*counts));
        }
        c->tokens = docs;
        c->n_tokens = counts;
        *cap = more;
    }
    c->tokens[c->n_docs] = arena_copy(a, tokens, (size_t)n, sizeof(int));
    c->n_tokens[c->n_docs++] = n;
    c->n_predicted += n - 1;
}

/* Cuts one text into pieces of at most `context` tokens. A piece starts with bos; where the
 * tokenizer has none, with the last token of the piece before: either way the first token is
 * context only, and every token of the text after the first is scored once. */
static void add_text(Arena *a, Corpus *c, int *cap, TextEncoder by, Span text, int context)
{
    int *ids;
    int n = by.encode(by.self, a, text.text, text.len, &ids);
    if (n < 2) {
        return;
    }
    bool bos = by.bos >= 0 && ids[0] == by.bos;
    c->n_bytes += (int64_t)text.len;
    for (int at = 0; at < n - 1; at += context - 1) {
        int len = n - at < context ? n - at : context;
        if (bos) {
            ids[at] = by.bos; /* the token here was scored in the piece before */
        }
        add_document(a, c, cap, ids + at, len);
    }
}

static int encode_with_tables(const void *self, Arena *a, const char *text, size_t n, int **ids)
{
    return encode(a, self, text, n, ids);
}

TextEncoder encoder_of(Arena *a, const Tokenizer *t)
{
    return (TextEncoder){encoder_new(a, t), t->bos, encode_with_tables};
}

Corpus *corpus_read(Arena *a, TextEncoder by, const char *path, DocsKind docs, int context)
{
    if (context < 2) {
        die("corpus: pieces of %d tokens", context);
    }
    File f = file_map(a, path);
    Corpus *c = NEW(a, Corpus, 1);
    int cap = 0;
    size_t at = 0;
    Span span = {(const char *)f.data, f.size};
    c->docs = docs == DOCS_AUTO ? guess_docs(&f) : docs;
    if (c->docs == DOCS_FILE) {
        add_text(a, c, &cap, by, span, context);
    } else {
        while (next_line(&f, &at, &span)) {
            add_text(a, c, &cap, by, span, context);
        }
    }
    if (c->n_predicted == 0) {
        fatal("%s: text: too short: no token follows another", path);
    }
    return c;
}

/* The tokens of a line in pieces that a sequence of `longest` holds; each begins and ends as the
 * tokenizer has sequences begin and end. */
static void add_sequences(Arena *a, Corpus *c, int *cap, const Tokenizer *t, const int *ids, int n,
                          int longest)
{
    const int before = t->add_bos && t->bos >= 0, after = t->add_after;
    const int inner = n - before - after, most = longest - before - after;
    for (int at = 0; at < inner && most > 0; at += most) {
        const int some = smaller(most, inner - at);
        int *piece = NEW(a, int, some + before + after);
        memcpy(piece + before, ids + before + at, (size_t)some * sizeof(int));
        if (before) {
            piece[0] = t->bos;
        }
        if (after) {
            piece[before + some] = t->after;
        }
        add_document(a, c, cap, piece, some + before + after);
    }
}

Corpus *corpus_sequences(Arena *a, const Tokenizer *t, const char *path, int longest)
{
    const File f = file_map(a, path);
    const Encoder *by = encoder_new(a, t);
    Corpus *c = NEW(a, Corpus, 1);
    int cap = 0;
    size_t at = 0;
    Span line;
    c->docs = DOCS_LINES;
    while (next_line(&f, &at, &line)) {
        int *ids;
        const int n = encode(a, by, line.text, line.len, &ids);
        c->n_bytes += (int64_t)line.len;
        add_sequences(a, c, &cap, t, ids, n, longest);
    }
    if (c->n_docs == 0) {
        fatal("%s: text: no line has a word, or none fits %d tokens", path, longest);
    }
    return c;
}

int corpus_longest(const Corpus *c)
{
    int most = 1;
    for (int d = 0; d < c->n_docs; d++) {
        most = larger(most, c->n_tokens[d]);
    }
    return most;
}
