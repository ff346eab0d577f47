/* The manifest, JSON: what was compiled with which options, what it takes, what each op costs, and
 * the golden values. The recipe in it compiles to the same bytes again. */
#include "emit.h"

#include <math.h>
#include <string.h>

/* At most this many elements of the residual are kept for each layer, evenly spread. */
#define KEPT_RESIDUALS 256
#define KEPT_OUTPUTS 1024 /* of an encoder's float reference */

static void quoted(Buf *b, const char *s)
{
    buf_json_string(b, s, strlen(s));
}

static int turning_pairs(const Model *m)
{
    if (m->position != POSITION_ROPE)
        return 0;
    return m->rotary_pairs ? m->rotary_pairs : m->blocks[0].head_dim / 2;
}

/* What the families differ in. */
static void write_arch(Model *m, Buf *b)
{
    const Linear *l;
    int biases = 0;
    for (int i = 0; (l = model_linears(m, i)); i++)
        biases += l->bias != NULL;
    buf_printf(b,
               "    \"head_dim\": %d, \"norm\": \"%s\", \"position\": \"%s\", \"activation\": "
               "\"%s\",\n    \"tied_head\": %s, \"qk_norm\": %s, \"biases\": %d, "
               "\"ungated\": %s, \"parallel\": %s, \"sub_norm\": %s, \"rotary_pairs\": %d, "
               "\"rope_theta\": %.9g, \"rope_factors\": ",
               m->blocks[0].head_dim, norm_names[m->norm], position_names[m->position],
               activation_names[m->activation], m->tied_head ? "true" : "false",
               m->qk_norm ? "true" : "false", biases, m->ungated ? "true" : "false",
               m->parallel ? "true" : "false", m->sub_norm ? "true" : "false", turning_pairs(m),
               (double)m->rope_theta);
    for (int i = 0; m->rope_factor && i < m->blocks[0].head_dim / 2; i++)
        buf_printf(b, "%s%.9g", i ? ", " : "[", (double)m->rope_factor[i]);
    buf_puts(b, m->rope_factor ? "],\n" : "null,\n");
}

/* Of an encoder. */
static void write_head(const Model *m, Buf *b)
{
    buf_printf(b, "    \"head\": \"%s\", \"post_norm\": %s, \"pooling\": \"%s\", \"labels\": [",
               head_names[m->head_kind], m->post_norm ? "true" : "false",
               pooling_names[m->pooling]);
    for (int i = 0; m->labels && i < m->head.rows; i++) {
        buf_puts(b, i ? ", " : "");
        quoted(b, m->labels[i]);
    }
    buf_puts(b, "],\n");
    if (model_reads_frames(m))
        buf_printf(b, "    \"frames\": %d, \"bands\": %d,\n", model_frames(m), m->bands);
}

static void write_model(const Emission *e, Buf *b)
{
    Model *m = e->unit->model;
    buf_puts(b, "  \"model\": {\"family\": ");
    quoted(b, m->family);
    buf_printf(b, ", \"hash\": \"%016llx\", \"parameters\": %lld, \"original_parameters\": %lld,\n",
               (unsigned long long)m->hash, (long long)model_parameters(m),
               (long long)model_parameters(e->unit->original));
    write_arch(m, b);
    if (m->encoder)
        write_head(m, b);
    buf_printf(b,
               "    \"dim\": %d, \"layers\": %d, \"vocab\": %d, \"context\": %d, "
               "\"residual_fraction\": %d},\n",
               m->dim, m->n_layers, m->vocab, m->context, e->unit->program->residual_fraction);
}

/* The others are of grammars and prompts. */
static int tokenizer_tables_of(const Emission *e)
{
    return e->n_tables - (e->grammars ? e->grammars->n_data : 0) - e->prompts.n_tables;
}

static void write_tokenizer(const Emission *e, Buf *b)
{
    const Tokenizer *t = e->unit->model->tokenizer;
    buf_printf(b,
               "  \"tokenizer\": {\"kind\": \"%s\", \"bos\": %d, \"eos\": %d, "
               "\"prefix_tokens\": %d, \"suffix_tokens\": %d, \"tables\": {",
               t ? tokenizer_names[t->kind] : "none", t ? t->bos : -1, t ? t->eos : -1, e->n_prefix,
               e->n_suffix);
    for (int i = 0; i < tokenizer_tables_of(e); i++)
        buf_printf(b, "%s\"%s\": %lld", i ? ", " : "", e->tables[i].name,
                   (long long)e->tables[i].count * elem_bytes[e->tables[i].elem]);
    buf_puts(b, "}},\n");
}

