/* The generated interface, used as a firmware would and abused as a firmware might. */
#include "tales.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(x) ((x) ? (void)0 : (printf("line %d: %s\n", __LINE__, #x), exit(1)))

static tales_t s, other;
static const tales_sampling greedy = {0, 0, 0, 0, NULL};

static void errors(void)
{
    tales_token out[8];
    char text[4];
    EXPECT(tales_init(NULL) == TALES_E_ARGUMENT);
    EXPECT(tales_init(&s) == TALES_OK);
    EXPECT(tales_sample(&s, &greedy) == TALES_E_EMPTY);
    EXPECT(tales_step(&s, -1, NULL) == TALES_E_ARGUMENT);
    EXPECT(tales_step(&s, TALES_VOCAB, NULL) == TALES_E_ARGUMENT);
    EXPECT(tales_step(NULL, 0, NULL) == TALES_E_ARGUMENT);
    EXPECT(tales_prefill(&s, NULL, 1) == TALES_E_ARGUMENT);
    EXPECT(tales_encode(NULL, 0, out, 8) == TALES_E_ARGUMENT);
    EXPECT(tales_encode("many more words than that", 25, out, 3) == TALES_E_SPACE);
    EXPECT(tales_decode(TALES_VOCAB, text, 4) == TALES_E_ARGUMENT);
    for (int e = 1; e >= -10; e--)
        EXPECT(tales_strerror(e) && *tales_strerror(e));
    EXPECT(TALES_STATE_BYTES == sizeof(tales_t) && TALES_STATE_BYTES < TALES_MEMORY_BYTES + 64);
}

static void prefill_is_stepping(void)
{
    tales_token t[64];
    const int32_t *a = NULL;
    const char *prompt = "Alice was beginning to get very tired of sitting by her sister";
    const int32_t n = tales_encode(prompt, (uint32_t)strlen(prompt), t, 64);
    EXPECT(n > 10);
    tales_reset(&s);
    for (int32_t i = 0; i < n; i++)
        EXPECT(tales_step(&s, t[i], &a) == TALES_OK);
    EXPECT(tales_init(&other) == TALES_OK && tales_prefill(&other, t, n) == TALES_OK);
    EXPECT(memcmp(s.memory, other.memory, sizeof s.memory) == 0);
    const tales_token x = tales_sample(&s, &greedy), y = tales_sample(&other, &greedy);
    EXPECT(x == y && x >= 0);
    for (int32_t i = 0; i < TALES_VOCAB; i++)
        EXPECT(a[i] <= a[x]);
}

static void sampling(void)
{
    uint32_t allowed[(TALES_VOCAB + 31) / 32] = {0};
    tales_sampling how = {65536, 0, 0, 7, NULL};
    const tales_token first = tales_sample(&s, &how);
    int differing = 0;
    EXPECT(first == tales_sample(&s, &how));
    for (how.seed = 0; how.seed < 200; how.seed++)
        differing += tales_sample(&s, &how) != first;
    EXPECT(differing > 20);
    how.top_k = 1;
    EXPECT(tales_sample(&s, &how) == tales_sample(&s, &greedy));
    how.top_k = 0;
    how.top_p = 1;
    EXPECT(tales_sample(&s, &how) == tales_sample(&s, &greedy));
    how.top_p = 0;
    how.allowed = allowed;
    EXPECT(tales_sample(&s, &how) == TALES_E_EMPTY);
    allowed[300 / 32] |= 1U << 300 % 32;
    allowed[77 / 32] |= 1U << 77 % 32;
    for (how.seed = 0; how.seed < 50; how.seed++) {
        const tales_token t = tales_sample(&s, &how);
        EXPECT(t == 300 || t == 77);
    }
}

static void whole_characters(void)
{
    static const char text[] = "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\xa6\x8a end";
    tales_token t[64];
    tales_utf8 u = {{0, 0, 0, 0}, 0};
    char all[256], piece[3 * TALES_PIECE_BYTES + 3];
    size_t n = 0;
    const int32_t count = tales_encode(text, (uint32_t)strlen(text), t, 64);
    for (int32_t i = 0; i <= count; i++) {
        const int32_t bytes = tales_decode_utf8(&u, i < count ? t[i] : -1, piece, (int32_t)sizeof piece);
        EXPECT(bytes >= 0);
        EXPECT(bytes == 0 || ((unsigned char)piece[0] & 0xC0) != 0x80);
        memcpy(all + n, piece, (size_t)bytes);
        n += (size_t)bytes;
    }
    EXPECT(n == strlen(text) && memcmp(all, text, n) == 0);
}

static int stop_at_five(void *user, const char *text, int32_t bytes)
{
    (void)text;
    EXPECT(bytes > 0);
    return ++*(int *)user == 5 ? 42 : 0;
}

static int collect(void *user, const char *text, int32_t bytes)
{
    strncat(user, text, (size_t)bytes);
    return 0;
}

static void generation(void)
{
    tales_token scratch[64];
    char one[4096] = "", two[4096] = "";
    int calls = 0;
    tales_reset(&s);
    EXPECT(tales_generate(&s, "Dorothy", 100, &greedy, stop_at_five, &calls, scratch, 64) == 42);
    EXPECT(calls == 5);
    EXPECT(tales_generate(&s, "Dorothy looked", 10, &greedy, collect, one, scratch, 2) == TALES_E_SPACE);
    tales_reset(&s);
    EXPECT(tales_generate(&s, "The", 5 * TALES_WINDOW, &greedy, collect, one, scratch, 64) > 0);
    tales_reset(&s);
    EXPECT(tales_generate(&s, "The", 5 * TALES_WINDOW, &greedy, collect, two, scratch, 64) > 0);
    EXPECT(strlen(one) > 100 && strcmp(one, two) == 0);
    EXPECT(tales_selftest(&s) == TALES_OK);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) /* built with a damaged weight */
        return tales_init(&s) == TALES_E_WEIGHTS ? 0 : 1;
    errors();
    prefill_is_stepping();
    sampling();
    whole_characters();
    generation();
    return 0;
}
