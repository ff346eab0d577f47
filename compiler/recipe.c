/* The recipe's schema is one table: the YAML reader, the command line, the manifest's JSON and the
 * suggestions for misspelt keys all walk it. Adding a key is one row, plus a kind if it is new. */
#include "grammar.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TOKENS = 1 << 20, /* of window and sinks */
    MAX_CALIB_TOKENS = 1 << 24,
    MAX_RECOVER_TOKENS = 1 << 30,
    MAX_PARTS = 1 << 16, /* heads or neurons to prune in one layer or model */
    MAX_LAYERS = 4096,
    MAX_ROUNDS = 1000,
    MAX_RULES = 1024,
    MAX_TEXTS = 1 << 16,
    MAX_GLOB = 127,
    MAX_STARS = 8, /* fnmatch backtracks over every '*' */
};

const char *const prune_scope_names[PRUNE_SCOPES] = {
    [PRUNE_LAYER] = "layer", [PRUNE_GLOBAL] = "global"};
const char *const fit_method_names[FIT_METHODS] = {[FIT_GPTQ] = "gptq", [FIT_WEIGHTS] = "weights"};
const char *const level_kind_names[LEVEL_KINDS] = {
    [LEVELS_ADDITIVE] = "additive", [LEVELS_UNIFORM] = "uniform"};
const char *const scale_kind_names[SCALE_KINDS] = {
    [SCALES_DYNAMIC] = "dynamic", [SCALES_STATIC] = "static"};
const char *const prune_method_names[PRUNE_METHODS] = {[PRUNE_MAGNITUDE] = "magnitude",
                                                       [PRUNE_ACTIVATION] = "activation",
                                                       [PRUNE_SALIENCY] = "saliency",
                                                       [PRUNE_MEASURED] = "measured"};
const char *const table_kind_names[TABLE_KINDS] = {
    [TABLES_AUTO] = "auto", [TABLES_BYTE] = "byte", [TABLES_NIBBLE] = "nibble"};

const char *const package_names[PACKAGES] = {[PACKAGE_CMAKE] = "cmake",
                                             [PACKAGE_ZEPHYR] = "zephyr",
                                             [PACKAGE_ESP_IDF] = "esp-idf",
                                             [PACKAGE_ARDUINO] = "arduino",
                                             [PACKAGE_PLATFORMIO] = "platformio",
                                             [PACKAGE_CMSIS] = "cmsis-pack",
                                             [PACKAGE_MAKE] = "make"};
const char *const extra_names[EXTRAS] = {
    [EXTRA_OPTIONS] = "options", [EXTRA_DEBOUNCE] = "debounce", [EXTRA_SURPRISAL] = "surprisal"};
const char *const place_names[PLACES] = {[PLACE_DEFAULT] = "default", [PLACE_FAST] = "fast"};
const char *const weights_form_names[WEIGHTS_FORMS] = {
    [WEIGHTS_AUTO] = "auto", [WEIGHTS_C] = "c", [WEIGHTS_ASM] = "asm", [WEIGHTS_BLOB] = "blob"};

typedef enum KeyKind {
    KEY_NAME,
    KEY_INT,
    KEY_REAL,
    KEY_SIZE,
    KEY_SEED,
    KEY_BOOL,
    KEY_CHOICE,
    KEY_CHOICES, /* several, "A,B,C"; all; none: a bit for each */
    KEY_TEXT,
    KEY_TEXTS,
    KEY_BITS,
    KEY_RULES,
    KEY_GRAMMARS,
    KEY_RATIO, /* RATIO, COUNT, COUNTS: `offset` is that of the Prune, */
    KEY_COUNT, /* of which one is in force: setting one unsets the others */
    KEY_COUNTS,
    KEY_LAYER_COUNT, /* likewise of a PruneLayers */
    KEY_LAYER_LIST,
} KeyKind;

typedef struct Key {
    const char *path;
    KeyKind kind;
    size_t offset;            /* in Recipe */
    bool shorthand;           /* "prune-heads: 0.2" sets this key of the group */
    int64_t min, max;         /* INT, REAL */
    const char *const *names; /* CHOICE, CHOICES */
    int n_names;
} Key;

