/* Program: what runs. A straight line of Ops over Buffers and constant Data, all by index, every
 * dimension a constant. Passes choose kernels, pack the data, plan the memory; emitters print it.
 */
#ifndef LMCC_PROGRAM_H
#define LMCC_PROGRAM_H

#include "target.h"

typedef enum ElemType { ELEM_I8, ELEM_U8, ELEM_I16, ELEM_U16, ELEM_I32, ELEM_U32, ELEMS } ElemType;
extern const char *const elem_names[ELEMS]; /* "i8" ... */
extern const int elem_bytes[ELEMS];

/* A vector in the state's memory. It is live from op `first` to op `last`, both included; a
 * lasting buffer (KV cache) is live always. */
typedef struct Buffer {
    const char *name;
    ElemType elem;
    int count;
    int row; /* elements of one token's, where each token of an encoder's sequence has its own; an
                op then sees that of the token at hand. 0: there is one */
    bool lasting;
    int first, last; /* set by live */
    int64_t offset;  /* bytes from the start of the state's memory, set by plan; -1 before */
} Buffer;

/* A constant array of the generated code. */
typedef struct Data {
    const char *name; /* "l3_q_codes": the C name without its prefix */
    ElemType elem;
    int64_t count;
    void *bytes;   /* count elements in the host's byte order */
    int align;     /* bytes, set by pad */
    int64_t waste; /* bytes of padding inside, set by pad */
    int region;    /* of the target, set by plan; -1 before */
} Data;

/* What each op computes is written beside its runtime function (runtime_template/) and in
 * docs/arithmetic.md. Names of the operands, in their order, are in op_info. */
typedef enum OpKind {
    OP_EMBED,      /* resid = embedding row of the token */
    OP_ROW_GAIN,   /* resid = fixed point(resid): a row of an embedding with a gain, in place */
    OP_POSITION,   /* resid += row of the token's position, at most the last one */
    OP_SECOND,     /* resid += a constant row, of tokens of the second of two texts */
    OP_ANGLES,     /* angles = cos, sin of position * frequency */
    OP_NORM,       /* x = int8(rms norm(resid)) */
    OP_LAYER_NORM, /* x = int8(layer norm(resid)) */
    OP_SIGN,       /* x = signs of x, in place; the scale takes mean |x| */
    OP_TABLE,      /* table = subset sums of x; added by choose */
    OP_GAIN,       /* scale = that of x times the matrix's gain, for what the matrix gives */
    OP_MATVEC,     /* y = W x, through the table when the kernel has one */
    OP_BIAS,       /* y = fixed point(y) + bias, in place: y then has a constant unit */
    OP_HEAD_NORM,  /* y = fixed point(rms norm(y) of each head), in place, with a constant unit */
    OP_SUB_NORM,   /* x = int8(rms norm(x)), in place */
    OP_ROTATE,     /* q = int8 per head(rope(y)), or of y where there are no angles */
    OP_STORE_K,    /* keys[slot] = the same of y */
    OP_STORE_V,    /* values[slot] = int8 per head(y) */
    OP_ATTEND,     /* x = int8(attention(q, keys, values)) */
    OP_ADD,        /* resid += y */
    OP_GLU,        /* x = int8(activation(gate) * up); overwrites gate */
    OP_ACTIVATE,   /* x = int8(activation(y)); overwrites y */
    OP_LOGITS,     /* logits = fixed point(logits), in place */
    /* Of encoders. */
    OP_NORM_FIXED, /* v = fixed point(layer norm(v)), in place */
    OP_QUANTIZE,   /* x = int8(v), v of a constant unit */
    OP_DENSE,      /* y = fixed point(dense_activation(y)), in place, in units of 2^-15 */
    OP_POOL,       /* v = what the tokens' rows have in common: their mean, or the first one */
    OP_PATCH,      /* x = the bytes of the token's patch of frames, zeros of token 0; scale 1 */
    OP_UNIT,       /* v = v / |v| in units of 2^-15, in place */
    OP_TOP,        /* top = the largest of fixed point(W x), a chunk of rows at a time */
    /* Of two tokens in one walk over the weights; added by batch. */
    OP_TABLE_PAIR,  /* table = subset sums of two vectors, side by side */
    OP_MATVEC_PAIR, /* y = W x, second_y = W second */
    /* Of some of the columns, so that a table need not hold all; added by choose. */
    OP_TABLE_PART,  /* table = subset sums of x[first .. first + cols - 1] */
    OP_MATVEC_PART, /* y += W x over those columns; the first begins y, the last finishes it */
    OPS
} OpKind;

