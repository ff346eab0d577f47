/* The text form of a unit: all of model and program, one thing a line, numbers with the fewest
 * digits that read back to the same value. docs/adding-a-pass.md shows how tests use it. */
#include "ir_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Six digits give back every decimal that has no more; nine give back every float. */
static void put_float(Buf *b, float v)
{
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v) {
            break;
        }
    }
    buf_puts(b, text);
}

static void put_hex(Buf *b, const uint8_t *bytes, size_t n, int digits)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        const char pair[2] = {hex[bytes[i] >> 4], hex[bytes[i] & 15]};
        buf_write(b, pair + 2 - digits, (size_t)digits);
    }
}

static void put_quoted(Buf *b, const uint8_t *text, int n)
{
    buf_puts(b, "\"");
    for (int i = 0; i < n; i++) {
        const uint8_t c = text[i];
        if (c == '"' || c == '\\') {
            buf_printf(b, "\\%c", c);
        } else if (c < ' ' || c > '~') {
            buf_printf(b, "\\x%02x", c);
        } else {
            buf_printf(b, "%c", c);
        }
    }
    buf_puts(b, "\"");
}

static const char *yes_no(bool v)
{
    return v ? "yes" : "no";
}

/* Model ------------------------------------------------------------------------------------ */

int ir_code_digits(const Linear *l)
{
    return l->format == FORMAT_INT8 || (l->format == FORMAT_PLANES && l->planes > 4) ? 2 : 1;
}

static void put_floats(Buf *b, const char *what, const float *v, int n)
{
    buf_puts(b, what);
    for (int i = 0; i < n; i++) {
        buf_puts(b, " ");
        put_float(b, v[i]);
    }
    buf_puts(b, "\n");
}

static void put_codes(Buf *b, const Linear *l)
{
    if (l->format == FORMAT_PLANES) {
        buf_printf(b, "book %d", l->zero);
        for (int k = 0; k < l->planes; k++) {
            buf_printf(b, " %d", l->coef[k]);
        }
        buf_puts(b, "\n");
    }
    for (int r = 0; r < l->rows; r++) {
        buf_printf(b, "codes %d ", l->scale[r]);
        put_hex(b, l->code + (size_t)r * (size_t)l->cols, (size_t)l->cols, ir_code_digits(l));
        buf_puts(b, "\n");
    }
}

static void put_linear(Buf *b, const Linear *l)
{
    buf_printf(b, "\nlinear %s rows=%d cols=%d format=%s", l->name, l->rows, l->cols,
               format_names[l->format]);
    if (l->format == FORMAT_PLANES) {
        buf_printf(b, " planes=%d", l->planes);
    }
    if (l->format != FORMAT_FLOAT) {
        buf_printf(b, " scale_exp=%d", l->scale_exp);
    }
    if (l->format != FORMAT_FLOAT && l->gain > 0) {
        buf_printf(b, " gain=%.9g", (double)l->gain);
    }
    buf_puts(b, l->bias ? " bias=yes" : "");
    if (l->input_clip > 0) {
        buf_puts(b, " input_clip=");
        put_float(b, l->input_clip);
    }
    buf_puts(b, "\n");
    for (int r = 0; r < l->rows; r++) {
        put_floats(b, "w", l->w + (size_t)r * (size_t)l->cols, l->cols);
    }
    if (l->bias) {
        put_floats(b, "bias", l->bias, l->rows);
    }
    if (l->format != FORMAT_FLOAT) {
        put_codes(b, l);
    }
}

static void put_norm(Buf *b, const Norm *n)
{
    buf_printf(b, "\nnorm %s n=%d\n", n->name, n->n);
    put_floats(b, "gamma", n->gamma, n->n);
    if (n->beta) {
        put_floats(b, "beta", n->beta, n->n);
    }
}

static void put_block(Buf *b, int i, const Model *m)
{
    const Block *block = &m->blocks[i];
    buf_printf(b, "\nblock %d heads=%d kv_heads=%d head_dim=%d neurons=%d", i, block->n_heads,
               block->n_kv_heads, block->head_dim, block->n_neurons);
    if (block->window) {
        buf_printf(b, " window=%d", block->window);
    }
    buf_puts(b, "\nkv_of_head");
    for (int h = 0; h < block->n_heads; h++) {
        buf_printf(b, " %d", block->kv_of_head[h]);
    }
    buf_puts(b, "\n");
    put_norm(b, &block->attn_norm);
    if (m->qk_norm) {
        put_norm(b, &block->q_norm);
        put_norm(b, &block->k_norm);
    }
    if (m->sub_norm) {
        put_norm(b, &block->o_norm);
        put_norm(b, &block->down_norm);
    }
    for (int r = ROLE_Q; r <= ROLE_O; r++) {
        put_linear(b, &block->linear[r]);
    }
    put_norm(b, &block->mlp_norm);
    for (int r = m->ungated ? ROLE_UP : ROLE_GATE; r <= ROLE_DOWN; r++) {
        put_linear(b, &block->linear[r]);
    }
}

