/* @banner */
#ifndef MODEL_H
#define MODEL_H

#include <stdint.h>

#include "model_config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the model gives: MODEL_HEAD is one of these. */
#define MODEL_HEAD_CLASS 1 /* a class for the sequence */
#define MODEL_HEAD_LABEL 2 /* a label for each token */
#define MODEL_HEAD_MASK 3  /* what stands in the place of a token */
#define MODEL_HEAD_EMBED 4 /* a vector for the sequence */

/* @constants */

/* A token id, 0 .. MODEL_VOCAB - 1. Functions that give tokens or counts give errors as negative
 * values. */
typedef int32_t model_token;

/* What a sequence is made of: tokens, or bytes of frames as an integer front end gives them. */
#if MODEL_FRAMES > 0
typedef int8_t model_item;
#else
typedef model_token model_item;
#endif

/* Errors; model_strerror explains them. */
#define MODEL_OK 0
#define MODEL_E_ARGUMENT (-1)  /* a null pointer, a negative count, a token out of range */
#define MODEL_E_SPACE (-2)     /* the output buffer is too small */
#define MODEL_E_WEIGHTS (-3)   /* the weights' hash is wrong: damaged or mixed-up files */
#define MODEL_E_SELFTEST (-4)  /* results differ from the ones recorded when compiling */
#define MODEL_E_EMPTY (-5)     /* no sequence was read yet */
#define MODEL_E_TOKENIZER (-6) /* the model was compiled without a tokenizer */
#define MODEL_E_WORD (-7)    /* a word of more than MODEL_WORD_BYTES in text that comes in parts */
#define MODEL_E_UNBOUND (-8) /* no weights yet: model_bind */
#define MODEL_E_BLOB (-9)    /* what was to be bound is no weights file, or one for another core */
#define MODEL_E_MODEL (-10)  /* ... belongs to other code than this */
#define MODEL_E_LENGTH (-11) /* ... ends too early */
#define MODEL_E_ALIGN (-12)  /* ... does not start at a multiple of MODEL_BLOB_ALIGN */
#define MODEL_E_SEQUENCE (-13) /* no token, more than MODEL_WINDOW, or not MODEL_FRAMES frames */
#define MODEL_E_PAIR (-14) /* the tokenizer does not say how two texts make a sequence */

/* All state, MODEL_STATE_BYTES of it. Put it anywhere; nothing in it outlives the next sequence. */
typedef struct model_state {
    uint32_t count;     /* tokens of the sequence read last */
    uint32_t layers;    /* that were run for it: fewer than MODEL_LAYERS where an exit was taken */
    uint32_t exit;      /* which one, from 1; 0: none */
    uint32_t threshold; /* see model_set_threshold */
#if MODEL_TYPES > 1
    uint32_t second; /* where tokens of type 1 begin */
#endif
#if MODEL_EXITS > 0
    uint16_t exit_at[MODEL_EXITS]; /* see model_set_exit */
#endif
#if MODEL_BLOB
    const uint8_t *weights; /* the blob that was bound, NULL: none */
#endif
    MODEL_ALIGN(MODEL_STATE_ALIGN) uint32_t memory[MODEL_MEMORY_BYTES / 4];
} model_t;

#define MODEL_STATE_BYTES (sizeof(model_t))

/* @part bind.h */

/* Forgets the sequence; thresholds are again those that were compiled in. */
void model_reset(model_t *s);

/* UTF-8 text (n bytes) -> tokens, with those that a sequence begins and ends with; gives their
 * number. Added tokens of the tokenizer, special ones included, are recognised where the text
 * spells them. max: room in out; n + 3 always suffices, MODEL_ENCODE_ROOM(n) where text is
 * normalized first. */
#define MODEL_ENCODE_ROOM(n) (MODEL_ROOM_PER_BYTE * (n) + 24)
int32_t model_encode(const char *utf8, uint32_t n, model_token *out, int32_t max);

/* The same, and a sequence that is too long is cut to MODEL_WINDOW tokens: its last one stays. */
int32_t model_encode_cut(const char *utf8, uint32_t n, model_token *out, int32_t max);

/* Two texts -> one sequence, as models for pairs (a question and a passage, two sentences) are
 * trained on: [CLS] a [SEP] b [SEP], with whatever the tokenizer has for these. Gives the number of
 * tokens, at most MODEL_WINDOW: a longer pair is cut, the longer text first, down to halves.
 * *second: where the second text begins, for model_read_pair. max: room in out; na + nb + 6 always
 * suffices, MODEL_ENCODE_ROOM(na) + MODEL_ENCODE_ROOM(nb) where text is normalized first. */
int32_t model_encode_pair(const char *a, uint32_t na, const char *b, uint32_t nb, model_token *out,
                          int32_t max, int32_t *second);

/* @part stream.h */

/* The bytes of one token; gives their number. */
int32_t model_decode(model_token t, char *out, int32_t max);

#if MODEL_FRAMES > 0
/* Reads n frames, MODEL_FRAMES always, of MODEL_BANDS bytes each, the oldest first. What the
 * functions below do first; their tokens are these frames. */
