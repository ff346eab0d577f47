/* What every user of a Model needs: naming, walking, copying, hashing and reading its tensors. */
#include "model.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

static int roles_of(const Model *m)
{
    return ROLES - m->ungated;
}

bool model_reads_first(const Model *m)
{
    return m->head_kind == HEAD_CLASS || (m->head_kind == HEAD_EMBED && m->pooling == POOL_FIRST);
}

bool model_each_token(const Model *m)
{
    return m->head_kind == HEAD_LABEL || m->head_kind == HEAD_MASK;
}

bool model_reads_frames(const Model *m)
{
    return m->patch.rows > 0;
}

int model_frames(const Model *m)
{
    return model_reads_frames(m) ? (m->context - 1) * (m->patch.cols / m->bands) : 0;
}

int model_inputs(const Model *m, int n_tokens)
{
    return model_reads_frames(m) ? model_frames(m) * m->bands : n_tokens;
}

const float *model_bias(const Model *m, const Linear *l)
{
    return m->tied_head && l == &m->embed ? m->head.bias : l->bias;
}

int model_outputs(const Model *m)
{
    if (m->head_kind == HEAD_EMBED)
        return m->dim;
    return m->tied_head ? m->vocab : m->head.rows;
}

int model_linear_index(const Model *m, int layer, Role r)
{
    return 1 + layer * roles_of(m) + (int)r - (m->ungated && r > ROLE_GATE);
}

int model_head_index(const Model *m)
{
    return m->tied_head ? 0 : 1 + m->n_layers * roles_of(m);
}

int model_positions_index(const Model *m)
{
    return 1 + m->n_layers * roles_of(m) + !m->tied_head;
}

int model_dense_index(const Model *m)
{
    return model_positions_index(m) + (m->position == POSITION_LEARNED);
}

int model_patch_index(const Model *m)
{
    return model_dense_index(m) + (m->dense.rows > 0);
}

int model_exit_index(const Model *m, int exit)
{
    return model_dense_index(m) + (m->dense.rows > 0) + (m->patch.rows > 0) + exit;
}

const Exit *model_exit(const Model *m, int layer)
{
    for (int i = 0; i < m->n_exits; i++)
        if (m->exits[i].layer == layer)
            return &m->exits[i];
    return NULL;
}

bool model_linear_place(const Model *m, int i, int *layer, Role *r)
{
    const int roles = roles_of(m), role = (i - 1) % roles;
    if (i < 1 || i > m->n_layers * roles)
        return false;
    *layer = (i - 1) / roles;
    *r = (Role)(role + (m->ungated && role >= ROLE_GATE));
    return true;
}

Role model_first_reader(const Model *m, Role r)
{
    if (r <= ROLE_V)
        return ROLE_Q;
    if (r == ROLE_GATE || r == ROLE_UP)
        return m->ungated ? ROLE_UP : ROLE_GATE;
    return r;
}

Linear *model_linears(Model *m, int i)
{
    int layer;
    Role r;
    if (i == 0)
        return &m->embed;
    if (model_linear_place(m, i, &layer, &r))
        return &m->blocks[layer].linear[r];
    i -= 1 + m->n_layers * roles_of(m);
    if (!m->tied_head && i-- == 0)
        return &m->head;
    if (m->position == POSITION_LEARNED && i-- == 0)
        return &m->positions;
    if (m->dense.rows > 0 && i-- == 0)
        return &m->dense;
    if (m->patch.rows > 0 && i-- == 0)
        return &m->patch;
    return i < m->n_exits ? &m->exits[i].head : NULL;
}

static int norms_of(const Model *m)
{
    return 2 + 2 * m->qk_norm + 2 * m->sub_norm;
}

int model_norm_index(const Model *m, int layer, int place)
{
    return layer * norms_of(m) + place - (place >= 4 && !m->qk_norm ? 2 : 0);
}

int model_norms(const Model *m)
{
    return norms_of(m) * m->n_layers + 1 + (m->dense_norm.n > 0);
}

