/* What a recipe may not ask of an encoder: it keeps no cache and writes no text, and passes that
 * measure what a model loses do so by its next tokens. */
#include "pass.h"

#include <stdlib.h>
#include <string.h>

static bool prunes(const Prune *p)
{
    return p->ratio > 0 || p->count > 0 || p->n_counts > 0;
}

int find_fallback(const Model *m, const char *name)
{
    for (int i = 0; m->labels && i < m->head.rows; i++)
        if (strcmp(m->labels[i], name) == 0)
            return i;
    char *end;
    const long number = strtol(name, &end, 10);
    return *name && *end == '\0' && number >= 0 && number < m->head.rows ? (int)number : -1;
}

static void check_fallback(const Model *m, const char *key, const char *name, bool has)
{
    if (*name && !has)
        fatal("%s: %s: the model gives %s: leave it out", m->path, key,
              m->head_kind == HEAD_CLASS ? "a class for the sequence only" : "no classes");
    if (*name && find_fallback(m, name) < 0)
        fatal("%s: %s: \"%s\": the model has no such label", m->path, key, text_clip(name).s);
}

/* Of a class or label that is too unlikely. */
static void check_fallbacks(const Unit *u)
{
    const Recipe *r = u->recipe;
    const HeadKind head = u->model->head_kind;
    check_fallback(u->model, "classify.fallback", r->class_fallback,
                   head == HEAD_CLASS || head == HEAD_LABEL);
    check_fallback(u->model, "classify.first", r->class_first, head == HEAD_LABEL);
    if (r->class_threshold > 0 && !*r->class_fallback && !*r->class_first)
        fatal("%s: classify.threshold: needs classify.fallback, what is given instead",
              u->model->path);
}

void check_encoder_recipe(const Unit *u)
{
    const Recipe *r = u->recipe;
    check_fallbacks(u);
    if (!u->model->encoder)
        return;
    const struct {
        const char *key;
        bool asked;
    } refused[] = {
        {"sinks", r->sinks > 0},
        {"head.top", r->top > 0},
        {"prompt", *r->prompt_prefix || *r->prompt_suffix},
        {"activations", r->activations == 1},
        {"fold.norms", r->fold_norms},
        {"prune-layers", r->prune_layers.count > 0 || r->prune_layers.n_list > 0},
        {"prune-heads", prunes(&r->prune_heads)},
        {"prune-neurons", prunes(&r->prune_neurons)},
        {"prune-vocab", *r->vocab_corpus || r->vocab_keep.n > 0},
        {"grammars", r->grammars.n > 0},
        {"prompts", r->prompts.n > 0},
        {"options", r->extras & 1U << EXTRA_OPTIONS},
        {"surprisal", r->extras & 1U << EXTRA_SURPRISAL},
    };
    for (size_t i = 0; i < LENGTH(refused); i++)
        if (refused[i].asked)
            fatal("%s: %s: is for models that write text, and this is an encoder: leave it out",
                  u->model->path, refused[i].key);
    const bool trains = r->recover_tokens > 0 || r->recover_blockwise > 0;
    if (model_reads_frames(u->model) && trains && !u->calib)
        fatal(
            "%s: recover: trains on clips, and there are none: --calib FILE names some, the bytes "
            "of %d frames a line",
            u->model->path, model_frames(u->model));
    if (model_reads_frames(u->model) && r->window && r->window != u->model->context)
        fatal("%s: window: %d: this model reads %d frames, always, which are %d tokens: leave it "
              "out",
              u->model->path, r->window, model_frames(u->model), u->model->context);
    if (r->window > u->model->context)
        fatal("%s: window: %d tokens: the model has %d positions", u->model->path, r->window,
              u->model->context);
}
