/* Options: one table says which there are, which commands take them, and where they go. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef enum Kind {
    TEXT,
    SIZE,
    COUNT,
    REAL,
    FLAG,
    RECIPE,
    BITS,
    SET,
    GRAMMAR,
    GATE,
    QUIET,
    VERBOSE,
    PROGRESS
} Kind;

/* `on`: letters of the commands that take an option, as the table of commands has them. */
typedef struct Option {
    const char *name; /* "--target" */
    char letter;      /* 't', 0: none */
    const char *takes;
    const char *on;
    Kind kind;
    size_t offset;   /* TEXT, SIZE, COUNT, REAL, FLAG: in Options */
    const char *key; /* RECIPE: the recipe's key */
    const char *what;
} Option;

#define AT(field) offsetof(Options, field)

static const Option options[] = {
    {"--target", 't', "NAME|FILE", "CE", TEXT, AT(target), NULL, "what to compile for [host]"},
    {"--output", 'o', "DIR", "CF", TEXT, AT(output), NULL, "where the generated files go"},
    {"--name", 0, "NAME", "C", RECIPE, 0, "name", "C prefix of everything generated [model]"},
    {"--recipe", 0, "FILE", "CE", TEXT, AT(recipe), NULL,
     "what each pass does, YAML, or a manifest"},
    {"--tokenizer", 0, "FILE", "CIEP", TEXT, AT(tokenizer), NULL,
     "tokenizer.bin or tokenizer.json [beside the model]"},
    {"--bits", 0, "[GLOB=]BITS", "CE", BITS, 0, NULL,
     "bits a weight, of tensors matching GLOB: 1..6, 1.6, 8 [8]"},
    {"--window", 0, "N", "CE", RECIPE, 0, "window", "tokens in the KV cache [the model's context]"},
    {"--sinks", 0, "N", "CE", RECIPE, 0, "sinks", "first tokens that stay in it [0]"},
    {"--prune-layers", 0, "N", "CE", RECIPE, 0, "prune-layers", "remove so many whole layers [0]"},
    {"--prune-heads", 0, "RATIO", "CE", RECIPE, 0, "prune-heads",
     "remove attention heads, those that cost least [0]"},
    {"--prune-neurons", 0, "RATIO", "CE", RECIPE, 0, "prune-neurons",
     "remove neurons likewise [0]"},
    {"--tables", 0, "KIND", "CE", RECIPE, 0, "tables", "lookup tables: auto, byte, nibble [auto]"},
    {"--place", 0, "WHERE", "CE", RECIPE, 0, "place",
     "hot weights and code: default, or the target's fast memory [default]"},
    {"--weights", 0, "FORM", "C", RECIPE, 0, "weights",
     "c arrays, asm (.S and .bin), blob (bound at run time) [c to 100 KB, then asm]"},
    {"--batch", 0, "N", "CE", RECIPE, 0, "batch",
     "prompt tokens at once: 1, 2; 0: as RAM allows [0]"},
    {"--head-top", 0, "N", "CE", RECIPE, 0, "head.top",
     "keep the N largest logits only, to 256; 0: all [0]"},
    {"--grammar", 0, "FILE", "C", GRAMMAR, 0, NULL,
     "what generated text may be held to: a grammar or phrases"},
    {"--extras", 0, "LIST", "C", RECIPE, 0, "extras",
     "headers beside the code: options, debounce, surprisal [none]"},
    {"--package", 0, "LIST", "C", RECIPE, 0, "packages",
     "manifests: cmake, zephyr, esp-idf, arduino, platformio, cmsis-pack, make [all]"},
    {"--calib", 0, "TEXT", "CE", TEXT, AT(calib), NULL,
     "text to calibrate on [what the model itself writes]"},
    {"--recover", 0, "TOKENS", "CE", RECIPE, 0, "recover",
     "train on so many tokens what compression lost [0]"},
    {"--recover-state", 0, "FILE", "CE", TEXT, AT(recover_state), NULL,
     "where that training stands; goes on from there"},
    {"--set", 0, "KEY=VALUE", "CE", SET, 0, NULL, "any other key of a recipe"},
    {"--flash", 0, "SIZE", "C", SIZE, AT(flash), NULL, "flash at hand, 512K [the target's]"},
    {"--ram", 0, "SIZE", "C", SIZE, AT(ram), NULL, "RAM at hand [the target's]"},
    {"--search", 0, NULL, "C", FLAG, AT(search), NULL,
     "look for the recipe that fits best: bits, pruning, window, tables"},
    {"--max-loss", 0, "PERCENT%", "C", TEXT, AT(max_loss), NULL,
     "search: perplexity on samples may rise by this, 5% [any]"},
    {"--max-ms", 0, "MS", "C", REAL, AT(max_ms), NULL, "search: estimated time of a token [any]"},
    {"--prefer", 0, "WHAT", "C", TEXT, AT(prefer), NULL,
     "search: of what fits take the least loss, bytes [bytes with --max-loss]"},
    {"--no-cache", 0, NULL, "C", FLAG, AT(no_cache), NULL,
     "neither take from the cache nor keep there"},
    {"--dump", 0, "PASS", "C", TEXT, AT(dump), NULL, "print the IR as text after a pass"},
    {"--until", 0, "PASS", "C", TEXT, AT(until), NULL, "stop after a pass, write nothing"},
    {"--ref", 0, "MODEL", "EP", TEXT, AT(reference), NULL, "float model to compare a DIR with"},
    {"--docs", 0, "KIND", "EDP", TEXT, AT(docs), NULL,
     "documents of TEXT: lines, file, auto [auto]"},
    {"--cc", 0, "COMMAND", "EVRDP", TEXT, AT(cc), NULL, "the host's C compiler [$CC or cc]"},
    {"--board", 0, "NAME", "B", TEXT, AT(board), NULL, "emulated board [the target's]"},
    {"--profile", 0, NULL, "B", FLAG, AT(profile), NULL, "where the instructions of a token go"},
    {"--tokens", 'n', "N", "R", COUNT, AT(tokens), NULL, "how many to write [256]"},
    {"--temperature", 0, "T", "R", REAL, AT(temperature), NULL, "0: the likeliest token [0.8]"},
    {"--top-k", 0, "K", "R", COUNT, AT(top_k), NULL, "draw from the K likeliest [all]"},
    {"--top-p", 0, "P", "R", REAL, AT(top_p), NULL, "draw from those that reach this mass [0.9]"},
    {"--seed", 0, "N", "R", COUNT, AT(seed), NULL, "of the draws [1]"},
    {"--text", 0, "TEXT", "D", TEXT, AT(text), NULL, "diff: compare the perplexity on it too"},
    {"--fail-if", 0, "GATE", "D", GATE, 0, NULL,
     "diff: status 1 when so: 'ppl>+1%', 'flash>512K', 'ram>+0', 'snr<20'"},
    {"--junit", 0, "FILE", "VD", TEXT, AT(junit), NULL, "write the results as JUnit XML too"},
    {"--name", 0, "NAME", "F", TEXT, AT(prefix), NULL, "C prefix of everything generated [mic]"},
    {"--rate", 0, "HZ", "F", COUNT, AT(rate), NULL, "samples a second [16000]"},
    {"--window-ms", 0, "MS", "F", COUNT, AT(window_ms), NULL, "what a frame sees [30]"},
    {"--hop-ms", 0, "MS", "F", COUNT, AT(hop_ms), NULL, "from one frame to the next [20]"},
    {"--bands", 0, "N", "F", COUNT, AT(bands), NULL, "features in a frame [40]"},
    {"--low-hz", 0, "HZ", "F", COUNT, AT(low_hz), NULL, "where the first band begins [60]"},
    {"--high-hz", 0, "HZ", "F", COUNT, AT(high_hz), NULL, "where the last band ends [7600]"},
    {"--json", 0, NULL, "IEVBPH", FLAG, AT(json), NULL, "print JSON"},
    {"--progress", 0, NULL, "CE", PROGRESS, 0, NULL,
     "show how long passes take although stderr is no terminal"},
    {"--quiet", 'q', NULL, "CITEVBRDPHF", QUIET, 0, NULL, "print no warnings"},
    {"--verbose", 'v', NULL, "CITEVBRDPHF", VERBOSE, 0, NULL, "say what is being done"},
};