#define AT(field) .offset = offsetof(Recipe, field)
#define CHOICE(field, list) KEY_CHOICE, AT(field), .names = (list), .n_names = LENGTH(list)
#define PRUNE(group, field, methods)                                                               \
    {group ".ratio", KEY_RATIO, AT(field), .shorthand = true},                                     \
        {group ".count", KEY_COUNT, AT(field)}, {group ".counts", KEY_COUNTS, AT(field)},          \
        {group ".scope", CHOICE(field.scope, prune_scope_names)},                                  \
        {group ".method", KEY_CHOICE, AT(field.method), .names = prune_method_names,               \
         .n_names = (methods)},                                                                    \
    {                                                                                              \
        group ".compensate", KEY_BOOL, AT(field.compensate)                                        \
    }

/* Keys of one group stand together. */
static const Key keys[] = {
    {"name", KEY_NAME, AT(name)},
    {"window", KEY_INT, AT(window), .min = 0, .max = MAX_TOKENS},
    {"sinks", KEY_INT, AT(sinks), .min = 0, .max = MAX_TOKENS},
    {"seed", KEY_SEED, AT(seed)},
    {"fold.norms", KEY_BOOL, AT(fold_norms)},
    {"calibrate.tokens", KEY_INT, AT(calib_tokens), .min = 1, .max = MAX_CALIB_TOKENS},
    {"prune-layers.count", KEY_LAYER_COUNT, AT(prune_layers), .shorthand = true},
    {"prune-layers.list", KEY_LAYER_LIST, AT(prune_layers)},
    {"prune-layers.compensate", KEY_BOOL, AT(prune_layers.compensate)},
    PRUNE("prune-heads", prune_heads, PRUNE_METHODS),
    PRUNE("prune-neurons", prune_neurons, PRUNE_MEASURED),
    {"activations", KEY_INT, AT(activations), .min = 0, .max = 8},
    {"prune-vocab.corpus", KEY_TEXT, AT(vocab_corpus), .shorthand = true},
    {"prune-vocab.keep", KEY_TEXTS, AT(vocab_keep)},
    {"prompt.prefix", KEY_TEXT, AT(prompt_prefix)},
    {"prompt.suffix", KEY_TEXT, AT(prompt_suffix)},
    {"prompts", KEY_TEXTS, AT(prompts)},
    {"grammars", KEY_GRAMMARS, AT(grammars)},
    {"quantize.bits", KEY_BITS, AT(bits), .shorthand = true},
    {"quantize.method", CHOICE(fit_method, fit_method_names)},
    {"quantize.tokens", KEY_INT, AT(fit_tokens), .min = 1, .max = MAX_CALIB_TOKENS},
    {"quantize.levels", CHOICE(levels, level_kind_names)},
    {"quantize.activations", CHOICE(scales, scale_kind_names)},
    {"quantize.rounds", KEY_INT, AT(fit_rounds), .min = 0, .max = MAX_ROUNDS},
    {"quantize.tensors", KEY_RULES, AT(rules)},
    {"recover.tokens", KEY_INT, AT(recover_tokens), .shorthand = true, .max = MAX_RECOVER_TOKENS},
    {"recover.rate", KEY_REAL, AT(recover_rate), .min = 0, .max = 1},
    {"recover.batch", KEY_INT, AT(recover_batch), .min = 1, .max = 256},
    {"recover.hidden", KEY_REAL, AT(recover_hidden), .min = 0, .max = 1000},
    {"recover.exits", KEY_REAL, AT(recover_exits), .min = 0, .max = 1000},
    {"recover.blockwise", KEY_INT, AT(recover_blockwise), .max = MAX_RECOVER_TOKENS},
    {"tables", CHOICE(tables, table_kind_names)},
    {"place", CHOICE(place, place_names)},
    {"weights", CHOICE(weights, weights_form_names)},
    {"flash", KEY_SIZE, AT(flash)},
    {"ram", KEY_SIZE, AT(ram)},
    {"batch", KEY_INT, AT(batch), .min = 0, .max = 2},
    {"head.top", KEY_INT, AT(top), .min = 0, .max = MAX_TOP},
    {"exits.threshold", KEY_REAL, AT(exit_threshold), .shorthand = true, .min = 0, .max = 1},
    {"classify.threshold", KEY_REAL, AT(class_threshold), .min = 0, .max = 1},
    {"classify.fallback", KEY_TEXT, AT(class_fallback)},
    {"classify.first", KEY_TEXT, AT(class_first)},
    {"extras", KEY_CHOICES, AT(extras), .names = extra_names, .n_names = EXTRAS},
    {"packages", KEY_CHOICES, AT(packages), .names = package_names, .n_names = PACKAGES},
};