Norm *model_norm(Model *m, int i)
{
    const int each = norms_of(m);
    if (i == each * m->n_layers)
        return &m->final_norm;
    if (i > each * m->n_layers)
        return i == each * m->n_layers + 1 && m->dense_norm.n > 0 ? &m->dense_norm : NULL;
    Block *b = &m->blocks[i / each];
    Norm *const norms[] = {&b->attn_norm, &b->mlp_norm, &b->q_norm,
                           &b->k_norm,    &b->o_norm,   &b->down_norm};
    const int place = i % each;
    return norms[place >= 2 && !m->qk_norm ? place + 2 : place];
}

int model_window(const Model *m, int layer, int window)
{
    const int own = m->blocks[layer].window;
    return own > 0 && own < window ? own : window;
}

Linear *model_head(Model *m)
{
    return m->tied_head ? &m->embed : &m->head;
}

double model_frequency(const Model *m, int pair)
{
    const int pairs = m->rotary_pairs ? m->rotary_pairs : m->blocks[0].head_dim / 2;
    if (pair >= pairs)
        return 0;
    const double f = pow((double)m->rope_theta, -(double)pair / pairs);
    return m->rope_factor ? f / (double)m->rope_factor[pair] : f;
}

void model_name_tensors(Arena *a, Model *m)
{
    m->embed.name = "embed";
    m->head.name = "head";
    m->positions.name = "positions";
    m->dense.name = "dense";
    m->patch.name = "patch";
    m->dense_norm.name = "dense.norm";
    m->final_norm.name = "final.norm";
    for (int i = 0; i < m->n_exits; i++)
        m->exits[i].head.name = arena_printf(a, "exits.%d", m->exits[i].layer);
    for (int l = 0; l < m->n_layers; l++) {
        Block *b = &m->blocks[l];
        b->attn_norm.name = arena_printf(a, "layers.%d.attn.norm", l);
        b->mlp_norm.name = arena_printf(a, "layers.%d.mlp.norm", l);
        b->q_norm.name = arena_printf(a, "layers.%d.attn.q_norm", l);
        b->k_norm.name = arena_printf(a, "layers.%d.attn.k_norm", l);
        b->o_norm.name = arena_printf(a, "layers.%d.attn.o_norm", l);
        b->down_norm.name = arena_printf(a, "layers.%d.mlp.down_norm", l);
        for (int r = 0; r < ROLES; r++)
            b->linear[r].name = arena_printf(a, "layers.%d.%s", l, role_names[r]);
    }
}

int64_t model_parameters(const Model *m)
{
    Model *walk = (Model *)(uintptr_t)m; /* only read: the walkers serve writers too */
    int64_t n = 0;
    const Linear *l;
    const Norm *v;
    for (int i = 0; (l = model_linears(walk, i)); i++)
        n += (int64_t)l->rows * l->cols + (l->bias ? l->rows : 0);
    for (int i = 0; (v = model_norm(walk, i)); i++)
        n += v->n + (v->beta ? v->n : 0);
    return n + (m->second ? m->dim : 0);
}

double linear_bits(const Linear *l)
{
    switch (l->format) {
    case FORMAT_FLOAT: return 32;
    case FORMAT_PLANES: return l->planes;
    case FORMAT_TERNARY: return 1.6; /* five to a byte */
    case FORMAT_INT8: return 8;
    case FORMATS: break;
    }
    die("format %d", (int)l->format);
}

double linear_gain(const Linear *l)
{
    return l->gain > 0 ? (double)l->gain : 1;
}

int linear_code_value(const Linear *l, int code)
{
    switch (l->format) {
    case FORMAT_PLANES: {
        int v = l->zero;
        for (int k = 0; k < l->planes; k++)
            v += (code >> k & 1) * l->coef[k];
        return v;
    }
    case FORMAT_TERNARY: return code - 1;
    case FORMAT_INT8: return code < 128 ? code : code - 256;
    case FORMAT_FLOAT:
    case FORMATS: break;
    }
    die("format %d", (int)l->format);
}

float linear_value(const Linear *l, int r, int c)
{
    size_t i = (size_t)r * (size_t)l->cols + (size_t)c;
    if (l->format == FORMAT_FLOAT)
        return l->w[i];
    return (float)(linear_gain(l) *
                   ldexp(l->scale[r] * linear_code_value(l, l->code[i]), l->scale_exp));
}

