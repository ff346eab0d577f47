/* The float forward pass: what the integer program approximates. One token at a time, plain loops,
 * matmuls in float, norms, softmax and angles in double. Layers may differ in every size.
 *
 * KV cache: a ring of `window` slots whose first `sinks` slots are never overwritten. Keys are
 * stored rotated at their absolute position. Once the ring has wrapped, the sinks would drift away
 * from the query, so the query meets them rotated at position window - 1: distances stay below the
 * window (StreamingLLM, arXiv 2309.17453). */
#include "run.h"

#include <math.h>
#include <string.h>

struct Reference {
    const Model *model;
    int window, sinks;
    int pos;                /* of the next token */
    const float *embed;     /* vocab x dim */
    const float *head;      /* vocab x dim */
    const float *positions; /* context x dim, NULL: not learned */
    const float **weight;   /* n_layers x ROLES; GATE is NULL where there is none */
    float **keys, **values; /* each layer: n_kv_heads x window x head_dim */
    float *residual;        /* (n_layers + 1) x dim: after the embedding, after each layer */
    float *x;               /* dim: normed residual */
    float *y;               /* dim: what a half block adds */
    float *q, *q_sink;      /* n_heads x head_dim: rotated at pos, at window - 1 */
    float *k, *v;           /* n_kv_heads x head_dim */
    float *mixed;           /* n_heads x head_dim: attention's output */
    float *gate, *up;       /* n_neurons */
    double *score;          /* window */
    bool *seen;             /* window: slots that the layer's own window reaches */
    double *sum;            /* head_dim: weighted values of one head */
    float *logits;          /* vocab */
};

static const float *dequantize(Arena *a, const Linear *l)
{
    if (l->format == FORMAT_FLOAT || l->rows == 0) {
        return l->w;
    }
    float *w = NEW(a, float, (size_t)l->rows *(size_t)l->cols);
    for (int r = 0; r < l->rows; r++) {
        for (int c = 0; c < l->cols; c++) {
            w[(size_t)r * (size_t)l->cols + (size_t)c] = linear_value(l, r, c);
        }
    }
    return w;
}

static void allocate_vectors(Arena *a, Reference *r)
{
    const Model *m = r->model;
    int heads = 0, kv_heads = 0, neurons = 0, head_dim = 0;
    for (int l = 0; l < m->n_layers; l++) {
        const Block *b = &m->blocks[l];
        heads = larger(heads, b->n_heads * b->head_dim);
        kv_heads = larger(kv_heads, b->n_kv_heads * b->head_dim);
        neurons = larger(neurons, b->n_neurons);
        head_dim = larger(head_dim, b->head_dim);
    }
    r->residual = NEW(a, float, (size_t)(m->n_layers + 1) * (size_t)m->dim);
    r->x = NEW(a, float, m->dim);
    r->y = NEW(a, float, m->dim);
    r->q = NEW(a, float, heads);
    r->q_sink = NEW(a, float, heads);
    r->k = NEW(a, float, kv_heads);
    r->v = NEW(a, float, kv_heads);
    r->mixed = NEW(a, float, heads);
    r->gate = NEW(a, float, neurons);
    r->up = NEW(a, float, neurons);
    r->score = NEW(a, double, r->window);
    r->seen = NEW(a, bool, r->window);
    r->sum = NEW(a, double, head_dim);
    r->logits = NEW(a, float, m->vocab);
}

static void allocate_cache(Arena *a, Reference *r)
{
    const Model *m = r->model;
    r->keys = NEW(a, float *, m->n_layers);
    r->values = NEW(a, float *, m->n_layers);
    for (int l = 0; l < m->n_layers; l++) {
        const Block *b = &m->blocks[l];
        const size_t n = (size_t)r->window * (size_t)b->n_kv_heads * (size_t)b->head_dim;
        r->keys[l] = NEW(a, float, n);
        r->values[l] = NEW(a, float, n);
    }
}