static void put_added(Buf *b, const Tokenizer *t)
{
    for (int i = 0; i < t->n_added; i++) {
        const Added *a = &t->added[i];
        buf_printf(b, "added %d left=%s right=%s plain=%s ", a->id, yes_no(a->left),
                   yes_no(a->right), yes_no(a->plain));
        if (t->form != NORMAL_NONE) {
            buf_printf(b, "normal=%s ", yes_no(a->normal));
        }
        put_quoted(b, a->bytes, a->len);
        buf_puts(b, "\n");
    }
}

/* A score is its magnitude's bits, in halves. */
static void put_scores(Buf *b, const Tokenizer *t)
{
    for (int i = 0; t->scores && i < t->n_pieces; i++) {
        const double magnitude = fabs(t->scores[i]);
        uint64_t bits;
        memcpy(&bits, &magnitude, sizeof bits);
        buf_printf(b, "score %d high=%u low=%u\n", i, (unsigned)(bits >> 32),
                   (unsigned)(bits & UINT32_MAX));
    }
}

/* What only some kinds have. */
static void put_style(Buf *b, const Tokenizer *t)
{
    buf_printf(b,
               "style prefix_first=%s prefix_raw=%s marked_spaces=%s after=%d pattern=%s "
               "split_words=%s byte_fallback=%s added=%d\n",
               yes_no(t->prefix_first), yes_no(t->prefix_raw), yes_no(t->marked_spaces),
               t->add_after ? t->after : -1, pattern_names[t->pattern], yes_no(t->split_words),
               yes_no(t->byte_fallback), t->n_added);
    if (t->form != NORMAL_NONE) {
        buf_printf(b, "normal form=%s", form_names[t->form]);
        if (t->form == NORMAL_CHARSMAP) {
            buf_printf(b, " squeeze=%d clusters=%s ", t->squeeze, yes_no(t->clusters));
            put_quoted(b, t->charsmap, t->charsmap_bytes);
        }
        buf_puts(b, "\n");
    }
    if (t->float_sums) {
        buf_puts(b, "float_sums\n");
    }
    if (t->pairs) {
        buf_printf(b, "pairs typed=%s between=%d", yes_no(t->typed_pairs), t->n_between);
        for (int i = 0; i < t->n_between; i++) {
            buf_printf(b, " %d", t->between[i]);
        }
        buf_puts(b, "\n");
    }
    if (t->kind == TOKENIZER_WORDPIECE) {
        buf_printf(b, "bert clean=%s cjk=%s strip=%s lower=%s cleanup=%s most_chars=%d\n",
                   yes_no(t->bert.clean), yes_no(t->bert.cjk), yes_no(t->bert.strip),
                   yes_no(t->bert.lower), yes_no(t->bert.cleanup), t->bert.most_chars);
    }
}

static bool has_style(const Tokenizer *t)
{
    return t->prefix_first || t->prefix_raw || t->marked_spaces || t->add_after || t->pattern ||
           t->form || t->pairs || t->kind == TOKENIZER_UNIGRAM || t->kind == TOKENIZER_WORDPIECE ||
           t->n_added;
}

static void put_tokenizer(Buf *b, const Tokenizer *t)
{
    buf_printf(b, "\ntokenizer kind=%s pieces=%d merges=%d bos=%d eos=%d unk=%d\n",
               tokenizer_names[t->kind], t->n_pieces, t->n_merges, t->bos, t->eos, t->unk);
    buf_printf(b, "options add_bos=%s add_prefix=%s prefix_once=%s ignore_merges=%s\n",
               yes_no(t->add_bos), yes_no(t->add_prefix), yes_no(t->prefix_once),
               yes_no(t->ignore_merges));
    if (has_style(t)) {
        put_style(b, t);
    }
    for (int i = 0; i < t->n_pieces; i++) {
        buf_printf(b, "piece %d %s ", i, piece_names[t->pieces[i].kind]);
        put_quoted(b, t->pieces[i].bytes, t->pieces[i].len);
        buf_puts(b, "\n");
    }
    for (int i = 0; i < t->n_merges; i++) {
        const Merge *m = &t->merges[i];
        buf_printf(b, "merge %d %d result=%d rank=%d\n", m->left, m->right, m->result, m->rank);
    }
    for (int i = 0; i < 256; i++) {
        if (t->byte_id[i] >= 0) {
            buf_printf(b, "byte %d piece=%d\n", i, t->byte_id[i]);
        }
    }
    put_scores(b, t);
    put_added(b, t);
}

