/* Invariants of the Model: shapes that agree, finite weights, codes that their format has. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void check_name(const Verifier *v, const char *name, const char *expected)
{
    if (!name || strcmp(name, expected) != 0) {
        broken(v, "%s is called %s", expected, name ? name : "nothing");
    }
}

static void check_floats(const Verifier *v, const char *name, const float *w, size_t n)
{
    if (!w) {
        broken(v, "%s has no weights", name);
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(w[i])) {
            broken(v, "%s: weight %zu is not finite", name, i);
        }
    }
}

/* Codes ------------------------------------------------------------------------------------ */

static bool code_in_range(const Linear *l, uint8_t code)
{
    switch (l->format) {
    case FORMAT_PLANES: return code < 1 << l->planes;
    case FORMAT_TERNARY: return code <= 2;
    case FORMAT_INT8: return code != 128; /* -128: the kernels' sums are bounded by 127 */
    case FORMAT_FLOAT:
    case FORMATS: break;
    }
    return false;
}

/* Scale 0 says that a row is all zero; any other row would be lost with it. */
static void check_zero_row(const Verifier *v, const Linear *l, int r)
{
    const float *w = l->w + (size_t)r * (size_t)l->cols;
    for (int c = 0; l->scale[r] == 0 && c < l->cols; c++) {
        if (w[c] != 0) {
            broken(v, "%s: row %d has scale 0 and a weight that is not 0", l->name, r);
        }
    }
}

static void check_codes(const Verifier *v, const Linear *l)
{
    if (!l->scale || !l->code) {
        broken(v, "%s is %s and has no codes", l->name, format_names[l->format]);
    }
    if (l->format == FORMAT_PLANES && (l->planes < 1 || l->planes > MAX_PLANES)) {
        broken(v, "%s has %d planes, not 1 to %d", l->name, l->planes, MAX_PLANES);
    }
    if (!isfinite(l->gain) || l->gain < 0 || (l->gain > 0 && l == &v->model->positions)) {
        broken(v, "%s has the gain %g", l->name, (double)l->gain);
    }
    for (int r = 0; r < l->rows; r++) {
        check_zero_row(v, l, r);
        for (int c = 0; c < l->cols; c++) {
            const uint8_t code = l->code[(size_t)r * (size_t)l->cols + (size_t)c];
            if (!code_in_range(l, code)) {
                broken(v, "%s: row %d column %d: code %d is out of the format's range", l->name, r,
                       c, code);
            }
        }
    }
}

static void check_linear(const Verifier *v, const Linear *l, const char *name, int rows, int cols)
{
    check_name(v, l->name, name);
    if (l->rows != rows || l->cols != cols) {
        broken(v, "%s is %d x %d, not %d x %d", name, l->rows, l->cols, rows, cols);
    }
    check_floats(v, name, l->w, (size_t)rows * (size_t)cols);
    if ((unsigned)l->format >= FORMATS) {
        broken(v, "%s has format %d", name, (int)l->format);
    }
    if (l->bias) {
        check_floats(v, name, l->bias, (size_t)rows);
    }
    if (l->format != FORMAT_FLOAT && holds(v, FACT_QUANTIZED)) {
        check_codes(v, l);
    }
    if ((l->format != FORMAT_FLOAT) != holds(v, FACT_QUANTIZED)) {
        broken(v, "%s is %s, \"quantized\" %s", name, format_names[l->format],
               holds(v, FACT_QUANTIZED) ? "holds" : "does not hold");
    }
}

static void check_absent(const Verifier *v, const Linear *l, const char *name)
{
    if (l->rows != 0 || l->w || l->bias || l->code) {
        broken(v, "%s is there, in an MLP without a gate", name);
    }
}

/* Blocks ----------------------------------------------------------------------------------- */

static void check_norm(const Verifier *v, const Norm *n, NormKind kind, const char *name, int dim)
{
    check_name(v, n->name, name);
    if (n->n != dim) {
        broken(v, "%s has %d weights, what it norms %d dimensions", name, n->n, dim);
    }
    check_floats(v, name, n->gamma, (size_t)n->n);
    if ((n->beta != NULL) != (kind == NORM_LAYER)) {
        broken(v, "%s: beta is %s in a %s norm", name, n->beta ? "there" : "missing",
               norm_names[kind]);
    }
    if (n->beta) {
        check_floats(v, name, n->beta, (size_t)n->n);
    }
}