#define MAX_OPERANDS 8
#define MAX_IMMEDIATES 12

/* An op's scalars are numbers known only when it runs: a vector's scale, a table's sum. Within a
 * layer they are local variables of the generated function, numbered through the Program. */
typedef struct OpInfo {
    const char *name;                   /* "matvec" */
    const char *in[MAX_OPERANDS + 1];   /* buffers read; NULL-terminated, as all of these. One whose
                                           name begins with ? may be missing */
    const char *out[MAX_OPERANDS + 1];  /* buffers written, updated, or used as scratch */
    const char *data[MAX_OPERANDS + 1]; /* constants read */
    const char *imm[MAX_IMMEDIATES + 1]; /* integer operands. One whose name begins with ? is there
                                            where the scale of x is static, else 0 */
    const char *scalar_in[3];            /* scalars read */
    const char *scalar_out;              /* scalar given, or NULL */
} OpInfo;
extern const OpInfo op_info[OPS]; /* compiler/ops.c */

enum { PHASE_STORE, PHASE_MIX, PHASE_LEAVE_NORM, PHASE_LEAVE, PHASES }; /* of an encoder's layer */

bool op_reads_row(OpKind k); /* of a matrix; its imm[] begins as EMBED's */
bool op_is_matvec(OpKind k); /* reads a matrix by a kernel; its imm[] begins as MATVEC's */
bool op_is_part(OpKind k);   /* of some columns: TABLE_PART, MATVEC_PART */
bool op_has_scale(OpKind k); /* gives an int8 vector whose scale may be static */

typedef struct Op {
    OpKind kind;
    int layer;              /* -1 before the first layer, n_layers after the last */
    int linear;             /* index for model_linears() of the weights it reads, -1 none */
    int kernel;             /* index into kernels[], -1: none or not chosen yet */
    int token;              /* which token of a prefill's batch it is about */
    int phase;              /* of an encoder's layer: 0 up to a token's keys and values, 1 from its
                               attention on, and with an exit 2 the norm that follows, 3 the exit's
                               head; after the last layer: 0 the final norm, 1 the head */
    int in[MAX_OPERANDS];   /* buffers, -1 past the end */
    int out[MAX_OPERANDS];  /* buffers */
    int data[MAX_OPERANDS]; /* constants; those of a linear are -1 until pad has packed them */
    int64_t imm[MAX_IMMEDIATES];
    int scalar_in[2]; /* -1: none */
    int scalar_out;
} Op;

/* Indices of imm[] by op. EXP operands: a buffer's unit is its scalar scale times 2^EXP. */
enum { EMBED_DIM, EMBED_PLANES, EMBED_STRIDE, EMBED_SHIFT };
enum { POSITION_LAST = EMBED_SHIFT + 1 }; /* row; after those of EMBED */
enum { ROW_GAIN_DIM, ROW_GAIN_UNIT };     /* what the row, read with more bits, is worth */
enum { SECOND_DIM };
enum { ANGLES_PAIRS, ANGLES_TURNS }; /* turns 2: also for position min(pos, window - 1) */
/* SCALE: that of x, 0 where the op finds it. With a static one values of int32 become int8 as v >>
 * RIGHT times MUL / 2^DOWN (lm_static_loops.h). */
