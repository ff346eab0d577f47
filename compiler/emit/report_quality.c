/* The report's quality: the error after each layer, bits and error of each tensor, the curve of a
 * search, what pruning removed. */
#include "report.h"
#include "search.h"

#include <math.h>
#include <string.h>

/* Signal to noise as a shade, from poor to good. */
static const char *shade(double snr)
{
    return snr < 6 ? "s0" : snr < 12 ? "s1" : snr < 20 ? "s2" : snr < 30 ? "s3" : "s4";
}

static const char *decibels(Arena *a, double snr)
{
    return snr >= 999 ? "exact" : arena_printf(a, "%.1f", snr);
}

static void layers(const Emission *e, Buf *b)
{
    static const char *const heads[] = {"after", "|signal to noise", "dB", NULL};
    const int n = e->unit->model->n_layers;
    report_table(b, "Residual stream against the float model", heads);
    for (int l = 0; l <= n; l++) {
        const double snr = e->golden.layer_snr[l];
        buf_printf(b, "<tr><th scope=\"row\">%s</th><td class=\"bar\">",
                   l == 0 ? "embedding" : report_layer(e, l - 1));
        report_strip(b);
        report_box(b, shade(snr), 0, fmin(fmax(snr, 0.2), 60) / 60,
                   arena_printf(e->arena, "%s dB", decibels(e->arena, snr)));
        report_strip_end(b);
        buf_printf(b, "</td><td>%s</td></tr>\n", decibels(e->arena, snr));
    }
    report_table_end(b);
}

static void tensor_cell(const Emission *e, Buf *b, int i)
{
    const Linear *l = model_linears(e->unit->model, i);
    buf_printf(b, "<td class=\"cell %s\"><b>%g</b> %s</td>", shade(e->snr[i]), linear_bits(l),
               decibels(e->arena, e->snr[i]));
}

/* A row for each layer, a column for each role: bits, and decibels of the weights' error. */
static void tensors(const Emission *e, Buf *b)
{
    static const char *const heads[] = {"layer", "q", "k", "v", "o", "gate", "up", "down", NULL};
    Model *m = e->unit->model;
    buf_puts(b, "<h3>Tensors</h3>\n<p>Bits a weight, and signal to noise of the compressed weights "
                "in dB.</p>\n");
    report_table(b, "Bits and error of each tensor", heads);
    for (int l = 0; l < m->n_layers; l++) {
        buf_printf(b, "<tr><th scope=\"row\">%s</th>", report_layer(e, l));
        for (int r = 0; r < ROLES; r++) {
            if (m->blocks[l].linear[r].rows > 0)
                tensor_cell(e, b, model_linear_index(m, l, (Role)r));
            else
                buf_puts(b, "<td></td>");
        }
        buf_puts(b, "</tr>\n");
    }
    for (int i = 0; model_linears(m, i); i++) {
        int layer;
        Role role;
        if (model_linear_place(m, i, &layer, &role))
            continue;
        buf_puts(b, "<tr><th scope=\"row\">");
        buf_markup(b, model_linears(m, i)->name);
        buf_puts(b, "</th>");
        tensor_cell(e, b, i);
        buf_puts(b, "<td colspan=\"6\"></td></tr>\n");
    }
    report_table_end(b);
}

/* Of a matrix whose first op, or only one, is at `at`: all of its parts. */
static double matrix_instructions(const Emission *e, int at)
{
    const Program *p = e->unit->program;
    double sum = 0;
    for (int i = at; i < p->n_step; i++)
        if (i == at || (p->ops[i].kind == OP_MATVEC_PART && p->ops[i].linear == p->ops[at].linear))
            sum += op_cost(e, &p->ops[i]).instructions;
    return sum;
}

static void matrix_row(const Emission *e, Buf *b, int at)
{
    const Program *p = e->unit->program;
    const Op *op = &p->ops[at];
    const Linear *l = model_linears(e->unit->model, op->linear);
    int64_t bytes = 0;
    for (int k = 0; k < 2; k++)
        bytes += op->data[k] >= 0 ? data_size(&p->data[op->data[k]]) : 0;
    buf_puts(b, "<tr><th scope=\"row\">");
    buf_markup(b, l->name);
    buf_printf(b,
               "</th><td>%d&thinsp;&times;&thinsp;%d</td><td>%g</td><td>%s</td><td>%s</td><td>%s",
               l->rows, l->cols, linear_bits(l), format_bytes(e->arena, bytes),
               decibels(e->arena, e->snr[op->linear]), kernels[op->kernel].name);
    if (op->kind == OP_MATVEC_PART)
        buf_printf(b, ", %lld columns at a time", (long long)op->imm[PART_WIDTH]);
    buf_printf(b, "</td><td>%s</td></tr>\n",
               format_bytes(e->arena, (int64_t)matrix_instructions(e, at)));
}

/* The matrices in the order they run. */
static void matrices(const Emission *e, Buf *b)
{
    static const char *const heads[] = {"tensor",  "shape",  "bits",         "bytes",
                                        "SNR, dB", "kernel", "instructions", NULL};
    const Program *p = e->unit->program;
    buf_puts(b, "<details>\n<summary>Every matrix</summary>\n");
    report_table(b, "Matrices in the order they run", heads);
    for (int i = 0; i < p->n_step; i++) {
        const Op *op = &p->ops[i];
        if ((op_is_matvec(op->kind) || op->kind == OP_TOP) &&
            !(op->kind == OP_MATVEC_PART && op->imm[PART_FIRST] > 0))
            matrix_row(e, b, i);
    }
    report_table_end(b);
    buf_puts(b, "</details>\n");
}

