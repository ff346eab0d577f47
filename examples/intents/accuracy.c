/* Counts how many held-out sentences the generated code understands: the same program on the host
 * and on a board (targets/boards/common/board.h). held_out.py writes held_out.h. */
#include "intents.h"

#include <stddef.h>

#include "board.h"

#include "held_out.h"

static intents_t state;
static intents_token tokens[INTENTS_WINDOW];
static uint16_t labels[INTENTS_WINDOW];

/* Whether every word has its label: that of its first piece. */
static int words_right(int32_t n, const int8_t *expected)
{
    int32_t word = 0;
    for (int32_t i = 1; i + 1 < n; i++) {
        char piece[64];
        const int32_t size = intents_decode(tokens[i], piece, (int32_t)sizeof piece);
        if ((i == 1 || (size > 0 && piece[0] == ' ')) && labels[i] != expected[word++]) {
            return 0;
        }
    }
    return 1;
}

static void print(const char *what, int32_t n)
{
    board_puts(what);
    board_put_dec(n);
    board_puts("\n");
}

int main(void)
{
    const int32_t n = (int32_t)(sizeof held_out / sizeof held_out[0]);
    int32_t right = 0, whole = 0;
    if (intents_init(&state) != INTENTS_OK) {
        board_puts("intents_init failed\n");
        return 1;
    }
    for (int32_t i = 0; i < n; i++) {
        if (i == 0) {
            board_count_start();
        }
        const int32_t count = intents_label_text(&state, held_out[i].text, held_out[i].bytes,
                                                 labels, NULL, tokens, INTENTS_WINDOW);
        if (i == 0) {
            board_count_stop();
            print("tokens of the sentence that is counted: ", count);
        }
        const int intent = count > 0 && labels[0] == held_out[i].intent;
        right += intent;
        whole += intent && words_right(count, held_out[i].words);
    }
    print("sentences: ", n);
    print("intents right: ", right);
    print("intents and all slots right: ", whole);
    return 0;
}
