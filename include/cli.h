/* The command line: commands and options in two tables, and what the commands share. */
#ifndef LMCC_CLI_H
#define LMCC_CLI_H

#include "emit.h"

typedef struct Options {
    int n_args;
    const char **args; /* operands: MODEL, DIR, TEXT, ... */
    const char *target, *output, *tokenizer, *recipe, *dump, *until, *reference, *board, *docs;
    const char *calib, *recover_state;
    const char *cc;     /* the host's C compiler, for commands that run generated code */
    int64_t flash, ram; /* bytes, 0: not given */
    double max_ms;      /* 0: not given */
    const char *max_loss, *prefer;
    bool search;
    double temperature, top_p;
    int64_t top_k, seed, tokens;
    int64_t rate, window_ms, hop_ms, bands, low_hz, high_hz; /* of frontend */
    const char *prefix;                                      /* of frontend: C prefix */
    bool json, profile, no_cache;
    const char *text;  /* of diff */
    const char *junit; /* a file */
    int n_gates;
    const char **gates; /* --fail-if */
    int n_sets;
    const char **sets; /* recipe assignments in the order given: KEY=VALUE, bits as "bits:ARG",
                            grammars as "grammar:FILE" */
} Options;

typedef struct Command {
    const char *name, *operands, *what; /* for help */
    char letter;                        /* in the table of options: which ones it takes */
    int min_args, max_args;
    int (*run)(Arena *a, const Options *o);
} Command;
extern const Command commands[]; /* compiler/cli/main.c; ends with a NULL name */

/* compiler/cli/options.c */
void parse_options(Arena *a, const Command *c, int argc, char **argv, Options *o);
void print_options(const Command *c, Buf *b); /* the options that a command takes, for --help */

/* compiler/cli/unit.c: a model and what the options ask for, ready for run_passes. */
Unit *open_unit(Arena *a, const Options *o, const char *model_path);

/* compiler/cli/generated.c: a generated folder, built with the host's compiler and loaded. */
typedef struct Generated {
    const char *dir;
    const char *name;     /* C prefix */
    const Node *manifest; /* NAME.json */
    int vocab, dim, layers, residual_fraction, top;
    const int32_t *(*sizes)(void); /* those five, as they were compiled */
    int (*init)(void);
    const int32_t *(*step)(int32_t token); /* logits, or id and logit of each of the top largest */
    void (*reset)(void);
    const int32_t *(*residual)(int32_t layer);
    int (*selftest)(void);
    uint32_t (*hash)(int32_t steps);
    int32_t (*generate)(const char *prompt, int32_t max_tokens, const uint32_t *how,
                        int (*emit)(void *user, const char *text, int32_t bytes), void *user,
                        int32_t *scratch, int32_t scratch_max);
    int32_t (*encode)(const char *utf8, uint32_t n, int32_t *out, int32_t max);
    const char *(*strerror)(int error);
    /* Of an encoder; what a decoder has is then NULL, but init, selftest, hash (of runs), encode.
     */
    bool encoder;
    HeadKind head;
    int window, outputs;
    int frames, bands; /* of a sequence; 0: it has tokens */
    int (*read)(const int32_t *tokens, int32_t n);
    const int32_t *(*output)(int32_t at); /* of the sequence that was read */
    int (*read_pair)(const int32_t *tokens, int32_t n, int32_t second);
    int32_t (*encode_cut)(const char *utf8, uint32_t n, int32_t *out, int32_t max);
    int32_t (*encode_pair)(const char *a, uint32_t na, const char *b, uint32_t nb, int32_t *out,
                           int32_t max, int32_t *second);
    int32_t (*decode)(int32_t token, char *out, int32_t max);
    const char *(*label)(int32_t label); /* CLASS, LABEL; else NULL */
} Generated;
#define MAX_TOKEN_TEXT 1024

/* compiler/cli/encoder.c: what commands do for generated encoders. */
/* Entries for a byte of text that no tokenizer goes past, ROOM_PER_BYTE at the most. */
enum { LONGEST_ENCODING = 14 };
int encode_cut(Arena *a, const Generated *g, const char *text, size_t n, int **ids);
/* A text, or two with a tab between them: the tokens; *second: where those of type 1 begin. */
int encode_texts(Arena *a, const Generated *g, const char *text, size_t n, int **ids, int *second);
/* What code that reads frames takes a text to be; where: file and line, for messages. */
int sequence_of(Arena *a, const Generated *g, const char *where, int line, const char *text,
                size_t n, int **ids, int *second);
void encoder_read(const Generated *g, const int *ids, int n, int second); /* fatal when refused */
int run_encoder(Arena *a, const Options *o, const Generated *g);

/* compiler/cli/eval_encoder.c */
int eval_encoder(Arena *a, const Options *o, Unit *u);
int eval_generated_encoder(Arena *a, const Options *o, const Generated *g);

bool is_generated(const char *path); /* a folder with a manifest of ours */
const Node *read_manifest(Arena *a, const char *dir,
                          const char **name);                  /* fatal unless there is one */
const Node *manifest_member(const Node *map, const char *key); /* fatal unless it is there */
bool stays_inside(const char *name);                 /* below the folder: a manifest is input too */
const char *file_hash(Arena *a, const File *f);      /* as manifests have it */
WeightsForm generated_weights(const Node *manifest); /* not AUTO */
Generated *generated_open(Arena *a, const char *dir, const char *cc);

/* compiler/cli/recorded.c: what a manifest records, as the commands need it. */
int64_t manifest_number(const Node *m, const char *map, const char *key, int64_t min, int64_t max);
int manifest_int(const Node *m, const char *map, const char *key, int min); /* to INT32_MAX */
DocsKind docs_kind(const Options *o);                                       /* --docs */
/* A text in the documents that the code's window holds, by its own tokenizer. */
Corpus *generated_corpus(Arena *a, const Options *o, const Generated *g, const char *text);
/* --ref, its vocabulary pruned and its scales folded as the code's recipe says, and how many tokens
 * its cache should hold. Another model than the code was compiled from: a warning. */
