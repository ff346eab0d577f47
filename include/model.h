/* Model: what the network is. Importers build it, passes rewrite it, `lower` turns it into a
 * Program. Pruning makes layers differ, so every Block owns its sizes. */
#ifndef LMCC_MODEL_H
#define LMCC_MODEL_H

#include "util.h"

/* Facts that come in lists live in tables (compiler/names.c); the enums index them. */
typedef enum NormKind { NORM_RMS, NORM_LAYER, NORM_KINDS } NormKind; /* of the residual stream */
typedef enum PositionKind {
    POSITION_ROPE,
    POSITION_LEARNED, /* a row of `positions` is added to each token's embedding; tokens past the
                         last row take that one */
    POSITION_NONE,
    POSITION_KINDS
} PositionKind;
typedef enum Activation {
    ACT_SILU,
    ACT_GELU_TANH,
    ACT_GELU, /* x P(X <= x), X normal: by erf */
    ACT_RELU,
    ACT_RELU2, /* the square of ReLU */
    ACTIVATIONS
} Activation;

/* What a model gives. All but NEXT: of encoders. */
typedef enum HeadKind {
    HEAD_NEXT,  /* logits of the next token */
    HEAD_CLASS, /* logits of the sequence's classes, from its first token */
    HEAD_LABEL, /* logits of each token's labels */
    HEAD_MASK,  /* logits of the vocabulary at each token */
    HEAD_EMBED, /* the sequence as a vector of length 1; there is no matrix (0 rows) */
    HEAD_KINDS
} HeadKind;

/* Of a hidden layer before an encoder's head. */
typedef enum DenseActivation {
    DENSE_TANH,
    DENSE_RELU,
    DENSE_GELU,
    DENSE_GELU_TANH,
    DENSE_ACTIVATIONS
} DenseActivation;

typedef enum Pooling { POOL_FIRST, POOL_MEAN, POOLINGS } Pooling; /* of EMBED: of which tokens */

/* How weights are held. Everything but FORMAT_FLOAT is quantized. */
typedef enum Format { FORMAT_FLOAT, FORMAT_PLANES, FORMAT_TERNARY, FORMAT_INT8, FORMATS } Format;

#define MAX_PLANES 6
#define MAX_TOP 256 /* largest logits that a head can be told to keep */
#define MAX_LABEL_BYTES 256
#define MAX_LABELS 16384 /* of CLASS and LABEL: the sum of their weights stays exact */

/* y = W x + bias. Quantized, W[r][c] = gain * scale[r] * 2^scale_exp * value(code[r][c]) with
 *   PLANES   value = zero + sum over k of coef[k] * bit k of the code   (code 0 .. 2^planes - 1)
 *   TERNARY  value = code - 1                                           (code 0 .. 2)
 *   INT8     value = (int8_t)code                                       (-127 .. 127)
 * `w` keeps the float weights after quantization too: references and later passes read them. */
typedef struct Linear {
    const char *name; /* "layers.3.attn.q": what recipe globs match */
    int rows, cols;   /* outputs, inputs */
    float *w;         /* rows x cols, row-major */
    float *bias;      /* rows, NULL: none; what is read by row and a tied head never have one */
    Format format;
    int planes;              /* PLANES: 1 .. MAX_PLANES */
    int8_t zero;             /* PLANES: value of code 0 */
    int8_t coef[MAX_PLANES]; /* PLANES: what bit k adds */
    int scale_exp;           /* shared exponent of the row scales */
    float gain;              /* shared factor, for weights that bytes and a power of two cannot
                                reproduce; 0: 1. Positions have none */
    uint8_t *scale;          /* rows; 0 only for an all-zero row */
    uint8_t *code;           /* rows x cols */
    float input_clip; /* of static activation scales: the size of what it reads that is 127 as int8,
                         what is larger being 127 too; 0: every vector has a scale of its own */
} Linear;

/* RMS: y = x / rms(x) * gamma. LAYER: y = d / rms(d) * gamma + beta with d = x - mean(x), Ba and
 * others, arXiv 1607.06450. */
