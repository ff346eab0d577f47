/* Searching: what each part of a recipe costs, measured once, and the recipe that fits limits best.
 *
 * Losses are KL divergences from the float model on calibration samples, in nats a token: on text
 * that the model itself has written they are what perplexity rises by, in expectation
 * (log of the ratio). They are taken to add up over tensors; what a search takes is measured as a
 * whole before it is believed. */
#ifndef LMCC_SEARCH_H
#define LMCC_SEARCH_H

#include "run.h"

/* compiler/search/judge.c: the float network over samples, against what the original says. */
typedef struct Judge Judge;
/* Keeps the original's probabilities, and its residual streams where they are not too large; of the
 * samples as many documents as there is room for. */
Judge *judge_new(Arena *a, const Model *original, const Corpus *samples);
const Corpus *judge_samples(const Judge *j);
double judge_perplexity(const Judge *j); /* of the original */
int judge_runs(const Judge *j);          /* models judged so far */
Score judge_model(Judge *j, const Model *m);
int judge_threads(const Judge *j);
/* Anything that steps; a stepper for each of judge_threads. */
Score judge_steppers(Judge *j, const Stepper *steppers);
/* The original with linear i (as model_linears counts) in another's place: what it loses, nats. */
double judge_linear(Judge *j, int i, const Linear *l);

/* compiler/search/fitter.c: one tensor of a float model quantized alone. */
typedef struct Fitter Fitter;
Fitter *fitter_new(Arena *a, const Unit *u, const Model *m); /* by the unit's recipe and samples */
void fitter_free(Fitter *f);                                 /* what is not in its arena */
/* *l becomes linear i with codes, in arena a. Rising i is the quick way to ask. */
void fitter_fit(Fitter *f, Arena *a, int i, double bits, Linear *l);

/* compiler/search/sensitivity.c: what each tensor loses at each width, one at a time. */
#define WIDTHS 8
extern const double width_bits[WIDTHS]; /* 1, 1.6, 2, ... 8: bits of a recipe */
typedef struct Sensitivity {
    int n;                  /* linears */
    double (*loss)[WIDTHS]; /* n: nats; INFINITY where not measured */
} Sensitivity;
/* Of the model of a folded unit; `allowed` (n): the widths of each linear, a bit each. */
Sensitivity measure_sensitivity(const Unit *folded, Judge *j, const unsigned *allowed);

/* compiler/search/allocate.c: one choice for each item so that the sums are on the lower left edge
 * of (bytes, loss): every budget's best at once. The list of undominated sums grows item by item
 * (Nemhauser and Ullmann, Discrete Dynamic Programming and Capital Allocation, 1969): exact until
 * it is longer than MAX_FRONT; then of the sums in a narrow range of bytes the best one is kept. */
#define MAX_FRONT 2048
typedef struct Choice {
    int64_t bytes;
    double loss;
} Choice;
typedef struct Item {
    int n;
    const Choice *choice;
} Item;
typedef struct Allocation {
    int64_t bytes;
    double loss;
    int *chosen; /* of each item */
} Allocation;
/* Fewest bytes first: every next one has more bytes and less loss. */
int allocate(Arena *a, const Item *items, int n, Allocation **front);

/* compiler/search/shapes.c: what a model would take, from its shapes alone. */
typedef struct Size {
    int64_t flash, ram; /* as budget counts them: weights and code, state and stack */
    Cost cost;          /* of a token with a full window */
    double ms;          /* of a token, 0: the target's clock or cycles are not known */
} Size;
/* compiler/search/op_costs.c: any op but a prefill's, with `window` tokens in the cache. */
Cost op_estimate(const Op *op, const Target *t, int window);
/* `m` with codes of zero, linear i at bits[i]: one array serves all. */
Model *model_blank(Arena *a, const Model *m, const double *bits);
Size size_of(const Unit *u, const Model *blank, const Recipe *r);
int64_t ram_of(const Unit *u, const Model *blank, const Recipe *r); /* that alone: faster */
/* Of each linear at each width, the others at the same: bytes, and ms with its share of tables. */
typedef struct Shares {
    int64_t fixed;   /* bytes of no linear, code included */
    double fixed_ms; /* of what is not of a matrix */
    int64_t (*bytes)[WIDTHS];
    double (*ms)[WIDTHS];
} Shares;
Shares shares_of(Arena *a, const Unit *u, const Model *m, const Recipe *r);

/* compiler/search/fronts.c: the models that pruning gives, and for each the allocations of bits
 * that no other beats. */
typedef struct Variant {
    int heads, neurons; /* pruned from the whole model; -1: as the recipe says */
    const Model *model; /* float */
    double loss;        /* nats, of pruning alone */
    Shares shares;
} Variant;
typedef struct Candidate {
    int variant;
    const double *bits; /* of each linear */
    int64_t flash;      /* nearly */
    double loss;        /* predicted, nats */
    double ms;          /* nearly */
} Candidate;
typedef struct Fronts {
    int n_variants, n, n_all;
    Variant *variants;
    Candidate *list; /* most bytes last, losses falling: the best of all variants */
    Candidate *all;  /* those that were beaten too, in the same order */
    int n_linears;
    const unsigned *allowed; /* n_linears: widths that the recipe leaves, a bit each */
} Fronts;
/* So many of the whole model; what else a recipe says of pruning stays. */
void prune_of_all(Prune *p, int count);
Fronts find_fronts(const Unit *folded, Judge *j, double ms_limit);

/* compiler/search/search.c: the recipe that fits limits best. What the recipe says is kept (a rule
 * for a tensor, pruning, the window), what it leaves open is searched; its bits are the most that a
 * tensor gets. */
typedef enum Prefer { PREFER_AUTO, PREFER_LOSS, PREFER_BYTES, PREFERENCES } Prefer;
extern const char *const prefer_names[PREFERENCES]; /* "auto", "loss", "bytes" */
typedef struct Limits {
    int64_t flash, ram; /* bytes, as budget counts them */
    double ms, loss;    /* of a token; perplexity on samples: 0.05 is 5 % more; 0: no limit */
    Prefer prefer;      /* AUTO: bytes with a limit of loss, else loss */
} Limits;

typedef struct Point {
    const Recipe *recipe;
    int window, heads, neurons; /* heads, neurons: pruned */
    double mean_bits;           /* of a weight */
    Size size;
    double expected;  /* nats, by adding up */
    double predicted; /* perplexity on samples over the float model's, less 1 */
    bool measured;    /* the integer program was run: */
    double loss, perplexity, kl;
} Point;

typedef struct Search {
    Limits limits;
    int n; /* points of the curve, fewest bytes first */
    Point *points;
    int chosen;                        /* -1: nothing fits */
    const char *hint;                  /* what would fit then */
    double perplexity;                 /* of the float model on the samples */
    int64_t tokens;                    /* of the samples */
    int n_docs, probes, confirmations; /* models run: float, and as integer programs */
} Search;
/* `u` is a unit before its first pass, which it stays. */
Search *search_recipe(const Unit *u, const Limits *limits);

#endif