enum { NORM_DIM, NORM_EPS_M, NORM_EPS_E, NORM_ROOT_M, NORM_EXP, NORM_SCALE };
enum {
    LAYER_NORM_DIM,
    LAYER_NORM_MEAN_M, /* 1 / dim = MEAN_M * 2^MEAN_E */
    LAYER_NORM_MEAN_E,
    LAYER_NORM_EPS_M,
    LAYER_NORM_EPS_E,
    LAYER_NORM_ROOT_M,
    LAYER_NORM_EXP,
    LAYER_NORM_FRACTION,
    LAYER_NORM_SCALE,
    LAYER_NORM_RIGHT,
    LAYER_NORM_MUL,
    LAYER_NORM_DOWN
};
enum { SIGN_N, SIGN_INVERSE };
enum { GAIN_MANTISSA, GAIN_EXP }; /* 2^31 <= mantissa < 2^32; gain = mantissa * 2^exp */
enum { TABLE_COLS, TABLE_FIRST }; /* pairs of tables and matvecs have those of single ones */
enum { MATVEC_ROWS, MATVEC_COLS, MATVEC_PLANES, MATVEC_PRE, MATVEC_STRIDE };
enum { PART_WIDTH = MATVEC_STRIDE + 1, PART_FIRST }; /* the columns; after those of a matvec */
enum { BIAS_N, BIAS_EXP, BIAS_FRACTION };
enum {
    HEAD_NORM_HEADS,
    HEAD_NORM_DIM,
    HEAD_NORM_UNIT_EXP,
    HEAD_NORM_EPS_M,
    HEAD_NORM_EPS_E,
    HEAD_NORM_ROOT_M,
    HEAD_NORM_EXP,
    HEAD_NORM_FRACTION
};
enum { SUB_NORM_N, SUB_NORM_EPS_M, SUB_NORM_EPS_E, SUB_NORM_ROOT_M, SUB_NORM_EXP, SUB_NORM_SCALE };
enum { ROTATE_HEADS, ROTATE_DIM, ROTATE_TURNS, ROTATE_EXP };
enum { STORE_HEADS, STORE_DIM, STORE_EXP };
enum {
    ATTEND_HEADS,
    ATTEND_KV_HEADS,
    ATTEND_DIM,
    ATTEND_SINKS,
    ATTEND_UNIT,
    ATTEND_PRE,
    ATTEND_SPREAD,
    ATTEND_SCALE,
    ATTEND_INVERSE /* 1 / scale, a scale too */
};
enum { ADD_DIM, ADD_EXP };
enum {
    GLU_N,
    GLU_EXP_GATE,
    GLU_EXP_UP,
    GLU_SCALE,
    GLU_GATE_DOWN, /* bits that both give up before they are multiplied */
    GLU_UP_DOWN,
    GLU_MUL,
    GLU_DOWN
};
enum {
    ACTIVATE_N,
    ACTIVATE_EXP,
    ACTIVATE_SCALE,
    ACTIVATE_SQUARE, /* bits given up before a square */
    ACTIVATE_RIGHT,
    ACTIVATE_MUL,
    ACTIVATE_DOWN
};
enum { LOGITS_N, LOGITS_EXP };
enum {
    QUANTIZE_N,
    QUANTIZE_FRACTION,
    QUANTIZE_SCALE,
    QUANTIZE_RIGHT,
    QUANTIZE_MUL,
    QUANTIZE_DOWN
}; /* NORM_FIXED has those of LAYER_NORM */
enum { DENSE_N, DENSE_EXP };
enum { POOL_DIM, POOL_ALL }; /* all: of all tokens, or 0 */
enum { PATCH_N };
enum { UNIT_N };
#define DENSE_FRACTION 15
enum { TOP_N = MATVEC_STRIDE + 1, TOP_EXP, TOP_CHUNK }; /* after those of a matvec */
#define TOP_CHUNK_ROWS 64                               /* lm_top.h: LM_TOP_ROWS */

/* How a matvec kernel reads its input: straight, through sums of groups of inputs, or, when these
 * are 1 and -1, as bits in place of a table. */
