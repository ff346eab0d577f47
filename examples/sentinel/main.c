/* Reads a machine's log line by line and flags what it would not have written: a line whose tokens
 * cost more bits in the mean than LIMIT. Prints that mean, a star where it is too much, and the
 * line. The log is compiled in by embed.c; firmware would take its lines from a UART. */
#include "sentinel.h"
#include "sentinel_surprisal.h"

#include "board.h"
#include "log.h"

/* One normal line of a hundred is above it, and four of five anomalies are (README.md). */
#define LIMIT 87000U /* 1.327 bits, in units of 1/65536 */

#define STAMP 9 /* "HH:MM:SS " is no part of the message */
#define MOST_TOKENS 40

static sentinel_t state;

/* Bits a token of the message, its end included, in units of 1/65536; negative: an error. */
static int32_t mean_bits(const char *message, uint32_t n)
{
    sentinel_token t[MOST_TOKENS + 3];
    uint32_t sum = 0;
    int32_t count = sentinel_encode(message, n, t, MOST_TOKENS + 2);
    if (count < 0) {
        return count;
    }
    t[count] = SENTINEL_EOS;
    sentinel_reset(&state);
    for (int32_t i = 0; i < count; i++) {
        const int32_t *logits;
        const int error = sentinel_step(&state, t[i], &logits);
        if (error < 0) {
            return error;
        }
        sum += sentinel_surprisal(logits, t[i + 1]);
    }
    return (int32_t)(sum / (uint32_t)count);
}

/* Four places after the point. */
static void print_bits(uint32_t bits)
{
    const uint32_t places = ((bits & 0xffffU) * 10000U) >> 16;
    board_put_dec((int32_t)(bits >> 16));
    board_puts(".");
    for (uint32_t digit = 1000; digit > places && digit > 1U; digit /= 10U) {
        board_puts("0");
    }
    board_put_dec((int32_t)places);
}

int main(void)
{
    int flagged = 0;
    int error = sentinel_init(&state);
    for (int i = 0; i < LOG_LINES && error == SENTINEL_OK; i++) {
        uint32_t n = STAMP;
        int32_t bits;
        while (log_lines[i][n] != '\0') {
            n++;
        }
        bits = mean_bits(log_lines[i] + STAMP, n - STAMP);
        if (bits < 0) {
            error = (int)bits;
            break;
        }
        print_bits((uint32_t)bits);
        board_puts((uint32_t)bits > LIMIT ? " *\t" : "  \t");
        board_puts(log_lines[i]);
        board_puts("\n");
        flagged += (uint32_t)bits > LIMIT;
    }
    if (error < 0) {
        board_puts(sentinel_strerror(error));
    } else {
        board_put_dec(flagged);
        board_puts(" lines flagged");
    }
    board_puts("\n");
    return error < 0;
}
