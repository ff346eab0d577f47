/* The functions of a model's layers: a straight line of calls each. Layers of one shape differ only
 * in their weights, exponents and places in the cache: they share a function, which finds these in
 * a struct of constants. That costs no instructions that a call would not have spent on literals.
 */
#include "layers.h"

#include <stdlib.h>
#include <string.h>

#define MARK '\1' /* then the hole's number, then MARK again */

/* Something of a shape that differs from layer to layer. */
typedef struct Field {
    const char *name, *type;
    const char **value; /* members */
} Field;

/* Layers that share functions. */
typedef struct Shape {
    int n;               /* layers */
    const Body **bodies; /* n, in order */
    int n_fields;
    Field *fields;
} Shape;

typedef struct Printer {
    const Emission *e;
    Buf *b;
    int n_shapes;
    Shape *shapes;
} Printer;

const char *body_hole(Arena *a, Body *b, Hole h)
{
    b->holes = arena_grow(a, b->holes, b->n_holes, sizeof *b->holes);
    b->holes[b->n_holes] = h;
    return arena_printf(a, "%c%d%c", MARK, b->n_holes++, MARK);
}

/* Copies the text up to the next hole; gives the hole's number and moves *at behind it. -1: none.
 */
static int next_hole(const Buf *text, size_t *at, Buf *to)
{
    const char *from = (const char *)text->data + *at;
    const size_t left = text->len - *at;
    const char *mark = left ? memchr(from, MARK, left) : NULL;
    const size_t n = mark ? (size_t)(mark - from) : left;
    if (n > 0)
        buf_write(to, from, n);
    *at += n;
    if (!mark)
        return -1;
    char *end;
    const int hole = (int)strtol(mark + 1, &end, 10);
    *at += (size_t)(end + 1 - mark);
    return hole;
}

/* The text with the holes' names and types: the same for layers of one shape. */
static const char *outline(Arena *a, const Body *body)
{
    Buf b = {0};
    for (int r = 0; r < READINGS; r++) {
        size_t at = 0;
        for (int i; (i = next_hole(&body->text[r], &at, &b)) >= 0;)
            buf_printf(&b, "%c%s %s", MARK, body->holes[i].type, body->holes[i].name);
        buf_puts(&b, "\n");
    }
    const char *s = arena_strndup(a, (const char *)b.data, b.len);
    buf_free(&b);
    return s;
}

static void group(Printer *p, const Body *bodies, int n)
{
    Arena *a = p->e->arena;
    const char **outlines = NEW(a, const char *, n);
    p->shapes = NEW(a, Shape, n);
    for (int i = 0; i < n; i++) {
        const char *own = outline(a, &bodies[i]);
        int s = 0;
        while (s < p->n_shapes && strcmp(outlines[s], own) != 0)
            s++;
        Shape *shape = &p->shapes[s];
        if (s == p->n_shapes)
            outlines[p->n_shapes++] = own;
        shape->bodies = arena_grow(a, shape->bodies, shape->n, sizeof *shape->bodies);
        shape->bodies[shape->n++] = &bodies[i];
    }
}

/* Holes are numbered as the compiler of lmcc evaluates arguments: the k-th in the text is the same
 * hole for all layers of a shape, the number is not. */
static int *holes_in_order(Arena *a, const Body *body, int reading)
{
    Buf unused = {0};
    int *order = NEW(a, int, body->n_holes + 1), n = 0;
    size_t at = 0;
    for (int i; (i = next_hole(&body->text[reading], &at, &unused)) >= 0;)
        order[n++] = i;
    order[n] = -1;
    buf_free(&unused);
    return order;
}

static const char *unused_name(Arena *a, const Shape *s, const char *name)
{
    int same = 1;
    const char *tried = name;
    for (int i = 0; i < s->n_fields; i++)
        if (strcmp(s->fields[i].name, tried) == 0) {
            tried = arena_printf(a, "%s_%d", name, ++same);
            i = -1;
        }
    return tried;
}