#else
/* Reads a sequence of 1 .. MODEL_WINDOW tokens. The time that takes grows with n. What the
 * functions below do first. */
#endif
int model_read(model_t *s, const model_item *t, int32_t n);

#if MODEL_FRAMES == 0
/* The same of two texts: tokens from `second` on, 0 .. n, are of the second one's type. Without
 * types of tokens (MODEL_TYPES 1) it is model_read. Then model_output. */
int model_read_pair(model_t *s, const model_token *t, int32_t n, int32_t second);
#endif

#if MODEL_EXITS > 0
/* Early exit: after some layers a head of their own looks at the sequence, and where it gives what
 * it says (the class; of each token its label) at least the probability `threshold`, in units of
 * 2^-15, the layers after it are not run and its word counts. 0: the exit is always taken; above
 * 32768: never, and it costs nothing. exit: 0 .. MODEL_EXITS - 1. Until this is called:
 * MODEL_EXIT_THRESHOLD, and again after model_reset and what resets. s->layers tells how many
 * layers the sequence took. */
int model_set_exit(model_t *s, int32_t exit, uint32_t threshold);
#endif

/* What the head gives at token `at` of the sequence that was read (of a class or a vector: 0):
 * MODEL_OUTPUTS values, valid until the next call of any function. Logits are in units of
 * 2^-MODEL_LOGIT_FRACTION, a vector's elements in units of 2^-15. */
int model_output(model_t *s, int32_t at, const int32_t **out);

#if MODEL_HEAD == MODEL_HEAD_CLASS || MODEL_HEAD == MODEL_HEAD_LABEL
/* A class or label that is less likely than `threshold`, in units of 2^-15, gives way to the
 * fallback that it was compiled with (classify.fallback): MODEL_FALLBACK, for the first token of a
 * sequence whose tokens have labels MODEL_FALLBACK_FIRST; -1: it stays. 0: all stay. Until this is
 * called: MODEL_THRESHOLD, and again after model_reset and what resets. Probabilities and logits
 * stay what they are. */
void model_set_threshold(model_t *s, uint32_t threshold);

/* The name of a class or label, 0 .. MODEL_OUTPUTS - 1; NULL for another number. */
const char *model_label_name(int32_t label);
#endif

#if MODEL_HEAD == MODEL_HEAD_CLASS
/* The sequence's class: the most likely one, or the fallback. probabilities: MODEL_OUTPUTS values
 * in units of 2^-15, or NULL. */
int32_t model_classify(model_t *s, const model_item *t, int32_t n, uint16_t *probabilities);

#if MODEL_FRAMES == 0
/* The same of a text, cut to MODEL_WINDOW tokens. scratch (max tokens) holds them. */
int32_t model_classify_text(model_t *s, const char *utf8, uint32_t n, uint16_t *probabilities,
                            model_token *scratch, int32_t max);

/* The same of two texts, in the forms of model_encode_pair. */
int32_t model_classify_pair(model_t *s, const char *a, uint32_t na, const char *b, uint32_t nb,
                            uint16_t *probabilities, model_token *scratch, int32_t max);
#endif
#elif MODEL_HEAD == MODEL_HEAD_LABEL
/* The most likely label of each token (n), or the fallback, and how likely that label was in units
 * of 2^-15 (n, or NULL); gives n. */
int32_t model_label(model_t *s, const model_token *t, int32_t n, uint16_t *labels,
                    uint16_t *confidence);

/* The same of a text, cut to MODEL_WINDOW tokens, which scratch (max tokens) then holds; labels and
 * confidence have room for MODEL_WINDOW. Gives the number of tokens. */
int32_t model_label_text(model_t *s, const char *utf8, uint32_t n, uint16_t *labels,
                         uint16_t *confidence, model_token *scratch, int32_t max);
#elif MODEL_HEAD == MODEL_HEAD_MASK
/* The most likely token in place `at` of a sequence, where the mask token stands. *logits
 * (MODEL_VOCAB values) is valid until the next call; logits may be NULL. More places of the same
 * sequence: model_output. */
model_token model_fill(model_t *s, const model_token *t, int32_t n, int32_t at,
                       const int32_t **logits);
#else
/* The sequence as a vector of length 1: MODEL_DIM elements in units of 2^-15. */
int model_embed(model_t *s, const model_token *t, int32_t n, int16_t *out);

/* The same direction in bytes: the largest element is 127 or -127. Two of them are compared by
 * their dot product over the product of their lengths. */
int model_embed_bytes(model_t *s, const model_token *t, int32_t n, int8_t *out);

/* model_embed of a text, cut to MODEL_WINDOW tokens. scratch (max tokens) holds them. */
int model_embed_text(model_t *s, const char *utf8, uint32_t n, int16_t *out, model_token *scratch,
                     int32_t max);
#endif

/* Reads MODEL_GOLDEN_RUNS sequences and compares the hash of what the head gives with the one
 * recorded when compiling: MODEL_OK, or MODEL_E_SELFTEST. Resets before and after. */
int model_selftest(model_t *s);

/* XXH32 of what the head gives for the first `runs` of these sequences. */
uint32_t model_logits_hash(model_t *s, int32_t runs);

/* What an error means, in English. */
const char *model_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
