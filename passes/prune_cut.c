/* Cuts groups of rows, with their biases, and columns out of a linear. */
#include "prune.h"

#include <string.h>

int count_kept(const bool *keep, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        kept += keep[i];
    }
    return kept;
}

void keep_rows(Linear *l, const bool *keep, int n, int width)
{
    size_t group = (size_t)width * (size_t)l->cols;
    size_t to = 0;
    for (int i = 0; i < n; i++) {
        if (keep[i]) {
            memmove(l->w + to, l->w + (size_t)i * group, group * sizeof(float));
            to += group;
        }
    }
    for (int i = 0, at = 0; l->bias && i < n; i++) {
        if (keep[i]) {
            memmove(l->bias + at, l->bias + (size_t)i * (size_t)width,
                    (size_t)width * sizeof(float));
            at += width;
        }
    }
    l->rows = count_kept(keep, n) * width;
}

void keep_cols(Linear *l, const bool *keep, int n, int width)
{
    size_t to = 0, from = 0;
    for (int r = 0; r < l->rows; r++) {
        for (int i = 0; i < n; i++, from += (size_t)width) {
            if (keep[i]) {
                memmove(l->w + to, l->w + from, (size_t)width * sizeof(float));
                to += (size_t)width;
            }
        }
    }
    l->cols = count_kept(keep, n) * width;
}
