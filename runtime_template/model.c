/* @banner */
#include "model.h"

#include "model_kernels.h"

#define LM_I8(offset) ((int8_t *)(void *)(memory + (offset)))
#define LM_I16(offset) ((int16_t *)(void *)(memory + (offset)))
#define LM_U16(offset) ((uint16_t *)(void *)(memory + (offset)))
#define LM_I32(offset) ((int32_t *)(void *)(memory + (offset)))
#define LM_U32(offset) ((uint32_t *)(void *)(memory + (offset)))

#if MODEL_BLOB
#define LM_CONST_I8(offset) ((const int8_t *)(const void *)(weights + (offset)))
#define LM_CONST_U8(offset) (weights + (offset))
#define LM_CONST_I16(offset) ((const int16_t *)(const void *)(weights + (offset)))
#define LM_CONST_U16(offset) ((const uint16_t *)(const void *)(weights + (offset)))
#define LM_CONST_I32(offset) ((const int32_t *)(const void *)(weights + (offset)))
#define LM_CONST_U32(offset) ((const uint32_t *)(const void *)(weights + (offset)))
#define LM_BOUND(s) ((s)->weights != NULL)
#else
#define LM_BOUND(s) 1
#endif

/* Where a token stands: its position, its slot in the ring, and how many slots are filled then. */
typedef struct lm_place {
    uint32_t position, slot;
    int32_t filled;
} lm_place;

/* Shapes: each kernel once for every combination of dimensions, which are constants here. -------
 */

/* @shapes */

/* Layers: a straight line of calls each. ---------------------------------------------------------
 */

/* @layers */

/* The interface. ---------------------------------------------------------------------------------
 */

/* @part binding.h */

void model_reset(model_t *s)
{
    s->position = 0;
    s->slot = 0;
    s->ready = 0;
    s->grammar = 0;
}

#if MODEL_PROMPTS > 0
/* @prompts */

/* Takes the tokens that a table has the result of, but for the last one; gives their number. */
static int32_t model_recall(model_t *s, const model_token *t, int32_t n)
{
    const uint32_t *row =
        s->position == 0U ? lm_prompt_find(&model_prompts, t, (uint32_t)n - 1U) : NULL;
    if (row == NULL) {
        return 0;
    }
    lm_prompt_restore(&model_prompts, row, (uint8_t *)s->memory);
    s->position = row[LM_PROMPT_N];
    s->slot = row[LM_PROMPT_N];
    return (int32_t)row[LM_PROMPT_N];
}
#endif

/* One token through the layers, without the head. */
static void model_read(model_t *s, model_token t)
{
    model_layers(s, t);
    s->position++;
    s->slot = lm_next_slot(s->slot, MODEL_WINDOW, MODEL_SINKS);
}

#if MODEL_BATCH > 1
static void model_read_pair(model_t *s, const model_token *t)
{
    lm_place at[2];
    for (int32_t i = 0; i < 2; i++) {
        at[i].position = s->position;
        at[i].slot = s->slot;
        at[i].filled = s->position < MODEL_WINDOW ? (int32_t)s->position + 1 : MODEL_WINDOW;
        s->position++;
        s->slot = lm_next_slot(s->slot, MODEL_WINDOW, MODEL_SINKS);
    }
    model_layers_pair(s, t, at);
}
#endif

int model_step(model_t *s, model_token t, const int32_t **logits)
{
    if (s == NULL || t < 0 || t >= MODEL_VOCAB) {
        return MODEL_E_ARGUMENT;
    }
    if (!LM_BOUND(s)) {
        return MODEL_E_UNBOUND;
    }
    model_read(s, t);
    model_head(s);
    s->ready = 1;
    if (logits != NULL) {
        *logits = MODEL_TOP > 0 ? NULL : model_output(s);
    }
    return MODEL_OK;
}

#if MODEL_GRAMMARS > 0
void model_pass(model_t *s, model_token t)
{
    model_read(s, t);
    s->ready = 0;
}
#endif

int model_prefill(model_t *s, const model_token *t, int32_t n)
{
    if (s == NULL || t == NULL || n < 0) {
        return MODEL_E_ARGUMENT;
    }
    for (int32_t i = 0; i < n; i++) {
        if (t[i] < 0 || t[i] >= MODEL_VOCAB) {
            return MODEL_E_ARGUMENT;
        }
    }
    if (!LM_BOUND(s)) {
        return MODEL_E_UNBOUND;
    }
    if (n == 0) {
        return MODEL_OK;
    }
#if MODEL_PROMPTS > 0
    {
        const int32_t known = model_recall(s, t, n);
        t += known;
        n -= known;
    }
#endif
#if MODEL_BATCH > 1
    if (n % 2 != 0) {
        model_read(s, *t++);
    }
    for (n /= 2; n > 0; n--, t += 2) {
        model_read_pair(s, t);
    }
#else
    for (; n > 0; n--) {
        model_read(s, *t++);
    }
#endif
    model_head(s);
    s->ready = 1;
    return MODEL_OK;
}

