/* The report: one self-contained HTML page about what was compiled. Here its frame, the figures at
 * the top, what deserves attention, and what it was made from. */
#include "report.h"

#include <string.h>

void report_strip(Buf *b)
{
    buf_puts(b, "<svg class=\"strip\" aria-hidden=\"true\">");
}

void report_box(Buf *b, const char *class, double from, double share, const char *what)
{
    if (share <= 0)
        return;
    buf_printf(b, "<rect class=\"%s\" x=\"%.3f%%\" width=\"%.3f%%\" height=\"100%%\"><title>",
               class, 100 * from, 100 * share);
    buf_markup(b, what);
    buf_puts(b, "</title></rect>");
}

void report_strip_end(Buf *b)
{
    buf_puts(b, "</svg>");
}

void report_key(Buf *b, const char *class, const char *what)
{
    buf_printf(b,
               "<li><svg class=\"key\" aria-hidden=\"true\"><rect class=\"%s\" width=\"100%%\" "
               "height=\"100%%\"/></svg>%s</li>\n",
               class, what);
}

void report_table(Buf *b, const char *caption, const char *const *heads)
{
    buf_printf(b,
               "<section class=\"wide\" aria-label=\"%s\" tabindex=\"0\">\n<table>\n"
               "<caption>%s</caption>\n<thead><tr>",
               caption, caption);
    for (; *heads; heads++) {
        const bool bar = **heads == '|';
        buf_printf(b, "<th scope=\"col\"%s>%s</th>", bar ? " class=\"bar\"" : "", *heads + bar);
    }
    buf_puts(b, "</tr></thead>\n<tbody>\n");
}

void report_table_end(Buf *b)
{
    buf_puts(b, "</tbody>\n</table>\n</section>\n");
}

const char *report_layer(const Emission *e, int layer)
{
    return layer < 0                           ? "input"
           : layer >= e->unit->model->n_layers ? "head"
                                               : arena_printf(e->arena, "layer %d", layer);
}

int64_t data_size(const Data *d)
{
    return d->count * elem_bytes[d->elem];
}

static void page_head(const Emission *e, Buf *b)
{
    const EmbeddedFile *css = embedded_find("compiler/emit/report.css");
    if (!css)
        die("no report.css");
    buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<link rel=\"icon\" href=\"data:,\">\n<title>");
    buf_markup(b, e->name);
    buf_printf(b, ": lmcc report</title>\n<style>\n%s</style>\n</head>\n<body>\n", css->data);
}

static void title(const Emission *e, Buf *b)
{
    const Model *m = e->unit->model;
    buf_puts(b, "<header>\n<h1>");
    buf_markup(b, e->name);
    buf_puts(b, "</h1>\n<p>A ");
    buf_markup(b, m->family);
    buf_printf(b, " model of %s parameters, %d layers, dim&nbsp;%d, %s&nbsp;%d, for ",
               format_bytes(e->arena, model_parameters(m)), m->n_layers, m->dim,
               model_reads_frames(m) ? "frames" : "vocabulary",
               model_reads_frames(m) ? model_frames(m) : m->vocab);
    buf_markup(b, e->unit->target->what);
    buf_puts(b, ".</p>\n</header>\n<main>\n");
}

static double mean_bits(Model *m)
{
    double bits = 0, weights = 0;
    Linear *l;
    for (int i = 0; (l = model_linears(m, i)); i++) {
        bits += linear_bits(l) * l->rows * l->cols;
        weights += (double)l->rows * l->cols;
    }
    return bits / weights;
}

static void figure(Buf *b, const char *name, const char *value, const char *unit, double share)
{
    buf_printf(b, "<div><dt>%s</dt><dd>%s <small>%s</small>", name, value, unit);
    if (share >= 0) {
        report_strip(b);
        report_box(b, share > 0.9 ? "much" : "used", 0, share, name);
        report_strip_end(b);
    }
    buf_puts(b, "</dd></div>\n");
}

static int64_t flash_limit(const Unit *u)
{
    return u->flash_limit ? u->flash_limit : target_flash(u->target);
}

static int64_t ram_limit(const Unit *u)
{
    return u->ram_limit ? u->ram_limit : target_ram(u->target);
}

static void figures(const Emission *e, Buf *b)
{
    Arena *a = e->arena;
    const Unit *u = e->unit;
    const Program *p = u->program;
    const double original = 4.0 * (double)model_parameters(u->original);
    const Cost cost = token_cost(e);
    const double cycles = cost_cycles(cost, u->target);
    buf_puts(b, "<dl class=\"figures\">\n");
    figure(b, "weights, flash", format_bytes(a, p->weight_bytes),
           arena_printf(a, "of %s", format_size(a, flash_limit(u))),
           (double)p->weight_bytes / (double)flash_limit(u));
    figure(b, "state, RAM", format_bytes(a, p->state_bytes),
           arena_printf(a, "of %s", format_size(a, ram_limit(u))),
           (double)p->state_bytes / (double)ram_limit(u));
    figure(b, "bits a weight", arena_printf(a, "%.3g", mean_bits(u->model)), "in the mean", -1);
    figure(b, "below float32",
           arena_printf(a, "%.1f", 100 * (1 - (double)p->weight_bytes / original)), "%", -1);
    figure(b, p->encoder ? "sequences, to" : "KV cache", format_bytes(a, p->window), "tokens", -1);
    if (u->target->clock_hz > 0 && u->target->cycles_other > 0)
        figure(b, "a token, about",
               arena_printf(a, "%.3g", cycles / (double)u->target->clock_hz * 1000), "ms", -1);
    else
        figure(b, "a token, about", format_bytes(a, (int64_t)cost.instructions), "instructions",
               -1);
    buf_puts(b, "</dl>\n");
}