/* The field that has these values, a new one if there is none. */
static const Field *field_of(Arena *a, Shape *s, const Hole *h, const char **value)
{
    for (int i = 0; i < s->n_fields; i++) {
        const Field *f = &s->fields[i];
        bool same = strcmp(f->type, h->type) == 0;
        for (int k = 0; k < s->n && same; k++)
            same = strcmp(f->value[k], value[k]) == 0;
        if (same)
            return f;
    }
    const Field f = {unused_name(a, s, h->name), h->type, value};
    s->fields = arena_grow(a, s->fields, s->n_fields, sizeof f);
    s->fields[s->n_fields] = f;
    return &s->fields[s->n_fields++];
}

/* The calls of one reading of a shape, holes filled. */
static void fill(Arena *a, Shape *s, int reading, Buf *b)
{
    int **order = NEW(a, int *, s->n);
    for (int k = 0; k < s->n; k++)
        order[k] = holes_in_order(a, s->bodies[k], reading);
    size_t at = 0;
    for (int i = 0; next_hole(&s->bodies[0]->text[reading], &at, b) >= 0; i++) {
        const Hole *first = &s->bodies[0]->holes[order[0][i]];
        const char **value = NEW(a, const char *, s->n);
        bool same = true;
        for (int k = 0; k < s->n; k++) {
            value[k] = s->bodies[k]->holes[order[k][i]].value;
            same = same && strcmp(value[k], first->value) == 0;
        }
        if (same)
            buf_puts(b, first->text);
        else
            buf_printf(b, "%sl->%s", first->lead, field_of(a, s, first, value)->name);
    }
}

/* "story_layer_0": a shape is called by its first layer. */
static const char *shape_name(const Printer *p, const Shape *s)
{
    const char *name = p->e->name;
    const int layer = s->bodies[0]->layer;
    if (layer < 0)
        return arena_printf(p->e->arena, "%s_input", name);
    if (layer == p->e->unit->model->n_layers)
        return arena_printf(p->e->arena, "%s_head", name);
    return arena_printf(p->e->arena, "%s_layer_%d", name, layer);
}

static void print_fields(const Printer *p, const Shape *s)
{
    const char *name = shape_name(p, s);
    if (s->n_fields == 0)
        return;
    buf_printf(p->b, "typedef struct %s_t {\n", name);
    for (int i = 0; i < s->n_fields; i++)
        buf_printf(p->b, "    %s%s;\n", s->fields[i].type, s->fields[i].name);
    buf_printf(p->b, "} %s_t;\n\nstatic const %s_t %s_of[%d] = {\n", name, name, name, s->n);
    for (int k = 0; k < s->n; k++) {
        buf_puts(p->b, "    {");
        for (int i = 0; i < s->n_fields; i++)
            buf_printf(p->b, "%s%s", i ? ", " : "", s->fields[i].value[k]);
        buf_puts(p->b, "},\n");
    }
    buf_puts(p->b, "};\n\n");
}

static bool encoder(const Printer *p)
{
    return p->e->unit->program->encoder;
}

/* The function of a body: an encoder's layer mixes tokens in its second phase, and the head follows
 * the final norm. */
static const char *function_name(const Printer *p, const Shape *s, int reading)
{
    const char *name = shape_name(p, s);
    const bool head = s->bodies[0]->layer == p->e->unit->model->n_layers;
    if (encoder(p) && head)
        return arena_printf(p->e->arena, "%s_%s", p->e->name,
                            reading == FIRST_PHASE ? "finish" : "head");
    static const char *const ends[READINGS] = {"", "_mix", "_leave_norm", "_leave"};
    if (encoder(p))
        return arena_printf(p->e->arena, "%s%s", name, ends[reading]);
    return reading == TWO_TOKENS ? arena_printf(p->e->arena, "%s_pair", name) : name;
}

/* Of an encoder: the token at hand, and how many there are where all of them count. */
static void phase_parameters(const Printer *p, const Body *body, int reading, bool declare, Buf *b)
{
    const Model *m = p->e->unit->model;
    const bool head = body->layer == m->n_layers;
    const bool second = reading == SECOND_PHASE;
    const bool pools = second && head && m->head_kind == HEAD_EMBED;
    if (!pools)
        buf_puts(b, declare ? ", int32_t at" : ", at");
    if (body->layer < 0 && model_reads_frames(m))
        buf_puts(b, declare ? ", const int8_t *t" : ", t");
    else if (body->layer < 0)
        buf_puts(b, declare ? ", int32_t token" : ", t[at]");
    if ((pools && m->pooling == POOL_MEAN) || (second && !head))
        buf_puts(b, declare ? ", int32_t n" : ", n");
}