typedef struct Norm {
    const char *name; /* "layers.3.attn.norm" */
    int n;
    float *gamma;
    float *beta; /* n; RMS: NULL */
} Norm;

/* The linears of a block; enum order is execution order. */
typedef enum Role { ROLE_Q, ROLE_K, ROLE_V, ROLE_O, ROLE_GATE, ROLE_UP, ROLE_DOWN, ROLES } Role;

typedef struct Block {
    int n_heads, n_kv_heads, head_dim, n_neurons;
    int *kv_of_head; /* n_heads entries, non-decreasing: which kv head a query head reads */
    Norm attn_norm, mlp_norm;
    int window;             /* tokens that one sees, itself included; 0: all */
    Norm q_norm, k_norm;    /* qk_norm: RMS of each head, n = head_dim, before it is rotated */
    Norm o_norm, down_norm; /* sub_norm: RMS of all that O and DOWN read */
    Linear linear[ROLES];   /* Q: n_heads*head_dim x dim, K and V: n_kv_heads*head_dim x dim,
                               O: dim x n_heads*head_dim, GATE and UP: n_neurons x dim,
                               DOWN: dim x n_neurons; with `ungated` GATE is not there (0 rows) */
} Block;

/* A head of its own after a layer of an encoder, on the norm that follows it: where it is sure
 * enough of the sequence, the layers after it are not run (BranchyNet, Teerapittayanon and others,
 * arXiv 1709.01686; DeeBERT, Xin and others, arXiv 2004.12993). */
typedef struct Exit {
    int layer;   /* that it comes after, not the last one */
    Linear head; /* as many rows as the model's head */
} Exit;

typedef enum TokenizerKind {
    TOKENIZER_SPM,        /* BPE over characters, dummy prefix space, byte fallback */
    TOKENIZER_BYTE_LEVEL, /* BPE over bytes, words split by a pattern first */
    TOKENIZER_UNIGRAM,    /* the pieces of the best sum of scores */
    TOKENIZER_WORDPIECE,  /* BERT: the longest piece from the left, word by word */
    TOKENIZER_KINDS
} TokenizerKind;

/* How a byte-level tokenizer splits words (lm_words.h has the patterns). */
typedef enum Pattern {
    PATTERN_GPT2,
    PATTERN_DIGITS, /* GPT-2's, after each number character was cut out */
    PATTERN_LLAMA3,
    PATTERN_QWEN2,
    PATTERNS
} Pattern;

/* What is done to text first: the normalization form (UAX #15) that it is brought to. */
typedef enum NormalForm {
    NORMAL_NONE,
    NORMAL_NFC,
    NORMAL_NFD,
    NORMAL_NFKC,
    NORMAL_NFKD,
    NORMAL_CHARSMAP, /* SentencePiece's own way, as `charsmap` says */
    NORMAL_FORMS
} NormalForm;

/* Which spaces go: LM_SQUEEZE_ of lm_charsmap.h. ALL: as SentencePiece does it. */
enum { SQUEEZE_RUNS = 1, SQUEEZE_FIRST = 2, SQUEEZE_LAST = 4, SQUEEZE_WHITE = 8 };
enum { SQUEEZE_SPLIT = 16, SQUEEZE_ALL = 7, SQUEEZE_MOST = 31 };

typedef enum PieceKind { PIECE_NORMAL, PIECE_BYTE, PIECE_CONTROL, PIECE_KINDS } PieceKind;

typedef struct Piece {
    const uint8_t *bytes; /* what decoding yields: raw bytes, a plain space for U+2581. WORDPIECE:
                             a space in front where a word begins, none where it goes on */
    int len; /* CONTROL pieces keep their written form here ("<s>"), decode to nothing */
    PieceKind kind;
} Piece;

/* left right -> result. Lowest rank first, then leftmost; equal ranks are allowed. */
typedef struct Merge {
    int left, right, result, rank;
} Merge;

