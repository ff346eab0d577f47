/* lmcc inspect: what a model is, what it would take at each width, and where that would fit. From
 * shapes alone, so estimates: rows of scales are counted, padding and code are allowed for. */
#include "cli.h"

#include <stdio.h>

#define CODE_BYTES (16 * 1024)

static const double widths[] = {8, 6, 5, 4, 3, 2, 1.6, 1};

static int64_t weight_bytes(const Model *m, double bits)
{
    int64_t bytes = 0;
    Linear *l;
    Norm *n;
    for (int i = 0; (l = model_linears((Model *)m, i)); i++)
        bytes += (int64_t)((double)l->rows * l->cols * bits / 8) + l->rows + BOOK_BYTES;
    for (int i = 0; (n = model_norm((Model *)m, i)); i++)
        bytes += 2 * (int64_t)n->n;
    return bytes;
}

/* int8 keys and values with a two-byte scale for each head. */
static int64_t cache_bytes(const Model *m, int tokens)
{
    int64_t bytes = 0;
    for (int l = 0; l < m->n_layers; l++)
        bytes += 2LL * m->blocks[l].n_kv_heads * (m->blocks[l].head_dim + 2);
    return bytes * tokens;
}

/* The vectors of a step: logits or the widest layer's results and tables. */
static int64_t step_bytes(const Model *m)
{
    int64_t widest = 0;
    for (int l = 0; l < m->n_layers; l++)
        widest = m->blocks[l].n_neurons > widest ? m->blocks[l].n_neurons : widest;
    const int64_t layer = 8 * widest + 8 * (int64_t)m->dim;
    return 4LL * m->vocab > layer ? 4LL * m->vocab : layer;
}

static const char *fits(Arena *a, const Model *m, const Target *t, double bits)
{
    if (weight_bytes(m, bits) + CODE_BYTES > target_flash(t))
        return "-";
    const int64_t left = target_ram(t) - step_bytes(m) - 4096;
    const int64_t tokens = left / cache_bytes(m, 1);
    if (tokens < 8)
        return "-";
    return tokens >= m->context ? "yes" : arena_printf(a, "%lld", (long long)tokens);
}

static void print_facts(Arena *a, const Model *m)
{
    const Block *b = &m->blocks[0];
    printf("%s\n  family      %s: %s norm, %s, gated %s, %s head\n", m->path, m->family,
           norm_names[m->norm], position_names[m->position], activation_names[m->activation],
           m->tied_head ? "tied" : "untied");
    printf("  size        %s parameters: %d layers, dim %d, vocab %d, context %d\n",
           format_bytes(a, model_parameters(m)), m->n_layers, m->dim, m->vocab, m->context);
    printf("  layer       %d heads, %d kv heads, head dim %d, %d neurons\n", b->n_heads,
           b->n_kv_heads, b->head_dim, b->n_neurons);
    if (m->tokenizer)
        printf("  tokenizer   %s, %d pieces, %d merges, bos %d, eos %d\n",
               tokenizer_names[m->tokenizer->kind], m->tokenizer->n_pieces, m->tokenizer->n_merges,
               m->tokenizer->bos, m->tokenizer->eos);
    else
        printf("  tokenizer   none found\n");
    printf("  KV cache    %s bytes for %d tokens\n", format_bytes(a, cache_bytes(m, m->context)),
           m->context);
}

static void print_fit(Arena *a, const Model *m)
{
    printf("\n  %-12s", "bits");
    for (size_t i = 0; i < LENGTH(widths); i++)
        printf(" %10g", widths[i]);
    printf("\n  %-12s", "bytes");
    for (size_t i = 0; i < LENGTH(widths); i++)
        printf(" %10s", format_bytes(a, weight_bytes(m, widths[i])));
    printf("\n\n  fits, estimated: yes with the whole context, a number with a window of so many tokens\n");
    for (int k = 0; target_name(k); k++) {
        const Target *t = target_load(a, target_name(k));
        printf("  %-12s", t->name);
        for (size_t i = 0; i < LENGTH(widths); i++)
            printf(" %10s", fits(a, m, t, widths[i]));
        printf("\n");
    }
}

static void print_json(Arena *a, const Model *m)
{
    const Block *b = &m->blocks[0];
    printf("{\"family\": \"%s\", \"parameters\": %lld, \"layers\": %d, \"dim\": %d, \"vocab\": %d, "
           "\"context\": %d, \"heads\": %d, \"kv_heads\": %d, \"head_dim\": %d, \"neurons\": %d, "
           "\"tied_head\": %s, \"tokenizer\": \"%s\", \"kv_cache\": %lld, \"weights\": {",
           m->family, (long long)model_parameters(m), m->n_layers, m->dim, m->vocab, m->context,
           b->n_heads, b->n_kv_heads, b->head_dim, b->n_neurons, m->tied_head ? "true" : "false",
           m->tokenizer ? tokenizer_names[m->tokenizer->kind] : "none",
           (long long)cache_bytes(m, m->context));
    for (size_t i = 0; i < LENGTH(widths); i++)
        printf("%s\"%g\": %lld", i ? ", " : "", widths[i], (long long)weight_bytes(m, widths[i]));
    printf("}, \"fits\": {");
    for (int k = 0; target_name(k); k++) {
        const Target *t = target_load(a, target_name(k));
        printf("%s\"%s\": {", k ? ", " : "", t->name);
        for (size_t i = 0; i < LENGTH(widths); i++)
            printf("%s\"%g\": \"%s\"", i ? ", " : "", widths[i], fits(a, m, t, widths[i]));
        printf("}");
    }
    printf("}}\n");
}

int command_inspect(Arena *a, const Options *o)
{
    const Model *m = import_model(a, o->args[0], o->tokenizer);
    if (o->json) {
        print_json(a, m);
    } else {
        print_facts(a, m);
        print_fit(a, m);
    }
    return 0;
}