Recipe *recipe_default(Arena *a)
{
    Recipe *r = NEW(a, Recipe, 1);
    r->name = "model";
    r->class_fallback = r->class_first = "";
    r->vocab_corpus = r->prompt_prefix = r->prompt_suffix = "";
    r->seed = 1;
    r->calib_tokens = 256;
    r->prune_layers.compensate = true;
    r->prune_heads = (Prune){.scope = PRUNE_GLOBAL, .method = PRUNE_MEASURED, .compensate = true};
    r->prune_neurons = (Prune){.scope = PRUNE_GLOBAL, .method = PRUNE_SALIENCY, .compensate = true};
    r->recover_rate = 1e-3;
    r->recover_batch = 2;
    r->recover_exits = 1;
    r->bits = 8;
    r->fit_rounds = 20;
    r->fit_tokens = 16384;
    r->packages = ALL_PACKAGES;
    return r;
}

/* The schema as a tree of two levels ------------------------------------------------------- */

static size_t group_length(const Key *k)
{
    const char *dot = strchr(k->path, '.');
    return dot ? (size_t)(dot - k->path) : 0;
}

static bool in_group(const Key *k, const char *group, size_t n)
{
    return group_length(k) == n && strncmp(k->path, group, n) == 0;
}

/* The key of a group, or of the top level ("") by its last name. */
static const Key *find_key(const char *group, const char *name)
{
    size_t n = strlen(group);
    for (size_t i = 0; i < LENGTH(keys); i++) {
        if (in_group(&keys[i], group, n) && strcmp(keys[i].path + n + (n > 0), name) == 0)
            return &keys[i];
    }
    return NULL;
}

static const Key *find_shorthand(const char *group)
{
    for (size_t i = 0; i < LENGTH(keys); i++) {
        if (keys[i].shorthand && in_group(&keys[i], group, strlen(group)))
            return &keys[i];
    }
    return NULL;
}

/* What may stand in a group; at the top level, group names too. */
static const char *const *known_keys(Arena *a, const char *group)
{
    const char **list = NEW(a, const char *, LENGTH(keys) + 1);
    size_t len = strlen(group), n = 0;
    for (size_t i = 0; i < LENGTH(keys); i++) {
        size_t own = group_length(&keys[i]);
        if (in_group(&keys[i], group, len))
            list[n++] = keys[i].path + len + (len > 0);
        else if (!len && (i == 0 || !in_group(&keys[i - 1], keys[i].path, own)))
            list[n++] = arena_strndup(a, keys[i].path, own);
    }
    return list;
}

/* Values ----------------------------------------------------------------------------------- */

static const char *read_name(const Node *n, const char *path)
{
    const char *s = node_string(n, path);
    const char *fault = prefix_fault(s);
    if (fault)
        node_fatal(n, path, "\"%s\" %s", text_clip(s).s, fault);
    return s;
}

static double read_bits(const Node *n, const char *path)
{
    if (n->kind == NODE_SCALAR && strcmp(n->text, "ternary") == 0)
        return 1.6;
    if (n->kind == NODE_SCALAR && strcmp(n->text, "int8") == 0)
        return 8;
    double bits = node_double(n, path, 1, 8);
    bool planes = bits <= MAX_PLANES && bits == (int)bits;
    if (!planes && bits != 1.6 && bits != 8)
        node_fatal(n, path, "expected 1 to %d, 1.6 (ternary) or 8 (int8) bits, got \"%s\"",
                   MAX_PLANES, text_clip(n->text).s);
    return bits;
}