void binarize(const Model *m, float *v, int n)
{
    double sum = 0;
    for (int i = 0; i < n && m->activation_bits == 1; i++)
        sum += fabs((double)v[i]);
    for (int i = 0; i < n && m->activation_bits == 1; i++)
        v[i] = (float)(v[i] < 0 ? -sum / n : sum / n);
}

void clip_input(const Linear *l, float *v, int n)
{
    const double scale = (double)l->input_clip / 127;
    for (int i = 0; i < n && scale > 0; i++)
        v[i] = (float)(scale * fmin(fmax(nearbyint((double)v[i] / scale), -127), 127));
}

void read_input(const Model *m, const Linear *l, float *v, int n)
{
    binarize(m, v, n);
    clip_input(l, v, n);
}

bool model_static_scales(const Model *m)
{
    return m->blocks[0].linear[ROLE_Q].input_clip > 0;
}

bool model_signs_layer(const Model *m, int layer)
{
    return m->activation_bits == 1 && layer >= 0 && layer < m->n_layers;
}

/* Copy ------------------------------------------------------------------------------------- */

static void *copy_or_null(Arena *a, const void *from, size_t n, size_t size)
{
    return from ? arena_copy(a, from, n, size) : NULL;
}

static const char *copy_string(Arena *a, const char *s)
{
    return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

static void copy_linear(Arena *a, Linear *l)
{
    size_t rows = (size_t)l->rows, n = rows * (size_t)l->cols;
    l->name = copy_string(a, l->name);
    l->w = copy_or_null(a, l->w, n, sizeof *l->w);
    l->bias = copy_or_null(a, l->bias, rows, sizeof *l->bias);
    l->scale = copy_or_null(a, l->scale, rows, sizeof *l->scale);
    l->code = copy_or_null(a, l->code, n, sizeof *l->code);
}

static void copy_norm(Arena *a, Norm *v)
{
    v->name = copy_string(a, v->name);
    v->gamma = copy_or_null(a, v->gamma, (size_t)v->n, sizeof *v->gamma);
    v->beta = copy_or_null(a, v->beta, (size_t)v->n, sizeof *v->beta);
}

static Tokenizer *copy_tokenizer(Arena *a, const Tokenizer *from)
{
    Tokenizer *t = arena_copy(a, from, 1, sizeof *t);
    t->pieces = arena_copy(a, from->pieces, (size_t)t->n_pieces, sizeof *t->pieces);
    for (int i = 0; i < t->n_pieces; i++)
        t->pieces[i].bytes = copy_or_null(a, t->pieces[i].bytes, (size_t)t->pieces[i].len, 1);
    t->merges = arena_copy(a, from->merges, (size_t)t->n_merges, sizeof *t->merges);
    t->scores = copy_or_null(a, t->scores, (size_t)t->n_pieces, sizeof *t->scores);
    t->added = copy_or_null(a, t->added, (size_t)t->n_added, sizeof *t->added);
    for (int i = 0; i < t->n_added; i++)
        t->added[i].bytes = copy_or_null(a, t->added[i].bytes, (size_t)t->added[i].len, 1);
    return t;
}

Model *model_copy(Arena *a, const Model *m)
{
    Model *to = arena_copy(a, m, 1, sizeof *to);
    to->family = copy_string(a, m->family);
    to->path = copy_string(a, m->path);
    to->blocks = arena_copy(a, m->blocks, (size_t)m->n_layers, sizeof *m->blocks);
    for (int i = 0; i < m->n_layers; i++) {
        Block *b = &to->blocks[i];
        b->kv_of_head = copy_or_null(a, b->kv_of_head, (size_t)b->n_heads, sizeof *b->kv_of_head);
    }
    to->exits = copy_or_null(a, m->exits, (size_t)m->n_exits, sizeof *m->exits);
    Linear *l;
    Norm *v;
    for (int i = 0; (l = model_linears(to, i)); i++)
        copy_linear(a, l);
    for (int i = 0; (v = model_norm(to, i)); i++)
        copy_norm(a, v);
    if (m->rope_factor)
        to->rope_factor = arena_copy(a, m->rope_factor, (size_t)m->blocks[0].head_dim / 2,
                                     sizeof *m->rope_factor);
    if (m->tied_head) {
        to->head.name = copy_string(a, m->head.name);
        to->head.bias = copy_or_null(a, m->head.bias, (size_t)m->head.rows, sizeof(float));
    }
    to->second = copy_or_null(a, m->second, m->second ? (size_t)m->dim : 0, sizeof *m->second);
    if (m->labels) {
        to->labels = arena_copy(a, m->labels, (size_t)m->head.rows, sizeof *m->labels);
        for (int i = 0; i < m->head.rows; i++)
            to->labels[i] = copy_string(a, m->labels[i]);
    }
    if (m->tokenizer)
        to->tokenizer = copy_tokenizer(a, m->tokenizer);
    return to;
}

/* Hash ------------------------------------------------------------------------------------- */

static void hash_int(XXH64_state_t *s, int v)
{
    uint32_t u = (uint32_t)v;
    uint8_t bytes[4] = {(uint8_t)u, (uint8_t)(u >> 8), (uint8_t)(u >> 16), (uint8_t)(u >> 24)};
    XXH64_update(s, bytes, sizeof bytes);
}

static void hash_floats(XXH64_state_t *s, const float *w, size_t n)
{
    XXH64_update(s, w, n * sizeof *w); /* the hosts are little-endian */
}

static void hash_block(XXH64_state_t *s, const Block *b)
{
    hash_int(s, b->n_heads);
    hash_int(s, b->n_kv_heads);
    hash_int(s, b->head_dim);
    hash_int(s, b->n_neurons);
    for (int h = 0; h < b->n_heads; h++)
        hash_int(s, b->kv_of_head[h]);
}

static void hash_facts(XXH64_state_t *s, const Model *m)
{
    XXH64_update(s, m->family, strlen(m->family) + 1);
    const int facts[] = {
        m->dim,           m->n_layers,         m->vocab,           m->context,  (int)m->norm,
        (int)m->position, m->rope_interleaved, (int)m->activation, m->tied_head};
    for (size_t i = 0; i < LENGTH(facts); i++)
        hash_int(s, facts[i]);
    hash_floats(s, &m->norm_eps, 1);
    hash_floats(s, &m->rope_theta, 1);
    if (m->rope_factor)
        hash_floats(s, m->rope_factor, (size_t)m->blocks[0].head_dim / 2);
    for (int i = 0; i < m->n_layers; i++)
        hash_block(s, &m->blocks[i]);
    if (m->activation_bits != 8)
        hash_int(s, m->activation_bits);
    const int newer[] = {m->ungated, m->rotary_pairs, m->sub_norm, m->parallel};
    for (size_t i = 0; i < LENGTH(newer); i++)
        if (newer[i])
            hash_int(s, newer[i] + ((int)i << 16));
    for (int i = 0; i < m->n_layers; i++)
        if (m->blocks[i].window)
            hash_int(s, m->blocks[i].window);
    if (m->encoder) {
        const int encoder[] = {m->post_norm, (int)m->head_kind, (int)m->pooling,
                               (int)m->dense_activation};
        for (size_t i = 0; i < LENGTH(encoder); i++)
            hash_int(s, encoder[i]);
    }
    if (m->bands)
        hash_int(s, m->bands);
    if (m->second)
        hash_floats(s, m->second, (size_t)m->dim);
    for (int i = 0; i < m->n_exits; i++)
        hash_int(s, m->exits[i].layer);
    if (m->tied_head && m->head.bias)
        hash_floats(s, m->head.bias, (size_t)m->head.rows);
}

uint64_t model_hash(const Model *m)
{
    Model *walk = (Model *)(uintptr_t)m;
    XXH64_state_t *s = XXH64_createState();
    if (!s)
        fatal("out of memory");
    XXH64_reset(s, 0);
    hash_facts(s, m);
    const Linear *l;
    const Norm *v;
    for (int i = 0; (l = model_linears(walk, i)); i++)
        hash_floats(s, l->w, (size_t)l->rows * (size_t)l->cols);
    for (int i = 0; (l = model_linears(walk, i)); i++)
        if (l->bias)
            hash_floats(s, l->bias, (size_t)l->rows);
    for (int i = 0; (v = model_norm(walk, i)); i++) {
        hash_floats(s, v->gamma, (size_t)v->n);
        if (v->beta)
            hash_floats(s, v->beta, (size_t)v->n);
    }
    uint64_t hash = XXH64_digest(s);
    XXH64_freeState(s);
    return hash;
}
