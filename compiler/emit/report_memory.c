/* The report's memory: what each region of the target holds, the weights layer by layer, and the
 * state's memory over the ops of a token. */
#include "report.h"

#include <string.h>

#define MAP_WIDTH 1000
#define MAP_HEIGHT 400

/* What a constant is for: the roles of a layer, and four more. */
enum { OF_EMBED = ROLES, OF_HEAD, OF_REST, OF_TOKENIZER, USES };
static const struct {
    const char *class, *name;
} uses[USES] = {
    [ROLE_Q] = {"q", "q"},
    [ROLE_K] = {"k", "k"},
    [ROLE_V] = {"v", "v"},
    [ROLE_O] = {"o", "o"},
    [ROLE_GATE] = {"gate", "gate"},
    [ROLE_UP] = {"up", "up"},
    [ROLE_DOWN] = {"down", "down"},
    [OF_EMBED] = {"embed", "embedding"},
    [OF_HEAD] = {"head", "head"},
    [OF_REST] = {"rest", "norms, biases, angles"},
    [OF_TOKENIZER] = {"text", "tokenizer"},
};

static int use_of(const Model *m, const Op *op)
{
    int layer;
    Role role;
    if (op_reads_row(op->kind))
        return OF_EMBED;
    if (op->linear < 0 || !(op_is_matvec(op->kind) || op->kind == OP_TOP))
        return OF_REST;
    if (model_linear_place(m, op->linear, &layer, &role))
        return (int)role;
    return op->layer < 0 ? OF_EMBED : OF_HEAD; /* the patches of frames are embedded by a matrix */
}

/* Bytes by layer (the input first, the head last) and use. A constant counts where a token reads it
 * first: a tied head is the embedding. */
static int64_t (*bytes_by_use(const Emission *e))[USES]
{
    const Program *p = e->unit->program;
    const Model *m = e->unit->model;
    int64_t(*bytes)[USES] = arena_alloc(e->arena, (size_t)m->n_layers + 2, sizeof *bytes);
    bool *counted = NEW(e->arena, bool, p->n_data + 1);
    for (int i = 0; i < p->n_step; i++) {
        const Op *op = &p->ops[i];
        for (int k = 0; k < MAX_OPERANDS && op->data[k] >= 0; k++) {
            if (counted[op->data[k]])
                continue;
            counted[op->data[k]] = true;
            bytes[op->layer + 1][use_of(m, op)] += data_size(&p->data[op->data[k]]);
        }
    }
    for (int i = 0; i < e->n_tables; i++)
        bytes[0][OF_TOKENIZER] += data_size(&e->tables[i]);
    return bytes;
}

static int64_t sum_of(const int64_t *bytes)
{
    int64_t sum = 0;
    for (int i = 0; i < USES; i++)
        sum += bytes[i];
    return sum;
}

static void weights_row(const Emission *e, Buf *b, int layer, const int64_t *bytes, int64_t most)
{
    buf_printf(b, "<tr><th scope=\"row\">%s</th><td class=\"bar\">", report_layer(e, layer));
    double from = 0;
    report_strip(b);
    for (int u = 0; u < USES; u++) {
        const double share = (double)bytes[u] / (double)most;
        report_box(
            b, uses[u].class, from, share,
            arena_printf(e->arena, "%s: %s bytes", uses[u].name, format_bytes(e->arena, bytes[u])));
        from += share;
    }
    report_strip_end(b);
    buf_printf(b, "</td><td>%s</td></tr>\n", format_bytes(e->arena, sum_of(bytes)));
}

static void weights_by_layer(const Emission *e, Buf *b)
{
    static const char *const heads[] = {"where", "|what", "bytes", NULL};
    const int rows = e->unit->model->n_layers + 2;
    int64_t(*bytes)[USES] = bytes_by_use(e), most = 1, total[USES] = {0};
    for (int i = 0; i < rows; i++) {
        most = sum_of(bytes[i]) > most ? sum_of(bytes[i]) : most;
        for (int u = 0; u < USES; u++)
            total[u] += bytes[i][u];
    }
    buf_puts(b, "<h3>Constants by layer</h3>\n<ul class=\"legend\">\n");
    for (int u = 0; u < USES; u++)
        if (total[u] > 0)
            report_key(b, uses[u].class, uses[u].name);
    buf_puts(b, "</ul>\n");
    report_table(b, "Bytes of constants by layer and use", heads);
    for (int i = 0; i < rows; i++)
        if (sum_of(bytes[i]) > 0)
            weights_row(e, b, i - 1, bytes[i], most);
    report_table_end(b);
}

/* One region: constants and the tokenizer, the state, and at most what code and stack may need. */
static void region_row(const Emission *e, Buf *b, int r)
{
    Arena *a = e->arena;
    const Program *p = e->unit->program;
    const Target *t = e->unit->target;
    int64_t part[4] = {0}, used = 0;
    static const char *const classes[] = {"embed", "text", "code", "cache"};
    static const char *const what[] = {"constants", "tokenizer", "code or stack, at most", "state"};
    for (int i = 0; i < p->n_data; i++)
        part[0] += p->data[i].region == r ? data_size(&p->data[i]) : 0;
    for (int i = 0; i < e->n_tables && r == t->weights_region; i++)
        part[1] += data_size(&e->tables[i]);
    part[2] = (r == t->weights_region ? CODE_BYTES : 0) + (r == t->state_region ? STACK_BYTES : 0);
    part[3] = r == t->state_region ? p->state_bytes : 0;
    for (int i = 0; i < 4; i++)
        used += part[i];
    buf_puts(b, "<tr><th scope=\"row\">");
    buf_markup(b, t->regions[r].name);
    buf_puts(b, "</th><td class=\"bar\">");
    report_strip(b);
    double from = 0;
    for (int i = 0; i < 4; i++) {
        const double share = (double)part[i] / (double)t->regions[r].size;
        report_box(b, classes[i], from, share,
                   arena_printf(a, "%s: %s bytes", what[i], format_bytes(a, part[i])));
        from += share;
    }
    report_strip_end(b);
    buf_printf(b, "</td><td>%s</td><td>%s</td><td>%.1f&nbsp;%%</td><td>%s</td></tr>\n",
               format_bytes(a, used), format_size(a, (int64_t)t->regions[r].size),
               100 * (double)used / (double)t->regions[r].size, format_bytes(a, bytes_read(p, r)));
}

