/* All files of one model: templates filled in, tables and constants printed. Nothing reaches the
 * disk before every file is complete. */
#include "emit.h"

#include <ctype.h>
#include <string.h>
#include <xxhash.h>

static void define(const Emission *e, Buf *b, const char *name, long long value)
{
    buf_printf(b, "#define %s_%s %s%lld%s\n", e->upper, name, value < 0 ? "(" : "", value,
               value < 0 ? ")" : "");
}

static int longest_piece(const Emission *e)
{
    int longest = 1;
    const Tokenizer *t = e->unit->model->tokenizer;
    for (int i = 0; t && i < t->n_pieces; i++)
        longest = t->pieces[i].len > longest ? t->pieces[i].len : longest;
    return longest;
}

static void define_grammars(const Emission *e, Buf *b)
{
    const NamedTexts *list = &e->unit->recipe->grammars;
    buf_printf(b, "\n/* Grammars that %s_grammar_start takes. */\n", e->name);
    define(e, b, "GRAMMARS", list->n);
    for (int i = 0; i < list->n; i++)
        define(e, b, arena_printf(e->arena, "GRAMMAR_%s", upper_case(e->arena, list->name[i])), i);
}

static void decoder_constants(const Emission *e, Buf *b)
{
    const Program *p = e->unit->program;
    buf_printf(b, "\n/* The KV cache: a ring of WINDOW tokens; the first SINKS stay. */\n");
    define(e, b, "WINDOW", p->window);
    define(e, b, "SINKS", p->sinks);
    buf_printf(b, "\n/* A step gives so many of the largest logits; 0: all of them. */\n");
    define(e, b, "TOP", top_of(p));
    buf_printf(b, "\n/* Tokens of a prompt that are read at once. */\n");
    define(e, b, "BATCH", p->n_step < p->n_ops ? 2 : 1);
}

static void sizes_and_units(const Emission *e, Buf *b)
{
    const Program *p = e->unit->program;
    buf_printf(b,
               "\n/* Sizes in bytes: weights and tables in flash, the state's memory in RAM. */\n");
    define(e, b, "WEIGHT_BYTES", p->weight_bytes);
    define(e, b, "MEMORY_BYTES", p->state_bytes);
    define(e, b, "STATE_ALIGN", e->unit->target->state_align);
    buf_printf(b, "\n/* 1: the weights are a blob that %s_bind is given. */\n", e->name);
    define(e, b, "BLOB", e->weights == WEIGHTS_BLOB);
    if (e->weights == WEIGHTS_BLOB) {
        define(e, b, "BLOB_BYTES", e->file->word[BLOB_BYTES]);
        define(e, b, "BLOB_ALIGN", e->file->align);
    }
    buf_printf(b, "\n/* Fixed point: a value is an integer times 2^-FRACTION. */\n");
    define(e, b, "LOGIT_FRACTION", LOGIT_FRACTION);
    define(e, b, "RESIDUAL_FRACTION", p->residual_fraction);
}

static void fill_constants(const Emission *e, const char *marker, Buf *b)
{
    const Model *m = e->unit->model;
    const Tokenizer *t = m->tokenizer;
    (void)marker;
    define(e, b, "VOCAB", m->vocab);
    define(e, b, "DIM", m->dim);
    define(e, b, "LAYERS", m->n_layers);
    define(e, b, "CONTEXT", m->context);
    if (m->encoder)
        emit_encoder_constants(e, b);
    else
        decoder_constants(e, b);
    sizes_and_units(e, b);
    buf_printf(b, "\n/* Text. BOS and EOS are -1 when the model has none. */\n");
    define(e, b, "HAS_TOKENIZER", t != NULL);
    define(e, b, "BOS", t ? t->bos : -1);
    define(e, b, "EOS", t ? t->eos : -1);
    if (m->encoder)
        return;
    define(e, b, "PREFIX_SPACE", t && tokenizer_strips(t));
    define(e, b, "ROOM_PER_BYTE", t ? tokenizer_room(t) : 1);
    define(e, b, "PIECE_BYTES", longest_piece(e));
    define(e, b, "PREFIX_TOKENS", e->n_prefix);
    define(e, b, "SUFFIX_TOKENS", e->n_suffix);
    define_grammars(e, b);
    buf_puts(b, "\n/* Prompts that need not be read: a prefill finds their tokens in tables. */\n");
    define(e, b, "PROMPTS", e->prompts.n);
    buf_printf(b, "\n/* What %s_selftest compares. */\n", e->name);
    define(e, b, "GOLDEN_STEPS", GOLDEN_STEPS);
    define(e, b, "GOLDEN_START", e->golden.start);
}

