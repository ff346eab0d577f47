/* lmcc inspect: what a model is, what it would take at each width, and where that would fit. */
#include "cli.h"

#include <stdio.h>

static const double widths[] = {8, 6, 5, 4, 3, 2, 1.6, 1};

/* int8 keys and values with a two-byte scale for each head. */
static int64_t cache_bytes(const Model *m, int tokens)
{
    int64_t bytes = 0;
    for (int l = 0; l < m->n_layers; l++)
        bytes += 2LL * m->blocks[l].n_kv_heads * (m->blocks[l].head_dim + 2);
    return bytes * tokens;
}

/* "yes" with the whole context, the window that does, or what is too small. */
static const char *fit_text(Arena *a, const Fit *f, int context)
{
    if (!f->flash || f->window == 0)
        return f->flash ? "RAM" : "flash";
    return f->window >= context ? "yes" : arena_printf(a, "%d", f->window);
}

/* Parameters by what they are for. */
static void print_groups(Arena *a, Model *m)
{
    static const char *const names[] = {"embedding", "attention", "MLP", "head"};
    int64_t n[LENGTH(names)] = {0};
    Linear *l;
    for (int i = 0; (l = model_linears(m, i)); i++) {
        int layer;
        Role role;
        int group = l == &m->head ? 3 : 0;
        if (model_linear_place(m, i, &layer, &role))
            group = role <= ROLE_O ? 1 : 2;
        n[group] += (int64_t)l->rows * l->cols;
    }
    printf("  parameters  ");
    for (size_t i = 0; i < LENGTH(names); i++)
        if (n[i] > 0)
            printf("%s %s, ", names[i], format_bytes(a, n[i]));
    printf("norms %s\n", format_bytes(a, model_parameters(m) - n[0] - n[1] - n[2] - n[3]));
}

static void print_tokenizer(Arena *a, const Tokenizer *t)
{
    Data *tables;
    int64_t bytes = 0;
    const int n = tokenizer_tables(a, t, &tables);
    printf("  tokenizer   %s, %d pieces, %d merges, %d added tokens, bos %d, eos %d\n",
           tokenizer_names[t->kind], t->n_pieces, t->n_merges, t->n_added, t->bos, t->eos);
    for (int i = 0; i < n; i++)
        bytes += tables[i].count * elem_bytes[tables[i].elem];
    printf("              %s bytes of tables:", format_bytes(a, bytes));
    for (int i = 0; i < n; i++)
        printf("%s %s %s", i ? "," : "", tables[i].name,
               format_bytes(a, tables[i].count * elem_bytes[tables[i].elem]));
    printf("\n");
}

static void print_facts(Arena *a, const Model *m)
{
    const Block *b = &m->blocks[0];
    printf("%s\n  family      %s: %s norm%s, %s%s positions, %s %s, %s head%s\n", m->path,
           m->family, norm_names[m->norm], m->qk_norm ? " (of q and k too)" : "",
           m->rope_factor ? "scaled " : "", position_names[m->position],
           m->ungated ? "ungated" : "gated", activation_names[m->activation],
           m->tied_head ? "tied" : "untied", b->linear[ROLE_Q].bias ? ", biases" : "");
    printf("  size        %s parameters, %s bytes at float32\n",
           format_bytes(a, model_parameters(m)), format_bytes(a, 4 * model_parameters(m)));
    printf("  shape       %d layers, dim %d, vocab %d, context %d\n", m->n_layers, m->dim, m->vocab,
           m->context);
    printf("  layer       %d heads, %d kv heads, head dim %d, %d neurons\n", b->n_heads,
           b->n_kv_heads, b->head_dim, b->n_neurons);
    if (m->tokenizer)
        print_tokenizer(a, m->tokenizer);
    else
        printf("  tokenizer   none found\n");
    printf("  KV cache    %s bytes for %d tokens, int8\n",
           format_bytes(a, cache_bytes(m, m->context)), m->context);
}

