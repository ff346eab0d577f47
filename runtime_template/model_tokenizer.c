/* @banner */
#include "model.h"

#include "model_kernels.h"

#if MODEL_HAS_TOKENIZER

/* @tables */

int32_t model_encode(const char *utf8, uint32_t n, model_token *out, int32_t max)
{
    if (utf8 == NULL || out == NULL || max < 0) {
        return MODEL_E_ARGUMENT;
    }
    {
        const int32_t count = lm_encode(&model_tables, utf8, n, out, max);
        return count < 0 ? MODEL_E_SPACE : count;
    }
}

static int32_t model_encode_held(model_encoder *e, const char *utf8, uint32_t n, int end,
                                 model_token *out, int32_t max)
{
    lm_progress p;
    uint32_t used;
    int32_t count;
    if (e == NULL || out == NULL || max < 0 || (utf8 == NULL && n > 0U) ||
        e->count > MODEL_WORD_BYTES || n > 0x7fffffffU - MODEL_WORD_BYTES - 3U) {
        return MODEL_E_ARGUMENT;
    }
    p.begun = e->begun;
    p.inside = e->inside;
    p.later = e->later;
    p.bare = e->bare;
    p.skip = e->skip;
    p.ahead = e->ahead;
    count = end != 0 ? lm_encode_some(&model_tables, &p, e->held, e->count, 0, &used, out, max)
                     : lm_encode_feed(&model_tables, &p, e->held, MODEL_WORD_BYTES, &e->count,
                                      (const uint8_t *)utf8, n, out, max);
    e->begun = p.begun;
    e->inside = p.inside;
    e->later = p.later;
    e->bare = p.bare;
    e->skip = p.skip;
    e->ahead = p.ahead;
    return count >= 0 ? count : (count == LM_E_WORD ? MODEL_E_WORD : MODEL_E_SPACE);
}

int32_t model_encode_part(model_encoder *e, const char *utf8, uint32_t n, model_token *out,
                          int32_t max)
{
    return model_encode_held(e, utf8, n, 0, out, max);
}

int32_t model_encode_end(model_encoder *e, model_token *out, int32_t max)
{
    const int32_t count = model_encode_held(e, NULL, 0, 1, out, max);
    if (count >= 0) {
        memset(e, 0, sizeof *e);
    }
    return count;
}

int32_t model_decode(model_token t, char *out, int32_t max)
{
    if (out == NULL || t < 0 || t >= MODEL_VOCAB) {
        return MODEL_E_ARGUMENT;
    }
    {
        const int32_t count = lm_decode(&model_tables, t, out, max);
        return count < 0 ? MODEL_E_SPACE : count;
    }
}

#ifdef MODEL_HEAD
int32_t model_encode_cut(const char *utf8, uint32_t n, model_token *out, int32_t max)
{
    const int32_t count = model_encode(utf8, n, out, max);
    if (count <= MODEL_WINDOW) {
        return count;
    }
    out[MODEL_WINDOW - 1] = out[count - 1];
    return MODEL_WINDOW;
}

#if MODEL_TEXT_PAIRS
int32_t model_encode_pair(const char *a, uint32_t na, const char *b, uint32_t nb, model_token *out,
                          int32_t max, int32_t *second)
{
    static const lm_join how = {MODEL_JOIN_BEFORE,
                                MODEL_JOIN_AFTER,
                                MODEL_JOINED,
                                {MODEL_JOINED_FIRST, MODEL_JOINED_SECOND},
                                MODEL_JOIN_TYPED};
    const int32_t n = second == NULL ? MODEL_E_ARGUMENT : model_encode(a, na, out, max);
    int32_t m;
    if (n < 0) {
        return n;
    }
    m = model_encode(b, nb, out + n, max - n);
    if (m < 0) {
        return m;
    }
    m = lm_join_texts(out, n, m, &how, MODEL_WINDOW, second);
    return m < 0 ? MODEL_E_SEQUENCE : m;
}
#else
int32_t model_encode_pair(const char *a, uint32_t na, const char *b, uint32_t nb, model_token *out,
                          int32_t max, int32_t *second)
{
    (void)a;
    (void)na;
    (void)b;
    (void)nb;
    (void)out;
    (void)max;
    (void)second;
    return MODEL_E_PAIR;
}
#endif
#else
int32_t model_decode_utf8(model_utf8 *u, model_token t, char *out, int32_t max)
{
    lm_utf8 state;
    char piece[MODEL_PIECE_BYTES];
    int32_t n = 0;
    if (u == NULL || out == NULL || t < -1 || t >= MODEL_VOCAB) {
        return MODEL_E_ARGUMENT;
    }
    if (t >= 0) {
        n = lm_decode(&model_tables, t, piece, MODEL_PIECE_BYTES);
    }
    memcpy(state.pending, u->pending, sizeof state.pending);
    state.count = u->count;
    n = t >= 0 ? lm_utf8_feed(&state, piece, n, out, max) : lm_utf8_flush(&state, out, max);
    if (n < 0) {
        return MODEL_E_SPACE;
    }
    memcpy(u->pending, state.pending, sizeof state.pending);
    u->count = state.count;
    return n;
}