typedef enum TableForm {
    TABLE_NONE,
    TABLE_BYTE,
    TABLE_NIBBLE,
    TABLE_TRIT,
    TABLE_BITS,
    TABLE_FORMS
} TableForm;
extern const char *const table_names[TABLE_FORMS];
int table_entries(TableForm f, int cols); /* i16 entries of the table for an input of cols */
int table_inputs(TableForm f);            /* that an entry sums up */

typedef struct Kernel {
    const char *name;           /* "planes-byte-mve": in IR text, recipes and reports */
    const char *function;       /* "lm_planes_byte_mve" */
    const char *table_function; /* "lm_table_byte_mve"; NULL: reads its input straight */
    const char *part_function; /* "lm_planes_byte_mve_part": of some columns; NULL: there is none */
    const char *file;          /* of runtime_template that has both: "arm/lm_planes_mve.h" */
    /* Two inputs in one walk over the weights: function, table builder, file; NULL: there is none.
     */
    const char *pair_function, *pair_table_function, *pair_file;
    Format format; /* of the weights */
    TableForm table;
    int align; /* bytes that rows should start at a multiple of; 0: a word */
    int needs; /* Feature, or -1: portable. Portable kernels define what the others compute */
} Kernel;
extern const Kernel kernels[];                            /* compiler/kernels.c; NULL name */
int kernel_align(const Kernel *k, const Target *t);       /* of rows, on the target */
const Kernel *kernel_twin(const Kernel *k);               /* the portable kernel that it equals */
int find_kernel(const char *name);                        /* -1 none */
bool kernel_reads(const Kernel *k, Format f, int planes); /* such weights */
bool kernel_takes_sum(const Kernel *k);                   /* of the inputs, from its table */
bool kernel_suits(const Kernel *k, const Target *t);      /* the target's core */
int heads_at_once(const Target *t, const Op *attend, const uint8_t *kv_of); /* one or two */

/* What runs, estimated from measured counts. */
typedef struct Cost {
    double instructions, loads, stores;
} Cost;
Cost kernel_cost(const Kernel *k, const Target *t, int rows, int cols, int planes);
Cost table_cost(const Kernel *k, const Target *t, int cols);
double cost_cycles(Cost c, const Target *t); /* estimated; instructions where classes have none */

/* compiler/layout.c: packed weights, bit by bit in docs/formats.md. A matrix is a row of blocks of
 * block_rows() rows, each `stride` bytes; rows_data is the codebook and then one scale a row. */
int block_rows(Format f, int planes);
int64_t block_bytes(Format f, int planes, int cols); /* without padding */
#define BOOK_BYTES 8
void pack_codes(const Linear *l, int64_t stride, uint8_t *codes); /* codes: zeroed */
void pack_rows(const Linear *l, uint8_t *rows_data);              /* BOOK_BYTES + padded rows */
int packed_rows(const Linear *l);                /* rows rounded up to whole blocks */
int64_t top_chunk_bytes(Model *m, const Op *op); /* codes of a chunk of rows of a TOP */
uint8_t unpack_code(Format f, int planes, int64_t stride, const uint8_t *codes, int r, int c);

typedef struct Program {
    bool encoder;          /* a sequence at a time: each phase runs for every token before the next
                              begins, but the head's, which runs when asked */
    int window, sinks;     /* KV cache; of an encoder the longest sequence, and 0 */
    int residual_fraction; /* resid = value * 2^-residual_fraction */
    int n_scalars;
    int n_ops, n_buffers, n_data;
    int n_step; /* ops of one token; those that follow read two tokens of a prompt, without the head
                 */
    Op *ops;
    Buffer *buffers;
    Data *data;
    int64_t state_bytes;  /* set by plan: the state's memory */
    int64_t weight_bytes; /* set by plan: all Data with alignment */
} Program;

int program_add_buffer(Arena *a, Program *p, const char *name, ElemType elem, int count,
                       bool lasting);
int program_add_data(Arena *a, Program *p, const char *name, ElemType elem, int64_t count);
Op *program_add_op(Arena *a, Program *p, OpKind kind, int layer); /* operands -1, imm 0 */