typedef struct Fits {
    int64_t bytes[LENGTH(widths)]; /* of weights, without padding for a target */
    int n_targets;
    const char **names;
    Fit (*at)[LENGTH(widths)]; /* n_targets */
} Fits;

static Fits find_fits(Arena *a, const Model *m)
{
    Fits f = {.n_targets = 0};
    while (target_name(f.n_targets))
        f.n_targets++;
    f.names = NEW(a, const char *, f.n_targets);
    f.at = arena_alloc(a, (size_t)f.n_targets, sizeof *f.at);
    for (size_t i = 0; i < LENGTH(widths); i++) {
        const Unit *shapes = fit_shapes(a, m, widths[i]);
        f.bytes[i] = fit_target(a, shapes, target_load(a, "host")).weights;
        for (int k = 0; k < f.n_targets; k++) {
            f.names[k] = target_name(k);
            f.at[k][i] = fit_target(a, shapes, target_load(a, f.names[k]));
        }
    }
    return f;
}

static void print_fits(Arena *a, const Model *m, const Fits *f)
{
    printf("\n  %-12s", "bits");
    for (size_t i = 0; i < LENGTH(widths); i++)
        printf(" %10g", widths[i]);
    printf("\n  %-12s", "bytes");
    for (size_t i = 0; i < LENGTH(widths); i++)
        printf(" %10s", format_bytes(a, f->bytes[i]));
    printf("\n\n  fits: yes with the whole context, a number: with a KV cache of so many tokens;\n"
           "  flash, RAM: too small. An estimate from shapes; compile decides.\n");
    for (int k = 0; k < f->n_targets; k++) {
        printf("  %-12s", f->names[k]);
        for (size_t i = 0; i < LENGTH(widths); i++)
            printf(" %10s", fit_text(a, &f->at[k][i], m->context));
        printf("\n");
    }
}

static void print_json(const Model *m, const Fits *f)
{
    const Block *b = &m->blocks[0];
    printf("{\"family\": \"%s\", \"parameters\": %lld, \"layers\": %d, \"dim\": %d, \"vocab\": %d, "
           "\"context\": %d, \"heads\": %d, \"kv_heads\": %d, \"head_dim\": %d, \"neurons\": %d, "
           "\"tied_head\": %s, \"tokenizer\": \"%s\", \"kv_cache\": %lld, \"float32\": %lld, "
           "\"weights\": {",
           m->family, (long long)model_parameters(m), m->n_layers, m->dim, m->vocab, m->context,
           b->n_heads, b->n_kv_heads, b->head_dim, b->n_neurons, m->tied_head ? "true" : "false",
           m->tokenizer ? tokenizer_names[m->tokenizer->kind] : "none",
           (long long)cache_bytes(m, m->context), 4 * (long long)model_parameters(m));
    for (size_t i = 0; i < LENGTH(widths); i++)
        printf("%s\"%g\": %lld", i ? ", " : "", widths[i], (long long)f->bytes[i]);
    printf("}, \"fits\": {");
    for (int k = 0; k < f->n_targets; k++) {
        printf("%s\"%s\": {", k ? ", " : "", f->names[k]);
        for (size_t i = 0; i < LENGTH(widths); i++)
            printf("%s\"%g\": {\"flash\": %s, \"window\": %d}", i ? ", " : "", widths[i],
                   f->at[k][i].flash ? "true" : "false", f->at[k][i].window);
        printf("}");
    }
    printf("}}\n");
}

int command_inspect(Arena *a, const Options *o)
{
    Model *m = import_model(a, o->args[0], o->tokenizer);
    const Fits fits = find_fits(a, m);
    if (o->json) {
        print_json(m, &fits);
    } else {
        print_facts(a, m);
        print_groups(a, m);
        print_fits(a, m, &fits);
    }
    return 0;
}
