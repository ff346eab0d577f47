/* The generated interface as a program uses it: errors, buffers, equivalence of the ways to feed
 * tokens, sampling options, streaming of text. Built with sanitizers by api.sh, around a window of
 * 40 tokens. */
#include "tales.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            printf("FAIL  api.c:%d: %s\n", __LINE__, #what);                                       \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static int failures;
static tales_t state, other;
static const char prompt[] = "The old king looked at the river and said";
static const char mixed[] = "A caf\xC3\xA9, \xE4\xB8\xAD\xE6\x96\x87 and \xF0\x9F\xA6\x8A!";

static const tales_sampling greedy;

/* Steps through n tokens of a fixed sequence. */
static void feed(tales_t *s, int from, int n)
{
    for (int i = from; i < from + n; i++)
        CHECK(tales_step(s, (i * i * 7 + i * 3 + 5) % TALES_VOCAB, NULL) == TALES_OK);
}

static const int32_t *logits_after(tales_t *s, tales_token t)
{
    const int32_t *logits = NULL;
    CHECK(tales_step(s, t, &logits) == TALES_OK && logits != NULL);
    return logits;
}

static int emit_nothing(void *user, const char *text, int32_t bytes)
{
    (void)user, (void)text, (void)bytes;
    return 0;
}

/* Errors ------------------------------------------------------------------------------------ */

static void test_arguments(void)
{
    tales_token token = 0;
    char text[4 * TALES_PIECE_BYTES + 8];
    tales_utf8 u = {{0}, 0};
    CHECK(tales_init(NULL) == TALES_E_ARGUMENT);
    CHECK(tales_step(NULL, 0, NULL) == TALES_E_ARGUMENT);
    CHECK(tales_step(&state, -1, NULL) == TALES_E_ARGUMENT);
    CHECK(tales_step(&state, TALES_VOCAB, NULL) == TALES_E_ARGUMENT);
    CHECK(tales_step(&state, INT32_MIN, NULL) == TALES_E_ARGUMENT);
    CHECK(tales_prefill(NULL, &token, 1) == TALES_E_ARGUMENT);
    CHECK(tales_prefill(&state, NULL, 1) == TALES_E_ARGUMENT);
    CHECK(tales_prefill(&state, &token, -1) == TALES_E_ARGUMENT);
    CHECK(tales_prefill(&state, &token, 0) == TALES_OK);
    CHECK(tales_sample(NULL, &greedy) == TALES_E_ARGUMENT);
    CHECK(tales_sample(&state, NULL) == TALES_E_ARGUMENT);
    CHECK(tales_sample(&state, &greedy) == TALES_E_EMPTY); /* nothing was read yet */
    CHECK(tales_encode(NULL, 1, &token, 1) == TALES_E_ARGUMENT);
    CHECK(tales_encode("a", 1, NULL, 1) == TALES_E_ARGUMENT);
    CHECK(tales_encode("a", 1, &token, -1) < 0);
    CHECK(tales_decode(-1, text, sizeof text) == TALES_E_ARGUMENT);
    CHECK(tales_decode(TALES_VOCAB, text, sizeof text) == TALES_E_ARGUMENT);
    CHECK(tales_decode(5, NULL, 4) == TALES_E_ARGUMENT);
    CHECK(tales_decode_utf8(NULL, 5, text, sizeof text) == TALES_E_ARGUMENT);
    CHECK(tales_decode_utf8(&u, -2, text, sizeof text) == TALES_E_ARGUMENT);
    CHECK(tales_decode_utf8(&u, 5, NULL, 9) == TALES_E_ARGUMENT);
    CHECK(tales_generate(NULL, "a", 1, &greedy, emit_nothing, NULL, &token, 1) == TALES_E_ARGUMENT);
    CHECK(tales_generate(&state, NULL, 1, &greedy, emit_nothing, NULL, &token, 1) ==
          TALES_E_ARGUMENT);
    CHECK(tales_generate(&state, "a", 1, NULL, emit_nothing, NULL, &token, 1) == TALES_E_ARGUMENT);
    CHECK(tales_generate(&state, "a", 1, &greedy, NULL, NULL, &token, 1) == TALES_E_ARGUMENT);
    CHECK(tales_generate(&state, prompt, 1, &greedy, emit_nothing, NULL, &token, 1) ==
          TALES_E_SPACE);
    CHECK(tales_selftest(NULL) == TALES_E_ARGUMENT);
    for (int e = -7; e <= 1; e++)
        CHECK(tales_strerror(e) != NULL && *tales_strerror(e));
}