int writer_of(const Program *p, int op, int buffer); /* last op before op that wrote it; -1: none */
int64_t op_scale(const Op *op);                      /* of its x where that is static; else 0 */
double scale_value(int64_t scale);                   /* what a scale means */
double known_scale(const Program *p, int scalar);    /* known when compiling; else 0 */
bool reads_signs(const Program *p, int op); /* all its inputs are 1 and -1, or tables of such */
int top_of(const Program *p); /* how many of the largest logits the head keeps; 0: all */

/* Logits and probabilities: logits are value * 2^-LOGIT_FRACTION. */
#define LOGIT_FRACTION 16

/* compiler/tokenizer_tables.c: the constant arrays of the runtime's lm_tokenizer; gives their
 * number. Ids are 16 bits wide, or 32 where tokenizer_wide_ids: then LM_ID is uint32_t. */
int tokenizer_tables(Arena *a, const Tokenizer *t, Data **out);
int wide_tokenizer_tables(Arena *a, const Tokenizer *t, bool wide, Data **out);
bool tokenizer_wide_ids(const Tokenizer *t);
const Data *find_table(const Data *tables, int n, const char *name); /* NULL: none */
/* The table that is lm_tokenizer's `field`: merge_rank may be merge_result, word_piece word_id ...
 */
const Data *field_table(const Data *tables, int n, const char *field);

/* compiler/tokenizer_bert.c: whether Hangul syllables are taken apart. */
bool bert_hangul(const Tokenizer *t);

/* compiler/tokenizer_charsmap.c: whether Hangul letters become syllables by rule; tokenizer_room of
 * such a tokenizer. */
bool charsmap_hangul(const Tokenizer *t);
int charsmap_room(const Tokenizer *t);

/* compiler/charsmap.c: SentencePiece's precompiled charsmap as a tree of characters. A node is what
 * may follow a sequence; equal ones are one. Fatal, naming `path`, for what is none, and for one
 * with strings that are not UTF-8. */
enum { MAX_CHARSMAP = 1 << 22, CHARSMAP_NONE = -1 };
typedef struct CharEdge {
    uint32_t code;
    int32_t to;   /* where in `strings` is what the sequence becomes, ends with 0; CHARSMAP_NONE */
    int32_t node; /* CHARSMAP_NONE: nothing follows */
} CharEdge;
typedef struct CharNode {
    const CharEdge *edges; /* ascending by code */
    int n;
} CharNode;
typedef struct CharTree {
    CharNode root, *nodes;
    int n_nodes;
    const char *strings; /* n_strings bytes */
    uint32_t n_strings;
    int growth; /* most bytes that a byte becomes, rounded up */
} CharTree;
CharTree charsmap_tree(Arena *a, const char *path, const uint8_t *data, int n);

/* compiler/tokenizer_print.c: which functions of the runtime cut text into words and encode these
 * (C expressions), and the constant structs over arrays named PREFIX + table name: the last of
 * them is lm_tokenizer PREFIXtables. */
const char *tokenizer_word_end(const Tokenizer *t);
const char *tokenizer_word_encoder(const Tokenizer *t);
bool tokenizer_strips(
    const Tokenizer *t); /* the space before a text's first piece is no part of it */
int tokenizer_prefix(const Tokenizer *t);                   /* LM_PREFIX_ */
unsigned added_flags(const Tokenizer *t, const Added *one); /* LM_ADDED_ of one; NULL: of all */
int tokenizer_once(const Tokenizer *t);                     /* prefix_once of lm_tokenizer */
bool tokenizer_lone_prefix(const Tokenizer *t);
int tokenizer_room(const Tokenizer *t); /* entries that encoding a byte of text can take */
int tokenizer_ring(const Tokenizer *t); /* UNIGRAM: LM_UNIGRAM_RING */
uint64_t tokenizer_unk_score(const Tokenizer *t); /* UNIGRAM: bits of a double's magnitude */
void tokenizer_structs(const Tokenizer *t, const char *prefix, Buf *b);

#endif
