/* How sure scores are: intervals by resampling whole documents (B. Efron, Bootstrap Methods:
 * Another Look at the Jackknife, 1979), since the tokens of one document are not independent. */
#include "run.h"

#include <math.h>
#include <stdlib.h>

#define RESAMPLES 2000
#define COVERED 0.95

static int compare(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* The quantile q of n sorted values, between two of them by line. */
static double quantile(const double *sorted, int n, double q)
{
    const double at = q * (n - 1);
    const int i = (int)at < n - 1 ? (int)at : n - 2;
    return sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]);
}

static Interval interval(double *values)
{
    qsort(values, RESAMPLES, sizeof *values, compare);
    return (Interval){quantile(values, RESAMPLES, (1 - COVERED) / 2),
                      quantile(values, RESAMPLES, (1 + COVERED) / 2)};
}

typedef struct Sums {
    double tokens, equal, nll, kl, first_nll;
} Sums;

static Sums draw(int n, const DocumentScore *first, const DocumentScore *documents, uint64_t *state)
{
    Sums s = {0};
    for (int i = 0; i < n; i++) {
        const int d = (int)(random_next(state) % (uint64_t)n);
        s.tokens += (double)documents[d].tokens;
        s.equal += (double)documents[d].equal;
        s.nll += documents[d].nll;
        s.kl += documents[d].kl;
        s.first_nll += first[d].nll;
    }
    return s;
}

Intervals bootstrap(Arena *a, int n_docs, const DocumentScore *first,
                    const DocumentScore *documents, uint64_t seed)
{
    const Interval none = {NAN, NAN};
    double *perplexity = NEW(a, double, RESAMPLES), *kl = NEW(a, double, RESAMPLES);
    double *top1 = NEW(a, double, RESAMPLES), *more = NEW(a, double, RESAMPLES);
    if (n_docs < 2) {
        return (Intervals){none, none, none, none};
    }
    for (int i = 0; i < RESAMPLES; i++) {
        const Sums s = draw(n_docs, first, documents, &seed);
        perplexity[i] = exp(s.nll / s.tokens);
        kl[i] = s.kl / s.tokens;
        top1[i] = s.equal / s.tokens;
        more[i] = exp((s.nll - s.first_nll) / s.tokens) - 1;
    }
    return (Intervals){interval(perplexity), interval(kl), interval(top1), interval(more)};
}