Reference *reference_new(Arena *a, const Model *m, int window, int sinks)
{
    if (window < 1 || sinks < 0 || sinks >= window) {
        die("reference: window %d with %d sinks", window, sinks);
    }
    Reference *r = NEW(a, Reference, 1);
    r->model = m;
    r->window = window;
    r->sinks = sinks;
    r->embed = dequantize(a, &m->embed);
    r->head = m->tied_head ? r->embed : dequantize(a, &m->head);
    r->positions = m->position == POSITION_LEARNED ? dequantize(a, &m->positions) : NULL;
    r->weight = NEW(a, const float *, (size_t)m->n_layers *ROLES);
    for (int l = 0; l < m->n_layers; l++) {
        for (int role = 0; role < ROLES; role++) {
            r->weight[l * ROLES + role] = dequantize(a, &m->blocks[l].linear[role]);
        }
    }
    allocate_cache(a, r);
    allocate_vectors(a, r);
    return r;
}

Reference *reference_fork(Arena *a, const Reference *from)
{
    Reference *r = arena_copy(a, from, 1, sizeof *from);
    r->pos = 0;
    allocate_cache(a, r);
    allocate_vectors(a, r);
    return r;
}

void reference_reset(Reference *r)
{
    r->pos = 0; /* slots are written before they are read */
}

static void norm(const Model *m, const Norm *n, const float *x, float *y)
{
    double sum = 0, mean = 0;
    for (int i = 0; i < n->n && n->beta; i++) {
        mean += (double)x[i] / n->n;
    }
    for (int i = 0; i < n->n; i++) {
        sum += ((double)x[i] - mean) * ((double)x[i] - mean);
    }
    double scale = 1 / sqrt(sum / n->n + (double)m->norm_eps);
    for (int i = 0; i < n->n; i++) {
        double shift = n->beta ? (double)n->beta[i] : 0;
        y[i] = (float)(((double)x[i] - mean) * scale * (double)n->gamma[i] + shift);
    }
}

/* Norms each head by itself: queries or keys before their rotation. */
static void norm_heads(const Model *m, const Norm *n, float *v, int n_heads)
{
    for (int h = 0; h < n_heads && m->qk_norm; h++) {
        float *head = v + (size_t)h * (size_t)n->n;
        norm(m, n, head, head);
    }
}

/* Rotates the pair i of each head by pos * its frequency. */
static void rotate(const Model *m, float *v, int n_heads, int head_dim, int pos)
{
    int half = m->position == POSITION_ROPE ? head_dim / 2 : 0;
    for (int i = 0; i < half; i++) {
        double angle = pos * model_frequency(m, i);
        double c = cos(angle), s = sin(angle);
        int first = m->rope_interleaved ? 2 * i : i;
        int second = m->rope_interleaved ? 2 * i + 1 : i + half;
        for (int h = 0; h < n_heads; h++) {
            float *p = v + (size_t)h * (size_t)head_dim;
            double a = (double)p[first], b = (double)p[second];
            p[first] = (float)(a * c - b * s);
            p[second] = (float)(a * s + b * c);
        }
    }
}

/* Appends this position's keys and values to layer l's ring. */
static void store(Reference *r, int l)
{
    const Block *b = &r->model->blocks[l];
    int w = r->window, s = r->sinks;
    int slot = r->pos < w ? r->pos : s + (r->pos - s) % (w - s);
    size_t d = (size_t)b->head_dim;
    for (int h = 0; h < b->n_kv_heads; h++) {
        size_t at = ((size_t)h * (size_t)w + (size_t)slot) * d;
        memcpy(r->keys[l] + at, r->k + (size_t)h * d, d * sizeof(float));
        memcpy(r->values[l] + at, r->v + (size_t)h * d, d * sizeof(float));
    }
}