void emit_header(const Emission *e, Buf *b)
{
    emit_template(e, e->unit->model->encoder ? "encoder.h" : "model.h", fill_constants, b);
}

/* Sizes of what encoding a word needs on the stack. */
static void fill_limits(const Tokenizer *t, Buf *b)
{
    if (t && t->kind == TOKENIZER_UNIGRAM)
        buf_printf(b, "#define LM_UNIGRAM_RING %d\n\n", tokenizer_ring(t));
    if (t && t->kind == TOKENIZER_WORDPIECE)
        buf_printf(b, "#define LM_BERT_CHARS %d\n\n", t->bert.most_chars);
}

void emit_kernels(const Emission *e, Buf *b)
{
    emit_banner(e, b);
    buf_printf(b, "#ifndef %s_KERNELS_H\n#define %s_KERNELS_H\n\n#include \"%s.h\"\n\n", e->upper,
               e->upper, e->name);
    buf_printf(b, "#define LM_HOT %s_HOT\n\n", e->upper);
    if (e->wide_ids)
        buf_puts(b, "#define LM_ID uint32_t\n\n");
    fill_limits(e->unit->model->tokenizer, b);
    emit_runtime(e, b);
    emit_declarations(e, b);
    if (!e->unit->model->encoder)
        buf_printf(b, "int %s_selftest_against(%s_t *s, const uint32_t *tokens, uint32_t hash);\n",
                   e->name, e->name);
    if (e->grammars)
        buf_printf(b, "void %s_pass(%s_t *s, %s_token t); /* reads it, without logits */\n",
                   e->name, e->name, e->name);
    buf_puts(b, "\n#endif\n");
}

static void print_prompts(const Emission *e, Buf *b)
{
    static const char *const fields[] = {"rows", "parts", "ids", "i8", "u16", "i32"};
    if (e->prompts.n == 0)
        return;
    buf_printf(b, "static const lm_prompts %s_prompts = {%dU, %dU, %dU, %dU", e->name, e->prompts.n,
               e->prompts.parts[0], e->prompts.parts[1], e->prompts.parts[2]);
    for (size_t i = 0; i < LENGTH(fields); i++)
        buf_printf(b, ", %s_prompt_%s", e->name, fields[i]);
    buf_puts(b, "};\n");
}

static void fill_source(const Emission *e, const char *marker, Buf *b)
{
    if (strcmp(marker, "prompts") == 0) {
        print_prompts(e, b);
        return;
    }
    const Buf *part = strcmp(marker, "shapes") == 0 ? e->shapes : e->layers;
    if (strcmp(marker, "labels") == 0)
        emit_labels(e, b);
    else if (strcmp(marker, "frames") == 0)
        emit_golden_frames(e, b);
    else
        buf_write(b, part->data, part->len);
}

void emit_source(const Emission *e, Buf *b)
{
    Buf shapes = {0}, layers = {0};
    Emission with = *e;
    emit_ops(e, &shapes, &layers);
    with.shapes = &shapes;
    with.layers = &layers;
    emit_template(&with, e->unit->model->encoder ? "encoder.c" : "model.c", fill_source, b);
    buf_free(&shapes);
    buf_free(&layers);
}

