/* Emitters: a planned Unit becomes files. Real C lives in runtime_template/ and is copied; what is
 * printed here are calls, tables and constants. */
#ifndef LMCC_EMIT_H
#define LMCC_EMIT_H

#include "frontend.h"
#include "grammar.h"
#include "run.h"

#define LMCC_VERSION "0.1.0"
#define LMCC_ABI 1 /* of the generated interface */
#define GOLDEN_STEPS 64
#define GOLDEN_RUNS 4 /* sequences, of an encoder */
#define GOLDEN_LONGEST (1 + (GOLDEN_RUNS - 1) * (GOLDEN_RUNS + 4))

/* What the compiler itself computed for the unit, for the self-test and the manifest. */
typedef struct Golden {
    int start;                     /* first token: bos, or 0 */
    int tokens[GOLDEN_STEPS];      /* greedy */
    uint32_t logits_hash;          /* XXH32 chained over the steps' logits */
    uint32_t hashes[GOLDEN_STEPS]; /* the same after each step */
    uint32_t *layer_hashes; /* XXH32 chained over the steps' residual stream: layers + 1, the first
                               of the embedding */
    uint32_t weights_hash;  /* XXH32 chained over every Data, tokenizer included */
    double *layer_snr; /* dB over all steps, of the same against the float reference; 999: equal */
    float *outputs; /* of an encoder: what the float reference gives in the last run, at token 0 */
    float *residuals; /* float reference after each layer at the last step: (layers+1) x dim */
} Golden;

/* NAME_weights.bin (docs/formats.md): it begins with these words; after them a row of the table for
 * each Data of the Program, then the arrays. */
enum {
    BLOB_MAGIC,
    BLOB_INTERFACE,
    BLOB_BYTES,
    BLOB_ARRAYS,
    BLOB_ALIGN,
    BLOB_LAYOUT,
    BLOB_HASH,
    BLOB_RESERVED,
    BLOB_WORDS
};
#define BLOB_MAGIC_WORD 0x54574d4cU /* "LMWT" where the lowest byte comes first */
#define BLOB_MOST_ALIGN 256
typedef struct WeightsFile {
    uint32_t word[BLOB_WORDS];
    uint32_t *table;
    int64_t *offset; /* of each Data, and the file's size */
    int align;       /* of the first byte */
} WeightsFile;

typedef struct Emission {
    Arena *arena;
    const Unit *unit;
    const char *name;  /* C prefix, "story" */
    const char *upper; /* "STORY" */
    Golden golden;
    int n_prefix, n_suffix; /* tokens before and after every prompt */
    int *prefix, *suffix;
    int n_tables; /* tokenizer arrays, then those of grammars and of prompts */
    Data *tables;
    GrammarTables *grammars; /* NULL: none */
    struct {
        int n, *n_tokens; /* prompts, and how many tokens of each were read */
        int parts[3];     /* of the KV cache: int8, uint16, int32 */
        int n_tables;
        int64_t flash; /* bytes of these tables */
    } prompts;
    bool wide_ids;
    WeightsForm weights; /* not AUTO */
    const WeightsFile *file;
    const Buf *shapes, *layers; /* the generated parts of NAME.c, while it is written */
    const Frontend *frontend;   /* whose files are written, or NULL: those of a model */
    const char *config;         /* the user's own NAME_config.h, or NULL */
    const double *snr;          /* dB, of each linear's compressed weights; 999: equal */
    int n_files;                /* written so far, for the manifest */
    struct EmittedFile {
        const char *name;
        uint64_t hash;
        size_t size;
    } files[64];
} Emission;

/* compiler/emit/emit.c: all files of the unit into the output. config: what NAME_config.h is to say
 * instead of the default, NULL: the default. */
void emit_all(const Unit *u, const char *config, Output *o);

/* compiler/emit/frontend.c: all files of a front end, `name` being their prefix. */
void emit_frontend(Arena *a, const Frontend *f, const char *name, Output *o);

const char *upper_case(Arena *a, const char *s);

/* What a file, or a line of a package's file, goes with: some forms of the weights, a bit each,
 * some extras of the recipe (none: all of them), decoders or encoders only. */
#define FOR_FORM(form) (1U << (form))
#define FOR_DECODERS (1U << WEIGHTS_FORMS)
#define FOR_ENCODERS (2U << WEIGHTS_FORMS)
#define FOR_EXTRA(extra) ((4U << WEIGHTS_FORMS) << (extra))
bool emission_has(const Emission *e, unsigned what);

