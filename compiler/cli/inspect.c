/* lmcc inspect: what a model is, what it would take at each width, and where that would fit. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 80 /* of a terminal that need not be wide */
#define INDENT 14  /* where facts begin */

static const double widths[] = {8, 6, 5, 4, 3, 2, 1.6, 1};

/* "name value" pairs, a comma between two, over as many lines as they take; one is under way. */
typedef struct List {
    int column, n;
} List;

static void print_item(List *l, const char *text)
{
    const int length = (int)strlen(text);
    if (l->n > 0)
        putchar(',');
    if (l->n > 0 && l->column + length + 1 > COLUMNS) {
        printf("\n%*s", INDENT, "");
        l->column = INDENT;
    } else if (l->n > 0) {
        putchar(' ');
    }
    fputs(text, stdout);
    l->column += length + 2;
    l->n++;
}

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
    List list = {.column = INDENT};
    Linear *l;
    for (int i = 0; (l = model_linears(m, i)); i++) {
        int layer;
        Role role;
        int group = l == &m->embed || l == &m->positions ? 0 : 3;
        if (model_linear_place(m, i, &layer, &role))
            group = role <= ROLE_O ? 1 : 2;
        n[group] += (int64_t)l->rows * l->cols;
    }
    printf("  parameters  ");
    for (size_t i = 0; i < LENGTH(names); i++)
        if (n[i] > 0)
            print_item(&list, arena_printf(a, "%s %s", names[i], format_bytes(a, n[i])));
    print_item(&list,
               arena_printf(a, "norms and biases %s",
                            format_bytes(a, model_parameters(m) - n[0] - n[1] - n[2] - n[3])));
    putchar('\n');
}

static const char *token_text(Arena *a, const char *what, int token)
{
    return token < 0 ? arena_printf(a, "no %s", what) : arena_printf(a, "%s %d", what, token);
}

static void print_tokenizer(Arena *a, const Tokenizer *t)
{
    Data *tables;
    int64_t bytes = 0;
    const int n = tokenizer_tables(a, t, &tables);
    List list = {.column = INDENT};
    printf("  tokenizer   ");
    print_item(&list, tokenizer_names[t->kind]);
    print_item(&list, arena_printf(a, "%d pieces", t->n_pieces));
    if (t->n_merges > 0)
        print_item(&list, arena_printf(a, "%d merges", t->n_merges));
    print_item(&list, arena_printf(a, "%d added tokens", t->n_added));
    print_item(&list, token_text(a, "bos", t->bos));
    print_item(&list, token_text(a, "eos", t->eos));
    for (int i = 0; i < n; i++)
        bytes += tables[i].count * elem_bytes[tables[i].elem];
    list = (List){.column = INDENT};
    printf("\n%*s%s bytes of tables:\n%*s", INDENT, "", format_bytes(a, bytes), INDENT, "");
    for (int i = 0; i < n; i++)
        print_item(&list,
                   arena_printf(a, "%s %s", tables[i].name,
                                format_bytes(a, tables[i].count * elem_bytes[tables[i].elem])));
    putchar('\n');
}

/* What an encoder gives. */
static void print_head(const Model *m)
{
    const int n = model_outputs(m);
    switch (m->head_kind) {
    case HEAD_NEXT: return;
    case HEAD_CLASS: printf("  gives       one of %d classes for a text\n", n); return;
    case HEAD_LABEL: printf("  gives       one of %d labels for each token\n", n); return;
    case HEAD_MASK: printf("  gives       the likeliest of %d tokens for each token\n", n); return;
    case HEAD_EMBED: printf("  gives       a vector of %d for a text\n", n); return;
    case HEAD_KINDS: break;
    }
    die("head %d", (int)m->head_kind);
}

static void print_architecture(Arena *a, const Model *m)
{
    List list = {.column = INDENT + (int)strlen(m->family) + 2};
    printf("%s\n  family      %s: ", m->path, m->family);
    print_item(&list, arena_printf(a, "%s norm%s", norm_names[m->norm],
                                   m->qk_norm ? " (of q and k too)" : ""));
    print_item(&list, arena_printf(a, "%s%s positions", m->rope_factor ? "scaled " : "",
                                   position_names[m->position]));
    print_item(&list, arena_printf(a, "%s %s", m->ungated ? "ungated" : "gated",
                                   activation_names[m->activation]));
    print_item(&list, m->tied_head ? "tied head" : "untied head");
    if (m->blocks[0].linear[ROLE_Q].bias)
        print_item(&list, "biases");
    putchar('\n');
    print_head(m);
}

static void print_facts(Arena *a, Model *m)
{
    const Block *b = &m->blocks[0];
    print_architecture(a, m);
    printf("  size        %s parameters, %s bytes at float32\n",
           format_bytes(a, model_parameters(m)), format_bytes(a, 4 * model_parameters(m)));
    print_groups(a, m);
    printf("  shape       %d layers, dim %d, vocab %d, context %d\n", m->n_layers, m->dim, m->vocab,
           m->context);
    printf("  layer       %d heads, %d kv heads, head dim %d, %d neurons\n", b->n_heads,
           b->n_kv_heads, b->head_dim, b->n_neurons);
    if (m->tokenizer)
        print_tokenizer(a, m->tokenizer);
    else
        printf("  tokenizer   none found\n");
    if (!m->encoder)
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

/* Bytes, or where those would take too wide a column KiB, rounded up. */
static const char *size_text(Arena *a, int64_t bytes, bool small)
{
    return format_bytes(a, small ? bytes : bytes / 1024 + (bytes % 1024 > 0));
}

static void print_fits(Arena *a, const Model *m, const Fits *f)
{
    const bool small = f->bytes[0] < 1000000;
    int first = INDENT - 2, width = 7; /* "flash", and two spaces before it */
    for (int k = 0; k < f->n_targets; k++)
        first = larger(first, (int)strlen(f->names[k]));
    for (size_t i = 0; i < LENGTH(widths); i++)
        width = larger(width, 1 + (int)strlen(size_text(a, f->bytes[i], small)));
    printf("\n  %-*s", first, "bits");
    for (size_t i = 0; i < LENGTH(widths); i++)
        printf("%*g", width, widths[i]);
    printf("\n  %-*s", first, small ? "bytes" : "KiB");
    for (size_t i = 0; i < LENGTH(widths); i++)
        printf("%*s", width, size_text(a, f->bytes[i], small));
    printf("\n\n  fits: yes with the whole context, a number: %s so many tokens;\n"
           "  flash, RAM: too small. An estimate from shapes; compile decides.\n",
           m->encoder ? "sequences of" : "with a KV cache of");
    for (int k = 0; k < f->n_targets; k++) {
        printf("  %-*s", first, f->names[k]);
        for (size_t i = 0; i < LENGTH(widths); i++)
            printf("%*s", width, fit_text(a, &f->at[k][i], m->context));
        putchar('\n');
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
        print_fits(a, m, &fits);
    }
    return 0;
}