/* A token more than there are: an array has one at least. */
static void print_prompt(const Emission *e, const char *name, const int *ids, int n, Buf *b)
{
    buf_printf(b, "\nstatic const uint32_t %s_prompt_%s[%d] = {", e->name, name, n + 1);
    for (int i = 0; i < n; i++)
        buf_printf(b, "%s%dU,", i % 12 == 0 ? "\n    " : " ", ids[i]);
    buf_puts(b, " 0U};\n");
}

static void print_grammars(const Emission *e, Buf *b)
{
    static const char *const fields[] = {"first", "low", "high", "to", "flags"};
    if (!e->grammars)
        return;
    buf_printf(b, "\nstatic const lm_grammar %s_automaton = {", e->name);
    for (size_t i = 0; i < LENGTH(fields); i++)
        buf_printf(b, "%s%s_grammar_%s", i ? ", " : "", e->name, fields[i]);
    buf_printf(b, "};\n\nstatic const uint16_t %s_grammar_starts[%d] = {", e->name,
               e->grammars->n_starts);
    for (int i = 0; i < e->grammars->n_starts; i++)
        buf_printf(b, "%s%dU", i ? ", " : "", e->grammars->start[i]);
    buf_puts(b, "};\n");
}

static void fill_tables(const Emission *e, const char *marker, Buf *b)
{
    (void)marker;
    for (int i = 0; i < e->n_tables; i++)
        emit_constant(e, &e->tables[i], b);
    if (e->n_tables > 0) {
        tokenizer_structs(e->unit->model->tokenizer, arena_printf(e->arena, "%s_", e->name), b);
        if (!e->unit->model->encoder) {
            print_prompt(e, "prefix", e->prefix, e->n_prefix, b);
            print_prompt(e, "suffix", e->suffix, e->n_suffix, b);
        }
        print_grammars(e, b);
    }
}

void emit_tokenizer(const Emission *e, Buf *b)
{
    emit_template(e, "model_tokenizer.c", fill_tables, b);
}

static void fill_golden(const Emission *e, const char *marker, Buf *b)
{
    (void)marker;
    buf_printf(b, "#define %s_GOLDEN_HASH 0x%08xU\n", e->upper, (unsigned)e->golden.logits_hash);
    if (e->unit->model->encoder)
        return;
    buf_printf(b, "\nstatic const uint32_t %s_golden_tokens[%d] = {", e->name, GOLDEN_STEPS);
    for (int i = 0; i < GOLDEN_STEPS; i++)
        buf_printf(b, "%s%dU,", i % 12 == 0 ? "\n    " : " ", e->golden.tokens[i]);
    buf_puts(b, "\n};\n");
}

void emit_selftest(const Emission *e, Buf *b)
{
    emit_template(e, e->unit->model->encoder ? "encoder_selftest.c" : "model_selftest.c",
                  fill_golden, b);
}

static void fill_nothing(const Emission *e, const char *marker, Buf *b)
{
    (void)e, (void)b;
    die("template marker %s", marker);
}

/* What the target and the recipe say about fast memory. */
static void fill_places(const Emission *e, const char *marker, Buf *b)
{
    const Target *t = e->unit->target;
    const bool fast = e->unit->recipe->place == PLACE_FAST;
    (void)marker;
    buf_printf(b, "#ifndef %s_HOT\n#define %s_HOT", e->upper, e->upper);
    if (fast && *t->fast_code)
        buf_printf(b, " __attribute__((section(\"%s\")))", t->fast_code);
    buf_printf(b, "\n#endif\n\n");
    if (fast && t->fast_region >= 0 && *t->regions[t->fast_region].section)
        buf_printf(b,
                   "#ifndef %s_WEIGHTS_FAST_SECTION\n#define %s_WEIGHTS_FAST_SECTION "
                   "\"%s.%s\"\n#endif\n#ifndef %s_WEIGHTS_FAST\n#define %s_WEIGHTS_FAST "
                   "__attribute__((section(%s_WEIGHTS_FAST_SECTION)))\n#endif\n",
                   e->upper, e->upper, t->regions[t->fast_region].section, e->name, e->upper,
                   e->upper, e->upper);
    else
        buf_printf(b, "#ifndef %s_WEIGHTS_FAST\n#define %s_WEIGHTS_FAST %s_WEIGHTS\n#endif\n",
                   e->upper, e->upper, e->upper);
}

