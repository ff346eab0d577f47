/* Prints the hash of what an encoder's head gives in the self-test, and fails when that does or
 * when the functions of its interface disagree with the head. */
#include "tiny.h"

#include <stddef.h>

#include "board.h"

static tiny_t state;

/* A sequence, and one that is too long. */
#if TINY_FRAMES > 0
#define LENGTH TINY_FRAMES
#define TOO_LONG (TINY_FRAMES + 1)
static tiny_item tokens[LENGTH * TINY_BANDS];
#else
#define LENGTH (TINY_WINDOW < 9 ? TINY_WINDOW : 9)
#define TOO_LONG (TINY_WINDOW + 1)
static tiny_item tokens[LENGTH];
#endif
#define ITEMS ((int32_t)(sizeof tokens / sizeof tokens[0]))

static int32_t best_at(int32_t at)
{
    const int32_t *out = NULL;
    int32_t best = 0;
    if (tiny_output(&state, at, &out) != TINY_OK) {
        return -1;
    }
    for (int32_t i = 1; i < TINY_OUTPUTS; i++) {
        best = out[i] > out[best] ? i : best;
    }
    return best;
}

#if TINY_HEAD == TINY_HEAD_CLASS
static int interface_differs(void)
{
    static uint16_t p[TINY_OUTPUTS];
    const int32_t best = tiny_classify(&state, tokens, LENGTH, p);
    uint32_t sum = 0;
    for (int32_t i = 0; i < TINY_OUTPUTS; i++) {
        sum += p[i];
        if (p[i] > p[best]) {
            return 1;
        }
    }
    return best != best_at(0) || sum > 32768U || sum + 2U * TINY_OUTPUTS < 32768U ||
           tiny_label_name(best) == NULL || tiny_label_name(TINY_OUTPUTS) != NULL;
}
#elif TINY_HEAD == TINY_HEAD_LABEL
static int interface_differs(void)
{
    static uint16_t labels[LENGTH], confidence[LENGTH];
    if (tiny_label(&state, tokens, LENGTH, labels, confidence) != LENGTH) {
        return 1;
    }
    for (int32_t i = 0; i < LENGTH; i++) {
        if (labels[i] != best_at(i) || confidence[i] > 32768U ||
            confidence[i] * TINY_OUTPUTS < 32000U) {
            return 1;
        }
    }
    return 0;
}
#elif TINY_HEAD == TINY_HEAD_MASK
static int interface_differs(void)
{
    const int32_t *logits = NULL;
    return tiny_fill(&state, tokens, LENGTH, 3, &logits) != best_at(3) || logits == NULL ||
           best_at(LENGTH) != -1;
}
#else
static int interface_differs(void)
{
    static int16_t v[TINY_DIM];
    static int8_t bytes[TINY_DIM];
    int32_t squares = 0, largest = 0;
    if (tiny_embed(&state, tokens, LENGTH, v) != TINY_OK ||
        tiny_embed_bytes(&state, tokens, LENGTH, bytes) != TINY_OK) {
        return 1;
    }
    for (int32_t i = 0; i < TINY_DIM; i++) {
        const int32_t size = bytes[i] < 0 ? -bytes[i] : bytes[i];
        squares += (v[i] * v[i]) >> 10;
        largest = size > largest ? size : largest;
    }
    return squares < 1040000 || squares > 1057000 || largest != 127 || best_at(0) < 0;
}
#endif

#if TINY_FALLBACK >= 0
/* A threshold that no probability reaches, and one that each does. */
static int fallbacks_differ(void)
{
    int wrong = 0;
    for (uint32_t threshold = 0; threshold <= 40000U; threshold += 40000U) {
        tiny_set_threshold(&state, threshold);
#if TINY_HEAD == TINY_HEAD_CLASS
        const int32_t label = tiny_classify(&state, tokens, LENGTH, NULL);
        wrong |= label != (threshold > 0U ? TINY_FALLBACK : best_at(0));
#else
        static uint16_t labels[LENGTH];
        (void)tiny_label(&state, tokens, LENGTH, labels, NULL);
        for (int32_t i = 0; i < LENGTH; i++) {
            const int32_t other = i == 0 ? TINY_FALLBACK_FIRST : TINY_FALLBACK;
            wrong |= labels[i] != (threshold > 0U && other >= 0 ? other : best_at(i));
        }
#endif
    }
    tiny_set_threshold(&state, 0);
    return wrong;
}
#else
static int fallbacks_differ(void)
{
    return 0;
}
#endif

