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

/* A call for each token of a sequence. */
#define LM_EACH(n, call)                                                                           \
    for (int32_t at = 0; at < (n); at++) {                                                         \
        call;                                                                                      \
    }

/* Shapes: each kernel once for every combination of dimensions, which are constants here. -------
 */

/* @shapes */

#if MODEL_EXITS > 0
static int model_leaves(model_t *s, int32_t exit, int32_t n);
#endif

/* Layers: a straight line of calls each, for one token of the sequence: up to its keys and values,
 * and, once all tokens have these, from its attention on.
 * ------------------------------------------
 */

/* @layers */

#if MODEL_EXITS > 0
/* Whether the exit's head is sure of all that it says of the sequence. */
static int model_leaves(model_t *s, int32_t exit, int32_t n)
{
    const int32_t asked = MODEL_EACH_TOKEN != 0 ? n : 1;
    if (s->exit_at[exit] > 32768U) {
        return 0;
    }
    s->exit = (uint32_t)exit + 1U;
    for (int32_t at = 0; at < asked && s->exit != 0U; at++) {
        const int32_t *logits = model_result(s);
        model_run_exit(s, exit, at);
        if (lm_probability(logits, MODEL_OUTPUTS, lm_argmax(logits, MODEL_OUTPUTS)) <
            s->exit_at[exit]) {
            s->exit = 0U;
        }
    }
    return s->exit != 0U;
}
#endif

/* The interface. ---------------------------------------------------------------------------------
 */

/* @part binding.h */

void model_reset(model_t *s)
{
    s->count = 0;
    s->layers = 0;
    s->exit = 0;
    s->threshold = MODEL_THRESHOLD;
#if MODEL_EXITS > 0
    for (int32_t i = 0; i < MODEL_EXITS; i++) {
        s->exit_at[i] = MODEL_EXIT_THRESHOLD;
    }
#endif
}

#if MODEL_EXITS > 0
int model_set_exit(model_t *s, int32_t exit, uint32_t threshold)
{
    if (s == NULL || exit < 0 || exit >= MODEL_EXITS) {
        return MODEL_E_ARGUMENT;
    }
    s->exit_at[exit] = (uint16_t)(threshold > 65535U ? 65535U : threshold);
    return MODEL_OK;
}
#endif

/* How many tokens n inputs are, 0 where these are no sequence. */
#if MODEL_FRAMES > 0
static int32_t model_tokens(int32_t n)
{
    return n == MODEL_FRAMES ? MODEL_WINDOW : 0;
}

#else
static int32_t model_tokens(int32_t n)
{
    return n >= 1 && n <= MODEL_WINDOW ? n : 0;
}

#endif

/* Tokens from `second` on are of type 1. */
static int model_read_typed(model_t *s, const model_item *t, int32_t n, int32_t second)
{
    if (s == NULL || t == NULL) {
        return MODEL_E_ARGUMENT;
    }
    if (!LM_BOUND(s)) {
        return MODEL_E_UNBOUND;
    }
    const int32_t tokens = model_tokens(n);
    if (tokens == 0) {
        return MODEL_E_SEQUENCE;
    }
#if MODEL_FRAMES == 0
    for (int32_t i = 0; i < n; i++) {
        if (t[i] < 0 || t[i] >= MODEL_VOCAB) {
            return MODEL_E_ARGUMENT;
        }
    }
#endif
#if MODEL_TYPES > 1
    s->second = (uint32_t)second;
#else
    (void)second;
#endif
    s->exit = 0;
    model_layers(s, t, tokens);
    s->count = (uint32_t)tokens;
    return MODEL_OK;
}

int model_read(model_t *s, const model_item *t, int32_t n)
{
    return model_read_typed(s, t, n, n);
}

#if MODEL_FRAMES == 0
int model_read_pair(model_t *s, const model_token *t, int32_t n, int32_t second)
{
    if (second < 0 || second > n) {
        return MODEL_E_ARGUMENT;
    }
    return model_read_typed(s, t, n, second);
}
#endif

int model_output(model_t *s, int32_t at, const int32_t **out)
{
    if (s == NULL || out == NULL) {
        return MODEL_E_ARGUMENT;
    }
    if (s->count == 0U) {
        return MODEL_E_EMPTY;
    }
    if (at < 0 || (uint32_t)at >= s->count || (MODEL_EACH_TOKEN == 0 && at > 0)) {
        return MODEL_E_ARGUMENT;
    }
#if MODEL_EXITS > 0
    if (s->exit != 0U) {
        model_run_exit(s, (int32_t)s->exit - 1, at);
        *out = model_result(s);
        return MODEL_OK;
    }
#endif
    model_run_head(s, at, (int32_t)s->count);
    *out = model_result(s);
    return MODEL_OK;
}