static void write_grammars(const Emission *e, Buf *b)
{
    const GrammarTables *g = e->grammars;
    if (g)
        buf_printf(b,
                   "  \"grammars\": {\"states\": %d, \"edges\": %d, \"flash\": %lld, "
                   "\"ram\": %lld},\n",
                   g->n_states, g->n_edges, (long long)grammar_flash(g),
                   (long long)grammar_ram(e->unit->model->vocab));
}

static void write_prompts(const Emission *e, Buf *b)
{
    if (e->prompts.n == 0)
        return;
    buf_printf(b, "  \"prompts\": {\"flash\": %lld, \"tokens\": [", (long long)e->prompts.flash);
    for (int i = 0; i < e->prompts.n; i++)
        buf_printf(b, "%s%d", i ? ", " : "", e->prompts.n_tokens[i]);
    buf_puts(b, "]},\n");
}

static int64_t table_bytes(const Emission *e)
{
    int64_t n = 0;
    for (int i = 0; i < tokenizer_tables_of(e); i++)
        n += e->tables[i].count * elem_bytes[e->tables[i].elem];
    return n;
}

/* Every matrix and its rows once, one row of the embedding. */
int64_t bytes_read(const Program *p, int region)
{
    int64_t n = 0;
    for (int i = 0; i < p->n_step; i++) {
        const Op *op = &p->ops[i];
        if (op->kind == OP_MATVEC_PART && op->imm[PART_FIRST] > 0)
            continue; /* counted with the first */
        for (int k = 0; k < MAX_OPERANDS && op->data[k] >= 0; k++) {
            const Data *d = &p->data[op->data[k]];
            if (region >= 0 && d->region != region)
                continue;
            n += op->kind == OP_EMBED ? (k == 0 ? op->imm[EMBED_STRIDE] : BOOK_BYTES + 1)
                                      : d->count * elem_bytes[d->elem];
        }
    }
    return n;
}

/* Where the constants lie, and how much of each place a token reads. */
static void write_regions(const Emission *e, Buf *b)
{
    const Program *p = e->unit->program;
    const Target *t = e->unit->target;
    bool first = true;
    buf_puts(b, "  \"regions\": [");
    for (int r = 0; r < t->n_regions; r++) {
        int64_t bytes = 0;
        for (int i = 0; i < p->n_data; i++)
            bytes += p->data[i].region == r ? p->data[i].count * elem_bytes[p->data[i].elem] : 0;
        if (bytes > 0)
            buf_printf(b, "%s\n    {\"name\": \"%s\", \"bytes\": %lld, \"read_per_token\": %lld}",
                       first ? "" : ",", t->regions[r].name, (long long)bytes,
                       (long long)bytes_read(p, r));
        first = first && bytes == 0;
    }
    buf_puts(b, "\n  ],\n");
}

/* The most bytes of vectors and tables that live at one time. */
static int64_t largest_live(const Program *p)
{
    int64_t most = 0;
    for (int i = 0; i < p->n_ops; i++) {
        int64_t n = 0;
        for (int k = 0; k < p->n_buffers; k++) {
            const Buffer *b = &p->buffers[k];
            if (!b->lasting && b->first <= i && i <= b->last)
                n += (int64_t)b->count * elem_bytes[b->elem];
        }
        most = n > most ? n : most;
    }
    return most;
}

static void write_sizes(const Emission *e, Buf *b)
{
    const Program *p = e->unit->program;
    int64_t waste = 0, cache = 0;
    for (int i = 0; i < p->n_data; i++)
        waste += p->data[i].waste;
    for (int i = 0; i < p->n_buffers; i++)
        if (p->buffers[i].lasting)
            cache += (int64_t)p->buffers[i].count * elem_bytes[p->buffers[i].elem];
    const double original = 4.0 * (double)model_parameters(e->unit->original);
    buf_printf(b,
               "  \"sizes\": {\"weights\": %lld, \"padding\": %lld, \"tokenizer\": %lld, "
               "\"state\": %lld, \"kv_cache\": %lld, \"largest_live\": %lld, "
               "\"weights_per_token\": %lld,\n"
               "    \"float32\": %.0f, \"reduction\": %.4f},\n",
               (long long)p->weight_bytes, (long long)waste, (long long)table_bytes(e),
               (long long)p->state_bytes, (long long)cache, (long long)largest_live(p),
               (long long)bytes_read(p, -1), original, 1 - (double)p->weight_bytes / original);
}

