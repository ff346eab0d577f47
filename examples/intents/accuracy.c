/* Counts how many held-out sentences the generated code understands: the same program on the host
 * and on a board (targets/boards/common/board.h); where the model has exits, for each of some
 * thresholds. held_out.py writes held_out.h. */
#include "intents.h"

#include <stddef.h>

#include "board.h"

#include "held_out.h"

#define SENTENCES ((int32_t)(sizeof held_out / sizeof held_out[0]))
#define NEVER 40000 /* more than any probability */

static intents_t state;
static intents_token tokens[INTENTS_WINDOW];
static uint16_t labels[INTENTS_WINDOW];
static int8_t said[SENTENCES][1 + WORDS]; /* intent, then each word's label: its first piece's */

/* Of labels: the intents, then O, then each slot's B and I. */
static int32_t slot(int32_t label)
{
    return label > N_INTENTS ? (label - N_INTENTS + 1) / 2 : 0;
}

static int goes_on(const int8_t *words, int32_t i)
{
    return i > 0 && slot(words[i]) == slot(words[i - 1]) && (words[i] - N_INTENTS) % 2 == 0;
}

/* Slot and length of the slot that begins at word i; 0: none does. */
static int32_t span(const int8_t *words, int32_t n, int32_t i)
{
    int32_t length = 1;
    if (slot(words[i]) == 0 || goes_on(words, i)) {
        return 0;
    }
    while (i + length < n && goes_on(words, i + length)) {
        length++;
    }
    return slot(words[i]) * WORDS + length;
}

/* Layers that it took; negative: an error. */
static int32_t understand(int32_t sentence)
{
    int8_t *to = said[sentence];
    const int32_t n = intents_label_text(&state, held_out[sentence].text, held_out[sentence].bytes,
                                         labels, NULL, tokens, INTENTS_WINDOW);
    *to++ = (int8_t)labels[0];
    for (int32_t i = 1; i + 1 < n && to < said[sentence] + 1 + WORDS; i++) {
        char piece[64];
        const int32_t size = intents_decode(tokens[i], piece, (int32_t)sizeof piece);
        if (i == 1 || (size > 0 && piece[0] == ' ')) {
            *to++ = (int8_t)labels[i];
        }
    }
    return n < 0 ? n : (int32_t)state.layers;
}

static void print(const char *what, int32_t n)
{
    board_puts(what);
    board_put_dec(n);
}

static void print_score(void)
{
    int32_t right = 0, whole = 0, hit = 0, spans = 0;
    for (int32_t s = 0; s < SENTENCES; s++) {
        int same = said[s][0] == held_out[s].intent;
        right += same;
        for (int32_t i = 0; i < held_out[s].n; i++) {
            const int32_t a = span(said[s] + 1, held_out[s].n, i);
            const int32_t b = span(held_out[s].words, held_out[s].n, i);
            hit += a != 0 && a == b;
            spans += (a != 0) + (b != 0);
            same = same && a == b;
        }
        whole += same;
    }
    print(": intents ", right);
    print(", slot F1 ", spans > 0 ? 2 * hit * 10000 / spans : 0);
    print(" of 10000, all of it right ", whole);
    print(" of ", SENTENCES);
}

/* threshold: of exits, 0: that which was compiled in. */
static int run(int32_t threshold)
{
    int32_t layers = 0;
#if INTENTS_EXITS > 0
    for (int32_t i = 0; i < INTENTS_EXITS && threshold > 0; i++) {
        (void)intents_set_exit(&state, i, (uint32_t)threshold);
    }
#endif
    board_count_start();
    for (int32_t s = 0; s < SENTENCES; s++) {
        const int32_t took = understand(s);
        if (took < 0) {
            return 1;
        }
        layers += took;
    }
    board_count_stop();
    print("threshold ", threshold);
    print_score();
    print(", layers ", layers);
    board_puts("\n");
    return 0;
}

int main(void)
{
    static const int32_t thresholds[] = {NEVER, 32604, 32440, 32112, 31130, 29491, 26214, 22938};
    int failed = intents_init(&state) != INTENTS_OK;
    if (INTENTS_EXITS == 0 || INTENTS_EXIT_THRESHOLD > 32768) {
        return failed || run(0);
    }
    for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0] && !failed; i++) {
        failed = run(thresholds[i]);
    }
    return failed;
}
