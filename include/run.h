/* Running models on the host: the float reference, the simulated Program, and what compares them.
 */
#ifndef LMCC_RUN_H
#define LMCC_RUN_H

#include "pass.h"

/* compiler/matmul.c: y = W x for `n` vectors, fixed summation order, same result at any thread
 * count. x is n x cols, y is n x rows. */
void matmul(const float *w, int rows, int cols, const float *x, int n, float *y);

/* compiler/reference.c: the float forward pass, one token at a time. Every weight is read through
 * linear_value (so a quantized model runs with its dequantized weights) and kept as float. The KV
 * cache holds `window` tokens as the generated code's ring does, with `sinks` first tokens kept. */
typedef struct Reference Reference;
Reference *reference_new(Arena *a, const Model *m, int window, int sinks);
void reference_reset(Reference *r);
/* Another one over the same weights, with a cache of its own. */
Reference *reference_fork(Arena *a, const Reference *r);
const float *reference_step(Reference *r, int token); /* vocab logits, valid until the next call */
/* Residual stream (dim floats) after layer l of the last step; l = -1: the embedding. */
const float *reference_residual(const Reference *r, int layer);

/* compiler/frames.c: of models that read frames. Wherever such a model is given a sequence, that is
 * the bytes of its frames, -128 .. 127, model_frames() times `bands` of them, oldest first; n
 * counts its tokens, of which there are always `context`. */
/* What tokens are before the first layer (context x dim), embed, patch and its bias being the
 * model's weights as floats. */
void frames_enter(const Model *m, const float *embed, const float *patch, const float *bias,
                  const int *bytes, float *residual);
/* `wanted` numbers of a text (n bytes), apart by spaces or commas. Fatal where there are others. */
int *frames_parse(Arena *a, const char *where, int line, const char *text, size_t n, int wanted);
/* A clip of so many bytes and tokens each line; what stands before a tab is a label, which is left
 * out. */
struct Corpus *frames_read(Arena *a, int bytes, int tokens, const char *path);

/* compiler/reference_encoder.c: the same of an encoder, which reads a whole sequence at a time. */
typedef struct EncoderReference EncoderReference;
EncoderReference *encoder_reference_new(Arena *a, const Model *m, int max_tokens);
void encoder_reference_read(EncoderReference *r, const int *tokens, int n); /* n >= 1 */
/* Two texts: tokens from `second` on are of type 1; n: none. */
void encoder_reference_read_pair(EncoderReference *r, const int *tokens, int n, int second);
/* Residual stream (dim) of a token after layer l; l = -1: the embedding. */
const float *encoder_reference_residual(const EncoderReference *r, int layer, int token);
/* What the head gives at a token of the sequence (CLASS and EMBED: 0): model_outputs numbers, valid
 * until the next call. */
const float *encoder_reference_output(EncoderReference *r, int token);
/* With a hidden layer before the head: what it gave for the last output, dense.rows numbers. */
const float *encoder_reference_dense(const EncoderReference *r);
/* The same of an exit's head. */
const float *encoder_reference_exit(EncoderReference *r, int exit, int token);

/* compiler/simulate.c: executes a planned Program with the runtime's portable kernels, in memory
 * laid out as planned: what the generated code computes, bit for bit. */
typedef struct Simulator Simulator;
Simulator *simulator_new(Arena *a, const Unit *u);
void simulator_reset(Simulator *s);
/* vocab logits, LOGIT_FRACTION bits, also where the program itself keeps the largest only. */
const int32_t *simulator_step(Simulator *s, int token);
/* What the program's head gave: *n words, the logits, or id and logit of each of the largest. */
const int32_t *simulator_output(const Simulator *s, int *n);
/* Of an encoder: reads a sequence; then what the head gives at one of its tokens (CLASS and EMBED:
 * 0), model_outputs numbers: logits, or a vector in units of 2^-15. */
void simulator_read(Simulator *s, const int *tokens, int n);
void simulator_read_pair(Simulator *s, const int *tokens, int n,
                         int second); /* from there on type 1 */
const int32_t *simulator_head(Simulator *s, int at);
/* Reads two tokens of a prompt by the program's prefill, if it has one (n_ops > n_step): the next
 * step is as if they had been stepped through. */
void simulator_read_two(Simulator *s, const int *tokens);
/* From which probability, in units of 2^-15, an encoder's exit is taken (at first: what the recipe
 * says); EXIT_NEVER: it is not. */
#define EXIT_NEVER 65535
void simulator_exit_at(Simulator *s, int exit, int threshold);
int simulator_exit(const Simulator *s); /* taken by the last sequence, -1: none */
const void *simulator_buffer(const Simulator *s, int buffer); /* its elements as they are now */
const int32_t *simulator_residual(const Simulator *s, int layer);
double simulator_residual_scale(const Simulator *s);

/* compiler/tokenize.c: the runtime's own encoder over tables made from the tokenizer. tokenize()
 * makes the tables each time: for many texts, make an Encoder once. */
typedef struct Encoder Encoder;
Encoder *encoder_new(Arena *a, const Tokenizer *t);
int encode(Arena *a, const Encoder *e, const char *text, size_t n, int **ids); /* with bos */
/* The same of text that comes in parts of so many bytes, with `room` for a word; a negative LM_E_
 * where a word does not fit. */