#if TINY_EXITS > 0
/* Taken at once, taken for no probability, and by what is no exit. */
static int exits_differ(void)
{
    if (tiny_set_exit(&state, TINY_EXITS, 0) != TINY_E_ARGUMENT ||
        tiny_set_exit(&state, -1, 0) != TINY_E_ARGUMENT) {
        return 1;
    }
    for (int32_t i = 0; i < TINY_EXITS; i++) {
        (void)tiny_set_exit(&state, i, 40000U);
    }
    (void)tiny_read(&state, tokens, LENGTH);
    const uint32_t whole = state.layers;
    (void)tiny_set_exit(&state, TINY_EXITS - 1, 0);
    (void)tiny_read(&state, tokens, LENGTH);
    const int wrong = whole != TINY_LAYERS || state.layers >= TINY_LAYERS || best_at(0) < 0;
    (void)tiny_init(&state);
    return wrong;
}
#else
static int exits_differ(void)
{
    return 0;
}
#endif

#if TINY_FRAMES == 0
/* Two texts, whole and cut: with types the second one's tokens count otherwise, without they do
 * not. */
static int pairs_differ(void)
{
    static tiny_token pair[96];
    static const char a[] = "the fox", b[] = "a story";
    const int32_t *out = NULL;
    int32_t second = -1, head[2] = {0, 0};
    const int32_t n = tiny_encode_pair(a, 7, b, 7, pair, 96, &second);
    if (TINY_TEXT_PAIRS == 0) {
        return n >= 0;
    }
    if (n < 0 || n > TINY_WINDOW || second > n || (TINY_JOIN_TYPED != 0 && second < 3) ||
        tiny_encode_pair(a, 7, b, 7, pair, 3, &second) != TINY_E_SPACE ||
        tiny_encode_pair(a, 7, b, 7, pair, 96, NULL) != TINY_E_ARGUMENT) {
        return 1;
    }
    for (int32_t i = 0; i < 2; i++) {
        if (tiny_read_pair(&state, tokens, LENGTH, i == 0 ? 4 : LENGTH) != TINY_OK ||
            tiny_output(&state, 0, &out) != TINY_OK) {
            return 1;
        }
        head[i] = out[0];
    }
    return (head[0] != head[1]) != (TINY_TYPES > 1) ||
           tiny_read_pair(&state, tokens, LENGTH, -1) != TINY_E_ARGUMENT ||
           tiny_read_pair(&state, tokens, LENGTH, LENGTH + 1) != TINY_E_ARGUMENT;
}
#else
static int pairs_differ(void)
{
    return 0;
}
#endif

static int errors_differ(void)
{
    const int32_t *out = NULL;
    tiny_reset(&state);
    return tiny_output(&state, 0, &out) != TINY_E_EMPTY ||
           tiny_read(&state, tokens, 0) != TINY_E_SEQUENCE ||
           tiny_read(&state, tokens, TOO_LONG) != TINY_E_SEQUENCE ||
           tiny_read(&state, NULL, 1) != TINY_E_ARGUMENT;
}

int main(void)
{
    const int init = tiny_init(&state);
    const int selftest = tiny_selftest(&state);
    if (init != TINY_OK || selftest != TINY_OK) {
        board_puts(tiny_strerror(init != TINY_OK ? init : selftest));
        board_puts("\n");
        return 1;
    }
    for (int32_t i = 0; i < ITEMS; i++) {
        tokens[i] = (tiny_item)(TINY_FRAMES > 0 ? i * 29 % 256 - 128 : (i * 29 + 7) % TINY_VOCAB);
    }
    if (pairs_differ() != 0 || fallbacks_differ() != 0 || interface_differs() != 0 ||
        exits_differ() != 0 || errors_differ() != 0) {
        board_puts("the interface differs from the head\n");
        return 1;
    }
    board_put_hex(tiny_logits_hash(&state, TINY_GOLDEN_RUNS));
    board_puts("\n");
    return 0;
}