#if MODEL_HEAD == MODEL_HEAD_CLASS || MODEL_HEAD == MODEL_HEAD_LABEL
/* @labels */

void model_set_threshold(model_t *s, uint32_t threshold)
{
    s->threshold = threshold;
}

/* The most likely label, or what stands for one that is too unlikely. */
static int32_t model_settle(const model_t *s, const int32_t *logits, int32_t fallback)
{
    const int32_t best = lm_argmax(logits, MODEL_OUTPUTS);
    if (fallback >= 0 && lm_probability(logits, MODEL_OUTPUTS, best) < s->threshold) {
        return fallback;
    }
    return best;
}

const char *model_label_name(int32_t label)
{
    return label >= 0 && label < MODEL_OUTPUTS ? model_labels[label] : NULL;
}
#endif

#if MODEL_HEAD == MODEL_HEAD_CLASS
static int32_t model_classify_typed(model_t *s, const model_item *t, int32_t n, int32_t second,
                                    uint16_t *probabilities)
{
    const int32_t *logits = NULL;
    int error = model_read_typed(s, t, n, second);
    if (error == MODEL_OK) {
        error = model_output(s, 0, &logits);
    }
    if (error != MODEL_OK) {
        return error;
    }
    if (probabilities != NULL) {
        lm_probabilities(logits, MODEL_OUTPUTS, probabilities);
    }
    return model_settle(s, logits, MODEL_FALLBACK);
}

int32_t model_classify(model_t *s, const model_item *t, int32_t n, uint16_t *probabilities)
{
    return model_classify_typed(s, t, n, n, probabilities);
}

#if MODEL_FRAMES == 0
int32_t model_classify_pair(model_t *s, const char *a, uint32_t na, const char *b, uint32_t nb,
                            uint16_t *probabilities, model_token *scratch, int32_t max)
{
    int32_t second = 0;
    const int32_t count = model_encode_pair(a, na, b, nb, scratch, max, &second);
    return count < 0 ? count : model_classify_typed(s, scratch, count, second, probabilities);
}

int32_t model_classify_text(model_t *s, const char *utf8, uint32_t n, uint16_t *probabilities,
                            model_token *scratch, int32_t max)
{
    const int32_t count = model_encode_cut(utf8, n, scratch, max);
    return count < 0 ? count : model_classify(s, scratch, count, probabilities);
}
#endif
#elif MODEL_HEAD == MODEL_HEAD_LABEL
int32_t model_label(model_t *s, const model_token *t, int32_t n, uint16_t *labels,
                    uint16_t *confidence)
{
    const int error = labels == NULL ? MODEL_E_ARGUMENT : model_read(s, t, n);
    for (int32_t i = 0; i < n && error == MODEL_OK; i++) {
        const int32_t *logits = NULL;
        (void)model_output(s, i, &logits);
        labels[i] =
            (uint16_t)model_settle(s, logits, i == 0 ? MODEL_FALLBACK_FIRST : MODEL_FALLBACK);
        if (confidence != NULL) {
            confidence[i] = lm_probability(logits, MODEL_OUTPUTS, lm_argmax(logits, MODEL_OUTPUTS));
        }
    }
    return error != MODEL_OK ? error : n;
}

int32_t model_label_text(model_t *s, const char *utf8, uint32_t n, uint16_t *labels,
                         uint16_t *confidence, model_token *scratch, int32_t max)
{
    const int32_t count = model_encode_cut(utf8, n, scratch, max);
    return count < 0 ? count : model_label(s, scratch, count, labels, confidence);
}
#elif MODEL_HEAD == MODEL_HEAD_MASK
model_token model_fill(model_t *s, const model_token *t, int32_t n, int32_t at,
                       const int32_t **logits)
{
    const int32_t *all = NULL;
    int error = model_read(s, t, n);
    if (error == MODEL_OK) {
        error = model_output(s, at, &all);
    }
    if (error != MODEL_OK) {
        return error;
    }
    if (logits != NULL) {
        *logits = all;
    }
    return lm_argmax(all, MODEL_OUTPUTS);
}
#else
/* The vector, in the state. */
static int model_vector(model_t *s, const model_token *t, int32_t n, const int32_t **v)
{
    const int error = model_read(s, t, n);
    return error != MODEL_OK ? error : model_output(s, 0, v);
}

int model_embed(model_t *s, const model_token *t, int32_t n, int16_t *out)
{
    const int32_t *v = NULL;
    const int error = out == NULL ? MODEL_E_ARGUMENT : model_vector(s, t, n, &v);
    for (int32_t i = 0; i < MODEL_DIM && error == MODEL_OK; i++) {
        out[i] = (int16_t)v[i];
    }
    return error;
}