/* What functions of this kind of body are called with, as declared and as given. */
static void parameters(const Printer *p, const Body *body, int reading, bool declare, Buf *b)
{
    if (encoder(p)) {
        phase_parameters(p, body, reading, declare, b);
        return;
    }
    const bool input = body->layer < 0, head = body->layer == p->e->unit->model->n_layers;
    if (reading == TWO_TOKENS && input)
        buf_printf(b, declare ? ", const %s_token *tokens" : ", tokens", p->e->name);
    if (reading == ONE_TOKEN && input)
        buf_puts(b, declare ? ", int32_t token" : ", token");
    if (reading == TWO_TOKENS)
        buf_puts(b, declare ? ", const lm_place *at" : ", at");
    if (reading == ONE_TOKEN && !input && !head)
        buf_puts(b, declare ? ", int32_t filled" : ", filled");
}

static void print_function(const Printer *p, const Shape *s, int reading, const Buf *calls)
{
    const char *name = shape_name(p, s);
    if (s->n > 1)
        buf_puts(p->b, "LM_FUNCTION");
    else
        buf_printf(p->b, "static %s_HOT", p->e->upper);
    buf_printf(p->b, " void %s(%s_t *s", function_name(p, s, reading), p->e->name);
    if (s->n_fields > 0)
        buf_printf(p->b, ", const %s_t *l", name);
    parameters(p, s->bodies[0], reading, true, p->b);
    buf_puts(p->b, ")\n{\n    uint8_t *memory = (uint8_t *)s->memory;\n");
    if (p->e->weights == WEIGHTS_BLOB && strstr((const char *)calls->data, "LM_CONST_"))
        buf_puts(p->b, "    const uint8_t *weights = s->weights;\n");
    buf_write(p->b, calls->data, calls->len);
    buf_puts(p->b, "}\n\n");
}

static void print_shape(const Printer *p, Shape *s)
{
    Buf calls[READINGS] = {{0}};
    for (int r = 0; r < READINGS; r++)
        fill(p->e->arena, s, r, &calls[r]);
    print_fields(p, s);
    for (int r = 0; r < READINGS; r++) {
        if (calls[r].len > 0)
            print_function(p, s, r, &calls[r]);
        buf_free(&calls[r]);
    }
}

/* The call of the body's function, with the layer's constants. */
static void print_call(const Printer *p, const Body *body, int reading, const char *before,
                       const char *after)
{
    for (int i = 0; i < p->n_shapes; i++) {
        const Shape *s = &p->shapes[i];
        for (int k = 0; k < s->n; k++) {
            if (s->bodies[k] != body)
                continue;
            const char *name = shape_name(p, s);
            buf_printf(p->b, "%s%s(s", before, function_name(p, s, reading));
            if (s->n_fields > 0)
                buf_printf(p->b, ", &%s_of[%d]", name, k);
            parameters(p, body, reading, false, p->b);
            buf_printf(p->b, ")%s\n", after);
        }
    }
}

static void print_sequences(const Printer *p, const Body *bodies)
{
    const char *name = p->e->name, *upper = p->e->upper;
    const int n = p->e->unit->model->n_layers;
    const Program *program = p->e->unit->program;
    buf_printf(p->b,
               "static void %s_layers(%s_t *s, int32_t token)\n{\n"
               "    const int32_t filled = s->position < %s_WINDOW ? (int32_t)s->position + 1 : "
               "%s_WINDOW;\n",
               name, name, upper, upper);
    for (int i = 0; i <= n; i++)
        print_call(p, &bodies[i], ONE_TOKEN, "    ", ";");
    buf_printf(p->b,
               "}\n\nstatic const int32_t *%s_output(const %s_t *s)\n{\n"
               "    const uint8_t *memory = (const uint8_t *)s->memory;\n"
               "    return (const int32_t *)(const void *)(memory + %lld);\n}\n",
               name, name,
               (long long)program->buffers[program->ops[program->n_step - 1].out[0]].offset);
    if (program->n_step == program->n_ops)
        return;
    buf_printf(p->b,
               "\nstatic void %s_layers_pair(%s_t *s, const %s_token *tokens, const lm_place *at)\n"
               "{\n",
               name, name, name);
    for (int i = 0; i <= n; i++)
        print_call(p, &bodies[i], TWO_TOKENS, "    ", ";");
    buf_puts(p->b, "}\n");
}