static void put_encoder(Buf *b, const Model *m)
{
    buf_printf(b,
               " encoder=yes head=%s pooling=%s post_norm=%s labels=%d head_bias=%s dense=%s "
               "dense_norm=%s dense_activation=%s",
               head_names[m->head_kind], pooling_names[m->pooling], yes_no(m->post_norm),
               m->labels ? m->head.rows : 0, yes_no(m->tied_head && m->head.bias),
               yes_no(m->dense.rows > 0), yes_no(m->dense_norm.n > 0),
               dense_names[m->dense_activation]);
    if (m->bands) {
        buf_printf(b, " bands=%d", m->bands);
    }
    if (m->n_exits) {
        buf_printf(b, " exits=%d", m->n_exits);
    }
    if (m->second) {
        buf_puts(b, " second=yes");
    }
}

static void put_labels(Buf *b, const Model *m)
{
    for (int i = 0; m->labels && i < m->head.rows; i++) {
        buf_puts(b, "label ");
        put_quoted(b, (const uint8_t *)m->labels[i], (int)strlen(m->labels[i]));
        buf_puts(b, "\n");
    }
}

/* What comes after the last layer. */
static void put_head(Buf *b, const Model *m)
{
    put_norm(b, &m->final_norm);
    if (!m->tied_head) {
        put_linear(b, &m->head);
    } else if (m->head.bias) {
        put_floats(b, "head_bias", m->head.bias, m->vocab);
    }
    if (m->dense.rows > 0) {
        put_linear(b, &m->dense);
    }
    if (m->dense_norm.n > 0) {
        put_norm(b, &m->dense_norm);
    }
    if (model_reads_frames(m)) {
        put_linear(b, &m->patch);
    }
    if (m->second) {
        put_floats(b, "second", m->second, m->dim);
    }
    for (int i = 0; i < m->n_exits; i++) {
        buf_printf(b, "\nexit layer=%d\n", m->exits[i].layer);
        put_linear(b, &m->exits[i].head);
    }
}

static void put_model(Buf *b, const Model *m)
{
    buf_printf(b, "\nmodel family=%s dim=%d layers=%d vocab=%d context=%d hash=%016llx\n",
               m->family, m->dim, m->n_layers, m->vocab, m->context, (unsigned long long)m->hash);
    buf_printf(b, "arch norm=%s position=%s interleaved=%s activation=%s tied_head=%s eps=",
               norm_names[m->norm], position_names[m->position], yes_no(m->rope_interleaved),
               activation_names[m->activation], yes_no(m->tied_head));
    put_float(b, m->norm_eps);
    buf_puts(b, " theta=");
    put_float(b, m->rope_theta);
    buf_puts(b, " residual_absmax=");
    put_float(b, m->residual_absmax);
    if (m->activation_bits != 8) {
        buf_printf(b, " activation_bits=%d", m->activation_bits);
    }
    if (m->qk_norm) {
        buf_puts(b, " qk_norm=yes");
    }
    if (m->ungated) {
        buf_puts(b, " ungated=yes");
    }
    if (m->rotary_pairs) {
        buf_printf(b, " rotary_pairs=%d", m->rotary_pairs);
    }
    if (m->sub_norm) {
        buf_puts(b, " sub_norm=yes");
    }
    if (m->parallel) {
        buf_puts(b, " parallel=yes");
    }
    if (m->encoder) {
        put_encoder(b, m);
    }
    if (m->rope_factor) {
        const int pairs = m->blocks[0].head_dim / 2;
        buf_printf(b, " rope_factors=%d\n", pairs);
        put_floats(b, "rope_factor", m->rope_factor, pairs);
    } else {
        buf_puts(b, "\n");
    }
    put_labels(b, m);
    put_linear(b, &m->embed);
    if (m->position == POSITION_LEARNED) {
        put_linear(b, &m->positions);
    }
    for (int i = 0; i < m->n_layers; i++) {
        put_block(b, i, m);
    }
    put_head(b, m);
    if (m->tokenizer) {
        put_tokenizer(b, m->tokenizer);
    }
}