int model_embed_bytes(model_t *s, const model_token *t, int32_t n, int8_t *out)
{
    const int32_t *v = NULL;
    const int error = out == NULL ? MODEL_E_ARGUMENT : model_vector(s, t, n, &v);
    if (error == MODEL_OK) {
        (void)lm_quantize(v, MODEL_DIM, LM_SCALE(32768, -30), out);
    }
    return error;
}

int model_embed_text(model_t *s, const char *utf8, uint32_t n, int16_t *out, model_token *scratch,
                     int32_t max)
{
    const int32_t count = model_encode_cut(utf8, n, scratch, max);
    return count < 0 ? (int)count : model_embed(s, scratch, count, out);
}
#endif

#if MODEL_FRAMES > 0
/* @frames */

#define MODEL_GOLDEN_ROOM 1

/* A sequence of the self-test; gives its length. */
static const model_item *model_golden_run(model_item *room, int32_t run, int32_t *n)
{
    (void)room;
    *n = MODEL_FRAMES;
    return model_golden_frames + run * MODEL_BANDS;
}
#else
#define MODEL_GOLDEN_ROOM (1 + (MODEL_GOLDEN_RUNS - 1) * (MODEL_GOLDEN_RUNS + 4))

/* A sequence of the self-test, made in `room`: ids spread over the vocabulary, as no division is
 * needed for; gives its length. */
static const model_item *model_golden_run(model_item *room, int32_t run, int32_t *n)
{
    const int32_t length = 1 + run * (run + 5);
    for (int32_t i = 0; i < length; i++) {
        const uint32_t h = ((uint32_t)i * 40503U + (uint32_t)run * 9973U + 77U) & 0xffffU;
        room[i] = (model_token)((h * (MODEL_VOCAB < 0xffff ? MODEL_VOCAB : 0xffffU)) >> 16);
    }
    *n = length < MODEL_WINDOW ? length : MODEL_WINDOW;
    return room;
}
#endif

/* The hash goes on with what the head gives for a sequence. */
static uint32_t model_hash_read(model_t *s, const model_item *t, int32_t n, uint32_t hash)
{
    const int32_t last = MODEL_EACH_TOKEN != 0 ? n - 1 : 0;
    (void)model_read_typed(s, t, n, n < 9 ? n : (int32_t)((uint32_t)n >> 1));
    for (int32_t at = 0; at <= last; at++) {
        const int32_t *out = NULL;
        (void)model_output(s, at, &out);
        hash = lm_hash(out, 4, MODEL_OUTPUTS * 4U, hash);
    }
    return hash;
}

#if MODEL_EXITS > 0
/* By each exit, by none, and as the compiled threshold has it. */
static uint32_t model_hash_exits(model_t *s, const model_item *t, int32_t n, uint32_t hash)
{
    for (int32_t depth = 0; depth <= MODEL_EXITS + 1; depth++) {
        for (int32_t i = 0; i < MODEL_EXITS; i++) {
            const uint32_t forced = i == depth ? 0U : 65535U;
            s->exit_at[i] = (uint16_t)(depth > MODEL_EXITS ? MODEL_EXIT_THRESHOLD : forced);
        }
        hash = model_hash_read(s, t, n, hash);
    }
    return hash;
}
#else
#define model_hash_exits model_hash_read
#endif

uint32_t model_logits_hash(model_t *s, int32_t runs)
{
    model_item room[MODEL_GOLDEN_ROOM];
    uint32_t hash = 0;
    if (s == NULL || !LM_BOUND(s) || runs > MODEL_GOLDEN_RUNS) {
        return 0U;
    }
    for (int32_t run = 0; run < runs; run++) {
        int32_t n = 0;
        const model_item *t = model_golden_run(room, run, &n);
        hash = model_hash_exits(s, t, n, hash);
    }
    model_reset(s);
    return hash;
}

const char *model_strerror(int error)
{
    switch (error) {
    case MODEL_OK: return "ok";
    case MODEL_E_ARGUMENT: return "argument out of range or null";
    case MODEL_E_SPACE: return "output buffer too small";
    case MODEL_E_WEIGHTS: return "weights damaged: hash differs";
    case MODEL_E_SELFTEST: return "self-test failed: results differ from the recorded ones";
    case MODEL_E_EMPTY: return "no sequence was read yet";
    case MODEL_E_TOKENIZER: return "compiled without a tokenizer";
    case MODEL_E_WORD: return "word too long to be encoded in parts";
    case MODEL_E_UNBOUND: return "no weights bound yet";
    case MODEL_E_BLOB: return "not a weights file, or one for another core";
    case MODEL_E_MODEL: return "weights of another model";
    case MODEL_E_LENGTH: return "weights cut short";
    case MODEL_E_ALIGN: return "weights at an address that is not aligned";
    case MODEL_E_PAIR: return "the tokenizer has no form for two texts";
    case MODEL_E_SEQUENCE: return "a sequence that is too short or too long for the model";
    default: return "unknown error";
    }
}