/* 0 0 1 1 2: from 0, never back, none left out. */
static void check_heads(const Verifier *v, int layer, const Block *b)
{
    int last = -1;
    for (int h = 0; h < b->n_heads; h++) {
        const int kv = b->kv_of_head[h];
        if (kv != last && kv != last + 1) {
            broken(v, "layer %d: head %d reads kv head %d after %d", layer, h, kv, last);
        }
        last = kv;
    }
    if (last != b->n_kv_heads - 1) {
        broken(v, "layer %d: %d kv heads, of which %d are read", layer, b->n_kv_heads, last + 1);
    }
}

static void check_block(const Verifier *v, int layer, const Block *b)
{
    const int dim = v->model->dim, q = b->n_heads * b->head_dim, kv = b->n_kv_heads * b->head_dim;
    const int rows[ROLES] = {q, kv, kv, dim, b->n_neurons, b->n_neurons, dim};
    const int cols[ROLES] = {dim, dim, dim, q, dim, dim, b->n_neurons};
    char name[64];
    const bool odd = b->head_dim % 2 && v->model->position == POSITION_ROPE;
    if (b->n_heads < 1 || b->n_kv_heads < 1 || b->n_neurons < 1 || b->head_dim < 1 || odd) {
        broken(v, "layer %d: %d heads, %d kv heads, %d neurons, head size %d", layer, b->n_heads,
               b->n_kv_heads, b->n_neurons, b->head_dim);
    }
    if (b->head_dim != v->model->blocks[0].head_dim) {
        broken(v, "layer %d: head size %d, in layer 0 %d: all layers share one set of angles",
               layer, b->head_dim, v->model->blocks[0].head_dim);
    }
    if (b->window < 0 || v->model->rotary_pairs < 0 || v->model->rotary_pairs > b->head_dim / 2) {
        broken(v, "layer %d: window %d, %d rotary pairs of heads of %d", layer, b->window,
               v->model->rotary_pairs, b->head_dim);
    }
    check_heads(v, layer, b);
    snprintf(name, sizeof name, "layers.%d.attn.norm", layer);
    check_norm(v, &b->attn_norm, v->model->norm, name, dim);
    snprintf(name, sizeof name, "layers.%d.mlp.norm", layer);
    check_norm(v, &b->mlp_norm, v->model->norm, name, dim);
    if (v->model->qk_norm) {
        snprintf(name, sizeof name, "layers.%d.attn.q_norm", layer);
        check_norm(v, &b->q_norm, NORM_RMS, name, b->head_dim);
        snprintf(name, sizeof name, "layers.%d.attn.k_norm", layer);
        check_norm(v, &b->k_norm, NORM_RMS, name, b->head_dim);
    }
    if (v->model->sub_norm) {
        snprintf(name, sizeof name, "layers.%d.attn.o_norm", layer);
        check_norm(v, &b->o_norm, NORM_RMS, name, q);
        snprintf(name, sizeof name, "layers.%d.mlp.down_norm", layer);
        check_norm(v, &b->down_norm, NORM_RMS, name, b->n_neurons);
    }
    for (int i = 0; i < ROLES; i++) {
        snprintf(name, sizeof name, "layers.%d.%s", layer, role_names[i]);
        if (i == ROLE_GATE && v->model->ungated) {
            check_absent(v, &b->linear[i], name);
            continue;
        }
        check_linear(v, &b->linear[i], name, rows[i], cols[i]);
    }
}

/* Tokenizer -------------------------------------------------------------------------------- */

static bool is_piece(const Tokenizer *t, int id)
{
    return id >= 0 && id < t->n_pieces;
}

static void check_merges(const Verifier *v, const Tokenizer *t)
{
    for (int i = 0; i < t->n_merges; i++) {
        const Merge *m = &t->merges[i], *before = m - (i > 0);
        if (!is_piece(t, m->left) || !is_piece(t, m->right) || !is_piece(t, m->result)) {
            broken(v, "tokenizer: merge %d names a piece that is not there", i);
        }
        if (i > 0 &&
            (before->left > m->left || (before->left == m->left && before->right >= m->right))) {
            broken(v, "tokenizer: merge %d is not sorted after the one before it", i);
        }
    }
}

static int compare_added(const Added *a, const Added *b)
{
    const int n = a->len < b->len ? a->len : b->len;
    const int order = memcmp(a->bytes, b->bytes, (size_t)n);
    return order ? order : a->len - b->len;
}