/* A refused prefill must not have read half of its tokens. */
static void test_refused_prefill(void)
{
    const tales_token bad[] = {5, 6, TALES_VOCAB, 7}, good[] = {9};
    int32_t expected[TALES_VOCAB];
    const int32_t *logits = NULL;
    tales_reset(&state);
    memcpy(expected, logits_after(&state, good[0]), sizeof expected);
    tales_reset(&state);
    CHECK(tales_prefill(&state, bad, 4) == TALES_E_ARGUMENT);
    CHECK(tales_step(&state, good[0], &logits) == TALES_OK);
    CHECK(memcmp(expected, logits, sizeof expected) == 0);
}

/* Text -------------------------------------------------------------------------------------- */

/* Exact buffers on the heap, so that one byte too many is seen. */
static void test_encode_space(const char *text, uint32_t n)
{
    tales_token all[256];
    const int32_t count = tales_encode(text, n, all, (int32_t)n + 2);
    CHECK(count >= 0 && count <= (int32_t)n + 2);
    char *exact_text = malloc(n + 1);
    memcpy(exact_text, text, n);
    for (int32_t max = 0; max <= (int32_t)n + 2; max++) {
        tales_token *out = malloc((size_t)max * sizeof *out + 1);
        const int32_t got = tales_encode(exact_text, n, out, max);
        if (got != TALES_E_SPACE)
            CHECK(got == count && max >= count &&
                  memcmp(out, all, (size_t)count * sizeof *out) == 0);
        else
            CHECK(max < (int32_t)n + 2);
        free(out);
    }
    free(exact_text);
}

static void test_encode(void)
{
    tales_token t[8];
    test_encode_space(prompt, (uint32_t)strlen(prompt));
    test_encode_space(mixed, (uint32_t)strlen(mixed));
    test_encode_space("a\0b\xFF\xFE\xC3", 6);
    test_encode_space("", 0);
    const int32_t with_bos = tales_encode("", 0, t, 8);
    CHECK(with_bos == 0 || (with_bos == 1 && t[0] == TALES_BOS));
}

/* Every token alone, into a buffer of exactly its size, and one smaller. */
/* In parts of every size; a word too long is refused, and the encoder works again after that. */
static void test_encode_parts(void)
{
    static const char text[] =
        "  A caf\xC3\xA9, <|eos|>\xE4\xB8\xAD and \xF0\x9F\xA6\x8A!\n\n 1 \xF0\x9F";
    const uint32_t n = (uint32_t)sizeof text - 1;
    static tales_encoder e;
    static char word[TALES_WORD_BYTES + 1];
    tales_token whole[sizeof text + 3], parts[TALES_WORD_BYTES + sizeof text + 3];
    const int32_t count = tales_encode(text, n, whole, (int32_t)LENGTH(whole));
    CHECK(count > 4);
    for (uint32_t part = 1; part <= n; part++) {
        int32_t got = 0;
        for (uint32_t at = 0; at < n; at += part)
            got += tales_encode_part(&e, text + at, n - at < part ? n - at : part, parts + got,
                                     (int32_t)LENGTH(parts) - got);
        got += tales_encode_end(&e, parts + got, (int32_t)LENGTH(parts) - got);
        CHECK(got == count && memcmp(parts, whole, (size_t)count * sizeof *whole) == 0);
    }
    memset(word, 'a', sizeof word);
    CHECK(tales_encode_part(&e, word, sizeof word, parts, (int32_t)LENGTH(parts)) == TALES_E_WORD);
    memset(&e, 0, sizeof e);
    CHECK(tales_encode_part(&e, "a b", 3, parts, 0) == TALES_E_SPACE);
    memset(&e, 0, sizeof e);
    CHECK(tales_encode_part(NULL, "a", 1, parts, 8) == TALES_E_ARGUMENT);
    CHECK(tales_encode_part(&e, NULL, 1, parts, 8) == TALES_E_ARGUMENT);
    CHECK(tales_encode_end(&e, NULL, 8) == TALES_E_ARGUMENT);
    CHECK(tales_encode_end(&e, parts, 8) == tales_encode("", 0, whole, 8));
}

