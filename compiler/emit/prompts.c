/* Common prompts, read while compiling: what they leave in the KV cache becomes tables
 * (lm_prompts.h). The last token of a prompt is left to the device: it gives the logits, and a
 * longer prompt that begins alike still finds the others. */
#include "emit.h"
#include "runtime.h"

#include <string.h>

enum { TABLES = 6 };

/* Element types of the KV cache in the order of the tables, and how lm_prompts.h calls them. */
static const ElemType kinds[] = {ELEM_I8, ELEM_U16, ELEM_I32};
static const char *const kind_tables[] = {"prompt_i8", "prompt_u16", "prompt_i32"};
static const int kind_columns[] = {LM_PROMPT_I8, LM_PROMPT_U16, LM_PROMPT_I32};

/* Elements of a lasting buffer that n tokens fill, from its begin on: exponents belong to all
 * tokens, the rest has a row for each slot. */
static int64_t filled(const Program *p, const Buffer *b, int n)
{
    return b->elem == ELEM_I32 ? b->count : (int64_t)b->count / p->window * n;
}

/* As NAME_generate reads it. */
static int wrapped(const Emission *e, const char *text, int **out)
{
    Tokenizer t = *e->unit->model->tokenizer;
    int *ids;
    if (e->n_prefix > 0)
        t.add_bos = t.add_prefix = false;
    const int n = tokenize(e->arena, &t, text, strlen(text), &ids);
    const int all = e->n_prefix + n + e->n_suffix;
    int *to = *out = NEW(e->arena, int, all);
    for (int i = 0; i < all; i++)
        to[i] = i < e->n_prefix       ? e->prefix[i]
                : i < e->n_prefix + n ? ids[i - e->n_prefix]
                                      : e->suffix[i - e->n_prefix - n];
    return all;
}

static Data *add_table(Emission *e, const char *name, ElemType elem, int64_t n)
{
    Data *d = &e->tables[e->n_tables++];
    *d = (Data){.name = name, .elem = elem, .count = n, .align = elem_bytes[elem], .region = -1};
    d->bytes = arena_alloc(e->arena, (size_t)n, (size_t)elem_bytes[elem]);
    return d;
}

static void add_parts(Emission *e)
{
    const Program *p = e->unit->program;
    int n = 0;
    for (int i = 0; i < p->n_buffers; i++)
        n += p->buffers[i].lasting;
    uint32_t *to = add_table(e, "prompt_parts", ELEM_U32, n * LM_PART_ROW)->bytes;
    for (size_t k = 0; k < LENGTH(kinds); k++)
        for (int i = 0; i < p->n_buffers; i++) {
            const Buffer *b = &p->buffers[i];
            if (!b->lasting || b->elem != kinds[k])
                continue;
            to[LM_PART_OFFSET] = (uint32_t)b->offset;
            to[LM_PART_COUNT] = (uint32_t)filled(p, b, 1);
            to += LM_PART_ROW;
            e->prompts.parts[k]++;
        }
    if (e->prompts.parts[0] + e->prompts.parts[1] + e->prompts.parts[2] != n)
        die("prompts: a lasting buffer of another type");
}

/* Elements of one type that n tokens fill. */
static int64_t filled_all(const Program *p, ElemType elem, int n)
{
    int64_t sum = 0;
    for (int i = 0; i < p->n_buffers; i++)
        if (p->buffers[i].lasting && p->buffers[i].elem == elem)
            sum += filled(p, &p->buffers[i], n);
    return sum;
}

