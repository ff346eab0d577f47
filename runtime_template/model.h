/* @banner */
#ifndef MODEL_H
#define MODEL_H

#include <stdint.h>

#include "model_config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* @constants */

/* A token id, 0 .. MODEL_VOCAB - 1. Functions that give tokens give errors as negative values. */
typedef int32_t model_token;

/* Errors; model_strerror explains them. */
#define MODEL_OK 0
#define MODEL_E_ARGUMENT (-1)  /* a null pointer, a negative count, a token out of range */
#define MODEL_E_SPACE (-2)     /* the output buffer is too small */
#define MODEL_E_WEIGHTS (-3)   /* the weights' hash is wrong: damaged or mixed-up files */
#define MODEL_E_SELFTEST (-4)  /* results differ from the ones recorded when compiling */
#define MODEL_E_EMPTY (-5)     /* nothing to sample from: no step yet, or no token allowed */
#define MODEL_E_TOKENIZER (-6) /* the model was compiled without a tokenizer */
#define MODEL_E_WORD (-7)     /* a word of more than MODEL_WORD_BYTES in text that comes in parts */
#define MODEL_E_UNBOUND (-8)  /* no weights yet: model_bind */
#define MODEL_E_BLOB (-9)     /* what was to be bound is no weights file, or one for another core */
#define MODEL_E_MODEL (-10)   /* ... belongs to other code than this */
#define MODEL_E_LENGTH (-11)  /* ... ends too early */
#define MODEL_E_ALIGN (-12)   /* ... does not start at a multiple of MODEL_BLOB_ALIGN */
#define MODEL_E_GRAMMAR (-20) /* a token that may not follow in the grammar */

/* All state, MODEL_STATE_BYTES of it. Put it anywhere; one for each conversation. */
typedef struct model_state {
    uint32_t position; /* tokens seen since the last reset */
    uint32_t slot;     /* of the KV ring that the next token takes */
    uint32_t ready;    /* logits are there */
    uint32_t grammar;  /* 1 more than the state of the automaton; 0: none is followed */
#if MODEL_BLOB
    const uint8_t *weights; /* the blob that was bound, NULL: none */
#endif
#if MODEL_GRAMMARS > 0
    uint32_t allowed[(MODEL_VOCAB + 31) / 32]; /* tokens that may follow there */
#endif
    MODEL_ALIGN(MODEL_STATE_ALIGN) uint32_t memory[MODEL_MEMORY_BYTES / 4];
} model_t;

#define MODEL_STATE_BYTES (sizeof(model_t))

/* How to pick the next token. All zero: the most likely one, always. */
typedef struct model_sampling {
    uint32_t temperature;    /* in units of 1/65536; 65536 is 1.0; 0 takes the most likely token */
    int32_t top_k;           /* only the k most likely; 0: all */
    uint32_t top_p;          /* the likeliest tokens that reach this mass, of 65536; 0: all */
    uint32_t seed;           /* same seed and position, same draw */
    const uint32_t *allowed; /* bit t % 32 of word t / 32: token t may be drawn; NULL: all */
} model_sampling;

/* Called with each piece of text; a result other than 0 ends the generation with that result. */
typedef int (*model_emit_fn)(void *user, const char *text, int32_t bytes);

/* @part bind.h */

/* Forgets every token. */
void model_reset(model_t *s);

/* UTF-8 text (n bytes) -> tokens, with the beginning-of-text token in front when the model wants
 * one, and what a text ends with after it; gives their number. Added tokens of the tokenizer,
 * special ones included, are recognised where the text spells them. max: room in out; n + 3 always
 * suffices, n + 2 where the tokenizer ends no text with a token. A tokenizer that normalizes text
 * (NFC ...) has the result in out too: MODEL_ENCODE_ROOM(n) suffices for any text, 5 / 4 n + 3 for
 * text of n bytes that is normalized already. */
#define MODEL_ENCODE_ROOM(n) (MODEL_ROOM_PER_BYTE * (n) + 24)
int32_t model_encode(const char *utf8, uint32_t n, model_token *out, int32_t max);

/* @part stream.h */

/* Reads one token. *logits (MODEL_VOCAB values in units of 2^-MODEL_LOGIT_FRACTION) is valid until
 * the next step; logits may be NULL. Where MODEL_TOP > 0 only that many of the largest are ever
 * there: *logits becomes NULL, and model_top gives them. */