static void test_decode_space(void)
{
    char text[TALES_PIECE_BYTES];
    for (tales_token t = 0; t < TALES_VOCAB; t++) {
        const int32_t n = tales_decode(t, text, sizeof text);
        CHECK(n >= 0 && n <= TALES_PIECE_BYTES);
        if (n <= 0)
            continue;
        char *exact = malloc((size_t)n), *less = malloc((size_t)n);
        CHECK(tales_decode(t, exact, n) == n && memcmp(exact, text, (size_t)n) == 0);
        CHECK(tales_decode(t, less, n - 1) == TALES_E_SPACE);
        free(exact);
        free(less);
    }
}

static int is_whole(const char *s, int32_t n)
{
    for (int32_t i = 0; i < n;) {
        const unsigned char c = (unsigned char)s[i];
        const int size = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC2 ? 2 : 9;
        i += size;
        if (i > n)
            return 0;
    }
    return 1;
}

/* Characters come out whole, and all of them; what is cut off ends as U+FFFD. */
static void test_streaming(void)
{
    tales_token t[64];
    char out[256], piece[3 * TALES_PIECE_BYTES + 3];
    tales_utf8 u = {{0}, 0};
    size_t at = 0;
    const int32_t n = tales_encode(mixed, (uint32_t)strlen(mixed), t, 64);
    for (int32_t i = 0; i <= n; i++) {
        const int32_t bytes = tales_decode_utf8(&u, i < n ? t[i] : -1, piece, sizeof piece);
        CHECK(bytes >= 0 && is_whole(piece, bytes));
        memcpy(out + at, piece, (size_t)bytes);
        at += (size_t)bytes;
    }
    CHECK(at == strlen(mixed) && memcmp(out, mixed, at) == 0);
    const int32_t cut = tales_encode("\xE4\xB8", 2, t, 64);
    memset(&u, 0, sizeof u);
    at = 0;
    for (int32_t i = 0; i <= cut; i++)
        at += (size_t)tales_decode_utf8(&u, i < cut ? t[i] : -1, out + at, 64);
    CHECK(at >= 3 && at % 3 == 0 && memcmp(out, "\xEF\xBF\xBD", 3) == 0);
}

/* Steps ------------------------------------------------------------------------------------- */

static void test_prefill(void)
{
    tales_token t[64];
    const int32_t n = tales_encode(prompt, (uint32_t)strlen(prompt), t, 64);
    int32_t expected[TALES_VOCAB];
    CHECK(n > 4);
    tales_reset(&state);
    for (int32_t i = 0; i < n; i++)
        memcpy(expected, logits_after(&state, t[i]), sizeof expected);
    const tales_token next = tales_sample(&state, &greedy);
    memcpy(expected, logits_after(&state, next), sizeof expected);
    for (int32_t cut = 0; cut <= n; cut++) {
        tales_reset(&state);
        CHECK(tales_prefill(&state, t, cut) == TALES_OK);
        CHECK(tales_prefill(&state, t + cut, n - cut) == TALES_OK);
        CHECK(tales_sample(&state, &greedy) == next);
        CHECK(memcmp(expected, logits_after(&state, next), sizeof expected) == 0);
    }
}

