/* Prompts that are compiled in: the same logits and text as when they are read, and how many tokens
 * are read. Built with PLAIN_PROBE and KNOWN_PROBE counting embeddings by prompts.sh. */
#include "known.h"
#include "plain.h"

#include <stdio.h>
#include <string.h>

int reads[2];

static plain_t plain;
static known_t known;
static int failed;

typedef struct Text {
    char s[4096];
    size_t n;
} Text;

static int collect(void *user, const char *text, int32_t bytes)
{
    Text *t = user;
    memcpy(t->s + t->n, text, (size_t)bytes);
    t->n += (size_t)bytes;
    return 0;
}

static void expect(const char *prompt, const char *what, int equal)
{
    if (!equal) {
        printf("\"%s\": %s\n", prompt, what);
        failed = 1;
    }
}

static int32_t tokens(const char *text, plain_token *out)
{
    return plain_encode(text, (uint32_t)strlen(text), out, 256);
}

/* begin: the compiled-in prompt that it begins with; NULL: none. */
static void compare(const char *prompt, const char *begin)
{
    static Text a, b;
    static plain_token scratch[256];
    const int32_t *one = NULL, *other = NULL;
    const int32_t known_tokens = begin ? tokens(begin, scratch) - 1 : 0;
    const int32_t n = tokens(prompt, scratch);
    plain_reset(&plain);
    known_reset(&known);
    reads[0] = reads[1] = 0;
    expect(prompt, "prefill",
           plain_prefill(&plain, scratch, n) == 0 && known_prefill(&known, scratch, n) == 0);
    expect(prompt, "tokens read", reads[0] == n && reads[1] == n - known_tokens);
    expect(prompt, "place", plain.position == known.position && plain.slot == known.slot);
    for (int i = 0; i < PLAIN_WINDOW + 20; i++) {
        plain_step(&plain, (i * 37 + 5) % PLAIN_VOCAB, &one);
        known_step(&known, (i * 37 + 5) % PLAIN_VOCAB, &other);
        expect(prompt, "logits", memcmp(one, other, sizeof *one * PLAIN_VOCAB) == 0);
    }
    const plain_sampling how = {65536, 0, 0, 3, NULL};
    const known_sampling same = {65536, 0, 0, 3, NULL};
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    plain_reset(&plain);
    known_reset(&known);
    plain_generate(&plain, prompt, 40, &how, collect, &a, scratch, 256);
    known_generate(&known, prompt, 40, &same, collect, &b, scratch, 256);
    expect(prompt, "text", a.n > 0 && a.n == b.n && memcmp(a.s, b.s, a.n) == 0);
}

int main(void)
{
    if (plain_init(&plain) != 0 || known_init(&known) != 0)
        return 2;
    compare("The old king looked at the river and said",
            "The old king looked at the river and said");
    compare("Dorothy", "Dorothy");
    compare("Dorothy and the others", "Dorothy");
    compare("The old king looked out", "The old king looked");
    compare("Something else", NULL);
    /* Not at the begin: nothing is known. */
    known_token t[64];
    const int32_t n = known_encode("Dorothy", 7, t, 64);
    reads[1] = 0;
    known_prefill(&known, t, n);
    expect("Dorothy", "read in the middle", reads[1] == n);
    return failed;
}