static double loss_of(const Point *p)
{
    return p->measured ? p->loss : p->predicted;
}

#define MOST_LOSS 2 /* of the curve's upper edge */

/* Bytes across, loss up; measured points filled, the one that was taken marked. */
static void curve(const Emission *e, const Search *s, Buf *b)
{
    double least = INFINITY, most = 0, top = 0;
    bool clipped = false;
    for (int i = 0; i < s->n; i++) {
        least = fmin(least, (double)s->points[i].size.flash);
        most = fmax(most, (double)s->points[i].size.flash);
        top = fmax(top, fmin(loss_of(&s->points[i]), MOST_LOSS));
        clipped |= loss_of(&s->points[i]) > MOST_LOSS;
    }
    buf_puts(b,
             "<figure>\n<svg class=\"curve\" role=\"img\" aria-label=\"Loss over bytes of flash; "
             "the table below has the numbers\">\n<line class=\"axis\" x1=\"0\" y1=\"100%\" "
             "x2=\"100%\" y2=\"100%\"/><line class=\"axis\" x1=\"0\" y1=\"0\" x2=\"0\" "
             "y2=\"100%\"/>\n");
    for (int i = 0; i < s->n; i++) {
        const Point *p = &s->points[i];
        const double x = most > least ? ((double)p->size.flash - least) / (most - least) : 0.5;
        const double y = top > 0 ? fmin(fmax(loss_of(p), 0), top) / top : 0;
        buf_printf(b,
                   "<circle class=\"%s\" cx=\"%.2f%%\" cy=\"%.2f%%\" r=\"%d\"><title>%s bytes, "
                   "%+.2f %%</title></circle>\n",
                   i == s->chosen ? "taken"
                   : p->measured  ? "measured"
                                  : "expected",
                   3 + 94 * x, 95 - 90 * y, i == s->chosen ? 7 : 4,
                   format_bytes(e->arena, p->size.flash), 100 * loss_of(p));
    }
    buf_printf(
        b,
        "</svg>\n<figcaption>Across: %s to %s bytes of flash. Up: perplexity above the float "
        "model's, 0 to %.0f&nbsp;%%%s. Filled: measured as an integer program; hollow: "
        "expected; large: taken.</figcaption>\n</figure>\n",
        format_bytes(e->arena, (int64_t)least), format_bytes(e->arena, (int64_t)most), 100 * top,
        clipped ? ", what is above it at the top" : "");
}

static void points(const Emission *e, const Search *s, Buf *b)
{
    static const char *const heads[] = {"flash",          "RAM",  "window", "bits", "heads pruned",
                                        "neurons pruned", "loss", NULL};
    Arena *a = e->arena;
    buf_puts(b, "<details>\n<summary>The points of the curve</summary>\n");
    report_table(b, "Recipes that the search found", heads);
    for (int i = 0; i < s->n; i++) {
        const Point *p = &s->points[i];
        buf_printf(b,
                   "<tr%s><th scope=\"row\">%s</th><td>%s</td><td>%d</td><td>%.2f</td><td>%d</td>"
                   "<td>%d</td><td>%+.2f&nbsp;%%%s</td></tr>\n",
                   i == s->chosen ? " class=\"taken\"" : "", format_bytes(a, p->size.flash),
                   format_bytes(a, p->size.ram), p->window, p->mean_bits, p->heads, p->neurons,
                   100 * loss_of(p),
                   i == s->chosen ? ", taken"
                   : p->measured  ? ""
                                  : ", expected");
    }
    report_table_end(b);
    buf_puts(b, "</details>\n");
}

static void pruning(const Emission *e, Buf *b)
{
    static const char *const heads[] = {"pass",       "chosen by",        "removed", "of",
                                        "perplexity", "KL, nats a token", NULL};
    const Unit *u = e->unit;
    if (u->n_prunings == 0)
        return;
    buf_puts(b, "<h3>Pruning</h3>\n");
    report_table(b, "What pruning removed, and what it cost on the samples", heads);
    for (int i = 0; i < u->n_prunings; i++) {
        const PruneReport *p = &u->prunings[i];
        int before = 0, removed = 0;
        for (int l = 0; l < p->n_layers; l++) {
            before += p->before[l];
            removed += p->removed[l];
        }
        buf_printf(b,
                   "<tr><th scope=\"row\">%s</th><td>%s</td><td>%d</td><td>%d</td><td>%.4g to "
                   "%.4g</td><td>%.4f to %.4f</td></tr>\n",
                   p->pass, p->method, removed, before, p->perplexity_before, p->perplexity_after,
                   p->kl_before, p->kl_after);
    }
    report_table_end(b);
}

void report_quality(const Emission *e, Buf *b)
{
    const Search *s = e->unit->search;
    buf_puts(b, "<section aria-labelledby=\"quality\">\n<h2 id=\"quality\">Quality</h2>\n");
    if (!e->unit->model->encoder) {
        buf_printf(b,
                   "<p>The integer program against the float model, over the %d greedy tokens of "
                   "the self-test.</p>\n",
                   GOLDEN_STEPS);
        layers(e, b);
    }
    tensors(e, b);
    matrices(e, b);
    pruning(e, b);
    if (s && s->n > 0) {
        buf_printf(b,
                   "<h3>Size against quality</h3>\n<p>What the search found, on %s tokens of %d "
                   "samples.</p>\n",
                   format_bytes(e->arena, s->tokens), s->n_docs);
        curve(e, s, b);
        points(e, s, b);
    }
    buf_puts(b, "</section>\n");
}