/* A glob that was given before loses its old place: the last match wins, so nothing changes and
 * every glob stands once, as JSON needs. */
static void add_rule(Arena *a, Recipe *r, const Node *at, const char *glob, double bits)
{
    size_t len = strlen(glob);
    int stars = 0;
    bool ascii = true;
    for (const char *p = glob; *p; p++) {
        stars += *p == '*';
        ascii = ascii && *p > ' ' && *p <= '~';
    }
    if (len == 0 || len > MAX_GLOB || stars > MAX_STARS || !ascii)
        node_fatal(at, "quantize.tensors",
                   "pattern \"%s\": must be 1 to %d ASCII characters, at most %d of them stars",
                   text_clip(glob).s, MAX_GLOB, MAX_STARS);
    BitsRule *rules = NEW(a, BitsRule, r->n_rules + 1);
    int n = 0;
    for (int i = 0; i < r->n_rules; i++) {
        if (strcmp(r->rules[i].glob, glob) != 0)
            rules[n++] = r->rules[i];
    }
    if (n == MAX_RULES)
        node_fatal(at, "quantize.tensors", "more than %d patterns", MAX_RULES);
    rules[n++] = (BitsRule){arena_strndup(a, glob, len), bits};
    r->rules = rules;
    r->n_rules = n;
}

static void read_rules(Arena *a, Recipe *r, const Node *map, const char *path)
{
    static const char *const known[] = {"bits", NULL};
    if (map->kind != NODE_MAP)
        node_fatal(map, path, "expected a map of PATTERN: BITS");
    for (int i = 0; i < map->n; i++) {
        const Node *rule = map->child[i];
        const char *glob = map->key[i];
        if (rule->kind == NODE_MAP) {
            node_check_keys(rule, glob, known);
            if (rule->n == 0)
                node_fatal(rule, glob, "expected bits");
            rule = rule->child[0];
        }
        add_rule(a, r, rule, glob, read_bits(rule, glob));
    }
}

/* One way to say how much takes the place of another; scope and method stay. */
static void set_amount(Prune *p, double ratio, int count)
{
    p->ratio = ratio;
    p->count = count;
    p->n_counts = 0;
    p->counts = NULL;
}

static void read_counts(Arena *a, Prune *p, const Node *list, const char *path)
{
    if (list->kind != NODE_LIST || list->n < 1 || list->n > MAX_LAYERS)
        node_fatal(list, path, "expected a list with one count for each layer, at most %d",
                   MAX_LAYERS);
    int *counts = NEW(a, int, list->n);
    for (int i = 0; i < list->n; i++)
        counts[i] = (int)node_int(list->child[i], path, 0, MAX_PARTS);
    set_amount(p, 0, 0);
    p->scope = PRUNE_LAYER;
    p->counts = counts;
    p->n_counts = list->n;
}

/* Ascending and each once, whatever the order in the file. */
static void read_layers(Arena *a, PruneLayers *p, const Node *list, const char *path)
{
    if (list->kind != NODE_LIST || list->n < 1 || list->n > MAX_LAYERS)
        node_fatal(list, path, "expected a list of layers, at most %d", MAX_LAYERS);
    int *layers = NEW(a, int, list->n);
    for (int i = 0; i < list->n; i++) {
        const int l = (int)node_int(list->child[i], path, 0, MAX_LAYERS - 1);
        int at = i;
        for (; at > 0 && layers[at - 1] >= l; at--) {
            if (layers[at - 1] == l)
                node_fatal(list->child[i], path, "layer %d is given twice", l);
            layers[at] = layers[at - 1];
        }
        layers[at] = l;
    }
    p->count = 0;
    p->list = layers;
    p->n_list = list->n;
}

