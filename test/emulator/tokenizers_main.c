/* Encodes the texts of cases.h, whole and in parts, and compares with the tokens there. Prints how
 * many texts and tokens were equal; fails at the first that is not. */
#include "tiny.h"

#include <stddef.h>

#include "board.h"
#include "cases.h"

enum { ROOM = 1024, N = sizeof ends / sizeof ends[0] / 2 };

static tiny_encoder encoder;
static tiny_token whole[ROOM], parts[ROOM];

/* Text in parts of 1 to 5 bytes. */
static int32_t encode_parts(const char *text, uint32_t n)
{
    const uint32_t part = 1U + n % 5U;
    int32_t count = 0;
    for (uint32_t at = 0; at < n && count >= 0; at += part) {
        const uint32_t k = n - at < part ? n - at : part;
        const int32_t added = tiny_encode_part(&encoder, text + at, k, parts + count, ROOM - count);
        count = added < 0 ? added : count + added;
    }
    return count < 0 ? count : count + tiny_encode_end(&encoder, parts + count, ROOM - count);
}

static int differs(const tiny_token *got, const int32_t *expected, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (got[i] != expected[i]) {
            return 1;
        }
    }
    return 0;
}

int main(void)
{
    uint32_t text = 0, id = 0;
    for (uint32_t i = 0; i < N; i++) {
        const char *bytes = (const char *)texts + text;
        const uint32_t n = ends[2 * i] - text, n_ids = ends[2 * i + 1] - id;
        const int32_t count = tiny_encode(bytes, n, whole, ROOM);
        const int32_t in_parts = encode_parts(bytes, n);
        if (count != (int32_t)n_ids || differs(whole, ids + id, n_ids) || in_parts != count ||
            differs(parts, ids + id, n_ids)) {
            board_puts("text differs: ");
            board_put_hex(i);
            board_puts("\n");
            return 1;
        }
        text = ends[2 * i];
        id = ends[2 * i + 1];
    }
    board_put_hex(N);
    board_puts(" texts, ");
    board_put_hex(id);
    board_puts(" tokens equal\n");
    return 0;
}
