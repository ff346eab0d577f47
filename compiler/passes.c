/* The pipeline as one table, and what runs it. A pass is skipped when the unit already has the
 * facts that it gives: a text IR that was dumped half way goes on where it stopped. What it does
 * not hold is the model as it was imported: passes that calibrate do so on what the text's model
 * writes. */
#include "pass.h"

#include <string.h>

const char *const fact_names[N_FACTS] = {
    "folded", "calibrated", "heads",   "neurons", "quantized", "recovered", "lowered", "chosen",
    "packed", "live",       "planned", "fits",    "batched",   "layers",    "vocab",
};

/* What a new set of ops or buffers puts in doubt, and what a new Program does. */
#define MEMORY_FACTS (FACT_LIVE | FACT_PLANNED | FACT_FITS)
#define LOWER_FACTS (FACT_CHOSEN | FACT_BATCHED | FACT_PACKED | MEMORY_FACTS)
/* What no longer follows from a model whose weights changed. */
#define WEIGHT_FACTS (FACT_QUANTIZED | FACT_RECOVERED | FACT_LOWERED | LOWER_FACTS)

/* Pruning breaks no FACT_CALIBRATED: what it removes adds little to the residual stream, and
 * lower leaves headroom above the range that was seen. Quantize is the same in that. */
const Pass passes[] = {
    {"prune-vocab", "keeps the tokens that a corpus needs", pass_prune_vocab, 0, FACT_VOCAB, 0},
    {"fold", "rope pairs become halves; norm weights move into linears", pass_fold, 0, FACT_FOLDED,
     FACT_CALIBRATED | WEIGHT_FACTS},
    {"calibrate", "finds the range of the residual stream", pass_calibrate, FACT_FOLDED,
     FACT_CALIBRATED, FACT_LOWERED | LOWER_FACTS},
    {"prune-layers", "removes whole layers", pass_prune_layers, FACT_FOLDED, FACT_LAYERS,
     WEIGHT_FACTS},
    {"prune-heads", "removes the attention heads that add least", pass_prune_heads,
     FACT_FOLDED | FACT_LAYERS, FACT_HEADS, WEIGHT_FACTS},
    {"prune-neurons", "removes the neurons that add least", pass_prune_neurons,
     FACT_FOLDED | FACT_LAYERS, FACT_NEURONS, WEIGHT_FACTS},
    {"quantize", "gives every weight its code", pass_quantize,
     FACT_FOLDED | FACT_HEADS | FACT_NEURONS, FACT_QUANTIZED,
     FACT_RECOVERED | FACT_LOWERED | LOWER_FACTS},
    {"recover", "trains the quantized model to give the original's probabilities", pass_recover,
     FACT_QUANTIZED, FACT_RECOVERED, FACT_LOWERED | LOWER_FACTS},
    {"lower", "turns the model into a straight line of ops", pass_lower,
     FACT_CALIBRATED | FACT_RECOVERED, FACT_LOWERED, LOWER_FACTS},
    {"choose", "picks a kernel for every matrix and adds its tables", pass_choose, FACT_LOWERED,
     FACT_CHOSEN, FACT_BATCHED | FACT_PACKED | MEMORY_FACTS},
    {"batch", "lets a prompt be read two tokens at a time", pass_batch, FACT_CHOSEN, FACT_BATCHED,
     FACT_PACKED | MEMORY_FACTS},
    {"pad", "packs the weights as the kernels read them", pass_pad, FACT_BATCHED, FACT_PACKED,
     FACT_PLANNED | FACT_FITS},
    {"live", "finds when each buffer is in use", pass_live, FACT_BATCHED, FACT_LIVE,
     FACT_PLANNED | FACT_FITS},
    {"plan", "places buffers in the state and weights in regions", pass_plan,
     FACT_PACKED | FACT_LIVE, FACT_PLANNED, FACT_FITS},
    {"budget", "refuses what does not fit the target", pass_budget, FACT_PLANNED, FACT_FITS, 0},
    {.name = NULL},
};

int unit_original_layer(const Unit *u, int layer)
{
    return u->original_layer && layer >= 0 ? u->original_layer[layer] : layer;
}

int find_pass(const char *name)
{
    for (int i = 0; passes[i].name; i++) {
        if (strcmp(passes[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *first_fact(unsigned facts)
{
    for (int i = 0; i < N_FACTS; i++) {
        if (facts >> i & 1) {
            return fact_names[i];
        }
    }
    die("no fact among %x", facts);
}

void run_pass(Unit *u, const Pass *p)
{
    const unsigned lacking = p->needs & ~u->facts;
    if (lacking) {
        die("pass %s needs %s, which does not hold", p->name, first_fact(lacking));
    }
    note("pass %s", p->name);
    p->run(u);
    u->facts = (u->facts & ~p->breaks) | p->gives;
    verify(u, p->name);
}

static int need_pass(const char *name)
{
    const int i = name ? find_pass(name) : -1;
    if (name && i < 0) {
        die("no pass is called %s", name);
    }
    return i;
}

void run_passes(Unit *u, const char *until, const char *dump, Buf *dumped)
{
    const int last = need_pass(until), shown = need_pass(dump);
    verify(u, u->facts ? NULL : "import");
    check_encoder_recipe(u);
    if (u->recipe->scales == SCALES_STATIC && (u->facts & FACT_QUANTIZED) &&
        !model_static_scales(u->model)) {
        fatal("%s: quantize.activations: static: the model was quantized without ranges of what "
              "its linears read: begin with a model that is not quantized",
              u->model->path);
    }
    for (int i = 0; passes[i].name && (last < 0 || i <= last); i++) {
        if ((u->facts & passes[i].gives) != passes[i].gives) {
            run_pass(u, &passes[i]);
        }
        if (i == shown) {
            ir_print(u, dumped);
        }
    }
}