/* "A,B,C" or a list of them -> a bit for each name; all, none. */
static unsigned read_choices(Arena *a, const Node *n, const Key *k)
{
    unsigned set = 0;
    for (int i = 0; n->kind == NODE_LIST && i < n->n; i++)
        set |= 1U << node_choice(n->child[i], k->path, k->names, k->n_names);
    if (n->kind == NODE_LIST)
        return set;
    const char *text = node_string(n, k->path);
    if (strcmp(text, "all") == 0)
        return (1U << k->n_names) - 1;
    if (strcmp(text, "none") == 0)
        return 0;
    for (const char *word = text; word; word = strchr(word, ',') ? strchr(word, ',') + 1 : NULL) {
        Node one = *n;
        one.text = arena_strndup(a, word, strcspn(word, ","));
        set |= 1U << node_choice(&one, k->path, k->names, k->n_names);
    }
    return set;
}

static void print_choices(const Key *k, unsigned set, Buf *b)
{
    const char *before = "\"";
    if (set == 0)
        buf_puts(b, "\"none");
    for (int i = 0; i < k->n_names; i++) {
        if (set >> i & 1) {
            buf_printf(b, "%s%s", before, k->names[i]);
            before = ",";
        }
    }
    buf_puts(b, "\"");
}

static void read_texts(Arena *a, Texts *t, const Node *list, const char *path)
{
    if (list->kind != NODE_LIST || list->n > MAX_TEXTS)
        node_fatal(list, path, "expected a list of texts, at most %d", MAX_TEXTS);
    t->n = list->n;
    t->text = NEW(a, const char *, list->n);
    for (int i = 0; i < list->n; i++)
        t->text[i] = arena_printf(a, "%s", node_string(list->child[i], path));
}

/* One phrase a line, as grammar_parse reads them. */
static const char *phrases(Arena *a, const Node *list, const char *path)
{
    Buf b = {0};
    for (int i = 0; i < list->n; i++) {
        const char *phrase = node_string(list->child[i], path);
        if (strpbrk(phrase, "\r\n"))
            node_fatal(list->child[i], path, "a phrase of more than one line: write a grammar");
        buf_printf(&b, "%s\n", phrase);
    }
    const char *text = arena_strndup(a, b.data ? b.data : "", b.len);
    buf_free(&b);
    return text;
}

static void read_grammars(Arena *a, NamedTexts *to, const Node *map, const char *path)
{
    if (map->kind != NODE_MAP)
        node_fatal(map, path,
                   "expected NAME: TEXT or NAME: [PHRASE, ...]; a file is given with "
                   "--grammar FILE");
    for (int i = 0; i < map->n; i++) {
        const Node *n = map->child[i];
        grammar_add(a, to, map->key[i],
                    n->kind == NODE_LIST ? phrases(a, n, map->key[i])
                                         : node_string(n, map->key[i]));
    }
}

static void store(Arena *a, Recipe *r, const Key *k, const Node *n)
{
    void *field = (char *)r + k->offset;
    switch (k->kind) {
    case KEY_NAME: *(const char **)field = arena_printf(a, "%s", read_name(n, k->path)); break;
    case KEY_INT: *(int *)field = (int)node_int(n, k->path, k->min, k->max); break;
    case KEY_REAL:
        *(double *)field = node_double(n, k->path, (double)k->min, (double)k->max);
        break;
    case KEY_SIZE: *(int64_t *)field = node_size(n, k->path); break;
    case KEY_SEED: *(uint32_t *)field = (uint32_t)node_int(n, k->path, 0, UINT32_MAX); break;
    case KEY_BOOL: *(bool *)field = node_bool(n, k->path); break;
    case KEY_CHOICE: *(int *)field = node_choice(n, k->path, k->names, k->n_names); break;
    case KEY_CHOICES: *(unsigned *)field = read_choices(a, n, k); break;
    case KEY_TEXT: *(const char **)field = arena_printf(a, "%s", node_string(n, k->path)); break;
    case KEY_TEXTS: read_texts(a, field, n, k->path); break;
    case KEY_BITS: *(double *)field = read_bits(n, k->path); break;
    case KEY_RULES: read_rules(a, r, n, k->path); break;
    case KEY_GRAMMARS: read_grammars(a, field, n, k->path); break;
    case KEY_RATIO: {
        double ratio = node_double(n, k->path, 0, 1);
        if (ratio >= 1)
            node_fatal(n, k->path, "must be less than 1: a model without any is no model");
        set_amount(field, ratio, 0);
        break;
    }
    case KEY_COUNT: set_amount(field, 0, (int)node_int(n, k->path, 0, MAX_PARTS)); break;
    case KEY_COUNTS: read_counts(a, field, n, k->path); break;
    case KEY_LAYER_COUNT: {
        PruneLayers *p = field;
        *p = (PruneLayers){.count = (int)node_int(n, k->path, 0, MAX_LAYERS),
                           .compensate = p->compensate};
        break;
    }
    case KEY_LAYER_LIST: read_layers(a, field, n, k->path); break;
    }
}