static void check_added(const Verifier *v, const Tokenizer *t)
{
    for (int i = 0; i < t->n_added; i++) {
        const Added *a = &t->added[i];
        if (!is_piece(t, a->id) || a->len <= 0 || !a->bytes) {
            broken(v, "tokenizer: added token %d names no piece, or has no bytes", i);
        }
        if (i > 0 && compare_added(a - 1, a) >= 0) {
            broken(v, "tokenizer: added token %d is not sorted after the one before it", i);
        }
    }
    for (int i = 0; t->kind == TOKENIZER_UNIGRAM && i < t->n_pieces; i++) {
        if (!t->scores || !(t->scores[i] <= 0) || !isfinite(t->scores[i])) {
            broken(v, "tokenizer: piece %d has no score of at most 0", i);
        }
    }
    for (int i = 0; t->byte_fallback && i < 256; i++) {
        if (t->byte_id[i] < 0) {
            broken(v, "tokenizer: unknown characters become bytes, and byte %d has no piece", i);
        }
    }
    if ((t->kind == TOKENIZER_UNIGRAM || t->kind == TOKENIZER_WORDPIECE) && t->unk < 0) {
        broken(v, "tokenizer: a %s tokenizer without unk", tokenizer_names[t->kind]);
    }
}

static void check_tokenizer(const Verifier *v, const Tokenizer *t)
{
    const int special[] = {t->bos, t->eos, t->unk, t->add_after ? t->after : -1};
    if (t->n_pieces != v->model->vocab) {
        broken(v, "tokenizer: %d pieces, the model has %d", t->n_pieces, v->model->vocab);
    }
    for (size_t i = 0; i < LENGTH(special); i++) {
        if (special[i] != -1 && !is_piece(t, special[i])) {
            broken(v, "tokenizer: special piece %d is not there", special[i]);
        }
    }
    const int ends = (t->add_bos && t->bos >= 0) + t->add_after;
    if (t->n_between < 0 || t->n_between > ends || (!t->pairs && t->n_between > 0)) {
        broken(v, "tokenizer: %d tokens between two texts, %d around one", t->n_between, ends);
    }
    for (int i = 0; i < t->n_between; i++) {
        if (!is_piece(t, t->between[i])) {
            broken(v, "tokenizer: piece %d between two texts is not there", t->between[i]);
        }
    }
    for (int i = 0; i < t->n_pieces; i++) {
        if (t->pieces[i].len < 0 || (t->pieces[i].len > 0 && !t->pieces[i].bytes)) {
            broken(v, "tokenizer: piece %d has no bytes", i);
        }
    }
    for (int i = 0; i < 256; i++) {
        if (t->byte_id[i] != -1 && !is_piece(t, t->byte_id[i])) {
            broken(v, "tokenizer: byte %d: piece %d is not there", i, t->byte_id[i]);
        }
    }
    check_merges(v, t);
    check_added(v, t);
}

static void check_arch(const Verifier *v, const Model *m)
{
    if (!m->family || m->dim < 1 || m->n_layers < 1 || m->vocab < 1 || m->context < 1) {
        broken(v, "model: dim %d, %d layers, vocab %d, context %d", m->dim, m->n_layers, m->vocab,
               m->context);
    }
    if (!(m->norm_eps >= 0 && m->norm_eps <= 1)) {
        broken(v, "model: eps %g is not from 0 to 1", (double)m->norm_eps);
    }
    if (!(m->rope_theta >= 1) || !isfinite(m->rope_theta)) {
        broken(v, "model: theta %g is less than 1", (double)m->rope_theta);
    }
    if (!(m->residual_absmax >= 0) || !isfinite(m->residual_absmax)) {
        broken(v, "model: residual_absmax is %g", (double)m->residual_absmax);
    }
    if (m->activation_bits != 1 && m->activation_bits != 8) {
        broken(v, "model: activations of %d bits", m->activation_bits);
    }
    if (m->position != POSITION_ROPE &&
        (m->rope_interleaved || m->rope_factor || m->rotary_pairs)) {
        broken(v, "model: rope pairs, but positions are %s", position_names[m->position]);
    }
    if (holds(v, FACT_FOLDED) && m->rope_interleaved) {
        broken(v, "model: \"folded\" holds, but rope pairs are interleaved");
    }
}

static void check_rope_factors(const Verifier *v, const Model *m)
{
    for (int i = 0; m->rope_factor && i < m->blocks[0].head_dim / 2; i++) {
        if (!(m->rope_factor[i] >= 1e-3f && m->rope_factor[i] <= 1e6f)) {
            broken(v, "model: rope_factor %d is %g, not 0.001 to 1000000", i,
                   (double)m->rope_factor[i]);
        }
    }
}

#define MOST_CLIP_BYTES (1 << 30)