static double linear_snr(const Linear *l)
{
    double error = 0, power = 0;
    for (int r = 0; r < l->rows; r++) {
        for (int c = 0; c < l->cols; c++) {
            const double v = l->w[(size_t)r * (size_t)l->cols + (size_t)c];
            const double off = v - (double)linear_value(l, r, c);
            error += off * off;
            power += v * v;
        }
    }
    return error > 0 ? 10 * log10(power / error) : 999;
}

void measure_tensors(Emission *e)
{
    Linear *l;
    int n = 0;
    while (model_linears(e->unit->model, n))
        n++;
    double *snr = NEW(e->arena, double, n);
    for (int i = 0; (l = model_linears(e->unit->model, i)); i++)
        snr[i] = linear_snr(l);
    e->snr = snr;
}

static void write_tensors(const Emission *e, Buf *b)
{
    Linear *l;
    buf_puts(b, "  \"tensors\": [");
    for (int i = 0; (l = model_linears(e->unit->model, i)); i++) {
        buf_printf(b, "%s\n    {\"name\": ", i ? "," : "");
        quoted(b, l->name);
        buf_printf(
            b, ", \"rows\": %d, \"cols\": %d, \"format\": \"%s\", \"bits\": %g, \"snr_db\": %.2f",
            l->rows, l->cols, format_names[l->format], linear_bits(l), e->snr[i]);
        if (l->input_clip > 0)
            buf_printf(b, ", \"input_clip\": %.9g", (double)l->input_clip);
        buf_puts(b, "}");
    }
    buf_puts(b, "\n  ],\n");
}

static void write_list(Buf *b, const char *name, const int *list, int n)
{
    buf_printf(b, "\"%s\": [", name);
    for (int i = 0; i < n; i++)
        buf_printf(b, "%s%d", i ? ", " : "", list[i]);
    buf_puts(b, "]");
}

/* Of each layer, units before and how many went; perplexity and KL on the calibration samples. */
static void write_pruning(const Emission *e, Buf *b)
{
    buf_puts(b, "  \"pruning\": [");
    for (int i = 0; i < e->unit->n_prunings; i++) {
        const PruneReport *p = &e->unit->prunings[i];
        buf_printf(b, "%s\n    {\"pass\": \"%s\", \"method\": \"%s\", \"compensated\": %s, ",
                   i ? "," : "", p->pass, p->method, p->compensated ? "true" : "false");
        write_list(b, "before", p->before, p->n_layers);
        buf_puts(b, ", ");
        write_list(b, "removed", p->removed, p->n_layers);
        buf_printf(b,
                   ",\n      \"perplexity_before\": %.6g, \"perplexity_after\": %.6g, "
                   "\"kl_before\": %.6g, \"kl_after\": %.6g}",
                   p->perplexity_before, p->perplexity_after, p->kl_before, p->kl_after);
    }
    buf_puts(b, e->unit->n_prunings ? "\n  ],\n" : "],\n");
}

/* Of the matrices and their tables; other ops have no estimate. */
Cost op_cost(const Emission *e, const Op *op)
{
    const Target *t = e->unit->target;
    if (op->kind == OP_MATVEC || op->kind == OP_TOP)
        return kernel_cost(&kernels[op->kernel], t, (int)op->imm[MATVEC_ROWS],
                           (int)op->imm[MATVEC_COLS], (int)op->imm[MATVEC_PLANES]);
    if (op->kind == OP_MATVEC_PART)
        return kernel_cost(&kernels[op->kernel], t, (int)op->imm[MATVEC_ROWS],
                           (int)op->imm[PART_WIDTH], (int)op->imm[MATVEC_PLANES]);
    return op->kind == OP_TABLE || op->kind == OP_TABLE_PART
               ? table_cost(&kernels[op->kernel], t, (int)op->imm[TABLE_COLS])
               : (Cost){0};
}

static void write_ops(const Emission *e, Buf *b)
{
    const Program *p = e->unit->program;
    buf_puts(b, "  \"ops\": [");
    for (int i = 0; i < p->n_ops; i++) {
        const Op *op = &p->ops[i];
        buf_printf(b, "%s\n    {\"op\": \"%s\", \"layer\": %d", i ? "," : "",
                   op_info[op->kind].name, op->layer);
        if (op->linear >= 0) {
            buf_puts(b, ", \"tensor\": ");
            quoted(b, model_linears(e->unit->model, op->linear)->name);
        }
        if (op->kernel >= 0)
            buf_printf(b, ", \"kernel\": \"%s\"", kernels[op->kernel].name);
        if (op_is_part(op->kind)) {
            const bool matvec = op->kind == OP_MATVEC_PART;
            buf_printf(b, ", \"columns\": %lld, \"first_column\": %lld",
                       (long long)op->imm[matvec ? (int)PART_WIDTH : (int)TABLE_COLS],
                       (long long)op->imm[matvec ? (int)PART_FIRST : (int)TABLE_FIRST]);
        }
        const Cost cost = op_cost(e, op);
        if (cost.instructions > 0)
            buf_printf(b, ", \"estimated_instructions\": %.0f, \"estimated_cycles\": %.0f",
                       cost.instructions, cost_cycles(cost, e->unit->target));
        buf_puts(b, "}");
    }
    buf_puts(b, "\n  ],\n");
}

