/* Rounding weights to the nearest level of a codebook, and tallying them by code. */
#include "codebook.h"

#include <math.h>
#include <string.h>

static void sort_by_value(Levels *l)
{
    for (int i = 0; i < l->n; i++) {
        int at = i;
        for (; at > 0 && l->value[l->code[at - 1]] > l->value[i]; at--) {
            l->code[at] = l->code[at - 1];
        }
        l->code[at] = (uint8_t)i; /* after its equals: the sort is stable */
    }
}

void levels_sort(Levels *l)
{
    sort_by_value(l);
    for (int i = 1; i < l->n; i++) {
        if (l->value[l->code[i]] == l->value[l->code[i - 1]]) {
            l->code[i] = l->code[i - 1]; /* equal values: all take the lowest code */
        }
    }
    for (int i = 0; i + 1 < l->n; i++) {
        int low = l->code[i], high = l->code[i + 1];
        double middle = (l->value[low] + l->value[high]) / 2;
        /* A weight goes up when it is above the threshold; just below the middle, the middle
         * itself goes up too, because the upper code is the lower number. */
        l->threshold[i] = high < low ? nextafter(middle, -INFINITY) : middle;
    }
}

/* Rank of x: how many thresholds are below it. */
int levels_nearest(const Levels *l, double x)
{
    int rank = 0;
    for (int step = l->n / 2; step > 0; step /= 2) {
        rank += x > l->threshold[rank + step - 1] ? step : 0;
    }
    return l->code[rank];
}

void tally_row(const Levels *l, const float *w, const double *importance, int n,
               double inverse_scale, Tally *tally)
{
    memset(tally->weight, 0, (size_t)l->n * sizeof(*tally->weight));
    memset(tally->sum, 0, (size_t)l->n * sizeof(*tally->sum));
    for (int c = 0; c < n; c++) {
        double x = (double)w[c];
        int code = levels_nearest(l, x * inverse_scale);
        tally->weight[code] += importance[c];
        tally->sum[code] += importance[c] * x;
    }
}

void code_row(const Levels *l, const float *w, int n, double inverse_scale, uint8_t *code)
{
    for (int c = 0; c < n; c++) {
        code[c] = (uint8_t)levels_nearest(l, (double)w[c] * inverse_scale);
    }
}