#if MODEL_TOP > 0
int32_t model_top(const model_t *s, model_token *tokens, int32_t *logits, int32_t max)
{
    const int32_t n = max < MODEL_TOP ? max : MODEL_TOP;
    if (s == NULL || max < 0) {
        return MODEL_E_ARGUMENT;
    }
    if (s->ready == 0U) {
        return MODEL_E_EMPTY;
    }
    for (int32_t i = 0; i < n; i++) {
        if (tokens != NULL) {
            tokens[i] = model_output(s)[2 * i];
        }
        if (logits != NULL) {
            logits[i] = model_output(s)[2 * i + 1];
        }
    }
    return n;
}
#endif

model_token model_sample(const model_t *s, const model_sampling *how)
{
    lm_sampling o;
    if (s == NULL || how == NULL) {
        return MODEL_E_ARGUMENT;
    }
    if (s->ready == 0U) {
        return MODEL_E_EMPTY;
    }
    o.temperature = how->temperature;
    o.top_k = how->top_k;
    o.top_p = how->top_p;
    o.seed = how->seed;
    o.allowed = how->allowed;
#if MODEL_GRAMMARS > 0
    if (s->grammar != 0U) {
        if (how->allowed != NULL) {
            return MODEL_E_ARGUMENT;
        }
        o.allowed = s->allowed;
    }
#endif
    {
#if MODEL_TOP > 0
        const int32_t t = lm_sample_top(model_output(s), MODEL_TOP, &o, s->position);
#else
        const int32_t t = lm_sample(model_output(s), MODEL_VOCAB, &o, s->position);
#endif
        return t < 0 ? MODEL_E_EMPTY : t;
    }
}

/* The next `steps` greedy tokens from the start; tokens may be NULL. */
static uint32_t model_greedy(model_t *s, int32_t steps, const uint32_t *expected, int *equal)
{
    const model_sampling greedy = {0, 0, 0, 0, NULL};
    model_token t = MODEL_GOLDEN_START;
    uint32_t hash = 0;
    model_reset(s);
    for (int32_t i = 0; i < steps; i++) {
        (void)model_step(s, t, NULL);
        hash =
            lm_hash(model_output(s), 4, (MODEL_TOP > 0 ? 2 * MODEL_TOP : MODEL_VOCAB) * 4U, hash);
        t = model_sample(s, &greedy);
        if (expected != NULL && (uint32_t)t != expected[i]) {
            *equal = 0;
        }
    }
    model_reset(s);
    return hash;
}

uint32_t model_logits_hash(model_t *s, int32_t steps)
{
    return s == NULL || !LM_BOUND(s) ? 0U : model_greedy(s, steps, NULL, NULL);
}

int model_selftest_against(model_t *s, const uint32_t *tokens, uint32_t hash)
{
    int equal = 1;
    if (s == NULL) {
        return MODEL_E_ARGUMENT;
    }
#if MODEL_BLOB
    if (!LM_BOUND(s)) {
        return MODEL_E_UNBOUND;
    }
    if (model_blob_intact(s->weights) == 0) {
        return MODEL_E_WEIGHTS;
    }
#else
    if (model_weights_hash() != MODEL_WEIGHTS_HASH) {
        return MODEL_E_WEIGHTS;
    }
#endif
    if (model_greedy(s, MODEL_GOLDEN_STEPS, tokens, &equal) != hash) {
        equal = 0;
    }
    return equal != 0 ? MODEL_OK : MODEL_E_SELFTEST;
}

const char *model_strerror(int error)
{
    switch (error) {
    case MODEL_OK: return "ok";
    case MODEL_E_ARGUMENT: return "argument out of range or null";
    case MODEL_E_SPACE: return "output buffer too small";
    case MODEL_E_WEIGHTS: return "weights damaged: hash differs";
    case MODEL_E_SELFTEST: return "self-test failed: results differ from the recorded ones";
    case MODEL_E_EMPTY: return "no logits yet, or no token allowed";
    case MODEL_E_TOKENIZER: return "compiled without a tokenizer";
    case MODEL_E_WORD: return "word too long to be encoded in parts";
    case MODEL_E_UNBOUND: return "no weights bound yet";
    case MODEL_E_BLOB: return "not a weights file, or one for another core";
    case MODEL_E_MODEL: return "weights of another model";
    case MODEL_E_LENGTH: return "weights cut short";
    case MODEL_E_ALIGN: return "weights at an address that is not aligned";
    case MODEL_E_GRAMMAR: return "token may not follow in the grammar";
    default: return "unknown error";
    }
}
