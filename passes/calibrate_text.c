/* Whether a calibration text is one to calibrate on: enough of it, and what the model expects. What
 * a model writes itself it expects by definition, so that is the measure. */
#include "calibrate.h"

#include "train/sampler.h"

#define DOCUMENTS 16
#define WINDOW 128
#define FAR 3 /* times the perplexity of its own samples */

static double perplexity(Unit *u, const Corpus *c)
{
    Reference *r = reference_new(u->arena, u->model, unit_window(u), u->recipe->sinks);
    return evaluate(u->arena, c, stepper_reference(r), NULL, u->model->vocab).perplexity;
}

static void check_amount(const Unit *u, const Corpus *text)
{
    const int64_t tokens = text->n_predicted + text->n_docs;
    Model *m = u->model;
    const Linear *l, *widest = &m->embed;
    for (int i = 0; (l = model_linears(m, i)); i++) {
        widest = l->cols > widest->cols ? l : widest;
    }
    if (tokens < widest->cols) {
        warn("%s: %lld tokens, but tensor %s reads %d numbers, which fewer tokens cannot show one "
             "by one: give a longer text",
             u->calib, (long long)tokens, widest->name, widest->cols);
    }
}

void check_calibration_text(Unit *u, const Corpus *text)
{
    static const double plain = 1;
    const int window = unit_window(u);
    const SamplePlan plan = {.n = DOCUMENTS,
                             .window = window < WINDOW ? window : WINDOW,
                             .seed = u->recipe->seed,
                             .n_temperatures = 1,
                             .temperature = &plain};
    const Corpus *own = sample_documents(u->arena, u->model, &plan);
    check_amount(u, text);
    const double here = perplexity(u, corpus_part(u->arena, text, DOCUMENTS * WINDOW));
    const double there = perplexity(u, own);
    if (here > FAR * there) {
        warn("%s: perplexity %.1f, but %.1f on what the model writes itself: it does not expect "
             "such a text; what it is calibrated on should be like what it will read",
             u->calib, here, there);
    }
}