/* Decodes t into text for emit; a leading space right after the start is dropped where the
 * tokenizer had put it there. */
static int model_emit(model_utf8 *u, model_token t, int first, model_emit_fn emit, void *user)
{
    char text[3 * MODEL_PIECE_BYTES + 3];
    const int32_t n = model_decode_utf8(u, t, text, (int32_t)sizeof text);
    const int32_t skip = (first != 0 && MODEL_PREFIX_SPACE != 0 && n > 0 && text[0] == ' ') ? 1 : 0;
    if (n < 0) {
        return (int)n;
    }
    return n > skip ? emit(user, text + skip, n - skip) : 0;
}

static uint32_t model_length(const char *text)
{
    uint32_t n = 0;
    while (n < UINT32_MAX && text[n] != '\0') { /* both, or compilers call strlen */
        n++;
    }
    return n;
}

static int32_t model_copy_tokens(const uint32_t *from, int32_t n, model_token *out, int32_t max)
{
    if (n > max) {
        return MODEL_E_SPACE;
    }
    for (int32_t i = 0; i < n; i++) {
        out[i] = (model_token)from[i];
    }
    return n;
}

/* The tokens of a prompt between those that were compiled in; these begin the text, if there are
 * any. */
static int32_t model_wrapped(const char *prompt, model_token *out, int32_t max)
{
    lm_progress p = {0, 0, 0, 0, 0, 0};
    uint32_t used;
    int32_t n = model_copy_tokens(model_prompt_prefix, MODEL_PREFIX_TOKENS, out, max);
    int32_t added;
    if (n < 0) {
        return n;
    }
    p.begun = n > 0 ? 1U : 0U;
    p.inside = n > 0 ? (uint8_t)(LM_INSIDE_TOKENS | LM_INSIDE_TEXT) : 0U;
    p.later = p.begun;
    added = lm_encode_some(&model_tables, &p, (const uint8_t *)prompt, model_length(prompt), 0,
                           &used, out + n, max - n);
    if (added < 0) {
        return MODEL_E_SPACE;
    }
    n += added;
    added = model_copy_tokens(model_prompt_suffix, MODEL_SUFFIX_TOKENS, out + n, max - n);
    return added < 0 ? added : n + added;
}

static int model_ends(model_token t)
{
    return t == MODEL_EOS || (t == MODEL_BOS && MODEL_BOS >= 0);
}

#if MODEL_GRAMMARS > 0
/* Into a state of the automaton; where a sentence may end, end-of-text tokens may follow too. */
static void model_grammar_enter(model_t *s, uint32_t state)
{
    s->grammar = state + 1U;
    (void)lm_grammar_mask(&model_automaton, &model_tables, state, s->allowed, MODEL_VOCAB);
    if ((model_automaton.flags[state] & LM_GRAMMAR_ACCEPTS) != 0U) {
        for (model_token t = 0; t < MODEL_VOCAB; t++) {
            if (model_ends(t) != 0) {
                s->allowed[t >> 5] |= 1U << (t & 31);
            }
        }
    }
}

int model_grammar_start(model_t *s, int32_t grammar)
{
    if (s == NULL || grammar < -1 || grammar >= MODEL_GRAMMARS) {
        return MODEL_E_ARGUMENT;
    }
    s->grammar = 0;
    if (grammar >= 0) {
        model_grammar_enter(s, model_grammar_starts[grammar]);
    }
    return MODEL_OK;
}

int model_grammar_take(model_t *s, model_token t)
{
    uint32_t state;
    if (s == NULL || t < 0 || t >= MODEL_VOCAB) {
        return MODEL_E_ARGUMENT;
    }
    if (s->grammar == 0U) {
        return MODEL_OK;
    }
    state = lm_grammar_token(&model_automaton, &model_tables, s->grammar - 1U, (uint32_t)t);
    if (state == LM_GRAMMAR_NONE) {
        return MODEL_E_GRAMMAR;
    }
    model_grammar_enter(s, state);
    return MODEL_OK;
}

int model_grammar_accepts(const model_t *s)
{
    uint32_t flags;
    if (s == NULL || s->grammar == 0U) {
        return 0;
    }
    flags = model_automaton.flags[s->grammar - 1U];
    if ((flags & LM_GRAMMAR_ACCEPTS) == 0U) {
        return 0;
    }
    return (flags & LM_GRAMMAR_GOES_ON) != 0U ? 1 : 2;
}