static bool takes(const Command *c, const Option *o)
{
    return strchr(o->on, c->letter) != NULL;
}

void print_options(const Command *c, Buf *b)
{
    for (size_t i = 0; i < LENGTH(options); i++) {
        const Option *o = &options[i];
        if (!takes(c, o))
            continue;
        const char shown[] = {'-', o->letter, ',', ' ', '\0'};
        const size_t before = b->len;
        buf_printf(b, "  %s%s%s%s", o->letter ? shown : "    ", o->name, o->takes ? " " : "",
                   o->takes ? o->takes : "");
        buf_printf(b, "%*s%s\n", (int)(before + 30 > b->len ? before + 30 - b->len : 1), "",
                   o->what);
    }
    buf_puts(b, "      --help                  this text\n");
}

static const Option *find_option(const Command *c, const char *arg, size_t n)
{
    const char *known[LENGTH(options) + 1] = {NULL};
    int n_known = 0;
    for (size_t i = 0; i < LENGTH(options); i++) {
        const Option *o = &options[i];
        if (!takes(c, o))
            continue;
        known[n_known++] = o->name;
        if ((strlen(o->name) == n && strncmp(o->name, arg, n) == 0) ||
            (o->letter && arg[1] == o->letter && arg[1] != '-'))
            return o;
    }
    const char *near = nearest_name(arg, known);
    usage_error("%s: %s: no such option%s%s; `lmcc %s --help` lists them", c->name,
                text_clip(arg).s, near ? ", did you mean " : "", near ? near : "", c->name);
}