/* A token that is cut out of the text before anything else happens to it. */
typedef struct Added {
    int id;
    const uint8_t *bytes; /* as it stands in text */
    int len;
    bool left, right; /* takes the white space before it, after it */
    bool plain;       /* is looked for after the prefix space was put in front */
    bool normal;      /* is looked for in text that was brought to the form */
} Added;

/* WORDPIECE: what becomes of text before it is cut into words. */
typedef struct BertText {
    bool clean;   /* control characters go */
    bool cjk;     /* each CJK character is a word */
    bool strip;   /* characters are decomposed, marks (Mn) go */
    bool lower;   /* lower case */
    bool cleanup; /* decoding leaves out the space before . , ? ! and what follows an apostrophe */
    int most_chars; /* of a word that is not unknown by its length */
} BertText;

typedef struct Tokenizer {
    TokenizerKind kind;
    int n_pieces; /* the model's vocab size; ids beyond the tokenizer's own are CONTROL, empty */
    Piece *pieces;
    int n_merges;
    Merge *merges;      /* sorted by (left, right), no pair twice */
    int byte_id[256];   /* the piece for one raw byte, or -1 */
    int bos, eos;       /* -1 when the model has none */
    int unk;            /* what a byte without a piece becomes, -1: it is dropped */
    bool add_bos;       /* encode starts with bos */
    bool add_prefix;    /* a space goes before a stretch of text that is not empty ... */
    bool prefix_once;   /* ... unless it starts with one */
    bool prefix_first;  /* ... and only before the first stretch */
    bool prefix_raw;    /* ... but not after an added token that is `plain` */
    bool marked_spaces; /* SPM: text may spell a space as U+2581 too */
    bool ignore_merges; /* a whole word that is a piece is taken as it is */
    bool add_after;     /* encode ends with `after` */
    int after;
    bool pairs;    /* two texts make a sequence: bos, the first, `between`, the second, `after` */
    int n_between; /* 0 .. 2, at most as many as bos and `after` are */
    int between[2];
    bool typed_pairs;        /* the second text and `after` behind it are of token type 1 */
    NormalForm form;         /* not WORDPIECE */
    const uint8_t *charsmap; /* NORMAL_CHARSMAP: charsmap_bytes, as SentencePiece stores it; 0: no
                                string becomes another one */
    int charsmap_bytes;
    int squeeze;   /* NORMAL_CHARSMAP: SQUEEZE_: which spaces go */
    bool clusters; /* NORMAL_CHARSMAP: as tokenizer.json's Precompiled applies it (lm_cluster.h) */
    Pattern pattern;    /* BYTE_LEVEL */
    bool split_words;   /* UNIGRAM: each space begins a word */
    bool byte_fallback; /* UNIGRAM: unknown characters become bytes, not unk */
    bool float_sums;    /* UNIGRAM: sums are rounded to floats, and only normal pieces are found in
                           text, as SentencePiece itself does it */
    double *scores;     /* UNIGRAM: n_pieces, 0 or negative; NULL for others */
    BertText bert;      /* WORDPIECE */
    int n_added;
    Added *added; /* ascending by bytes, none twice */
} Tokenizer;