static void emit_config(const Emission *e, Buf *b)
{
    if (e->config)
        buf_puts(b, e->config);
    else
        emit_template(e, "model_config.h", fill_places, b);
}

/* The manifest has the hash of what would have been generated: a configuration that is the user's
 * is then known for theirs however often the folder is compiled again. */
static void record_default_config(Emission *e)
{
    Buf b = {0};
    emit_template(e, "model_config.h", fill_places, &b);
    e->files[e->n_files - 1].hash = XXH64(b.data, b.len, 0);
    buf_free(&b);
}

static void emit_bench(const Emission *e, Buf *b)
{
    emit_template(e, e->unit->model->encoder ? "encoder_bench.c" : "model_bench.c", fill_nothing,
                  b);
}

static void emit_probe(const Emission *e, Buf *b)
{
    emit_template(e, "model_probe.c", fill_nothing, b);
}

static void emit_license(const Emission *e, Buf *b)
{
    emit_template(e, "LICENSE", fill_nothing, b);
}

static void emit_options(const Emission *e, Buf *b)
{
    emit_template(e, "model_options.h", fill_nothing, b);
}

static void emit_debounce(const Emission *e, Buf *b)
{
    emit_template(e, "lm_debounce.h", fill_nothing, b);
}

static void emit_surprisal(const Emission *e, Buf *b)
{
    emit_template(e, "model_surprisal.h", fill_nothing, b);
}

/* The files, in the order they are written; %s is the prefix. The manifest comes last: it lists the
 * others. with: what it is there for, 0: always. */
static const struct {
    const char *name;
    void (*emit)(const Emission *e, Buf *b);
    unsigned with;
} files[] = {
    {"%s.h", emit_header, 0},
    {"%s.c", emit_source, 0},
    {"%s_kernels.h", emit_kernels, 0},
    {"%s_config.h", emit_config, 0},
    {"%s_weights.c", emit_weights, 0},
    {"%s_weights.S", emit_weights_asm, FOR_FORM(WEIGHTS_ASM)},
    {"%s_weights.bin", emit_weights_bin, FOR_FORM(WEIGHTS_ASM) | FOR_FORM(WEIGHTS_BLOB)},
    {"%s_tokenizer.c", emit_tokenizer, 0},
    {"%s_selftest.c", emit_selftest, 0},
    {"%s_bench.c", emit_bench, 0},
    {"%s_probe.c", emit_probe, FOR_DECODERS},
    {"%s_golden.h", emit_golden_header, FOR_DECODERS},
    {"%s_golden.json", emit_golden_json, FOR_DECODERS},
    {"%s_options.h", emit_options, FOR_EXTRA(EXTRA_OPTIONS)},
    {"%s_surprisal.h", emit_surprisal, FOR_EXTRA(EXTRA_SURPRISAL)},
    {"lm_debounce.h", emit_debounce, FOR_EXTRA(EXTRA_DEBOUNCE)},
    {"%s_report.html", emit_report, 0},
    {"LICENSE", emit_license, 0},
    {"%s.json", emit_manifest, 0},
};

bool emission_has(const Emission *e, unsigned what)
{
    const unsigned forms = what & (FOR_DECODERS - 1), kinds = what & (FOR_DECODERS | FOR_ENCODERS);
    const unsigned kind = e->unit->model->encoder ? FOR_ENCODERS : FOR_DECODERS;
    const unsigned extras = what / FOR_EXTRA(0);
    return (!forms || (forms & FOR_FORM(e->weights))) && (!kinds || (kinds & kind)) &&
           (!extras || (extras & e->unit->recipe->extras));
}

