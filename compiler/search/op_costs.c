/* What an op takes, for the time of a whole token. Matrices and tables are measured shape by shape
 * (compiler/kernel_costs.c); all others by one figure for each element they work on, from profiles
 * of two models on a Cortex-M7 (lmcc bench --profile, 2 bits), scaled by what everything that is
 * not of a matrix takes on other cores (docs/benchmarks.md). With matrices as they are counted, a
 * token of both models is within 8 % of its count on all seven cores there. */
#include "kernel_costs.h"
#include "search.h"

/* Instructions. */
#define NORM 25.0 /* an element */
#define LAYER_NORM 45.0
#define SUB_NORM 16.0
#define ROTATE 29.0 /* likewise, store_k's rotation included */
#define STORE_V 16.0
#define ADD 11.0
#define GLU 43.0
#define ACTIVATE 30.0
#define LOGIT 6.0
#define HEAD 262.0    /* a head of attention */
#define ATTENDED 15.0 /* a position that a head attends to: softmax */
#define MET 5.7       /* an element of a head, at each position: key and value */

/* Of instructions, on all cores. */
#define LOADS 0.35
#define STORES 0.1

static const double of_core[] = {
    [CORE_V6M] = 1.55, [CORE_V7M] = 1.4, [CORE_V7EM] = 1, [CORE_MVE] = 0.73, [CORE_RV32] = 1.42};

/* With the window full: the most that a token takes. */
static double instructions(const Op *op, int window)
{
    const int64_t *v = op->imm;
    switch (op->kind) {
    case OP_NORM: return NORM * (double)v[NORM_DIM];
    case OP_LAYER_NORM: return LAYER_NORM * (double)v[LAYER_NORM_DIM];
    case OP_SUB_NORM: return SUB_NORM * (double)v[SUB_NORM_N];
    case OP_POSITION: return ADD * (double)v[EMBED_DIM];
    case OP_ROTATE: return ROTATE * (double)(v[ROTATE_HEADS] * v[ROTATE_DIM]);
    case OP_STORE_K: return ROTATE * (double)(v[STORE_HEADS] * v[STORE_DIM]);
    case OP_STORE_V: return STORE_V * (double)(v[STORE_HEADS] * v[STORE_DIM]);
    case OP_ADD: return ADD * (double)v[ADD_DIM];
    case OP_GLU: return GLU * (double)v[GLU_N];
    case OP_ACTIVATE: return ACTIVATE * (double)v[ACTIVATE_N];
    case OP_LOGITS: return LOGIT * (double)v[LOGITS_N];
    case OP_ATTEND:
        return (double)v[ATTEND_HEADS] * (HEAD + window * (ATTENDED + MET * (double)v[ATTEND_DIM]));
    default: return 0; /* of a matrix, or a few instructions */
    }
}

Cost op_estimate(const Op *op, const Target *t, int window)
{
    const Kernel *k = &kernels[op->kernel < 0 ? 0 : op->kernel];
    if (op->kind == OP_MATVEC || op->kind == OP_TOP) {
        return kernel_cost(k, t, (int)op->imm[MATVEC_ROWS], (int)op->imm[MATVEC_COLS],
                           (int)op->imm[MATVEC_PLANES]);
    }
    if (op->kind == OP_TABLE) {
        return table_cost(k, t, (int)op->imm[TABLE_COLS]);
    }
    const double n = instructions(op, window) * of_core[core_class(t)];
    return (Cost){n, LOADS * n, STORES * n};
}