int encode_parts(Arena *a, const Encoder *e, const char *text, size_t n, size_t part, size_t room,
                 int **ids);
/* Two texts as one sequence of at most `window` tokens, as the generated code has it; fatal where
 * the tokenizer has no form for that. */
int encode_pair(Arena *a, const Tokenizer *t, const Encoder *e, const char *first, size_t n,
                const char *other, size_t m, int window, int **ids, int *second);
const struct lm_tokenizer *encoder_tables(const Encoder *e);
int tokenize(Arena *a, const Tokenizer *t, const char *text, size_t n, int **ids); /* with bos */
size_t token_bytes(const Tokenizer *t, int id, const uint8_t **bytes); /* 0 for control pieces */

/* compiler/stages.c: run_passes to the end, with a copy of the model after each pass that changed
 * the network (fold does not). */
typedef struct Stage {
    const char *what; /* "after quantize" */
    const Model *model;
} Stage;
typedef struct Stages {
    int n;
    Stage *list;
} Stages;
void run_passes_in_stages(Unit *u, Stages *s);

/* Anything that steps. Each belongs to one thread. */
typedef struct Stepper {
    void *self;
    void (*reset)(void *self);
    const float *(*step)(void *self, int token); /* logits */
} Stepper;

/* compiler/used_tokens.c: which tokens texts need, what BPE makes on the way included. */
typedef struct Usage Usage;
Usage *usage_new(Arena *a, const Tokenizer *t, bool *used); /* used: n_pieces flags, set by */
void usage_mark(const Usage *u, const char *text, size_t n);
bool usage_splits(const Usage *u); /* the tokenizer cuts text into words */

/* compiler/corpus.c: texts as documents of tokens. */

/* Text -> tokens, with bos in front where the model wants it; gives their number. */
typedef struct TextEncoder {
    const void *self;
    int bos; /* -1: none */
    int (*encode)(const void *self, Arena *a, const char *text, size_t n, int **ids);
} TextEncoder;
TextEncoder encoder_of(Arena *a, const Tokenizer *t);

typedef enum DocsKind { DOCS_AUTO, DOCS_LINES, DOCS_FILE, DOCS_KINDS } DocsKind;
struct Corpus {
    int n_docs;
    int *n_tokens; /* of each document, bos included */
    int **tokens;
    int64_t n_bytes;     /* of text */
    int64_t n_predicted; /* tokens scored: all but the first of each document */
    DocsKind docs;       /* how the text was split */
};
/* Each non-empty line a document (LINES), or the whole file as one stream (FILE); AUTO takes LINES
 * when the mean line is longer than 200 bytes. Documents are cut into pieces of `context` tokens,
 * each starting with bos. */
Corpus *corpus_read(Arena *a, TextEncoder by, const char *path, DocsKind docs, int context);
/* Each non-empty line as an encoder reads it, cut to sequences of at most `longest` tokens. */
Corpus *corpus_sequences(Arena *a, const Tokenizer *t, const char *path, int longest);
int corpus_longest(const Corpus *c); /* tokens of a document, at least 1 */

/* compiler/eval.c: perplexity of anything that steps. */
Stepper stepper_reference(Reference *r);
Stepper stepper_simulator(Arena *a, Simulator *s, int vocab);

/* Of one document, summed over its tokens. */
typedef struct DocumentScore {
    int64_t tokens, equal; /* equal: the argmax is that of the first contender */
    double nll, kl;        /* nats; kl: KL(first contender || this) */
} DocumentScore;

typedef struct Contender {
    Stepper *steppers;        /* one for each thread */
    DocumentScore *documents; /* set by evaluate_all */
} Contender;

int evaluation_threads(const Corpus *c); /* how many are of use */
/* Scores n contenders over a corpus, each against the first. */
void evaluate_all(Arena *a, const Corpus *c, Contender *list, int n, int threads, int vocab);

typedef struct Score {
    int64_t tokens;
    double nll;        /* nats, summed */
    double perplexity; /* exp(nll / tokens) */
    double bits_per_byte;
    double kl;   /* mean KL(reference || this), nats; 0 without a reference */
    double top1; /* fraction of equal argmax; 0 without a reference */
} Score;
Score score_of(const Corpus *c, const DocumentScore *documents);
/* One model, on one thread. */
Score evaluate(Arena *a, const Corpus *c, Stepper model, const Stepper *reference, int vocab);

/* compiler/bootstrap.c: how sure the scores are. 95 % intervals by the percentile bootstrap (Efron
 * 1979): documents are drawn with replacement, as many as there are, and scored again, many times.
 * The documents drawn for a contender and for the first one are the same, so that `more` is of
 * their difference and not of the texts'. */
typedef struct Interval {
    double low, high; /* NAN where there are fewer than 2 documents */
} Interval;
typedef struct Intervals {
    Interval perplexity, kl, top1;
    Interval more; /* perplexity over that of the first contender, less 1 */
} Intervals;
Intervals bootstrap(Arena *a, int n_docs, const DocumentScore *first,
                    const DocumentScore *documents, uint64_t seed);

#endif