/* A line for a message about two keys: that of the key, or of the whole. */
static const Node *place(const Node *root, const char *group, const char *key)
{
    const Node *n = group ? node_get(root, group) : root;
    const Node *found = n ? node_get(n, key) : NULL;
    return found ? found : root;
}

/* Rules between keys, checked whenever some were set. */
static void check(const Recipe *r, const Node *root)
{
    if (r->window && r->sinks >= r->window)
        node_fatal(place(root, NULL, "sinks"), "sinks", "%d must be less than the window, %d",
                   r->sinks, r->window);
    if (r->activations != 0 && r->activations != 1 && r->activations != 8)
        node_fatal(place(root, NULL, "activations"), "activations",
                   "%d bits: expected 8, 1 (binary), or 0 for what the model was trained with",
                   r->activations);
    if (r->scales == SCALES_STATIC && r->activations == 1)
        node_fatal(place(root, "quantize", "activations"), "quantize.activations",
                   "static: binary activations have no such scales: leave out one of the two");
    if (r->scales == SCALES_STATIC && r->recover_tokens > 0)
        node_fatal(place(root, "quantize", "activations"), "quantize.activations",
                   "static: recover trains for scales found as vectors come: leave out one of the "
                   "two");
    if (r->prune_heads.n_counts && r->prune_heads.scope != PRUNE_LAYER)
        node_fatal(place(root, "prune-heads", "scope"), "prune-heads.scope",
                   "counts are given layer by layer");
    if (r->prune_neurons.n_counts && r->prune_neurons.scope != PRUNE_LAYER)
        node_fatal(place(root, "prune-neurons", "scope"), "prune-neurons.scope",
                   "counts are given layer by layer");
}

/* Reading ---------------------------------------------------------------------------------- */

/* In schema order, not file order: counts set the scope that a "scope" beside them may refuse. */
static void apply_group(Arena *a, Recipe *r, const char *group, const Node *n)
{
    const Key *shorthand = find_shorthand(group);
    if (n->kind != NODE_MAP && shorthand) {
        store(a, r, shorthand, n);
        return;
    }
    node_check_keys(n, group, known_keys(a, group));
    const Key *amount = NULL;
    for (size_t i = 0; i < LENGTH(keys); i++) {
        if (!in_group(&keys[i], group, strlen(group)))
            continue;
        const Node *value = node_get(n, keys[i].path + strlen(group) + 1);
        if (!value)
            continue;
        if (keys[i].kind >= KEY_RATIO) {
            if (amount)
                node_fatal(value, keys[i].path, "cannot be given together with %s", amount->path);
            amount = &keys[i];
        }
        store(a, r, &keys[i], value);
    }
}

void recipe_apply(Arena *a, Recipe *r, const Node *root)
{
    const Node *member = node_get(root, "recipe");
    if (member && node_get(root, "lmcc")) /* a manifest */
        root = member;
    node_check_keys(root, "recipe", known_keys(a, ""));
    for (int i = 0; i < root->n; i++) {
        const Key *k = find_key("", root->key[i]);
        if (k)
            store(a, r, k, root->child[i]);
        else
            apply_group(a, r, root->key[i], root->child[i]);
    }
    check(r, root);
}