/* What the prompts leave: a simulator reads each, then the cache is copied type by type. */
static void add_caches(Emission *e, int *const *ids, uint32_t *rows)
{
    const Program *p = e->unit->program;
    Arena *own = arena_new();
    Simulator *s = simulator_new(own, e->unit);
    uint8_t *to[LENGTH(kinds)];
    int64_t total[LENGTH(kinds)] = {0};
    for (int i = 0; i < e->prompts.n; i++)
        for (size_t k = 0; k < LENGTH(kinds); k++) {
            rows[i * LM_PROMPT_ROW + kind_columns[k]] = (uint32_t)total[k];
            total[k] += filled_all(p, kinds[k], e->prompts.n_tokens[i]);
        }
    for (size_t k = 0; k < LENGTH(kinds); k++)
        to[k] = add_table(e, kind_tables[k], kinds[k], total[k])->bytes;
    for (int i = 0; i < e->prompts.n; i++) {
        simulator_reset(s);
        for (int t = 0; t < e->prompts.n_tokens[i]; t++)
            simulator_step(s, ids[i][t]);
        for (size_t k = 0; k < LENGTH(kinds); k++)
            for (int b = 0; b < p->n_buffers; b++) {
                const Buffer *from = &p->buffers[b];
                if (!from->lasting || from->elem != kinds[k])
                    continue;
                const size_t size = (size_t)filled(p, from, e->prompts.n_tokens[i]) *
                                    (size_t)elem_bytes[from->elem];
                memcpy(to[k], simulator_buffer(s, b), size);
                to[k] += size;
            }
    }
    arena_free(own);
}

static void check_flash(const Emission *e)
{
    const Unit *u = e->unit;
    const int64_t limit = u->flash_limit ? u->flash_limit : target_flash(u->target);
    const int64_t need = u->program->weight_bytes + CODE_BYTES + e->prompts.flash;
    if (need > limit)
        fatal("%s: prompts: %lld bytes for %d prompts, with weights and code %lld of %lld bytes of "
              "flash on %s",
              u->model->path, (long long)e->prompts.flash, e->prompts.n, (long long)need,
              (long long)limit, u->target->name);
}

void add_prompts(Emission *e)
{
    const Texts *list = &e->unit->recipe->prompts;
    const int before = e->n_tables;
    int64_t n_ids = 0;
    if (list->n == 0)
        return;
    if (!e->unit->model->tokenizer)
        fatal("%s: prompts: the model has no tokenizer", e->unit->model->path);
    int **ids = NEW(e->arena, int *, list->n);
    e->prompts.n = list->n;
    e->prompts.n_tokens = NEW(e->arena, int, list->n);
    for (int i = 0; i < list->n; i++) {
        const int n = wrapped(e, list->text[i], &ids[i]) - 1; /* the last one is left out */
        if (n < 1 || n >= e->unit->program->window)
            fatal("%s: prompts: \"%s\": %d tokens: from 2 to the window's %d are of use",
                  e->unit->model->path, text_clip(list->text[i]).s, n + 1,
                  e->unit->program->window);
        e->prompts.n_tokens[i] = n;
        n_ids += n;
    }
    Data *all = NEW(e->arena, Data, before + TABLES);
    memcpy(all, e->tables, (size_t)before * sizeof *all);
    e->tables = all;
    uint32_t *rows = add_table(e, "prompt_rows", ELEM_U32, list->n * LM_PROMPT_ROW)->bytes;
    uint32_t *to = add_table(e, "prompt_ids", ELEM_U32, n_ids)->bytes, at = 0;
    for (int i = 0; i < list->n; i++) {
        rows[i * LM_PROMPT_ROW + LM_PROMPT_N] = (uint32_t)e->prompts.n_tokens[i];
        rows[i * LM_PROMPT_ROW + LM_PROMPT_IDS] = at;
        for (int k = 0; k < e->prompts.n_tokens[i]; k++)
            to[at++] = (uint32_t)ids[i][k];
    }
    add_parts(e);
    add_caches(e, ids, rows);
    e->prompts.n_tables = e->n_tables - before;
    for (int i = before; i < e->n_tables; i++)
        e->prompts.flash += e->tables[i].count * elem_bytes[e->tables[i].elem];
    check_flash(e);
}