/* Where the layer has an exit: the sequence ends there if its head is sure. */
static void print_exit(const Printer *p, const Body *body)
{
    const Model *m = p->e->unit->model;
    const Exit *exit = model_exit(m, body->layer);
    if (!exit)
        return;
    print_call(p, body, PHASE_LEAVE_NORM, "    LM_EACH(n, ", ")");
    buf_printf(p->b, "    s->layers = %dU;\n    if (%s_leaves(s, %d, n) != 0) {\n", exit->layer + 1,
               p->e->name, (int)(exit - m->exits));
    buf_puts(p->b, "        return;\n    }\n");
}

/* What runs the head of an exit at a token. */
static void print_exit_heads(const Printer *p, const Body *bodies)
{
    const Model *m = p->e->unit->model;
    if (m->n_exits == 0)
        return;
    buf_printf(p->b, "static void %s_run_exit(%s_t *s, int32_t exit, int32_t at)\n{\n", p->e->name,
               p->e->name);
    buf_puts(p->b, "    switch (exit) {\n");
    for (int i = 0; i < m->n_exits; i++) {
        if (i + 1 < m->n_exits)
            buf_printf(p->b, "    case %d:\n", i);
        else
            buf_puts(p->b, "    default:\n");
        print_call(p, &bodies[m->exits[i].layer + 1], PHASE_LEAVE, "        ", ";");
        buf_puts(p->b, "        break;\n");
    }
    buf_puts(p->b, "    }\n}\n\n");
}

/* Each phase for all tokens; after the last layer's attention only the first one counts where the
 * head reads no other. */
static void print_phases(const Printer *p, const Body *bodies)
{
    const Model *m = p->e->unit->model;
    const Program *program = p->e->unit->program;
    const char *name = p->e->name, *all = "    LM_EACH(n, ";
    const char *some = model_reads_first(m) ? "    LM_EACH(1, " : all;
    buf_printf(p->b, "static void %s_layers(%s_t *s, const %s_item *t, int32_t n)\n{\n", name, name,
               name);
    print_call(p, &bodies[0], FIRST_PHASE, all, ")");
    for (int i = 1; i <= m->n_layers; i++) {
        print_call(p, &bodies[i], FIRST_PHASE, all, ")");
        print_call(p, &bodies[i], SECOND_PHASE, i == m->n_layers ? some : all, ")");
        print_exit(p, &bodies[i]);
    }
    print_call(p, &bodies[m->n_layers + 1], FIRST_PHASE, some, ")");
    buf_printf(p->b,
               "    s->layers = %s_LAYERS;\n}\n\n"
               "static void %s_run_head(%s_t *s, int32_t at, int32_t n)\n{\n"
               "    (void)at;\n    (void)n;\n",
               p->e->upper, name, name);
    print_call(p, &bodies[m->n_layers + 1], SECOND_PHASE, "    ", ";");
    buf_printf(p->b,
               "}\n\nstatic const int32_t *%s_result(const %s_t *s)\n{\n"
               "    const uint8_t *memory = (const uint8_t *)s->memory;\n"
               "    return (const int32_t *)(const void *)(memory + %lld);\n}\n",
               name, name,
               (long long)program->buffers[program->ops[program->n_step - 1].out[0]].offset);
}

void emit_layers(const Emission *e, const Body *bodies, Buf *b)
{
    Printer p = {.e = e, .b = b};
    group(&p, bodies, e->unit->model->n_layers + 2);
    for (int i = 0; i < p.n_shapes; i++)
        print_shape(&p, &p.shapes[i]);
    if (encoder(&p)) {
        print_exit_heads(&p, bodies);
        print_phases(&p, bodies);
    } else {
        print_sequences(&p, bodies);
    }
}