/* A model that reads frames classifies them. */
static void check_patch(const Verifier *v, const Model *m)
{
    if ((m->bands > 0) != model_reads_frames(m) || (m->bands > 0 && !m->encoder)) {
        broken(v, "model: %d bands, and a patch of %d rows", m->bands, m->patch.rows);
    }
    if (!model_reads_frames(m)) {
        return;
    }
    if ((int64_t)m->context * m->patch.cols > MOST_CLIP_BYTES) {
        broken(v, "model: a clip of %d patches of %d bytes", m->context - 1, m->patch.cols);
    }
    if (m->head_kind != HEAD_CLASS || m->vocab != m->context || m->context < 2 || m->tokenizer ||
        m->patch.cols < 1 || m->patch.cols % m->bands || !m->patch.bias || m->dense.rows > 0) {
        broken(v, "model: reads frames of %d bands, but is not laid out for it", m->bands);
    }
    check_linear(v, &m->patch, "patch", m->dim, m->patch.cols);
}

/* Which head goes with which parts. */
static void check_encoder(const Verifier *v, const Model *m)
{
    const bool decoder = m->head_kind == HEAD_NEXT;
    const bool classes = m->head_kind == HEAD_CLASS || m->head_kind == HEAD_LABEL;
    if ((unsigned)m->head_kind >= HEAD_KINDS || m->encoder == decoder ||
        (!m->encoder && (m->post_norm || m->dense.rows || m->dense_norm.n || m->labels))) {
        broken(v, "model: %s with the head of the other kind",
               m->encoder ? "an encoder" : "a decoder");
    }
    const bool frames = model_reads_frames(m);
    if (m->second && (!m->encoder || frames)) {
        broken(v, "model: token types, but no encoder that reads tokens");
    }
    if (!m->encoder) {
        return;
    }
    if (m->second) {
        check_floats(v, "second", m->second, (size_t)m->dim);
    }
    if (m->norm != NORM_LAYER || m->position != (frames ? POSITION_NONE : POSITION_LEARNED) ||
        !m->ungated || m->activation_bits != 8 || m->qk_norm) {
        broken(v, "model: an encoder has layer norms, learned positions and an ungated MLP");
    }
    if (m->tied_head == classes || (m->labels && !classes) ||
        (classes && (m->head.rows < 1 || m->head.rows > MAX_LABELS)) ||
        (!frames &&
         (m->dense.rows > 0) != (m->head_kind == HEAD_CLASS || m->head_kind == HEAD_MASK)) ||
        (m->dense_norm.n > 0 && m->dense.rows == 0)) {
        broken(v, "model: head \"%s\" lacks a part, or has one too many", head_names[m->head_kind]);
    }
    if (m->dense.rows > 0) {
        check_linear(v, &m->dense, "dense", m->dim, m->dim);
    }
    if (m->dense_norm.n > 0) {
        check_norm(v, &m->dense_norm, NORM_LAYER, "dense.norm", m->dim);
    }
    if (m->dense.rows > 0 && !m->dense.bias) {
        broken(v, "dense has no bias");
    }
    if (m->tied_head && m->head.bias) {
        check_floats(v, "head_bias", m->head.bias, (size_t)m->vocab);
    }
}

/* Ascending, none after the last layer, of the head's shape. */
static void check_exits(const Verifier *v, const Model *m)
{
    if (m->n_exits > 0 && (!m->post_norm || m->tied_head)) {
        broken(v, "model: exits, but no encoder with classes whose norms follow its layers");
    }
    for (int i = 0; i < m->n_exits; i++) {
        const Exit *e = &m->exits[i];
        char name[64];
        snprintf(name, sizeof name, "exits.%d", e->layer);
        if (e->layer < (i ? e[-1].layer + 1 : 0) || e->layer >= m->n_layers - 1) {
            broken(v, "exit %d is after layer %d of %d", i, e->layer, m->n_layers);
        }
        check_linear(v, &e->head, name, m->head.rows, m->dim);
    }
}

void verify_model(const Verifier *v)
{
    const Model *m = v->model;
    check_arch(v, m);
    check_linear(v, &m->embed, "embed", m->vocab, m->dim);
    for (int i = 0; i < m->n_layers; i++) {
        check_block(v, i, &m->blocks[i]);
    }
    check_norm(v, &m->final_norm, m->norm, "final.norm", m->dim);
    check_rope_factors(v, m);
    if (m->position == POSITION_LEARNED) {
        check_linear(v, &m->positions, "positions", m->context, m->dim);
    }
    if (m->embed.bias || m->positions.bias || (m->tied_head && m->head.bias && !m->encoder)) {
        broken(v, "the embedding, the positions or a decoder's tied head has a bias");
    }
    if (!m->tied_head) {
        check_linear(v, &m->head, "head", m->encoder ? m->head.rows : m->vocab, m->dim);
    }
    check_patch(v, m);
    check_encoder(v, m);
    check_exits(v, m);
    verify_clips(v);
    if (m->tokenizer) {
        check_tokenizer(v, m->tokenizer);
    }
}