/* compiler/weights_file.c: what the file of a planned Program has; tables: arrays that its hash
 * covers without being in it. */
WeightsFile *weights_file(Arena *a, const Program *p, const Data *tables, int n_tables);
void weights_file_write(const Program *p, const WeightsFile *f, bool big_endian, Buf *b);
int weights_file_align(const Data *d); /* bytes, of an array in it */
/* A copy of a file of either byte order in that of the host (little-endian), f.size bytes from a
 * BLOB_MOST_ALIGN boundary on. Fatal where it is none. */
const uint8_t *weights_file_for_host(Arena *a, const File *f);

/* compiler/emit/golden.c */
void compute_golden(Emission *e);
/* Tokens of run `run` of an encoder's self-test; gives their number. */
int golden_run(int run, int vocab, int window, int tokens[GOLDEN_LONGEST]);
/* Of a model that reads frames: n bytes from those of its run `run` on. */
void golden_bytes(int run, int bands, int n, int *bytes);

/* compiler/emit/encoder.c */
void emit_encoder_constants(const Emission *e, Buf *b);
void emit_golden_frames(const Emission *e, Buf *b);
void emit_labels(const Emission *e, Buf *b);

/* compiler/emit/prompts.c: the tables of the recipe's prompts, to e->tables and e->prompts. Fatal
 * where flash does not hold them. */
void add_prompts(Emission *e);

/* compiler/emit/template.c: runtime_template/FILE with model_/MODEL_ replaced by the prefix, and
 * each line that is just a marker comment replaced: at-sign and "part NAME" by parts/NAME, at-sign
 * and NAME by what fill(e, NAME) gives. emit_file: the file as it is and an empty line. */
void emit_template(const Emission *e, const char *file,
                   void (*fill)(const Emission *e, const char *marker, Buf *b), Buf *b);
void emit_file(const Emission *e, const char *file, Buf *b);
void emit_template_text(const Emission *e, const char *text,
                        void (*fill)(const Emission *e, const char *marker, Buf *b), Buf *b);
void emit_banner(const Emission *e, Buf *b);

/* A file of the runtime and its variants: the best for a core is chosen where it is compiled. The
 * file must have variants. */
void emit_any_core(const Emission *e, const char *file, Buf *b);

/* One file each: contents into a Buf. */
void emit_header(const Emission *e, Buf *b);                /* story.h */
void emit_kernels(const Emission *e, Buf *b);               /* story_kernels.h */
void emit_runtime(const Emission *e, Buf *b);               /* the runtime files in it */
void emit_source(const Emission *e, Buf *b);                /* story.c */
void emit_ops(const Emission *e, Buf *shapes, Buf *layers); /* the two generated parts of story.c */
void emit_weights(const Emission *e, Buf *b);               /* story_weights.c */
void emit_weights_asm(const Emission *e, Buf *b);           /* story_weights.S */
void emit_weights_bin(const Emission *e, Buf *b);           /* story_weights.bin */
void emit_declarations(const Emission *e, Buf *b);          /* of constants, in story_kernels.h */
void emit_tokenizer(const Emission *e, Buf *b);             /* story_tokenizer.c */
void emit_selftest(const Emission *e, Buf *b);              /* story_selftest.c */
void emit_manifest(const Emission *e, Buf *b);              /* story.json */
void emit_golden_header(const Emission *e, Buf *b);         /* story_golden.h */
void emit_golden_json(const Emission *e, Buf *b);           /* story_golden.json */
void emit_search(const Emission *e, Buf *b);                /* its "search", if there was one */
void emit_report(const Emission *e, Buf *b);                /* story_report.html */

/* compiler/emit/package.c: the manifests of the recipe's packages, each handed to `each`. */
void emit_packages(Emission *e, void (*each)(Emission *e, Output *o, const char *name, Buf *b),
                   Output *o);

/* compiler/emit/manifest.c: figures that the report shows too. */
void measure_tensors(Emission *e);                /* e->snr */
int64_t bytes_read(const Program *p, int region); /* constants that a token reads, -1: of all */
Cost op_cost(const Emission *e, const Op *op);    /* zeros without an estimate */

/* One array: "const uint8_t story_x[4]", and the whole definition. */
void emit_data_type(const char *prefix, const Data *d, Buf *b);
void emit_data(const char *prefix, const Data *d, Buf *b);
void emit_constant(const Emission *e, const Data *d, Buf *b); /* with section and alignment */

#endif
