/* Scores against numbers worked out by hand, and how a text becomes documents. */
#include "tiny_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A stepper over 4 tokens that gives token t the weight `weight[t]`, and counts. */
typedef struct Scripted {
    double weight[4];
    float logits[4];
    int resets, steps;
} Scripted;

static void reset(void *self)
{
    ((Scripted *)self)->resets++;
}

static const float *step(void *self, int token)
{
    Scripted *s = self;
    assert_in_range(token, 0, 3);
    s->steps++;
    for (int i = 0; i < 4; i++) {
        s->logits[i] = (float)log(s->weight[i]) + 7;
    }
    return s->logits;
}

static void scores(void **state)
{
    (void)state;
    Arena *a = arena_new();
    int first[] = {0, 1, 2}, second[] = {0, 3, 3, 1};
    int *tokens[] = {first, second}, counts[] = {3, 4};
    Corpus c = {.n_docs = 2, .n_tokens = counts, .tokens = tokens, .n_bytes = 10};
    Scripted own = {.weight = {1, 2, 1, 4}}, other = {.weight = {1, 1, 1, 1}};
    Stepper mine = {&own, reset, step}, theirs = {&other, reset, step};
    Score s = evaluate(a, &c, mine, NULL, 4);
    double bits = 2 + 3 + 1 + 1 + 2; /* probabilities 1/8, 1/4, 1/8, 1/2 */
    assert_int_equal(s.tokens, 5);
    assert_true(fabs(s.nll - bits * log(2)) < 1e-6);
    assert_true(fabs(s.perplexity - pow(2, bits / 5)) < 1e-6);
    assert_true(fabs(s.bits_per_byte - bits / 10) < 1e-6);
    assert_true(s.kl == 0 && s.top1 == 0);
    assert_int_equal(own.resets, 2);
    assert_int_equal(own.steps, 5);
    s = evaluate(a, &c, mine, &theirs, 4);
    /* sum of 1/4 log2((1/4) / p): (1 + 0 + 1 - 1) / 4 bits; argmax 3 against 0 */
    assert_true(fabs(s.kl - 0.25 * log(2)) < 1e-6);
    assert_true(s.top1 == 0);
    s = evaluate(a, &c, mine, &mine, 4);
    assert_true(s.kl == 0 && s.top1 == 1);
    arena_free(a);
}

static void reference_steps(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 1, true);
    int tokens[] = {1, 2, 3, 4, 5, 6, 7}, *docs[] = {tokens, tokens}, counts[] = {7, 7};
    Corpus one = {.n_docs = 1, .n_tokens = counts, .tokens = docs};
    Corpus two = {.n_docs = 2, .n_tokens = counts, .tokens = docs};
    Stepper s = stepper_reference(reference_new(a, m, 4, 1));
    Score x = evaluate(a, &one, s, NULL, m->vocab), y = evaluate(a, &two, s, NULL, m->vocab);
    assert_true(fabs(2 * x.nll - y.nll) < 1e-9 && x.perplexity == y.perplexity);
    assert_true(x.nll > 0);
    arena_free(a);
}

/* More documents than threads, of different lengths: the same to the last bit at 1, 2 and 3. */
static void threads_agree(void **state)
{
    (void)state;
    enum { DOCS = 7 };
    Arena *a = arena_new();
    const Model *m = tiny_model(a, 1, true), *other = tiny_model(a, 2, true);
    int tokens[24], *docs[DOCS], counts[DOCS];
    for (int i = 0; i < 24; i++) {
        tokens[i] = tiny_token(i);
    }
    for (int d = 0; d < DOCS; d++) {
        docs[d] = tokens + d;
        counts[d] = 3 + 2 * d;
    }
    Corpus c = {.n_docs = DOCS, .n_tokens = counts, .tokens = docs};
    DocumentScore *first = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        Contender list[2] = {{.steppers = NEW(a, Stepper, 3)}, {.steppers = NEW(a, Stepper, 3)}};
        const Reference *r = reference_new(a, m, 9, 1), *q = reference_new(a, other, 9, 1);
        for (int i = 0; i < threads; i++) {
            list[0].steppers[i] = stepper_reference(reference_fork(a, r));
            list[1].steppers[i] = stepper_reference(reference_fork(a, q));
        }
        evaluate_all(a, &c, list, 2, threads, m->vocab);
        first = first ? first : list[1].documents;
        assert_memory_equal(first, list[1].documents, DOCS * sizeof *first);
        const Score s = score_of(&c, list[1].documents);
        assert_true(s.kl > 0 && s.tokens == 7 * 2 + 2 * 21);
    }
    arena_free(a);
}