/* The one token that may follow; -1: there are several, or no grammar is followed. */
static model_token model_forced(const model_t *s)
{
    model_token only = -1;
    for (model_token t = 0; t < MODEL_VOCAB && s->grammar != 0U; t++) {
        if (lm_is_allowed(s->allowed, t)) {
            if (only >= 0) {
                return -1;
            }
            only = t;
        }
    }
    return only;
}

/* The next token; logits are not looked at where only one may follow. */
static model_token model_choose(const model_t *s, const model_sampling *how)
{
    const model_token only = model_forced(s);
    return only >= 0 ? only : model_sample(s, how);
}

/* Reads a token that was chosen; the head has nothing to do where the next one is certain. */
static int model_go_on(model_t *s, model_token t)
{
    if (model_forced(s) < 0) {
        return model_step(s, t, NULL);
    }
    model_pass(s, t);
    return MODEL_OK;
}

#define model_follows(s) ((s)->grammar != 0U)
#define model_finished(s) (model_grammar_accepts(s) == 2)
#else
#define model_choose(s, how) model_sample(s, how)
#define model_go_on(s, t) model_step(s, t, NULL)
#define model_grammar_take(s, t) MODEL_OK
#define model_follows(s) 0
#define model_finished(s) 0
#endif

int32_t model_generate(model_t *s, const char *prompt, int32_t max_tokens,
                       const model_sampling *how, model_emit_fn emit, void *user,
                       model_token *scratch, int32_t scratch_max)
{
    model_utf8 text = {{0, 0, 0, 0}, 0};
    int32_t written = 0;
    int result = MODEL_OK;
    int first;
    if (s == NULL || prompt == NULL || how == NULL || emit == NULL || scratch == NULL) {
        return MODEL_E_ARGUMENT;
    }
    {
        const int32_t n = model_wrapped(prompt, scratch, scratch_max);
        if (n < 0) {
            return n;
        }
        result = model_prefill(s, scratch, n);
    }
    first = prompt[0] == '\0' && !model_follows(s); /* a grammar's text comes as it is */
    while (result == MODEL_OK && written < max_tokens && !model_finished(s)) {
        const model_token t = model_choose(s, how);
        if (t < 0) {
            return t;
        }
        if (model_ends(t) != 0) {
            break;
        }
        result = model_emit(&text, t, first, emit, user);
        first = 0;
        written++;
        if (result == MODEL_OK) {
            result = model_grammar_take(s, t);
        }
        if (result == MODEL_OK && written < max_tokens && !model_finished(s)) {
            result = model_go_on(s, t);
        }
    }
    if (result == MODEL_OK) {
        result = model_emit(&text, -1, 0, emit, user);
    }
    return result == MODEL_OK ? written : (int32_t)result;
}
#endif

#else

int32_t model_encode(const char *utf8, uint32_t n, model_token *out, int32_t max)
{
    (void)utf8;
    (void)n;
    (void)out;
    (void)max;
    return MODEL_E_TOKENIZER;
}

int32_t model_encode_part(model_encoder *e, const char *utf8, uint32_t n, model_token *out,
                          int32_t max)
{
    (void)e;
    return model_encode(utf8, n, out, max);
}

int32_t model_encode_end(model_encoder *e, model_token *out, int32_t max)
{
    (void)e;
    return model_encode(NULL, 0, out, max);
}

int32_t model_decode(model_token t, char *out, int32_t max)
{
    (void)t;
    (void)out;
    (void)max;
    return MODEL_E_TOKENIZER;
}

#ifdef MODEL_HEAD
int32_t model_encode_cut(const char *utf8, uint32_t n, model_token *out, int32_t max)
{
    return model_encode(utf8, n, out, max);
}

int32_t model_encode_pair(const char *a, uint32_t na, const char *b, uint32_t nb, model_token *out,
                          int32_t max, int32_t *second)
{
    (void)b;
    (void)nb;
    (void)second;
    return model_encode(a, na, out, max);
}
#else
int32_t model_decode_utf8(model_utf8 *u, model_token t, char *out, int32_t max)
{
    (void)u;
    return model_decode(t, out, max);
}

int32_t model_generate(model_t *s, const char *prompt, int32_t max_tokens,
                       const model_sampling *how, model_emit_fn emit, void *user,
                       model_token *scratch, int32_t scratch_max)
{
    (void)s;
    (void)how;
    (void)emit;
    (void)user;
    (void)max_tokens;
    return model_encode(prompt, 0, scratch, scratch_max);
}
#endif

#endif