const Model *generated_reference(Arena *a, const Options *o, const Generated *g);
int generated_window(const Generated *g, const Model *m);
void generated_reset(const Generated *g); /* the calling thread's own state, which may be new */
const int32_t *generated_step(const Generated *g, int token); /* of it; fatal when refused */

/* compiler/cli/junit.c: results as JUnit XML. */
typedef struct Junit {
    const char *suite; /* "lmcc verify story" */
    int tests, failures;
    Buf cases;
} Junit;
void junit_case(Junit *j, const char *name, const char *failure); /* failure: NULL, it passed */
void junit_write(Junit *j, const char *path);                     /* and frees it; fatal on error */
/* compiler/cli/encoder.c: adds its cases; files: lines about those that differ. */
void verify_encoder(Arena *a, const Options *o, const Generated *g, Junit *junit, int bad_files,
                    const char *files);

/* compiler/cli/temporary.c: a folder that goes when the process ends, or when told to. */
const char *temporary_folder(void);
void temporary_remove(void); /* async-signal-safe */

/* compiler/cli/child.c: another program, with its temporary files in the folder tmp. out and err
 * name files for its output; NULL: our stderr. Gives its exit status, 127 where it cannot be run.
 */
int run_child(const char *const *argv, const char *tmp, const char *out, const char *err);
void child_kill(void); /* the one that is running, if any; async-signal-safe */

/* compiler/cli/board.c: generated code on an emulated board. */
typedef struct Count {
    long long instructions, loads, stores;
} Count;
#define BENCH_COUNTS (GOLDEN_STEPS + 3) /* init, each step, a prefill of as many, a draw */
#define ENCODER_COUNTS 3 /* of an encoder: init, a sequence of one token, the longest */
typedef struct Bench {
    bool encoder;
    int frames; /* of a sequence, where it is made of such; else 0 */
    const char *dir, *name, *board;
    WeightsForm weights;
    const char *flags; /* of the compiler, after the board's own */
    int n_counts;
    Count counts[BENCH_COUNTS];
    const char *hash;   /* of the logits, 8 hex digits */
    int64_t code_bytes; /* functions and their tables, without weights and tokenizer */
    bool profile;       /* wanted */
    int n_parts;        /* of the profile, most instructions first */
    struct Part *parts;
} Bench;

/* Instructions of one function, a token's mean. */
typedef struct Part {
    const char *name;
    double instructions;
    bool matrix; /* of a kernel or its table */
} Part;
void bench_on_board(Arena *a, Bench *bench);

/* compiler/cli/elf.c: bytes of functions and static tables that came from NAME*.c; 0 when the file
 * is not a 32-bit ELF. */
int64_t elf_code_bytes(Arena *a, const char *path, const char *name);
/* Calls back with every function: name, first address, bytes. */
void elf_functions(Arena *a, const char *path,
                   void (*each)(void *user, const char *name, uint32_t address, uint32_t bytes),
                   void *user);

/* compiler/cli/profile.c: "PC COUNT" lines of the plugin over the functions of a firmware. */
void read_profile(Arena *a, const char *elf, const char *profile, Bench *bench);

/* compiler/cli/search.c */
bool wants_search(const Options *o);
/* Replaces the unit's recipe by the best that there is within the limits, and prints the curve into
 * b; where nothing fits, fatal, saying what would. */
void search_within_limits(Unit *u, const Options *o, Buf *b);

/* compiler/cli/cache.c: compiles that were done before. */
typedef struct Cache {
    Arena *arena;
    const char *dir, *key, *path; /* key: 32 hex digits; path: of the entry */
    Buf packed;
} Cache;
/* For a unit as opened, since file_digest_begin, which it ends. NULL: nothing is to be cached. */
Cache *cache_open(Arena *a, const Unit *u, const Options *o);
void cache_add(Cache *c, const char *text); /* something else that the output depends on */
/* The files of an entry, which wait for output_commit. NULL: there is no such entry. */
Output *cache_restore(Cache *c, const char *dir, Buf *printed);
void cache_begin(Cache *c, const Buf *printed, Output *out); /* files of out go into the entry */
void cache_keep(Cache *c);                                   /* once they are all there */
void cache_discard_open(void);                               /* async-signal-safe */

/* compiler/cli/fit.c: where a model would fit with every weight at one width. */
typedef struct Fit {
    int64_t weights; /* bytes, without code and tokenizer */
    bool flash;      /* all three fit the target's */
    int window;      /* the longest KV cache that its RAM holds, the context at most; 0: none */
} Fit;
Unit *fit_shapes(Arena *a, const Model *m, double bits); /* 1..6, 1.6, 8 */
Fit fit_target(Arena *a, const Unit *shapes, const Target *t);

/* compiler/cli/eval.c: of the code in a folder, on a text. */
Score generated_score(Arena *a, const Options *o, const char *dir, const char *text);

/* One file each. */
int command_compile(Arena *a, const Options *o);
int command_inspect(Arena *a, const Options *o);
int command_targets(Arena *a, const Options *o);
int command_eval(Arena *a, const Options *o);
int command_verify(Arena *a, const Options *o);
int command_bench(Arena *a, const Options *o);
int command_probe(Arena *a, const Options *o);
int command_run(Arena *a, const Options *o);
int command_doctor(Arena *a, const Options *o);
int command_frontend(Arena *a, const Options *o);
int command_diff(Arena *a, const Options *o);

#endif