static void attend(Buf *b, bool *any, const char *text)
{
    buf_puts(b, *any ? "<li>"
                     : "<section class=\"notes\" aria-labelledby=\"notes\">\n<h2 "
                       "id=\"notes\">Worth knowing</h2>\n<ul>\n<li>");
    buf_markup(b, text);
    buf_puts(b, "</li>\n");
    *any = true;
}

/* What someone who takes this into a product should have seen. */
static void attention(const Emission *e, Buf *b)
{
    Arena *a = e->arena;
    const Unit *u = e->unit;
    const Program *p = u->program;
    const Model *m = u->model;
    const double last = m->encoder ? 999 : e->golden.layer_snr[m->n_layers];
    bool any = false;
    if (last < 10)
        attend(b, &any,
               arena_printf(a,
                            "After the last layer the error is %.1f dB below the signal: the text "
                            "will differ visibly from the float model's. More bits, or --recover, "
                            "bring it closer; lmcc eval says what it costs.",
                            last));
    if ((double)(p->weight_bytes + CODE_BYTES) > 0.9 * (double)flash_limit(u))
        attend(b, &any, "Weights and code take more than 90 % of the flash at hand.");
    if ((double)(p->state_bytes + STACK_BYTES) > 0.9 * (double)ram_limit(u))
        attend(b, &any, "State and stack take more than 90 % of the RAM at hand.");
    if (p->window < m->context)
        attend(b, &any,
               arena_printf(a,
                            p->encoder
                                ? "A sequence has %d of the %d tokens at most that the "
                                  "model was trained for: the rest is cut off%s."
                                : "The KV cache holds %d of the %d tokens that the model was "
                                  "trained for: what is older is forgotten%s.",
                            p->window, m->context,
                            p->sinks ? arena_printf(a, ", but for the first %d", p->sinks) : ""));
    if (!m->tokenizer && !model_reads_frames(m))
        attend(b, &any, "There is no tokenizer: the code takes and gives token numbers.");
    if (u->recipe->activations == 1)
        attend(b, &any,
               "Binary activations were asked for: right only where a model was trained so.");
    if (model_static_scales(m))
        attend(b, &any,
               u->calib ? "Activation scales are static, from the text that it was calibrated on: "
                          "larger values saturate."
                        : "Activation scales are static, from samples that no text was given for: "
                          "larger values saturate.");
    if (any)
        buf_puts(b, "</ul>\n</section>\n");
}

static void origin(const Emission *e, Buf *b)
{
    const Unit *u = e->unit;
    const bool encoder = u->model->encoder;
    Buf recipe = {0};
    recipe_json(u->recipe, &recipe, 0);
    buf_printf(
        b,
        "<section aria-labelledby=\"origin\">\n<h2 id=\"origin\">What it was made from</h2>\n"
        "<dl class=\"facts\">\n<dt>model</dt><dd><code>%016llx</code></dd>\n"
        "<dt>weights</dt><dd><code>%08x</code></dd>\n"
        "<dt>%s of %d %s</dt><dd><code>%08x</code></dd>\n"
        "<dt>target</dt><dd>",
        (unsigned long long)u->model->hash, (unsigned)e->golden.weights_hash,
        encoder ? "outputs" : "logits", encoder ? GOLDEN_RUNS : GOLDEN_STEPS,
        encoder ? "sequences" : "greedy steps", (unsigned)e->golden.logits_hash);
    buf_markup(b, u->target->name);
    buf_puts(b, "</dd>\n<dt>compiler</dt><dd>lmcc " LMCC_VERSION "</dd>\n</dl>\n<details>\n"
                "<summary>The recipe</summary>\n<pre tabindex=\"0\">");
    buf_markup(b, recipe.data ? recipe.data : "");
    buf_puts(b, "</pre>\n</details>\n</section>\n");
    buf_free(&recipe);
}

void emit_report(const Emission *e, Buf *b)
{
    page_head(e, b);
    title(e, b);
    figures(e, b);
    attention(e, b);
    report_memory(e, b);
    report_time(e, b);
    report_quality(e, b);
    origin(e, b);
    buf_printf(
        b,
        "</main>\n<footer>\n<p>The same as data: <code>%s.json</code>. Instructions and times "
        "are estimates; <code>lmcc bench</code> counts.</p>\n</footer>\n</body>\n</html>\n",
        e->name);
}