/* Program ---------------------------------------------------------------------------------- */

static void put_data(Buf *b, int i, const Data *d)
{
    const size_t n = (size_t)d->count * (size_t)elem_bytes[d->elem];
    buf_printf(b, "\ndata $%d %s %s count=%lld align=%d waste=%lld region=%d\n", i, d->name,
               elem_names[d->elem], (long long)d->count, d->align, (long long)d->waste, d->region);
    for (size_t k = 0; k < n; k += IR_DATA_LINE) {
        buf_puts(b, "bytes ");
        put_hex(b, (const uint8_t *)d->bytes + k, n - k < IR_DATA_LINE ? n - k : IR_DATA_LINE, 2);
        buf_puts(b, "\n");
    }
}

/* " KEY=%3", or " KEY=-" for an operand that is not there yet. */
static void put_ref(Buf *b, const char *key, const char *sigil, int i)
{
    if (i < 0) {
        buf_printf(b, " %s=-", key);
    } else {
        buf_printf(b, " %s=%s%d", key, sigil, i);
    }
}

static void put_refs(Buf *b, const char *section, const char *const *keys, const char *sigil,
                     const int *refs)
{
    if (keys[0]) {
        buf_printf(b, " %s", section);
    }
    for (int i = 0; keys[i]; i++) {
        put_ref(b, keys[i] + (keys[i][0] == '?'), sigil, refs[i]);
    }
}

static void put_op(Buf *b, Model *m, int i, const Op *op)
{
    const OpInfo *info = &op_info[op->kind];
    buf_printf(b, "op %d %s layer=%d", i, info->name, op->layer);
    if (op->token > 0) {
        buf_printf(b, " token=%d", op->token);
    }
    if (op->phase > 0) {
        buf_printf(b, " phase=%d", op->phase);
    }
    if (op->linear >= 0) {
        buf_printf(b, " linear=%s", model_linears(m, op->linear)->name);
    }
    if (op->kernel >= 0) {
        buf_printf(b, " kernel=%s", kernels[op->kernel].name);
    }
    put_refs(b, "in", info->in, "%", op->in);
    put_refs(b, "out", info->out, "%", op->out);
    put_refs(b, "data", info->data, "$", op->data);
    if (info->imm[0]) {
        buf_puts(b, " imm");
    }
    for (int k = 0; info->imm[k]; k++) {
        const bool optional = info->imm[k][0] == '?';
        if (!optional || op->imm[k] != 0) {
            buf_printf(b, " %s=%lld", info->imm[k] + optional, (long long)op->imm[k]);
        }
    }
    put_refs(b, "scalar", info->scalar_in, "s", op->scalar_in);
    if (info->scalar_out) {
        buf_puts(b, " gives");
        put_ref(b, info->scalar_out, "s", op->scalar_out);
    }
    buf_puts(b, "\n");
}

static void put_program(Buf *b, Model *m, const Program *p)
{
    buf_printf(
        b,
        "\nprogram window=%d sinks=%d residual_fraction=%d scalars=%d step=%d state_bytes=%lld "
        "weight_bytes=%lld\n",
        p->window, p->sinks, p->residual_fraction, p->n_scalars, p->n_step,
        (long long)p->state_bytes, (long long)p->weight_bytes);
    for (int i = 0; i < p->n_buffers; i++) {
        const Buffer *v = &p->buffers[i];
        buf_printf(b, "buffer %%%d %s %s count=%d lasting=%s first=%d last=%d offset=%lld", i,
                   v->name, elem_names[v->elem], v->count, yes_no(v->lasting), v->first, v->last,
                   (long long)v->offset);
        if (v->row > 0) {
            buf_printf(b, " row=%d", v->row);
        }
        buf_puts(b, "\n");
    }
    for (int i = 0; i < p->n_ops; i++) {
        put_op(b, m, i, &p->ops[i]);
    }
    for (int i = 0; i < p->n_data; i++) {
        put_data(b, i, &p->data[i]);
    }
}

void ir_print(const Unit *u, Buf *b)
{
    buf_puts(b, IR_MAGIC "\nfacts");
    for (int i = 0; i < N_FACTS; i++) {
        if (u->facts >> i & 1) {
            buf_printf(b, " %s", fact_names[i]);
        }
    }
    buf_puts(b, "\n");
    put_model(b, u->model);
    if (u->program) {
        put_program(b, u->model, u->program);
    }
    buf_puts(b, "\nend\n");
}
