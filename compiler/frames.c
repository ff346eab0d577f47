/* Sequences of models that read frames of bytes, as `lmcc frontend` makes them from sound: files of
 * them, and what their tokens are before the first layer. */
#include "run.h"

#include <stdlib.h>
#include <string.h>

/* A clip is patch after patch; token 0 has no part of it, but the patch's bias like all others. */
void frames_enter(const Model *m, const float *embed, const float *patch, const float *bias,
                  const int *bytes, float *residual)
{
    const size_t dim = (size_t)m->dim, cols = (size_t)m->patch.cols;
    memcpy(residual, embed, (size_t)m->context * dim * sizeof *residual);
    for (size_t t = 0; t < (size_t)m->context; t++)
        for (size_t i = 0; i < dim; i++) {
            double sum = (double)bias[i];
            for (size_t c = 0; t > 0 && c < cols; c++)
                sum += (double)patch[i * cols + c] * bytes[(t - 1) * cols + c];
            residual[t * dim + i] += (float)sum;
        }
}

/* Numbers of a line from `at` to `end` into bytes; gives how many, up to one more than `most`. */
static int read_numbers(const char *where, int line, const char *at, const char *end, int most,
                        int *bytes)
{
    int n = 0;
    while (at < end && n <= most) {
        char text[8] = "", *stop;
        const size_t word = strcspn(at, " ,\t\r\n");
        const size_t length = word < (size_t)(end - at) ? word : (size_t)(end - at);
        memcpy(text, at, length < sizeof text ? length : sizeof text - 1);
        const long v = strtol(text, &stop, 10);
        if (length > 0 && (*stop || length >= sizeof text || v < -128 || v > 127))
            fatal("%s:%d: \"%s\": expected a byte of a frame, -128 to 127", where, line, text);
        if (length > 0 && n < most)
            bytes[n] = (int)v;
        n += length > 0;
        at += length + 1;
    }
    return n;
}

int *frames_parse(Arena *a, const char *where, int line, const char *text, size_t n, int wanted)
{
    int *bytes = NEW(a, int, wanted);
    const char *copy = arena_strndup(a, text, n); /* ends with a zero */
    const int got = read_numbers(where, line, copy, copy + n, wanted, bytes);
    if (got != wanted)
        fatal("%s:%d: %s %d numbers: a clip of this model has %d", where, line,
              got > wanted ? "more than" : "only", smaller(got, wanted), wanted);
    return bytes;
}

Corpus *frames_read(Arena *a, int bytes, int tokens, const char *path)
{
    const File f = file_map(a, path);
    const char *at = (const char *)f.data, *end = at + f.size;
    Corpus *c = NEW(a, Corpus, 1);
    c->docs = DOCS_LINES;
    for (int line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        const char *tab = memchr(at, '\t', (size_t)(stop - at));
        const char *from = tab ? tab + 1 : at;
        if (stop > from) {
            c->tokens = arena_grow(a, c->tokens, c->n_docs, sizeof *c->tokens);
            c->n_tokens = arena_grow(a, c->n_tokens, c->n_docs, sizeof *c->n_tokens);
            c->tokens[c->n_docs] = frames_parse(a, path, line, from, (size_t)(stop - from), bytes);
            c->n_tokens[c->n_docs++] = tokens;
            c->n_predicted += tokens - 1;
        }
        at = stop < end ? stop + 1 : end;
    }
    if (c->n_docs == 0)
        fatal("%s: no line has the frames of a clip", path);
    return c;
}