/* "1,0,2" */
static Node *split_list(Arena *a, const char *text)
{
    Node *list = NEW(a, Node, 1);
    list->kind = NODE_LIST;
    list->child = NEW(a, Node *, strlen(text) + 1);
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        Node *item = NEW(a, Node, 1);
        item->text = arena_strndup(a, p, n);
        list->child[list->n++] = item;
        p += n;
        if (!*p)
            return list;
    }
}

void recipe_set(Arena *a, Recipe *r, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (!equals)
        fatal("%s: expected KEY=VALUE", text_clip(assignment).s);
    const char *path = arena_strndup(a, assignment, (size_t)(equals - assignment));
    Node value = {.kind = NODE_SCALAR, .text = equals + 1};
    const char *known[LENGTH(keys) + 1] = {NULL};
    const Key *k = find_shorthand(path);
    for (size_t i = 0; i < LENGTH(keys); i++) {
        known[i] = keys[i].path;
        if (strcmp(keys[i].path, path) == 0)
            k = &keys[i];
    }
    if (!k) {
        const char *near = nearest_name(path, known);
        node_fatal(&value, path, "unknown recipe key%s%s%s", near ? "; did you mean " : "",
                   near ? near : "", near ? "?" : "");
    }
    if (k->kind == KEY_RULES)
        node_fatal(&value, path, "give each pattern as PATTERN=BITS, or in a recipe file");
    const bool list = k->kind == KEY_COUNTS || k->kind == KEY_LAYER_LIST || k->kind == KEY_TEXTS;
    store(a, r, k, list ? split_list(a, value.text) : &value);
    check(r, &value);
}

void recipe_set_bits(Arena *a, Recipe *r, const char *arg)
{
    const char *equals = strrchr(arg, '=');
    Node value = {.kind = NODE_SCALAR, .text = equals ? equals + 1 : arg};
    if (!equals) {
        r->bits = read_bits(&value, "bits");
        return;
    }
    const char *glob = arena_strndup(a, arg, (size_t)(equals - arg));
    add_rule(a, r, &value, glob, read_bits(&value, glob));
}

int exit_units(const Recipe *r)
{
    return r->exit_threshold > 0 ? (int)(r->exit_threshold * 32768 + 0.5) : 65535;
}

double recipe_bits_for(const Recipe *r, const char *tensor)
{
    for (int i = r->n_rules - 1; i >= 0; i--) {
        if (fnmatch(r->rules[i].glob, tensor, 0) == 0)
            return r->rules[i].bits;
    }
    return r->bits;
}

/* Writing ---------------------------------------------------------------------------------- */

/* The fewest digits that read back to the same double. */
static void put_double(Buf *b, double v)
{
    char text[32];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_puts(b, text);
}

static void put_rules(Buf *b, const Recipe *r, int indent)
{
    buf_puts(b, "{");
    for (int i = 0; i < r->n_rules; i++) {
        buf_printf(b, "%s\n%*s", i ? "," : "", indent + 2, "");
        buf_json_string(b, r->rules[i].glob, strlen(r->rules[i].glob));
        buf_puts(b, ": ");
        put_double(b, r->rules[i].bits);
    }
    if (r->n_rules)
        buf_printf(b, "\n%*s", indent, "");
    buf_puts(b, "}");
}

static void put_list(Buf *b, const int *list, int n)
{
    for (int i = 0; i < n; i++)
        buf_printf(b, "%s%d", i ? ", " : "[", list[i]);
    buf_puts(b, "]");
}

static void put_text(Buf *b, const char *text)
{
    buf_json_string(b, text, strlen(text));
}

static void put_texts(Buf *b, const Texts *t)
{
    buf_puts(b, "[");
    for (int i = 0; i < t->n; i++) {
        buf_puts(b, i ? ", " : "");
        put_text(b, t->text[i]);
    }
    buf_puts(b, "]");
}

