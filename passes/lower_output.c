/* The end of a decoder: the final norm, and all logits of the head or the largest. */
#include "lower.h"

/* The n largest logits: the vector of all of them never is. */
static void lower_top(Lowering *w, const Linear *head, int x, int scale, int n)
{
    const int64_t rows = padded(head->rows);
    const int64_t chunk = rows < TOP_CHUNK_ROWS ? rows : TOP_CHUNK_ROWS;
    const int top = add_buffer(w, "top", ELEM_I32, 2 * n, false);
    const int y = add_buffer(w, "top.chunk", ELEM_I32, chunk, false);
    const int exp = lower_matvec(w, OP_TOP, head, x, &scale, top);
    Op *op = &w->program->ops[w->program->n_ops - 1];
    op->out[1] = y;
    op->imm[TOP_N] = n;
    op->imm[TOP_EXP] = exp;
    op->imm[TOP_CHUNK] = chunk;
    op->scalar_in[1] = scale;
}

void lower_output(Lowering *w, int top)
{
    int scale;
    const int x = add_buffer(w, "final.x", ELEM_I8, w->model->dim, false);
    const Linear *head = w->model->tied_head ? &w->model->embed : &w->model->head;
    lower_stream_norm(w, &w->model->final_norm, "final_norm", head, x, &scale);
    w->linear = model_head_index(w->model);
    if (top > 0 && head->bias)
        fatal("%s: head.top: %d: this model's head has a bias, so all logits are needed: leave it "
              "out",
              w->model->path, top);
    if (top > 0) {
        lower_top(w, head, x, scale, top < head->rows ? top : head->rows);
        return;
    }
    const int logits = add_buffer(w, "logits", ELEM_I32, padded(w->model->vocab), false);
    Result y = {.buffer = logits, .scale = scale};
    y.exp = lower_matvec(w, OP_MATVEC, head, x, &y.scale, logits);
    if (head->bias)
        lower_bias(w, head, "head_bias", result_fraction(head, &w->model->final_norm, false), &y);
    Op *op = add_op(w, OP_LOGITS);
    op->out[0] = logits;
    op->imm[LOGITS_N] = w->model->vocab;
    op->imm[LOGITS_EXP] = y.exp;
    op->scalar_in[0] = y.scale;
}