/* Documents of one token: the interval of the mean is known, m +- 1.96 s / sqrt(n). */
static void intervals(void **state)
{
    (void)state;
    enum { N = 400 };
    Arena *a = arena_new();
    DocumentScore first[N] = {{0}}, second[N] = {{0}};
    double mean = 0, squares = 0;
    tiny_state = 7;
    for (int i = 0; i < N; i++) {
        const double x = (double)tiny_random();
        first[i] = (DocumentScore){.tokens = 1, .nll = 3 + x, .kl = 2};
        second[i] = (DocumentScore){.tokens = 1, .nll = 3.5 + x, .kl = 1 + x, .equal = i % 4 == 0};
        mean += (1 + x) / N;
        squares += (1 + x) * (1 + x) / N;
    }
    const double half = 1.96 * sqrt((squares - mean * mean) / N);
    const Intervals i = bootstrap(a, N, first, second, 1);
    print_message("kl %.4f .. %.4f, by the normal distribution %.4f .. %.4f\n", i.kl.low, i.kl.high,
                  mean - half, mean + half);
    assert_true(fabs(i.kl.low - (mean - half)) < 0.1 * half);
    assert_true(fabs(i.kl.high - (mean + half)) < 0.1 * half);
    const double top1 = 1.96 * sqrt(0.25 * 0.75 / N);
    assert_true(fabs(i.top1.high - (0.25 + top1)) < 0.1 * top1);
    assert_true(i.perplexity.low < exp(3.5 + mean - 1) && i.perplexity.high > exp(3.5 + mean - 1));
    /* the difference is the same in every document, so nothing about it is unsure */
    assert_true(fabs(i.more.low - (exp(0.5) - 1)) < 1e-9 && fabs(i.more.high - i.more.low) < 1e-9);
    const Intervals again = bootstrap(a, N, first, second, 1);
    assert_memory_equal(&i, &again, sizeof i);
    assert_true(isnan(bootstrap(a, 1, first, second, 1).more.low));
    arena_free(a);
}

/* Every byte a piece; bos is 256, or -1. */
static Tokenizer *byte_tokenizer(Arena *a, int bos)
{
    Tokenizer *t = NEW(a, Tokenizer, 1);
    *t = (Tokenizer){.kind = TOKENIZER_SPM, .n_pieces = 257, .bos = bos, .eos = -1, .unk = -1};
    t->add_bos = bos >= 0;
    t->pieces = NEW(a, Piece, 257);
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        t->byte_id[i] = i;
        t->pieces[i] = (Piece){arena_copy(a, &byte, 1, 1), 1, PIECE_BYTE};
    }
    t->pieces[256] = (Piece){(const uint8_t *)"<s>", 3, PIECE_CONTROL};
    return t;
}

static Corpus *read_text(Arena *a, int bos, const char *text, DocsKind docs, int context)
{
    char path[] = "/tmp/test_eval_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    Corpus *c = NULL;
    jmp_buf trap;
    fatal_trap = &trap;
    if (setjmp(trap) == 0) {
        c = corpus_read(a, encoder_of(a, byte_tokenizer(a, bos)), path, docs, context);
    }
    fatal_trap = NULL;
    unlink(path);
    return c;
}

/* Document d is bos (when not -1) and then the bytes of `text`. */
static void assert_document(const Corpus *c, int d, int bos, const char *text)
{
    int at = bos >= 0;
    assert_true(d < c->n_docs);
    assert_int_equal(c->n_tokens[d], (int)strlen(text) + at);
    assert_true(bos < 0 || c->tokens[d][0] == bos);
    for (size_t i = 0; i < strlen(text); i++) {
        assert_int_equal(c->tokens[d][(int)i + at], text[i]);
    }
}

static void texts_become_documents(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Corpus *c = read_text(a, 256, "abc\r\n\n  \t\ndefghijkl\nm", DOCS_LINES, 5);
    assert_int_equal(c->n_docs, 5);
    assert_document(c, 0, 256, "abc");
    assert_document(c, 1, 256, "defg");
    assert_document(c, 2, 256, "hijk");
    assert_document(c, 3, 256, "l");
    assert_document(c, 4, 256, "m");
    assert_int_equal(c->n_bytes, 13);
    assert_int_equal(c->n_predicted, 13);
    c = read_text(a, -1, "abc\ndef", DOCS_FILE, 4); /* without bos, pieces overlap by a token */
    assert_int_equal(c->n_docs, 2);
    assert_document(c, 0, -1, "abc\n");
    assert_document(c, 1, -1, "\ndef");
    assert_int_equal(c->n_predicted, 6);
    arena_free(a);
}

static void auto_looks_at_lines(void **state)
{
    (void)state;
    Arena *a = arena_new();
    char text[500];
    memset(text, 'x', sizeof(text));
    text[499] = 0;
    text[220] = '\n';
    assert_int_equal(read_text(a, 256, text, DOCS_AUTO, 1000)->docs, DOCS_LINES);
    text[100] = text[330] = '\n';
    assert_int_equal(read_text(a, 256, text, DOCS_AUTO, 1000)->docs, DOCS_FILE);
    assert_null(read_text(a, 256, "", DOCS_AUTO, 10));
    assert_non_null(strstr(fatal_message, "too short"));
    assert_null(read_text(a, -1, "\na\nb\n", DOCS_LINES, 10));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores),
        cmocka_unit_test(reference_steps),
        cmocka_unit_test(threads_agree),
        cmocka_unit_test(intervals),
        cmocka_unit_test(texts_become_documents),
        cmocka_unit_test(auto_looks_at_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
