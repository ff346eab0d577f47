/* Writes a story: the same program on the host and on a board (targets/boards/common/board.h). */
#include "tales.h"

#include "board.h"

#define TOKENS 120

static tales_t state;

static int print(void *user, const char *text, int32_t bytes)
{
    char line[256];
    (void)user;
    for (int32_t i = 0; i < bytes; i++) {
        line[i] = text[i];
    }
    line[bytes] = '\0';
    board_puts(line);
    return 0;
}

int main(void)
{
    static const char prompt[] = "Dorothy looked at the";
    const tales_sampling how = {45875, 40, 0, 7, 0}; /* temperature 0.7, the 40 likeliest */
    tales_token scratch[64];
    int32_t result = tales_init(&state);
    if (result == TALES_OK) {
        board_puts(prompt);
        result = tales_generate(&state, prompt, TOKENS, &how, print, 0, scratch, 64);
        board_puts("\n");
    }
    if (result < 0) {
        board_puts(tales_strerror(result));
        board_puts("\n");
    }
    return result < 0;
}