/* Not a recipe's business: numbers of the command line itself. */
static double number(const Option *o, const char *value)
{
    char *end;
    errno = 0;
    const double v = strtod(value, &end);
    if (end == value || *end || errno || !(v >= 0) || v > 4294967295.0)
        usage_error("%s: %s: expected a number from 0 on", o->name, text_clip(value).s);
    if (o->kind == COUNT && v != (double)(int64_t)v)
        usage_error("%s: %s: expected a whole number", o->name, text_clip(value).s);
    return v;
}

static void add_set(Arena *a, Options *to, const char *text)
{
    to->sets = arena_grow(a, to->sets, to->n_sets, sizeof *to->sets);
    to->sets[to->n_sets++] = text;
}

static void store(Arena *a, const Option *o, const char *value, Options *to)
{
    char *field = (char *)to + o->offset;
    switch (o->kind) {
    case TEXT: *(const char **)(void *)field = value; return;
    case SIZE: {
        const Node n = {.kind = NODE_SCALAR, .text = value};
        *(int64_t *)(void *)field = node_size(&n, o->name);
        return;
    }
    case COUNT: *(int64_t *)(void *)field = (int64_t)number(o, value); return;
    case REAL: *(double *)(void *)field = number(o, value); return;
    case FLAG: *(bool *)field = true; return;
    case RECIPE: add_set(a, to, arena_printf(a, "%s=%s", o->key, value)); return;
    case BITS: add_set(a, to, arena_printf(a, "bits:%s", value)); return;
    case SET: add_set(a, to, value); return;
    case GRAMMAR: add_set(a, to, arena_printf(a, "grammar:%s", value)); return;
    case GATE:
        to->gates = arena_grow(a, to->gates, to->n_gates, sizeof *to->gates);
        to->gates[to->n_gates++] = value;
        return;
    case QUIET: verbosity = -1; return;
    case VERBOSE: verbosity = 1; return;
    case PROGRESS: progress_forced = true; return;
    }
}

/* "--name value", "--name=value", "-x value", "-xvalue". */
static int parse_one(Arena *a, const Command *c, int argc, char **argv, int i, Options *o)
{
    const char *arg = argv[i], *value = NULL;
    const bool is_long = arg[1] == '-';
    const size_t n = is_long ? strcspn(arg, "=") : strlen(arg);
    const Option *option = find_option(c, arg, n);
    if (is_long && arg[n] == '=')
        value = arg + n + 1;
    else if (!is_long && arg[2])
        value = arg + 2;
    if (!option->takes && value)
        usage_error("%s: takes no value", option->name);
    if (option->takes && !value) {
        if (i + 1 >= argc)
            usage_error("%s: %s is missing", option->name, option->takes);
        value = argv[++i];
    }
    store(a, option, value, o);
    return i;
}

void parse_options(Arena *a, const Command *c, int argc, char **argv, Options *o)
{
    bool only_operands = false;
    o->rate = 16000;
    o->window_ms = 30;
    o->hop_ms = 20;
    o->bands = 40;
    o->low_hz = 60;
    o->high_hz = 7600;
    o->temperature = 0.8;
    o->top_p = 0.9;
    o->seed = 1;
    o->tokens = 256;
    for (int i = 0; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
            i = parse_one(a, c, argc, argv, i, o);
        } else {
            o->args = arena_grow(a, o->args, o->n_args, sizeof *o->args);
            o->args[o->n_args++] = argv[i];
        }
    }
    if (o->n_args < c->min_args || o->n_args > c->max_args)
        usage_error("%s: expected %s, got %d operands", c->name, c->operands, o->n_args);
}