/* Five windows long, in two states at once that take turns; and reset forgets all of it. */
static void test_long(void)
{
    int32_t first[TALES_VOCAB], last[TALES_VOCAB];
    tales_reset(&state);
    memcpy(first, logits_after(&state, 3), sizeof first);
    tales_reset(&state);
    tales_reset(&other);
    for (int i = 0; i < 5 * TALES_WINDOW + 3; i++) {
        feed(&state, i, 1);
        if (i % 3 == 0) {
            feed(&other, i / 3 * 3, i + 3 > 5 * TALES_WINDOW + 3 ? 5 * TALES_WINDOW + 3 - i : 3);
        }
    }
    memcpy(last, logits_after(&state, 8), sizeof last);
    CHECK(memcmp(last, logits_after(&other, 8), sizeof last) == 0);
    int distinct = 0;
    for (int i = 1; i < TALES_VOCAB; i++)
        distinct += last[i] != last[0];
    CHECK(distinct > TALES_VOCAB / 2);
    tales_reset(&state);
    CHECK(tales_sample(&state, &greedy) == TALES_E_EMPTY);
    CHECK(memcmp(first, logits_after(&state, 3), sizeof first) == 0);
}

/* The memory's old contents must not matter: only init or reset comes before the first step. */
static void test_dirty_memory(void)
{
    int32_t expected[TALES_VOCAB];
    memset(&state, 0, sizeof state);
    CHECK(tales_init(&state) == TALES_OK);
    feed(&state, 0, 5);
    memcpy(expected, logits_after(&state, 4), sizeof expected);
    memset(&other, 0xA5, sizeof other);
    CHECK(tales_init(&other) == TALES_OK);
    feed(&other, 0, 5);
    CHECK(memcmp(expected, logits_after(&other, 4), sizeof expected) == 0);
}

/* Sampling ---------------------------------------------------------------------------------- */

static int rank_of(const int32_t *logits, tales_token t)
{
    int rank = 0;
    for (int i = 0; i < TALES_VOCAB; i++)
        rank += logits[i] > logits[t] || (logits[i] == logits[t] && i < t);
    return rank;
}

/* Probability mass of the tokens that come before t. */
static double mass_before(const int32_t *logits, tales_token t, double temperature)
{
    double sum = 0, before = 0;
    const double unit = 1.0 / (1 << TALES_LOGIT_FRACTION) / temperature;
    for (int i = 0; i < TALES_VOCAB; i++) {
        const double p = exp((logits[i] - logits[t]) * unit);
        sum += p;
        before += rank_of(logits, i) < rank_of(logits, t) ? p : 0;
    }
    return before / sum;
}

static void test_sampling(void)
{
    static uint32_t allowed[(TALES_VOCAB + 31) / 32];
    const int32_t *logits;
    tales_reset(&state);
    feed(&state, 0, 6);
    logits = logits_after(&state, 11);
    const tales_token best = tales_sample(&state, &greedy);
    CHECK(rank_of(logits, best) == 0);
    int differ = 0;
    for (uint32_t seed = 0; seed < 300; seed++) {
        tales_sampling how = {65536, 0, 0, seed, NULL};
        const tales_token any = tales_sample(&state, &how);
        CHECK(any >= 0 && any < TALES_VOCAB && tales_sample(&state, &how) == any);
        differ += any != best;
        how.top_k = 1;
        CHECK(tales_sample(&state, &how) == best);
        how.top_k = 5;
        CHECK(rank_of(logits, tales_sample(&state, &how)) < 5);
        how.top_k = 0;
        how.top_p = 1;
        CHECK(tales_sample(&state, &how) == best);
        how.top_p = 32768;
        CHECK(mass_before(logits, tales_sample(&state, &how), 1) < 0.501);
        how.temperature = 1; /* nearly 0 */
        CHECK(logits[tales_sample(&state, &how)] == logits[best]);
        how = (tales_sampling){0xffffffffU, INT32_MAX, 0xffffffffU, seed, NULL};
        CHECK(tales_sample(&state, &how) >= 0);
    }
    CHECK(differ > 50);
    const tales_sampling limited = {65536, 0, 0, 4, allowed}, choice = {0, 0, 0, 0, allowed};
    CHECK(tales_sample(&state, &limited) == TALES_E_EMPTY);
    CHECK(tales_sample(&state, &choice) == TALES_E_EMPTY);
    allowed[0] = 1u << 7 | 1u << 9;
    for (uint32_t seed = 0; seed < 50; seed++) {
        const tales_sampling how = {6553600, 0, 60000, seed, allowed};
        const tales_token t = tales_sample(&state, &how);
        CHECK(t == 7 || t == 9);
    }
    CHECK(tales_sample(&state, &choice) == (logits[9] > logits[7] ? 9 : 7));
}