static void put_named_texts(Buf *b, const NamedTexts *t, int indent)
{
    buf_puts(b, "{");
    for (int i = 0; i < t->n; i++) {
        buf_printf(b, "%s\n%*s\"%s\": ", i ? "," : "", indent + 2, "", t->name[i]);
        put_text(b, t->text[i]);
    }
    if (t->n)
        buf_printf(b, "\n%*s", indent, "");
    buf_puts(b, "}");
}

static void put_value(Buf *b, const Recipe *r, const Key *k, int indent)
{
    const void *field = (const char *)r + k->offset;
    switch (k->kind) {
    case KEY_NAME: buf_printf(b, "\"%s\"", *(const char *const *)field); break;
    case KEY_INT: buf_printf(b, "%d", *(const int *)field); break;
    case KEY_REAL: put_double(b, *(const double *)field); break;
    case KEY_SIZE: buf_printf(b, "%lld", (long long)*(const int64_t *)field); break;
    case KEY_SEED: buf_printf(b, "%u", (unsigned)*(const uint32_t *)field); break;
    case KEY_BOOL: buf_puts(b, *(const bool *)field ? "true" : "false"); break;
    case KEY_CHOICE: buf_printf(b, "\"%s\"", k->names[*(const int *)field]); break;
    case KEY_CHOICES: print_choices(k, *(const unsigned *)field, b); break;
    case KEY_TEXT: put_text(b, *(const char *const *)field); break;
    case KEY_TEXTS: put_texts(b, field); break;
    case KEY_BITS: put_double(b, *(const double *)field); break;
    case KEY_RULES: put_rules(b, r, indent); break;
    case KEY_GRAMMARS: put_named_texts(b, field, indent); break;
    case KEY_RATIO: put_double(b, ((const Prune *)field)->ratio); break;
    case KEY_COUNT: buf_printf(b, "%d", ((const Prune *)field)->count); break;
    case KEY_COUNTS:
        put_list(b, ((const Prune *)field)->counts, ((const Prune *)field)->n_counts);
        break;
    case KEY_LAYER_COUNT: buf_printf(b, "%d", ((const PruneLayers *)field)->count); break;
    case KEY_LAYER_LIST:
        put_list(b, ((const PruneLayers *)field)->list, ((const PruneLayers *)field)->n_list);
        break;
    }
}

/* Of ratio, count and counts only the one in force is written. */
static bool in_force(const Recipe *r, const Key *k)
{
    if (k->kind < KEY_RATIO)
        return true;
    const void *field = (const char *)r + k->offset;
    if (k->kind >= KEY_LAYER_COUNT)
        return k->kind == (((const PruneLayers *)field)->n_list ? KEY_LAYER_LIST : KEY_LAYER_COUNT);
    const Prune *p = field;
    KeyKind used = p->n_counts ? KEY_COUNTS : p->count ? KEY_COUNT : KEY_RATIO;
    return k->kind == used;
}

void recipe_json(const Recipe *r, Buf *b, int indent)
{
    const Key *last = NULL;
    buf_puts(b, "{");
    for (const Key *k = keys; k < keys + LENGTH(keys); k++) {
        size_t len = group_length(k);
        if (!in_force(r, k))
            continue;
        bool same = last && in_group(last, k->path, len);
        if (last && !same && group_length(last))
            buf_printf(b, "\n%*s}", indent + 2, "");
        if (!same && len)
            buf_printf(b, "%s\n%*s\"%.*s\": {", last ? "," : "", indent + 2, "", (int)len, k->path);
        int inner = indent + (len ? 4 : 2);
        const char *separator = last && (same || !len) ? "," : "";
        buf_printf(b, "%s\n%*s\"%s\": ", separator, inner, "", k->path + len + (len > 0));
        put_value(b, r, k, inner);
        last = k;
    }
    if (last && group_length(last))
        buf_printf(b, "\n%*s}", indent + 2, "");
    buf_printf(b, "\n%*s}", indent, "");
}