int model_step(model_t *s, model_token t, const int32_t **logits);

/* Reads n tokens; logits are computed for the last one only, as if by as many steps. After a reset,
 * those that a compiled-in prompt (MODEL_PROMPTS) begins with too are not read but known. */
int model_prefill(model_t *s, const model_token *t, int32_t n);

#if MODEL_TOP > 0
/* The largest logits after a step or a prefill, by falling logit, of equal ones by rising token:
 * the first max of them into tokens and logits, either of which may be NULL; gives their number, or
 * a negative error. */
int32_t model_top(const model_t *s, model_token *tokens, int32_t *logits, int32_t max);
#endif

/* The next token after a step or a prefill, or a negative error. Where MODEL_TOP > 0 it is one of
 * these. */
model_token model_sample(const model_t *s, const model_sampling *how);

/* The bytes of one token; gives their number. They may end inside a UTF-8 sequence. */
int32_t model_decode(model_token t, char *out, int32_t max);

/* Whole characters only: keeps the bytes of a sequence that is not complete yet. Zero it first. */
typedef struct model_utf8 {
    uint8_t pending[4];
    uint32_t count;
} model_utf8;

/* The characters that token t completes; gives their bytes (3 * MODEL_PIECE_BYTES + 3 always
 * suffice). Malformed bytes come out as U+FFFD. t = -1 ends the text: what is left comes out. */
int32_t model_decode_utf8(model_utf8 *u, model_token t, char *out, int32_t max);

/* Reads the prompt, with the tokens of MODEL_PREFIX_TOKENS before it and MODEL_SUFFIX_TOKENS after
 * it that were compiled in, after what the state has read already, then writes up to max_tokens
 * tokens, whole characters at a time, until the end-of-text token; gives the number of tokens
 * written. scratch (scratch_max tokens) holds the encoded prompt. */
int32_t model_generate(model_t *s, const char *prompt, int32_t max_tokens,
                       const model_sampling *how, model_emit_fn emit, void *user,
                       model_token *scratch, int32_t scratch_max);

#if MODEL_GRAMMARS > 0
/* Holds what is generated from here on to a grammar, MODEL_GRAMMAR_...; -1: to none any more, as
 * after a reset. model_sample then gives only tokens that may follow; `allowed` of the sampling
 * must be NULL. model_generate ends where the grammar does, or, where a sentence may end but need
 * not, when an end-of-text token is drawn. */
int model_grammar_start(model_t *s, int32_t grammar);

/* For tokens that are generated one by one, before each model_step: takes what model_sample gave.
 * MODEL_E_GRAMMAR: the token may not follow, or ends the text. */
int model_grammar_take(model_t *s, model_token t);

/* Of what was generated since model_grammar_start: 2 when it is a sentence and nothing may follow,
 * 1 when it is one that may go on, 0 when it was cut off. */
int model_grammar_accepts(const model_t *s);
#endif

/* Runs MODEL_GOLDEN_STEPS steps and compares tokens and logits with those recorded when compiling:
 * MODEL_OK, or MODEL_E_SELFTEST. Resets before and after. */
int model_selftest(model_t *s);

/* XXH32 of the logits, or of the tokens and logits of model_top, of the first `steps` greedy steps,
 * as model_selftest computes it. */
uint32_t model_logits_hash(model_t *s, int32_t steps);

#if MODEL_WITH_PROBE
/* The residual stream after each layer (see the configuration file). model_probe.c keeps of it what
 * `lmcc probe` prints, a row for the embedding (layer -1) and one for each layer, since the last
 * reset: after model_selftest the same hashes as on the host, down to the first layer that is
 * wrong. */
typedef struct model_probe_row {
    uint32_t hash;      /* XXH32 of the values as little-endian words, from call to call */
    int32_t largest;    /* v, or -v - 1 of a negative v */
    uint32_t saturated; /* values at an end of int32 */
} model_probe_row;
void model_probe(int32_t layer, const int32_t *resid, int32_t n);
void model_probe_reset(void);
const model_probe_row *model_probe_rows(void); /* MODEL_LAYERS + 1 of them */
#endif

/* What an error means, in English. */
const char *model_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