typedef struct Model {
    const char *family; /* "llama" */
    const char *path;   /* where it was read, for messages only: never written into output */
    uint64_t hash; /* XXH64 of the facts and float weights as read, rope pairs split (model_hash) */
    int dim, n_layers, vocab, context;
    NormKind norm;
    float norm_eps;
    PositionKind position;
    float rope_theta;
    bool rope_interleaved; /* pairs are (2i, 2i+1); fold makes them (i, i + head_dim/2) */
    float *rope_factor;    /* head_dim/2: pair i turns so many times slower; NULL: 1 each */
    int rotary_pairs;      /* of a head's pairs the first so many turn; 0: all */
    bool qk_norm;          /* blocks have q_norm and k_norm */
    bool sub_norm;         /* blocks have o_norm and down_norm */
    bool parallel;         /* x + attention(attn_norm(x)) + mlp(mlp_norm(x)) */
    Activation activation;
    bool ungated; /* the MLP is down(activation(up(x))), not down(activation(gate(x)) * up(x)) */
    int activation_bits; /* of what the blocks' linears read: 8, or 1: its signs times mean |x| */
    bool tied_head;      /* head is the embedding, `head` then at most a bias; or none (EMBED) */
    Linear embed;        /* vocab x dim, read by row; with `patch` a row for each token's place */
    Linear positions;    /* POSITION_LEARNED: context x dim, read by row */
    Block *blocks;       /* n_layers */
    Norm final_norm;
    Linear head;    /* vocab x dim; of CLASS and LABEL a row each */
    bool encoder;   /* every token sees the whole sequence, at most `context` tokens */
    bool post_norm; /* a norm's result takes the place of the residual stream that it read:
                       attn_norm of layer 0 is that of the embedding, mlp_norm follows
                       attention, the next attn_norm or final_norm follows the MLP */
    HeadKind head_kind;
    Pooling pooling;
    Linear dense; /* dim x dim: a hidden layer before the head; 0 rows: none */
    DenseActivation dense_activation;
    int bands;    /* bytes of a frame, of an encoder that reads frames and no tokens; 0: tokens */
    Linear patch; /* of one that reads frames: dim x frames of a patch * bands; 0 rows: none. Its
                     token i is embed[i] + patch(x), x its patch: as many frames, oldest first; of
                     token 0, the class token, zeros */
    Norm dense_norm; /* of what the activation gives; n = 0: none */
    float *second;   /* dim: what each token of the second of two texts has added, token type 1 less
                        type 0; NULL: nothing. Of an encoder that reads tokens */
    int n_exits;     /* CLASS and LABEL: */
    Exit *exits;     /* ascending by layer */
    const char **labels;   /* names of CLASS's and LABEL's rows, NULL: none */
    float residual_absmax; /* largest |residual| seen by calibrate; 0 before */
    Tokenizer *tokenizer;  /* NULL when the model came without one */
} Model;

/* compiler/names.c: printable names of the enums, both ways; find_name gives -1 for none. */
extern const char *const norm_names[NORM_KINDS];
extern const char *const position_names[POSITION_KINDS];
extern const char *const activation_names[ACTIVATIONS];
extern const char *const dense_names[DENSE_ACTIVATIONS];
extern const char *const head_names[HEAD_KINDS];
extern const char *const pooling_names[POOLINGS];
extern const char *const format_names[FORMATS];
extern const char *const tokenizer_names[TOKENIZER_KINDS];
extern const char *const pattern_names[PATTERNS];
extern const char *const form_names[NORMAL_FORMS]; /* "none", "nfc" ... */
extern const char *const piece_names[PIECE_KINDS];
extern const char *const role_names[ROLES]; /* "attn.q" ... "mlp.down" */
int find_name(const char *const *names, int n, const char *s);

/* compiler/model.c */
Model *model_copy(Arena *a, const Model *m); /* deep */
uint64_t model_hash(const Model *m);         /* independent of path and tokenizer */
int64_t model_parameters(const Model *m);    /* a tied head counts once */
Linear *model_linears(Model *m, int i);      /* i-th linear, NULL past the end: embed, the roles
                                                that each block has in execution order, head unless
                                                 tied, positions if learned, dense, patch, exits'
                                                 heads */
bool model_reads_first(const Model *m); /* of an encoder's tokens the head reads the first alone */
bool model_each_token(const Model *m);  /* an encoder's head has something to say of each */
bool model_reads_frames(const Model *m);
int model_frames(const Model *m); /* that make a sequence of such a model, all of it; else 0 */
int model_inputs(const Model *m, int n_tokens); /* numbers that a sequence of so many tokens is
                                                   given as: bytes of its frames, or tokens */