const char *upper_case(Arena *a, const char *s)
{
    char *u = arena_strndup(a, s, strlen(s));
    for (char *c = u; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return u;
}

static const char *file_name(Arena *a, const char *pattern, const char *prefix)
{
    return strncmp(pattern, "%s", 2) == 0 ? arena_printf(a, "%s%s", prefix, pattern + 2) : pattern;
}

static void write_file(Emission *e, Output *o, const char *name, Buf *b)
{
    if (e->n_files == (int)LENGTH(e->files))
        die("%s: too many files", name);
    output_file(o, name, b);
    e->files[e->n_files].name = name;
    e->files[e->n_files].size = b->len;
    e->files[e->n_files++].hash = XXH64(b->data, b->len, 0);
}

/* The prompt's ends as tokens: what begins the text starts with bos, what follows it does not, and
 * neither has what ends a text. */
static void encode_prompts(Emission *e)
{
    const Recipe *r = e->unit->recipe;
    const Tokenizer *t = e->unit->model->tokenizer;
    if (!t && (*r->prompt_prefix || *r->prompt_suffix))
        fatal("%s: prompt: the model has no tokenizer", e->unit->model->path);
    if (!t)
        return;
    Tokenizer plain = *t;
    plain.add_after = false;
    if (*r->prompt_prefix)
        e->n_prefix =
            tokenize(e->arena, &plain, r->prompt_prefix, strlen(r->prompt_prefix), &e->prefix);
    plain.add_bos = plain.add_prefix = false;
    if (*r->prompt_suffix)
        e->n_suffix =
            tokenize(e->arena, &plain, r->prompt_suffix, strlen(r->prompt_suffix), &e->suffix);
}

/* Their arrays go behind those of the tokenizer. */
static void add_grammars(Emission *e)
{
    const Unit *u = e->unit;
    if (u->recipe->grammars.n == 0)
        return;
    if (!u->model->tokenizer)
        fatal("%s: grammars: the model has no tokenizer", u->model->path);
    if (top_of(u->program) > 0)
        fatal("head.top: %d: a grammar chooses among all logits: leave out one of the two",
              top_of(u->program));
    GrammarTables *g = grammar_tables(e->arena, &u->recipe->grammars, u->model->tokenizer);
    Data *all = NEW(e->arena, Data, e->n_tables + g->n_data);
    memcpy(all, e->tables, (size_t)e->n_tables * sizeof *all);
    memcpy(all + e->n_tables, g->data, (size_t)g->n_data * sizeof *all);
    e->tables = all;
    e->n_tables += g->n_data;
    e->grammars = g;
}

void emit_all(const Unit *u, const char *config, Output *o)
{
    Emission e = {.arena = u->arena,
                  .unit = u,
                  .name = u->recipe->name,
                  .upper = upper_case(u->arena, u->recipe->name),
                  .config = config};
    if (u->model->tokenizer) {
        e.n_tables = tokenizer_tables(u->arena, u->model->tokenizer, &e.tables);
        e.wide_ids = tokenizer_wide_ids(u->model->tokenizer);
    }
    add_grammars(&e);
    if (top_of(u->program) > 0 && u->recipe->extras >> EXTRA_SURPRISAL & 1)
        fatal("extras: surprisal needs all logits: leave out head.top");
    encode_prompts(&e);
    add_prompts(&e);
    compute_golden(&e);
    measure_tensors(&e);
    e.weights = u->recipe->weights != WEIGHTS_AUTO            ? u->recipe->weights
                : u->program->weight_bytes <= WEIGHTS_C_BYTES ? WEIGHTS_C
                                                              : WEIGHTS_ASM;
    e.file = weights_file(u->arena, u->program, e.tables, e.n_tables);
    for (size_t i = 0; i < LENGTH(files); i++) {
        if (files[i].emit == emit_manifest)
            emit_packages(&e, write_file, o);
        if (!emission_has(&e, files[i].with))
            continue;
        Buf b = {0};
        files[i].emit(&e, &b);
        write_file(&e, o, file_name(u->arena, files[i].name, e.name), &b);
        if (files[i].emit == emit_config)
            record_default_config(&e);
        buf_free(&b);
    }
}
