/* lmcc compile --search: limits from the command line, the search, what it found as a table. */
#include "search.h"
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_point(Arena *a, const Unit *u, const Point *p, bool chosen, Buf *b)
{
    buf_printf(b, "%s %9s %9s %6d %6.2f %5d %7d %12s", chosen ? "->" : "  ",
               format_bytes(a, p->size.flash), format_bytes(a, p->size.ram), p->window,
               p->mean_bits, p->heads, p->neurons,
               format_bytes(a, (int64_t)p->size.cost.instructions));
    if (p->size.ms > 0)
        buf_printf(b, " %8.2f", p->size.ms);
    else
        buf_printf(b, " %8s", "-");
    if (p->measured)
        buf_printf(b, " %10.4f %+8.2f %%\n", p->perplexity, 100 * p->loss);
    else
        buf_printf(b, " %10.4f %+8.2f %% expected\n", u->search->perplexity * (1 + p->predicted),
                   100 * p->predicted);
}

static void print_curve(const Unit *u, const Search *s, Buf *b)
{
    Arena *a = arena_new();
    buf_printf(
        b,
        "search: %lld tokens of %d samples, float perplexity %.4f; %d models judged in float, "
        "%d as integer programs\n"
        "   %9s %9s %6s %6s %5s %7s %12s %8s %10s %10s\n",
        (long long)s->tokens, s->n_docs, s->perplexity, s->probes, s->confirmations, "flash", "RAM",
        "window", "bits", "heads", "neurons", "instructions", "ms", "perplexity", "loss");
    for (int i = 0; i < s->n; i++)
        print_point(a, u, &s->points[i], i == s->chosen, b);
    arena_free(a);
}

/* "5%" is 0.05. A number alone could be meant either way. */
static double parse_percent(const char *option, const char *text)
{
    char *end;
    const double v = strtod(text, &end);
    if (end == text || strcmp(end, "%") != 0 || !(v > 0 && v <= 10000))
        usage_error("%s: %s: expected a percentage, 5%%", option, text_clip(text).s);
    return v / 100;
}

static Limits limits_of(const Options *o, const Unit *u)
{
    Limits l = {.flash = u->flash_limit ? u->flash_limit : target_flash(u->target),
                .ram = u->ram_limit ? u->ram_limit : target_ram(u->target),
                .ms = o->max_ms};
    const int prefer = o->prefer ? find_name(prefer_names, PREFERENCES, o->prefer) : PREFER_AUTO;
    if (o->max_loss)
        l.loss = parse_percent("--max-loss", o->max_loss);
    if (prefer < 0)
        usage_error("--prefer: %s: expected loss or bytes", text_clip(o->prefer).s);
    if (l.ms > 0 && (u->target->clock_hz == 0 || u->target->cycles_other <= 0))
        fatal("%s: --max-ms: the target's file has no clock or no cycles", u->target->name);
    l.prefer = (Prefer)prefer;
    return l;
}

bool wants_search(const Options *o)
{
    return o->search || o->max_loss || o->max_ms > 0 || o->prefer;
}

void search_within_limits(Unit *u, const Options *o, Buf *b)
{
    const Limits limits = limits_of(o, u);
    if (u->model->encoder)
        fatal("%s: search: is for models that write text, and this is an encoder: give --bits",
              u->model->path);
    const Search *s = search_recipe(u, &limits);
    if (s->chosen < 0)
        fatal("%s: search: nothing fits %lld bytes of flash and %lld of RAM on %s%s%s%s: %s",
              u->model->path, (long long)limits.flash, (long long)limits.ram, u->target->name,
              o->max_ms > 0 ? arena_printf(u->arena, ", %g ms a token", o->max_ms) : "",
              o->max_loss ? ", a loss of " : "", o->max_loss ? o->max_loss : "", s->hint);
    u->recipe = s->points[s->chosen].recipe;
    u->search = s;
    print_curve(u, s, b);
}