const float *model_bias(const Model *m, const Linear *l); /* l's; of a tied head the head's */
int model_outputs(const Model *m); /* numbers that the head gives: logits, or dim of EMBED */
int model_linear_index(const Model *m, int layer, Role r); /* of a role that is there */
int model_head_index(const Model *m);                      /* 0 when tied */
int model_positions_index(const Model *m);
int model_dense_index(const Model *m);
int model_patch_index(const Model *m);
int model_exit_index(const Model *m, int exit);                      /* of its head */
const Exit *model_exit(const Model *m, int layer);                   /* after a layer, NULL: none */
bool model_linear_place(const Model *m, int i, int *layer, Role *r); /* false: in no block */
Role model_first_reader(const Model *m, Role r); /* of what r reads, in its block */
Norm *model_norm(Model *m, int i);               /* likewise: attn, mlp of each block, with qk_norm
                                                    its q and k, with sub_norm its o and down;
                                                    final, dense's */
int model_norms(const Model *m);                 /* how many there are */
int model_norm_index(const Model *m, int layer, int place); /* place: as in that order */
int model_window(const Model *m, int layer, int window);    /* tokens in a layer's KV cache */
Linear *model_head(Model *m);                               /* head, or embed when tied */
double model_frequency(const Model *m, int pair);  /* radians that a rope pair turns a position */
void model_name_tensors(Arena *a, Model *m);       /* sets every Linear.name and Norm.name */
double linear_gain(const Linear *l);               /* 1 where there is none */
double linear_bits(const Linear *l);               /* stored bits a weight: 32, planes, 1.6, 8 */
int linear_code_value(const Linear *l, int code);  /* what a code stands for, before scales */
float linear_value(const Linear *l, int r, int c); /* dequantized, or w when FLOAT */
/* What a linear of a block reads, v (n): of a model with binary activations it becomes its signs
 * times the mean of its sizes (XNOR-Net, arXiv 1603.05279). */
void binarize(const Model *m, float *v, int n);
/* What a linear with an input_clip reads, v (n): at its nearest int8. */
void clip_input(const Linear *l, float *v, int n);
void read_input(const Model *m, const Linear *l, float *v, int n); /* of a block: both of these */
bool model_static_scales(const Model *m);          /* its linears have an input_clip */
bool model_signs_layer(const Model *m, int layer); /* whether linears of layer read signs */

/* compiler/import/: each fills a Model; file contents are hostile, every error is fatal() ------ */

typedef struct Importer {
    const char *name;                  /* "safetensors" */
    const char *what;                  /* one line for --help */
    bool (*accepts)(const char *path); /* cheap look at the name and the first bytes */
    Model *(*import)(Arena *a, const char *path, const char *tokenizer_path); /* tokenizer_path may
                                                   be NULL: look beside the model */
} Importer;

extern const Importer importers[]; /* ends with a NULL name */

Model *import_model(Arena *a, const char *path, const char *tokenizer_path); /* import/import.c */
Model *import_llama2c(Arena *a, const char *path, const char *tokenizer_path);
Model *import_gguf(Arena *a, const char *path, const char *tokenizer_path);
Model *import_hf(Arena *a, const char *path, const char *tokenizer_path);
Tokenizer *read_tokenizer_bin(Arena *a, const char *path, int vocab);
Tokenizer *read_tokenizer_model(Arena *a, const char *path,
                                int vocab); /* import/tokenizer_model.c */
Tokenizer *read_tokenizer_json(Arena *a, const char *path, int vocab);

/* import/safetensors.c: one file or an index with shards, checked as a whole when opened. */
typedef struct Safetensors Safetensors;
Safetensors *safetensors_open(Arena *a, const char *path); /* .safetensors, .safetensors.zst or
                                                              .safetensors.index.json */
bool safetensors_has(const Safetensors *s, const char *name);
/* The tensor as float; fatal unless it exists with exactly this shape in F32, F16 or BF16. */
float *safetensors_load(Arena *a, const Safetensors *s, const char *name, int n_dims,
                        const int *dims);
/* The same of a tensor of bytes, U8, as they are in the file. */
const uint8_t *safetensors_bytes(Arena *a, const Safetensors *s, const char *name, int n_dims,
                                 const int *dims);
/* Names that safetensors_load never touched, for "unknown tensor" errors; NULL past the end. */
const char *safetensors_unused(const Safetensors *s, int i);

#endif