static void write_encoder_golden(const Emission *e, Buf *b)
{
    const Golden *g = &e->golden;
    buf_printf(b,
               "  \"golden\": {\"runs\": %d, \"logits_xxh32\": \"%08x\", "
               "\"weights_xxh32\": \"%08x\",\n    \"float_output\": [",
               GOLDEN_RUNS, (unsigned)g->logits_hash, (unsigned)g->weights_hash);
    for (int i = 0; i < model_outputs(e->unit->model) && i < KEPT_OUTPUTS; i++)
        buf_printf(b, "%s%.6g", i ? ", " : "", (double)g->outputs[i]);
    buf_puts(b, "]},\n");
}

static void write_golden(const Emission *e, Buf *b)
{
    if (e->unit->model->encoder) {
        write_encoder_golden(e, b);
        return;
    }
    const Golden *g = &e->golden;
    const int dim = e->unit->original->dim, layers = e->unit->model->n_layers;
    const int every = (dim + KEPT_RESIDUALS - 1) / KEPT_RESIDUALS;
    buf_printf(b,
               "  \"golden\": {\"start\": %d, \"logits_xxh32\": \"%08x\", "
               "\"weights_xxh32\": \"%08x\",\n    \"tokens\": [",
               g->start, (unsigned)g->logits_hash, (unsigned)g->weights_hash);
    for (int i = 0; i < GOLDEN_STEPS; i++)
        buf_printf(b, "%s%d", i ? ", " : "", g->tokens[i]);
    buf_puts(b, "],\n    \"layers_xxh32\": [");
    for (int l = 0; l <= layers; l++)
        buf_printf(b, "%s\"%08x\"", l ? ", " : "", (unsigned)g->layer_hashes[l]);
    buf_puts(b, "],\n    \"layers_snr_db\": [");
    for (int l = 0; l <= layers; l++)
        buf_printf(b, "%s%.2f", l ? ", " : "", g->layer_snr[l]);
    buf_printf(b, "],\n    \"float_residual_every\": %d, \"float_residual\": [", every);
    for (int l = 0; l <= layers; l++) {
        buf_printf(b, "%s\n      [", l ? "," : "");
        for (int i = 0; i < dim; i += every)
            buf_printf(b, "%s%.6g", i ? ", " : "",
                       (double)g->residuals[(size_t)l * (size_t)dim + (size_t)i]);
        buf_puts(b, "]");
    }
    buf_puts(b, "\n    ]},\n");
}

void emit_manifest(const Emission *e, Buf *b)
{
    buf_printf(b, "{\n  \"lmcc\": \"" LMCC_VERSION "\", \"interface\": %d, \"name\": ", LMCC_ABI);
    quoted(b, e->name);
    buf_puts(b, ", \"target\": ");
    quoted(b, e->unit->target->name);
    buf_printf(b, ", \"weights\": \"%s\",\n", weights_form_names[e->weights]);
    write_model(e, b);
    write_tokenizer(e, b);
    write_grammars(e, b);
    write_prompts(e, b);
    buf_puts(b, "  \"recipe\": ");
    recipe_json(e->unit->recipe, b, 2);
    buf_puts(b, ",\n");
    emit_search(e, b);
    write_sizes(e, b);
    write_regions(e, b);
    write_pruning(e, b);
    write_tensors(e, b);
    write_ops(e, b);
    write_golden(e, b);
    buf_puts(b, "  \"files\": {");
    for (int i = 0; i < e->n_files; i++) {
        buf_printf(b, "%s\n    ", i ? "," : "");
        quoted(b, e->files[i].name);
        buf_printf(b, ": {\"bytes\": %zu, \"xxh64\": \"%016llx\"}", e->files[i].size,
                   (unsigned long long)e->files[i].hash);
    }
    buf_puts(b, "\n  }\n}\n");
}
