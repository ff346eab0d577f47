/* Recipe: what each pass is to do. Read from YAML and from command-line flags through one schema,
 * written back in full into the manifest. */
#ifndef LMCC_RECIPE_H
#define LMCC_RECIPE_H

#include "model.h"

/* compiler/yaml.c: a checked YAML tree. Duplicate keys, aliases, tags, more than 32 levels or
 * 100,000 nodes are errors. A .json file (a manifest) is read into the same tree. */
typedef enum NodeKind { NODE_SCALAR, NODE_LIST, NODE_MAP } NodeKind;
typedef struct Node Node;
struct Node {
    NodeKind kind;
    const char *file; /* NULL when it came from the command line */
    int line;         /* 1-based, of the key in a map; 0 from JSON or the command line */
    const char *text; /* SCALAR */
    bool quoted;      /* SCALAR was written in quotes: a string, never a number */
    int n;            /* LIST, MAP: entries */
    const char **key; /* MAP */
    Node **child;     /* LIST, MAP */
};

Node *yaml_read(Arena *a, const char *path);
Node *yaml_parse(Arena *a, const char *name, const char *text, size_t n);

/* compiler/node.c */
const Node *node_get(const Node *map, const char *key); /* NULL when absent */
/* Strict conversions; on failure fatal("FILE:LINE: KEY: ...") naming what was expected. */
const char *node_string(const Node *n, const char *key);
int64_t node_int(const Node *n, const char *key, int64_t min, int64_t max);
int64_t node_size(const Node *n, const char *key); /* 512, 512K, 2M: bytes, powers of 1024 */
double node_double(const Node *n, const char *key, double min, double max);
bool node_bool(const Node *n, const char *key); /* true false yes no on off */
/* Fatal unless every key of the map is in the NULL-terminated list; suggests the nearest. */
void node_check_keys(const Node *map, const char *what, const char *const *known);
/* Index of the name that the value is. */
int node_choice(const Node *n, const char *key, const char *const *names, int n_names);
/* fatal("FILE:LINE: KEY: ..."), "KEY: ..." for a value from the command line. */
_Noreturn void node_fatal(const Node *n, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The likeliest misspelt one of a NULL-terminated list, NULL when none is near. */
const char *nearest_name(const char *s, const char *const *known);
/* The user's text as messages repeat it: clipped, printable. text_clip(key).s */
typedef struct Clip {
    char s[52];
} Clip;
Clip text_clip(const char *text);

typedef enum PruneScope { PRUNE_LAYER, PRUNE_GLOBAL, PRUNE_SCOPES } PruneScope;
extern const char *const prune_scope_names[PRUNE_SCOPES]; /* "layer", "global" */

/* By what units are chosen; all but the first read the calibration samples. */
typedef enum PruneMethod {
    PRUNE_MAGNITUDE,  /* norms of their weights */
    PRUNE_ACTIVATION, /* weights times the norm of their inputs */
    PRUNE_SALIENCY,   /* what the predictions lose after least squares, to second order */
    PRUNE_MEASURED,   /* heads only: what the predictions lose, one at a time */
    PRUNE_METHODS
} PruneMethod;
extern const char *const prune_method_names[PRUNE_METHODS];

/* How much to remove: a ratio in [0,1) or a count, of each layer or of the whole model; or one
 * count for each layer. All zero: the pass does nothing. */
typedef struct Prune {
    double ratio;
    int count;
    PruneScope scope;
    int n_counts; /* counts given layer by layer (scope is then PRUNE_LAYER) */
    int *counts;
    PruneMethod method;
    bool compensate; /* least squares over what stays */
} Prune;

/* Whole layers: so many, chosen by what the predictions lose, or these. */
typedef struct PruneLayers {
    int count;
    int n_list; /* 0: count is in force */
    int *list;  /* layers, ascending */
    bool compensate;
} PruneLayers;

/* Bits of the tensors whose name matches a glob; the last match wins. */
typedef struct BitsRule {
    const char *glob; /* fnmatch(3), no flags: "*.attn.*" */
    double bits;      /* 1..6 planes, 1.6 ternary, 8 int8 */
} BitsRule;

/* What quantize minimises: the error of each linear's outputs on samples, or of its weights. */
typedef enum FitMethod { FIT_GPTQ, FIT_WEIGHTS, FIT_METHODS } FitMethod;
extern const char *const fit_method_names[FIT_METHODS]; /* "gptq", "weights" */

/* Levels of bit-planes: coefficients learned, or each twice the one before. */
typedef enum LevelKind { LEVELS_ADDITIVE, LEVELS_UNIFORM, LEVEL_KINDS } LevelKind;
extern const char *const level_kind_names[LEVEL_KINDS]; /* "additive", "uniform" */

/* Scales of the int8 vectors that linears read: found for each vector as it comes, or fixed when
 * compiling from what the samples had. */
typedef enum ScaleKind { SCALES_DYNAMIC, SCALES_STATIC, SCALE_KINDS } ScaleKind;
extern const char *const scale_kind_names[SCALE_KINDS]; /* "dynamic", "static" */

typedef enum TableKind { TABLES_AUTO, TABLES_BYTE, TABLES_NIBBLE, TABLE_KINDS } TableKind;
extern const char *const table_kind_names[TABLE_KINDS]; /* "auto", "byte", "nibble" */

typedef enum Place { PLACE_DEFAULT, PLACE_FAST, PLACES } Place;
extern const char *const place_names[PLACES]; /* "default", "fast" */

/* What holds the weights: C arrays; an assembler source that includes NAME_weights.bin; that file
 * alone, bound at run time. AUTO: C up to WEIGHTS_C_BYTES of them, the assembler above. */
typedef enum WeightsForm {
    WEIGHTS_AUTO,
    WEIGHTS_C,
    WEIGHTS_ASM,
    WEIGHTS_BLOB,
    WEIGHTS_FORMS
} WeightsForm;
extern const char *const weights_form_names[WEIGHTS_FORMS]; /* "auto", "c", "asm", "blob" */
#define WEIGHTS_C_BYTES (100 * 1024)

/* Ecosystems that a generated folder has the manifest of. */
typedef enum Package {
    PACKAGE_CMAKE,
    PACKAGE_ZEPHYR,
    PACKAGE_ESP_IDF,
    PACKAGE_ARDUINO,
    PACKAGE_PLATFORMIO,
    PACKAGE_CMSIS,
    PACKAGE_MAKE,
    PACKAGES
} Package;
extern const char *const package_names[PACKAGES]; /* "cmake", "zephyr", ... */
/* Headers of their own that a folder may have. */
typedef enum Extra { EXTRA_OPTIONS, EXTRA_DEBOUNCE, EXTRA_SURPRISAL, EXTRAS } Extra;
extern const char *const extra_names[EXTRAS]; /* "options", ... */
#define ALL_PACKAGES ((1U << PACKAGES) - 1)

/* A list of texts. */
typedef struct Texts {
    int n;
    const char **text;
} Texts;

/* Texts by name, in the order given. */
typedef struct NamedTexts {
    int n;
    const char **name, **text;
} NamedTexts;

typedef struct Recipe {
    const char *name; /* C prefix: [a-z][a-z0-9_]*, at most 16; default "model" */
    int window;       /* KV cache length in tokens; 0: the model's context */
    int sinks;        /* first tokens that stay in the cache; < window */
    bool fold_norms;  /* multiply norm weights into the linears that read them */
    uint32_t seed;    /* of everything random: calibration samples */
    int calib_tokens; /* how many tokens calibrate runs */
    PruneLayers prune_layers;
    Prune prune_heads, prune_neurons;
    int activations; /* bits of what the blocks' linears read: 8 or 1; 0: as the model says */
    double bits;     /* default bits of every linear */
    int n_rules;
    BitsRule *rules; /* in file order, command line after the file */
    int fit_rounds;  /* alternating least squares rounds in quantize */
    int fit_tokens;  /* of samples that gptq takes its second moments from */
    FitMethod fit_method;
    LevelKind levels;
    ScaleKind scales;      /* of activations */
    int recover_tokens;    /* to train on, repeats counted; 0: no training */
    double recover_rate;   /* learning rate at its height */
    int recover_batch;     /* windows a step */
    double recover_hidden; /* weight of what layers give, beside the predictions */
    double recover_exits;  /* weight of what heads of exits give */
    int recover_blockwise; /* tokens to train layers on first, one after the other; 0: none */
    TableKind tables;
    int64_t flash, ram; /* bytes at hand; 0: the target's */
    Place place;        /* of hot weights and code */
    WeightsForm weights;
    int batch;                /* tokens of a prompt read at once: 1 or 2; 0: 2 where RAM allows */
    unsigned packages;        /* a bit for each Package */
    unsigned extras;          /* a bit for each Extra */
    int top;                  /* the head gives the largest logits only, so many; 0: all of them */
    const char *vocab_corpus; /* prune-vocab keeps what this file needs; "": it does nothing */
    double exit_threshold;    /* probability from which an encoder's exit is taken; 0: no exits */
    double class_threshold;   /* probability below which a class or label gives way to ... */
    const char *class_fallback; /* ... this one, by name or number, "": it stays */
    const char *class_first;    /* ... that of the first token of a sequence with labels */
    Texts vocab_keep;           /* ... and what these texts need */
    NamedTexts grammars;        /* NAME_GRAMMAR_..., by their text (include/grammar.h) */
    Texts prompts;              /* that the device finds read already */
    const char *prompt_prefix, *prompt_suffix; /* text before and after every prompt, "": none */
} Recipe;

/* compiler/prefix.c: what is wrong with a C prefix, as the end of a sentence; NULL: nothing. */
const char *prefix_fault(const char *s);

/* compiler/recipe.c */
Recipe *recipe_default(Arena *a);
/* Applies a YAML tree (or the "recipe" member of a manifest) over r. */
void recipe_apply(Arena *a, Recipe *r, const Node *root);
/* KEY=VALUE with a dotted key ("quantize.bits=2", "prune-heads.ratio=0.2"): the same schema. */
void recipe_set(Arena *a, Recipe *r, const char *assignment);
/* A flag's bits rule: "2" sets the default, "GLOB=2" adds a rule. */
void recipe_set_bits(Arena *a, Recipe *r, const char *arg);
void recipe_json(const Recipe *r, Buf *b, int indent); /* complete; reads back to the same recipe */
/* exits.threshold in units of 2^-15; 65535, which no probability reaches, where there is none. */
int exit_units(const Recipe *r);
double recipe_bits_for(const Recipe *r, const char *tensor);

#endif
