/* What the files of the lower pass share. Each appends one part of the Program, op after op as a
 * token meets them. Buffers, scalars and constants go by their indices in the Program. In all of
 * them: `x` is an int8 buffer; `*scale` is the scalar that one unit of a vector is worth, given,
 * replaced by that of the result, or both; `data_name` names a constant in generated code. */
#ifndef LMCC_LOWER_H
#define LMCC_LOWER_H

#include "pass.h"

typedef struct Lowering {
    Arena *arena;
    const Model *model;
    Program *program;
    int layer, phase, linear; /* being lowered: layer, its phase, index for model_linears */
    int resid, angles;        /* buffers */
    int logits;               /* of an encoder: the buffer that its heads share, -1 before */
    int turned, turns; /* scratch of the rotations, -1 without them; 2 turns: the cache has sinks */
} Lowering;

/* A matrix's result: one step is worth the scalar `scale` times 2^exp. */
typedef struct Result {
    int buffer, scale, exp;
} Result;

/* An int8 vector, one unit worth the scalar `scale`. */
typedef struct Reading {
    int x, scale;
} Reading;

/* Where imm[] has the numbers of a static scale: that, and by what values become int8. */
typedef struct Places {
    int scale, right, mul, down; /* right -1: a constant of the runtime */
} Places;

/* passes/lower_scales.c: v = m * 2^e with m in 32768..65535, v > 0; gives m. */
uint32_t to_mantissa(double v, int *e);
/* The nearest scale (docs/arithmetic.md), v > 0. */
int64_t to_scale(double v);
/* The scale of the int8 vector that a linear reads: 0 where each has its own. */
int64_t static_scale(const Linear *reader);
/* The same of what attention or the MLP gives a linear: not where a norm of its own comes between.
 */
int64_t given_scale(const Lowering *w, const Block *b, Role role);
/* By how much a norm's constant changes so that what it multiplies is int8; scale 0: 1. */
double over_scale(int64_t scale);
/* An op's int32 values, sizes below 2^bits, are worth `unit` each; x, which it makes of them, has
 * about the scale `wanted`; 0: the op stays as it is. The factor's 8 bits are used as they are: the
 * scale is what they make it. */
void fix_scale(Op *op, Places at, int64_t wanted, double unit, int bits);

/* passes/lower_program.c: a buffer of `count` elements, in a layer named after it; `lasting`: from
 * token to token. Fatal for more than any target can hold. */
int add_buffer(Lowering *w, const char *what, ElemType elem, int64_t count, bool lasting);
/* A vector of n that each token of an encoder's sequence has its own of. */
int add_row(Lowering *w, const char *what, ElemType elem, int n);
/* Matrix results are written in whole blocks of rows: the elements of their buffer. */
int64_t padded(int64_t rows);
/* Of the layer and phase being lowered; valid until the next one is added. */
Op *add_op(Lowering *w, OpKind kind);
/* A constant: v (n) as int32, value * 2^-fraction: saturated. */
int lower_integers(Lowering *w, const char *data_name, const float *v, int n, int fraction);

/* passes/lower_norm.c: the residual stream, root mean square normed, becomes x, which `reader`
 * reads. */
void lower_norm(Lowering *w, const Norm *norm, const char *data_name, const Linear *reader, int x,
                int *scale);
/* The same with a layer norm. */
void lower_layer_norm(Lowering *w, const Norm *norm, const char *data_name, const Linear *reader,
                      int x, int *scale);
/* The fraction with which no element of a layer norm's result reaches 2^30. */
int layer_norm_fraction(const Norm *norm);
/* The op of a layer norm whose input has the fraction `in` and whose result `fraction`. */
Op *add_layer_norm(Lowering *w, OpKind kind, const Norm *norm, const char *data_name, int in,
                   int fraction);
/* The layer norm that takes the residual stream's place. */
void lower_replacing_norm(Lowering *w, const Norm *norm, const char *data_name);
/* Each head of y, queries or keys, is normed if the model does that: y's unit is constant then. */
void lower_head_norm(Lowering *w, const Norm *norm, int heads, const char *what, Result *y);
/* x is normed once more before the linear that reads it, if the model does that. */
void lower_sub_norm(Lowering *w, const Norm *norm, const char *what, const Linear *reader, int x,
                    int *scale);

/* passes/lower_reading.c: the vector v (n), value * 2^-fraction and below 2^bits, becomes int8. */
void lower_quantize(Lowering *w, int v, int n, int fraction, int bits, const Linear *reader, int x,
                    int *scale);
/* The norm that the residual stream goes through before `reader` reads it. */
void lower_stream_norm(Lowering *w, const Norm *norm, const char *data_name, const Linear *reader,
                       int x, int *scale);
/* x becomes its signs where the model wants that of what its linears read. */
void lower_sign(Lowering *w, int x, int *scale);
/* The residual stream as a half of a block, `what`, reads it. */
Reading lower_reading(Lowering *w, const Norm *norm, const char *what, const Linear *reader);

/* passes/lower_matvec.c: y = W x of linear number w->linear, or what an op of this kind makes of
 * it; gives the exponent that turns *scale into the unit of y. Fatal for too many columns. */
int lower_matvec(Lowering *w, OpKind kind, const Linear *l, int x, int *scale, int y);
/* The most that |w . x| of row r can be, x the output of the norm, or its signs. */
double row_bound(const Linear *l, int r, const Norm *norm, bool signs);
/* The fraction with which no row of W x + bias reaches 2^30, x likewise. */
int result_fraction(const Linear *l, const Norm *norm, bool signs);
/* Adds l's bias; what follows gets y in the constant unit 2^-fraction. */
void lower_bias(Lowering *w, const Linear *l, const char *data_name, int fraction, Result *y);
/* W x + bias; one unit of x is worth `scale`. `norm` made x; NULL: the result goes to the residual.
 */
Result lower_role(Lowering *w, const Block *b, Role role, int x, int scale, const Norm *norm);
/* y is added to the residual stream. */
void lower_add(Lowering *w, Result y);

/* passes/lower_input.c: the first residual stream of a token; sets w->resid and, for
 * rotations, w->angles and w->turned. */
void lower_input(Lowering *w);

/* passes/lower_attention.c, passes/lower_mlp.c: half a block, from what it reads to what it adds to
 * the stream. An encoder's attention meets all tokens in phase 1, which lower_mlp ends. */
void lower_attention(Lowering *w, const Block *b, Reading in);
void lower_mlp(Lowering *w, const Block *b, Reading in);

/* passes/lower_output.c: final norm and head of a decoder; top: how many of the largest logits, 0:
 * all. Fatal for a head whose bias needs them all. */
void lower_output(Lowering *w, int top);

/* passes/lower_encoder.c: exit number `exit` after the layer being lowered: the norm that follows
 * it, for all tokens, then the exit's head, for as many as it is asked about. */
void lower_exit(Lowering *w, int exit);
/* The final norm, then head or pool in a phase of their own: the head may be asked about any token,
 * and again. */
void lower_encoder_output(Lowering *w);

#endif