/* out (head_dim) = values weighted by softmax(score), over n slots. */
static void mix(Reference *r, const float *values, int n, int head_dim, float *out)
{
    double total = 0, top = r->score[0];
    for (int t = 1; t < n; t++) {
        top = r->score[t] > top ? r->score[t] : top;
    }
    memset(r->sum, 0, (size_t)head_dim * sizeof(double));
    for (int t = 0; t < n; t++) {
        double p = exp(r->score[t] - top);
        const float *value = values + (size_t)t * (size_t)head_dim;
        total += p;
        for (int i = 0; i < head_dim; i++) {
            r->sum[i] += p * (double)value[i];
        }
    }
    for (int i = 0; i < head_dim; i++) {
        out[i] = (float)(r->sum[i] / total);
    }
}

/* score[t] = q . key t / sqrt(head_dim) for the slots from `first` up to `end`. */
static void meet(Reference *r, const float *keys, const float *q, int head_dim, int first, int end)
{
    double scale = 1 / sqrt((double)head_dim);
    for (int t = first; t < end; t++) {
        if (!r->seen[t]) {
            r->score[t] = -INFINITY;
            continue;
        }
        const float *key = keys + (size_t)t * (size_t)head_dim;
        double sum = 0;
        for (int i = 0; i < head_dim; i++) {
            sum += (double)q[i] * (double)key[i];
        }
        r->score[t] = sum * scale;
    }
}

/* Slots of the layer's last `window` tokens. There are no sinks where a window is shorter than the
 * ring. */
static void look_back(Reference *r, int l)
{
    const int own = model_window(r->model, l, r->window), slot = r->pos % r->window;
    const int n = r->pos < r->window ? r->pos + 1 : r->window; /* slots that hold something */
    for (int t = 0; t < n; t++) {
        const int age = (slot - t + r->window) % r->window;
        r->seen[t] = own == r->window || age < own;
    }
}

static void attend(Reference *r, int l)
{
    look_back(r, l);
    const Block *b = &r->model->blocks[l];
    bool wrapped = r->pos >= r->window;
    int n = wrapped ? r->window : r->pos + 1;
    int sinks = wrapped ? r->sinks : 0; /* those that are met at window - 1 */
    for (int h = 0; h < b->n_heads; h++) {
        size_t at = (size_t)h * (size_t)b->head_dim;
        size_t kv = (size_t)b->kv_of_head[h] * (size_t)r->window * (size_t)b->head_dim;
        meet(r, r->keys[l] + kv, r->q_sink + at, b->head_dim, 0, sinks);
        meet(r, r->keys[l] + kv, r->q + at, b->head_dim, sinks, n);
        mix(r, r->values[l] + kv, n, b->head_dim, r->mixed + at);
    }
}

/* y (rows) = W x + bias of a linear of layer l. */
static void project(const Reference *r, int l, Role role, const float *x, float *y)
{
    const Linear *linear = &r->model->blocks[l].linear[role];
    matmul(r->weight[l * ROLES + (int)role], linear->rows, linear->cols, x, 1, y);
    for (int i = 0; i < linear->rows && linear->bias; i++) {
        y[i] += linear->bias[i];
    }
}

static void attention_half(Reference *r, int l, float *residual)
{
    const Model *m = r->model;
    const Block *b = &m->blocks[l];
    norm(m, &b->attn_norm, residual, r->x);
    read_input(m, &b->linear[ROLE_Q], r->x, m->dim);
    project(r, l, ROLE_Q, r->x, r->q);
    project(r, l, ROLE_K, r->x, r->k);
    project(r, l, ROLE_V, r->x, r->v);
    norm_heads(m, &b->q_norm, r->q, b->n_heads);
    norm_heads(m, &b->k_norm, r->k, b->n_kv_heads);
    if (r->pos >= r->window) {
        memcpy(r->q_sink, r->q, (size_t)b->n_heads * (size_t)b->head_dim * sizeof(float));
        rotate(m, r->q_sink, b->n_heads, b->head_dim, r->window - 1);
    }
    rotate(m, r->q, b->n_heads, b->head_dim, r->pos);
    rotate(m, r->k, b->n_kv_heads, b->head_dim, r->pos);
    store(r, l);
    attend(r, l);
    if (m->sub_norm) {
        norm(m, &b->o_norm, r->mixed, r->mixed);
    }
    read_input(m, &b->linear[ROLE_O], r->mixed, b->n_heads * b->head_dim);
    project(r, l, ROLE_O, r->mixed, r->y);
    for (int i = 0; i < m->dim; i++) {
        residual[i] += r->y[i];
    }
}

