/* What a search found, for the manifest: the limits, the curve, and which point of it was taken. */
#include "search.h"
#include "emit.h"

static void write_point(const Point *p, Buf *b)
{
    buf_printf(b,
               "      {\"flash\": %lld, \"ram\": %lld, \"window\": %d, \"bits\": %.4f, "
               "\"pruned_heads\": %d, \"pruned_neurons\": %d, \"estimated_instructions\": %.0f, ",
               (long long)p->size.flash, (long long)p->size.ram, p->window, p->mean_bits, p->heads,
               p->neurons, p->size.cost.instructions);
    if (p->size.ms > 0)
        buf_printf(b, "\"estimated_ms\": %.4f, ", p->size.ms);
    if (p->measured)
        buf_printf(b, "\"loss\": %.6f, \"perplexity\": %.6f, \"kl\": %.6f}", p->loss, p->perplexity,
                   p->kl);
    else
        buf_printf(b, "\"expected_loss\": %.6f}", p->predicted);
}

void emit_search(const Emission *e, Buf *b)
{
    const Search *s = e->unit->search;
    if (!s)
        return;
    buf_printf(b, "  \"search\": {\"limits\": {\"flash\": %lld, \"ram\": %lld",
               (long long)s->limits.flash, (long long)s->limits.ram);
    if (s->limits.ms > 0)
        buf_printf(b, ", \"ms\": %g", s->limits.ms);
    if (s->limits.loss > 0)
        buf_printf(b, ", \"loss\": %g", s->limits.loss);
    buf_printf(
        b,
        ", \"prefer\": \"%s\"},\n    \"samples\": {\"documents\": %d, \"tokens\": %lld, "
        "\"float_perplexity\": %.6f},\n"
        "    \"runs\": {\"float\": %d, \"integer\": %d}, \"chosen\": %d,\n    \"curve\": [\n",
        prefer_names[s->limits.prefer], s->n_docs, (long long)s->tokens, s->perplexity, s->probes,
        s->confirmations, s->chosen);
    for (int i = 0; i < s->n; i++) {
        write_point(&s->points[i], b);
        buf_puts(b, i + 1 < s->n ? ",\n" : "\n    ]},\n");
    }
}