/* Generation -------------------------------------------------------------------------------- */

typedef struct Text {
    char s[4096];
    size_t n;
    int calls, stop_after;
} Text;

static int collect(void *user, const char *text, int32_t bytes)
{
    Text *t = user;
    CHECK(bytes > 0 && is_whole(text, bytes));
    memcpy(t->s + t->n, text, (size_t)bytes);
    t->n += (size_t)bytes;
    return ++t->calls == t->stop_after ? 42 : 0;
}

static int32_t generate(Text *t, uint32_t seed, int stop_after)
{
    tales_token scratch[64];
    const tales_sampling how = {65536, 0, 0, seed, NULL};
    memset(t, 0, sizeof *t);
    t->stop_after = stop_after;
    tales_reset(&state);
    return tales_generate(&state, prompt, 60, &how, collect, t, scratch, 64);
}

static void test_generate(void)
{
    static Text a, b, stopped;
    CHECK(generate(&a, 1, 0) == 60);
    CHECK(generate(&b, 1, 0) == 60);
    CHECK(a.n > 60 && a.n == b.n && memcmp(a.s, b.s, a.n) == 0);
    CHECK(generate(&b, 2, 0) == 60);
    CHECK(a.n != b.n || memcmp(a.s, b.s, a.n) != 0);
    CHECK(generate(&stopped, 1, 5) == 42);
    CHECK(stopped.calls == 5 && memcmp(stopped.s, a.s, stopped.n) == 0);
    tales_token scratch[64];
    memset(&a, 0, sizeof a);
    tales_reset(&state);
    CHECK(tales_generate(&state, prompt, 0, &greedy, collect, &a, scratch, 64) == 0 && a.n == 0);
    const int32_t n = 5 * TALES_WINDOW;
    CHECK(tales_generate(&state, prompt, n, &greedy, collect, &a, scratch, 64) == n && a.n > 200);
}

static void test_selftest(void)
{
    CHECK(tales_selftest(&state) == TALES_OK);
    CHECK(tales_logits_hash(&state, 5) == tales_logits_hash(&other, 5));
    CHECK(tales_logits_hash(&state, 5) != tales_logits_hash(&state, 6));
}

static const struct {
    const char *what;
    void (*run)(void);
} tests[] = {
    {"bad arguments give errors", test_arguments},
    {"a refused prefill reads nothing", test_refused_prefill},
    {"encode never writes past its buffer", test_encode},
    {"encode in parts gives the same tokens", test_encode_parts},
    {"decode never writes past its buffer", test_decode_space},
    {"text streams in whole characters", test_streaming},
    {"step and prefill give the same bits", test_prefill},
    {"five windows in two states, then reset", test_long},
    {"old contents of the memory do not matter", test_dirty_memory},
    {"temperature, top-k, top-p, seed, allowed set", test_sampling},
    {"generate: seeds, early stop, limits", test_generate},
    {"self-test", test_selftest},
};

int main(void)
{
    int failed = 0;
    if (tales_init(&state) != TALES_OK) {
        printf("FAIL  init refuses what was generated\n");
        return 1;
    }
    for (size_t i = 0; i < LENGTH(tests); i++) {
        failures = 0;
        tests[i].run();
        failed += failures > 0;
        if (failures == 0)
            printf("ok    %s\n", tests[i].what);
    }
    return failed > 0;
}