static double activate(Activation kind, double x)
{
    switch (kind) {
    case ACT_SILU: return x / (1 + exp(-x));
    case ACT_GELU_TANH: /* sqrt(2 / pi); Hendrycks, Gimpel, arXiv 1606.08415 */
        return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case ACT_GELU: return 0.5 * x * erfc(-x * 0.7071067811865476); /* sqrt(1 / 2) */
    case ACT_RELU: return x > 0 ? x : 0;
    case ACT_RELU2: return x > 0 ? x * x : 0;
    case ACTIVATIONS: break;
    }
    die("reference: activation %d", kind);
}

static void mlp_half(Reference *r, int l, const float *in, float *residual)
{
    const Model *m = r->model;
    const Block *b = &m->blocks[l];
    norm(m, &b->mlp_norm, in, r->x);
    read_input(m, &b->linear[ROLE_UP], r->x, m->dim);
    project(r, l, m->ungated ? ROLE_UP : ROLE_GATE, r->x, r->gate);
    if (!m->ungated) {
        project(r, l, ROLE_UP, r->x, r->up);
    }
    for (int i = 0; i < b->n_neurons; i++) {
        const double active = activate(m->activation, (double)r->gate[i]);
        r->gate[i] = (float)(m->ungated ? active : active * (double)r->up[i]);
    }
    if (m->sub_norm) {
        norm(m, &b->down_norm, r->gate, r->gate);
    }
    read_input(m, &b->linear[ROLE_DOWN], r->gate, b->n_neurons);
    project(r, l, ROLE_DOWN, r->gate, r->y);
    for (int i = 0; i < m->dim; i++) {
        residual[i] += r->y[i];
    }
}

/* The token's row of the embedding, and its position's. */
static void enter(const Reference *r, int token)
{
    const Model *m = r->model;
    const size_t dim = (size_t)m->dim;
    const size_t row = (size_t)smaller(r->pos, m->context - 1);
    memcpy(r->residual, r->embed + (size_t)token * dim, dim * sizeof(float));
    for (size_t i = 0; i < dim && r->positions; i++) {
        r->residual[i] += r->positions[row * dim + i];
    }
}

const float *reference_step(Reference *r, int token)
{
    const Model *m = r->model;
    size_t dim = (size_t)m->dim;
    if (token < 0 || token >= m->vocab) {
        die("reference: token %d of %d", token, m->vocab);
    }
    enter(r, token);
    for (int l = 0; l < m->n_layers; l++) {
        float *residual = r->residual + (size_t)(l + 1) * dim;
        memcpy(residual, residual - dim, dim * sizeof(float));
        attention_half(r, l, residual);
        mlp_half(r, l, m->parallel ? residual - dim : residual, residual);
    }
    norm(m, &m->final_norm, r->residual + (size_t)m->n_layers * dim, r->x);
    clip_input(m->tied_head ? &m->embed : &m->head, r->x, m->dim);
    matmul(r->head, m->vocab, m->dim, r->x, 1, r->logits);
    for (int i = 0; i < m->vocab && m->head.bias; i++) {
        r->logits[i] += m->head.bias[i];
    }
    r->pos++;
    return r->logits;
}

const float *reference_residual(const Reference *r, int layer)
{
    return r->residual + (size_t)(layer + 1) * (size_t)r->model->dim;
}
