/* Passes: the pipeline as one table, the unit that they work on, and the checks after each. */
#ifndef LMCC_PASS_H
#define LMCC_PASS_H

#include "program.h"

/* What holds of a Unit. A pass needs facts, gives facts and breaks facts; the verifier checks
 * every fact that holds after every pass. */
typedef enum Fact {
    FACT_FOLDED = 1 << 0,     /* rope pairs are (i, i + head_dim/2) */
    FACT_CALIBRATED = 1 << 1, /* residual_absmax is known */
    FACT_HEADS = 1 << 2,      /* heads that the recipe wants pruned are gone */
    FACT_NEURONS = 1 << 3,    /* neurons likewise */
    FACT_QUANTIZED = 1 << 4,  /* no linear is FORMAT_FLOAT */
    FACT_RECOVERED = 1 << 5,  /* what the recipe wants trained is */
    FACT_LOWERED = 1 << 6,    /* there is a Program */
    FACT_CHOSEN = 1 << 7,     /* every matvec has a kernel, tables exist */
    FACT_PACKED = 1 << 8,     /* Data holds the packed weights; they decode to the codes */
    FACT_LIVE = 1 << 9,       /* live ranges are right */
    FACT_PLANNED = 1 << 10,   /* offsets and regions are set; nothing live overlaps */
    FACT_FITS = 1 << 11,      /* the budget holds */
    FACT_BATCHED = 1 << 12,   /* it is settled how prompts are read */
    FACT_LAYERS = 1 << 13,    /* layers that the recipe wants pruned are gone */
    FACT_VOCAB = 1 << 14      /* tokens that the recipe wants pruned are gone */
} Fact;
#define N_FACTS 15
extern const char *const fact_names[N_FACTS];

typedef struct Corpus Corpus; /* run.h */
/* What a pruning pass did, and what the model's predictions on the calibration samples lost. */
typedef struct PruneReport {
    const char *pass, *method; /* method: what chose the units */
    bool compensated;
    int n_layers, *before, *removed; /* of each layer as the pass found them: units (of
                                        prune-layers: 1), and how many of them went */
    double perplexity_before, perplexity_after;
    double kl_before, kl_after; /* nats a token from the original */
} PruneReport;

typedef struct Unit {
    Arena *arena;
    Model *model;          /* what the passes rewrite */
    const Model *original; /* as imported (folded), float: what the result is compared with */
    Program *program;      /* NULL before lower */
    const Target *target;
    const Recipe *recipe;
    int64_t flash_limit, ram_limit; /* --flash, --ram; 0: the target's */
    const char *calib;              /* --calib: a text, NULL: the model writes its own */
    const Corpus *samples;          /* unit_samples; NULL before */
    const Corpus *warm_samples;     /* unit_warm_samples, likewise */
    const char *recover_state;      /* --recover-state: a file, or NULL */
    unsigned facts;
    int *original_layer; /* of each layer of model, that of original; NULL: the same */
    int n_prunings;
    PruneReport *prunings;       /* in the order they were made */
    const struct Search *search; /* how the recipe was found; NULL: it was given */
} Unit;

typedef struct Pass {
    const char *name; /* "prune-heads" */
    const char *what; /* one line */
    void (*run)(Unit *u);
    unsigned needs, gives, breaks;
} Pass;
extern const Pass passes[]; /* compiler/passes.c, in order; ends with a NULL name */

int find_pass(const char *name); /* -1 none */
/* Runs the passes whose facts the unit lacks, in table order, the verifier before the first and
 * after each; stops after `until` (NULL: all). Appends the IR's text after pass `dump` (NULL:
 * none) to *dumped, also when the unit had what that pass gives. Both must be names of passes. */
void run_passes(Unit *u, const char *until, const char *dump, Buf *dumped);
void run_pass(Unit *u, const Pass *p); /* one pass and the verifier */

int unit_original_layer(const Unit *u, int layer); /* compiler/passes.c */
/* compiler/encoder_recipe.c: fatal where the recipe asks for what the model does not have, being an
 * encoder or none. */
void check_encoder_recipe(const Unit *u);
int find_fallback(const Model *m, const char *name); /* a label by name or number, -1: none */

/* compiler/verify.c: checks what must always hold of a unit and what its facts say. Dies, naming
 * the pass and the broken invariant; with `after` NULL the unit is what a file said, and the
 * fault is the file's: fatal("FILE: INVARIANT"). Checks against the target unless it is NULL. */
void verify(const Unit *u, const char *after);

/* compiler/ir_print.c, ir_parse.c: the text form; printing what was parsed gives the same text. */
void ir_print(const Unit *u, Buf *b);
/* Fills model, original, program and facts, and verifies them; u->arena and u->target are set. */
void ir_parse(Unit *u, const char *file, const char *text, size_t n);
bool ir_is_text(const char *path); /* a file that starts as such a text does */
#define IR_MAGIC "lmcc-ir 1"

/* passes/NAME.c, one each. */
void pass_prune_vocab(Unit *u);
void pass_fold(Unit *u);
void pass_calibrate(Unit *u);
void pass_prune_layers(Unit *u);
void pass_prune_heads(Unit *u);
void pass_prune_neurons(Unit *u);
void pass_quantize(Unit *u);
void pass_recover(Unit *u);
void pass_lower(Unit *u);
void pass_choose(Unit *u);
void pass_batch(Unit *u);
void pass_pad(Unit *u);
void pass_live(Unit *u);
void pass_plan(Unit *u);
void pass_budget(Unit *u);

/* Parts of passes that other passes try out. */
void find_live(Program *p);                           /* live: first and last of every buffer */
void plan_state(Arena *a, Program *p, int64_t align); /* plan: offsets and state_bytes */
int state_align(const Target *t);                     /* plan: bytes, of every buffer */
int64_t state_limit(const Unit *u);                   /* plan: bytes, for state_bytes */
/* Code and tokenizer tables are not known before emission: what a whole runtime takes at most. */
#define CODE_BYTES (16 * 1024)
#define STACK_BYTES                                                                                \
    (2 * 1024) /* stack, vectors and what the firmware itself needs at the least                   \
                */

/* passes/tables.c: the program whose matrices all have kernels, with the tables that these read.
 * width: by op, how many columns of the matrix have a table at one time; 0: all. */
Program *with_tables(Arena *a, const Program *from, const int *width);

/* passes/codebook.c: fits one linear to its float weights (docs/arithmetic.md has the formats). */
void fit_planes(Arena *a, Linear *l, int planes, int rounds);
void fit_uniform(Arena *a, Linear *l, int planes, int rounds); /* planes with equal steps */
void fit_ternary(Arena *a, Linear *l, int rounds);
void fit_int8(Arena *a, Linear *l);

#endif