static void regions(const Emission *e, Buf *b)
{
    static const char *const heads[] = {"region", "|what",        "bytes", "of",
                                        "share",  "read a token", NULL};
    buf_puts(b, "<ul class=\"legend\">\n");
    report_key(b, "embed", "constants");
    report_key(b, "text", "tokenizer");
    report_key(b, "code", "code or stack, at most");
    report_key(b, "cache", "state");
    buf_puts(b, "</ul>\n");
    report_table(b, "What the target's memory regions hold", heads);
    for (int r = 0; r < e->unit->target->n_regions; r++)
        region_row(e, b, r);
    report_table_end(b);
}

static const char *buffer_class(const Program *p, int buffer)
{
    for (int i = 0; i < p->n_ops; i++) {
        const Op *op = &p->ops[i];
        const bool table =
            op->kind == OP_TABLE || op->kind == OP_TABLE_PAIR || op->kind == OP_TABLE_PART;
        if (table && op->out[0] == buffer)
            return "table";
    }
    return "vector";
}

/* The part of the state's memory that ops share; the KV cache would dwarf it. */
typedef struct Shared {
    int64_t first, end, cache; /* addresses; bytes of the cache */
} Shared;

static Shared shared_part(const Program *p)
{
    Shared s = {.first = p->state_bytes};
    for (int i = 0; i < p->n_buffers; i++) {
        const Buffer *f = &p->buffers[i];
        const int64_t bytes = (int64_t)f->count * elem_bytes[f->elem];
        if (f->lasting) {
            s.cache += bytes;
        } else {
            s.first = f->offset < s.first ? f->offset : s.first;
            s.end = f->offset + bytes > s.end ? f->offset + bytes : s.end;
        }
    }
    return s;
}

/* Each buffer a box: ops it lives for across, bytes it takes down. */
static void draw_buffer(const Emission *e, Buf *b, int i, Shared s)
{
    const Program *p = e->unit->program;
    const Buffer *f = &p->buffers[i];
    const int64_t bytes = (int64_t)f->count * elem_bytes[f->elem];
    const double height = (double)MAP_HEIGHT / (double)(s.end - s.first);
    buf_printf(b, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>",
               buffer_class(p, i), (double)f->first * MAP_WIDTH / p->n_ops,
               (double)(f->offset - s.first) * height,
               (double)(f->last - f->first + 1) * MAP_WIDTH / p->n_ops, (double)bytes * height);
    buf_markup(b, f->name);
    buf_printf(b, ": %s bytes at %s</title></rect>\n", format_bytes(e->arena, bytes),
               format_bytes(e->arena, f->offset));
}

static void state_map(const Emission *e, Buf *b)
{
    const Program *p = e->unit->program;
    const Shared s = shared_part(p);
    if (s.end <= s.first)
        return;
    buf_puts(b, "<h3>RAM over the ops</h3>\n<ul class=\"legend\">\n");
    report_key(b, "table", "lookup tables");
    report_key(b, "vector", "vectors");
    buf_printf(b,
               "</ul>\n<figure>\n<svg class=\"map\" viewBox=\"0 0 %d %d\" "
               "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Buffers of the state by "
               "address, over the ops that they live for\">\n",
               MAP_WIDTH, MAP_HEIGHT);
    for (int i = 1; i < p->n_ops; i++)
        if (p->ops[i].layer != p->ops[i - 1].layer)
            buf_printf(b, "<line class=\"axis\" x1=\"%.2f\" y1=\"0\" x2=\"%.2f\" y2=\"%d\"/>\n",
                       (double)i * MAP_WIDTH / p->n_ops, (double)i * MAP_WIDTH / p->n_ops,
                       MAP_HEIGHT);
    for (int i = 0; i < p->n_buffers; i++)
        if (!p->buffers[i].lasting)
            draw_buffer(e, b, i, s);
    buf_printf(
        b,
        "</svg>\n<figcaption>Left to right the %d ops of a token%s, with a line where a layer "
        "ends; top to bottom the %s bytes that they share. %s</figcaption>\n</figure>\n",
        p->n_step, p->n_ops > p->n_step ? " and those that read two tokens of a prompt" : "",
        format_bytes(e->arena, s.end - s.first),
        p->encoder ? arena_printf(e->arena, "Vectors that each token has are those of %d tokens.",
                                  p->window)
                   : arena_printf(e->arena, "The KV cache, %s bytes, lies beside them.",
                                  format_bytes(e->arena, s.cache)));
}

void report_memory(const Emission *e, Buf *b)
{
    buf_puts(b, "<section aria-labelledby=\"memory\">\n<h2 id=\"memory\">Memory</h2>\n");
    regions(e, b);
    weights_by_layer(e, b);
    state_map(e, b);
    buf_puts(b, "</section>\n");
}
