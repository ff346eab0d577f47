/* The report: one self-contained HTML page. Flash by tensor, the state's memory as a map of offset
 * against time, the error of each tensor, the estimated cost of each op. */
#include "emit.h"

#include <math.h>
#include <string.h>

#define MAP_WIDTH 1000
#define MAP_HEIGHT 360

static void text(Buf *b, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&': buf_puts(b, "&amp;"); break;
        case '<': buf_puts(b, "&lt;"); break;
        case '>': buf_puts(b, "&gt;"); break;
        case '"': buf_puts(b, "&quot;"); break;
        default: buf_write(b, s, 1);
        }
    }
}

static void head(const Emission *e, Buf *b)
{
    buf_puts(b,
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    text(b, e->name);
    buf_puts(b,
             " - lmcc report</title>\n<style>\n"
             ":root{color-scheme:light dark;--fg:#1c2024;--bg:#fff;--line:#d0d5da;--bar:#3b6ea8;"
             "--last:#8a5a00;--dim:#57606a}\n"
             "@media(prefers-color-scheme:dark){:root{--fg:#e6e9ec;--bg:#15181b;--line:#394048;"
             "--bar:#7aa7dd;--last:#e0b055;--dim:#9aa4ad}}\n"
             "body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);"
             "max-width:62rem;margin:auto;padding:1rem}\n"
             "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid var(--line);"
             "padding:.2rem .5rem;text-align:right}th:first-child,td:first-child{text-align:left}\n"
             ".wide{overflow-x:auto}svg{width:100%;height:auto;background:var(--bg)}"
             "rect{fill:var(--bar);stroke:var(--bg);stroke-width:1}rect.lasting{fill:var(--last)}\n"
             "p,figcaption{color:var(--dim)}figure{margin:0}\n</style>\n</head>\n<body>\n<main>\n");
}

static void summary(const Emission *e, Buf *b)
{
    const Unit *u = e->unit;
    const Program *p = u->program;
    const double original = 4.0 * (double)model_parameters(u->original);
    buf_puts(b, "<h1>");
    text(b, e->name);
    buf_puts(b, " for ");
    text(b, u->target->what);
    buf_printf(b,
               "</h1>\n<table>\n<tr><th scope=\"row\">parameters</th><td>%lld</td></tr>\n"
               "<tr><th scope=\"row\">weights, bytes of flash</th><td>%lld of %lld</td></tr>\n"
               "<tr><th scope=\"row\">smaller than float32</th><td>%.1f %%</td></tr>\n"
               "<tr><th scope=\"row\">state, bytes of RAM</th><td>%lld of %lld</td></tr>\n"
               "<tr><th scope=\"row\">KV cache, tokens</th><td>%d</td></tr>\n</table>\n",
               (long long)model_parameters(u->model), (long long)p->weight_bytes,
               (long long)target_flash(u->target), 100 * (1 - (double)p->weight_bytes / original),
               (long long)p->state_bytes, (long long)target_ram(u->target), p->window);
}

/* Each buffer a box: ops it lives for across, bytes it takes down. */
static void memory_map(const Emission *e, Buf *b)
{
    const Program *p = e->unit->program;
    buf_printf(b,
               "<h2>RAM over one token</h2>\n<figure>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" "
               "aria-label=\"Buffers by offset over time\">\n",
               MAP_WIDTH, MAP_HEIGHT);
    for (int i = 0; i < p->n_buffers; i++) {
        const Buffer *f = &p->buffers[i];
        const double x = (double)f->first * MAP_WIDTH / p->n_ops;
        const double w = (double)(f->last - f->first + 1) * MAP_WIDTH / p->n_ops;
        const double y = (double)f->offset * MAP_HEIGHT / (double)p->state_bytes;
        const double bytes = (double)f->count * elem_bytes[f->elem];
        buf_printf(b, "<rect%s x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>",
                   f->lasting ? " class=\"lasting\"" : "", x, y, w,
                   bytes * MAP_HEIGHT / (double)p->state_bytes);
        text(b, f->name);
        buf_printf(b, ": %.0f bytes at %lld</title></rect>\n", bytes, (long long)f->offset);
    }
    buf_printf(b,
               "</svg>\n<figcaption>Left to right: the %d ops of a token. Top to bottom: the %lld "
               "bytes of the state's memory. Boxes across the whole width last from token to token "
               "(the KV cache).</figcaption>\n</figure>\n",
               p->n_ops, (long long)p->state_bytes);
}

static int64_t data_bytes(const Program *p, const Op *op)
{
    int64_t n = 0;
    for (int i = 0; i < 2; i++)
        n += op->data[i] >= 0 ? p->data[op->data[i]].count * elem_bytes[p->data[op->data[i]].elem]
                              : 0;
    return n;
}

/* Of a matrix whose first op, or only one, is at `at`: all of its parts. */
static Cost matrix_cost(const Emission *e, int at)
{
    const Program *p = e->unit->program;
    const int linear = p->ops[at].linear;
    Cost all = {0};
    for (int i = at; i < p->n_step; i++) {
        const Op *op = &p->ops[i];
        if (i > at && (op->kind != OP_MATVEC_PART || op->linear != linear))
            continue;
        const Cost c = op_cost(e, op);
        all = (Cost){all.instructions + c.instructions, all.loads + c.loads, all.stores + c.stores};
    }
    return all;
}

static void kernel_cell(const Op *op, Buf *b)
{
    buf_printf(b, "<td>%s", kernels[op->kernel].name);
    if (op->kind == OP_MATVEC_PART)
        buf_printf(b, ", %lld columns at a time", (long long)op->imm[PART_WIDTH]);
    buf_puts(b, "</td>");
}

/* The matrices in the order they run: size, bits, kernel, estimated instructions. */
static void matrices(const Emission *e, Buf *b)
{
    const Program *p = e->unit->program;
    buf_puts(b,
             "<h2>Matrices</h2>\n<div class=\"wide\">\n<table>\n<tr><th scope=\"col\">tensor</th>"
             "<th scope=\"col\">shape</th><th scope=\"col\">bits</th><th scope=\"col\">bytes</th>"
             "<th scope=\"col\">SNR dB</th><th scope=\"col\">kernel</th>"
             "<th scope=\"col\">instructions, estimate</th><th scope=\"col\">cycles, estimate</th>"
             "</tr>\n");
    for (int i = 0; i < p->n_step; i++) {
        const Op *op = &p->ops[i];
        if (!op_is_matvec(op->kind) || (op->kind == OP_MATVEC_PART && op->imm[PART_FIRST] > 0))
            continue;
        const Linear *l = model_linears(e->unit->model, op->linear);
        const Cost cost = matrix_cost(e, i);
        buf_puts(b, "<tr><td>");
        text(b, l->name);
        buf_printf(b, "</td><td>%d x %d</td><td>%g</td><td>%lld</td><td>%.1f</td>", l->rows,
                   l->cols, linear_bits(l), (long long)data_bytes(p, op), linear_snr(l));
        kernel_cell(op, b);
        buf_printf(b, "<td>%.0f</td><td>%.0f</td></tr>\n", cost.instructions,
                   cost_cycles(cost, e->unit->target));
    }
    buf_puts(
        b,
        "</table>\n</div>\n<p>SNR: how far the compressed weights are from the float ones. "
        "Estimates count the matrix alone; <code>lmcc bench</code> measures whole tokens.</p>\n");
}

void emit_report(const Emission *e, Buf *b)
{
    head(e, b);
    summary(e, b);
    memory_map(e, b);
    matrices(e, b);
    buf_puts(b, "</main>\n</body>\n</html>\n");
}
