/* Prints the keywords that it hears in a WAV file, 16 kHz, 16 bits, one channel, and when:
 * sample.wav, or the one named. */
#include "listen.h"

#include <stdio.h>
#include <string.h>

#define RATE 16000

static listener ear;

static uint32_t little(const uint8_t *p, int bytes)
{
    uint32_t v = 0;
    while (bytes-- > 0) {
        v = v << 8 | p[bytes];
    }
    return v;
}

/* Leaves the file where its samples begin; gives their number, 0 for a file of another kind. */
static uint32_t open_wav(FILE *f)
{
    uint8_t head[12], chunk[8], format[16];
    int known = 0;
    if (fread(head, 1, sizeof head, f) != sizeof head || memcmp(head, "RIFF", 4) != 0 ||
        memcmp(head + 8, "WAVE", 4) != 0) {
        return 0;
    }
    while (fread(chunk, 1, sizeof chunk, f) == sizeof chunk) {
        const uint32_t size = little(chunk + 4, 4);
        if (memcmp(chunk, "data", 4) == 0) {
            return known ? size / 2U : 0;
        }
        if (memcmp(chunk, "fmt ", 4) == 0 && size == 16U) {
            if (fread(format, 1, sizeof format, f) != sizeof format) {
                return 0;
            }
            known = little(format, 2) == 1U && little(format + 2, 2) == 1U &&
                    little(format + 4, 4) == RATE && little(format + 14, 2) == 16U;
        } else if (size > 65536U || fseek(f, (long)size, SEEK_CUR) != 0) {
            return 0;
        }
    }
    return 0;
}

/* Feeds up to n samples as they come from the file. */
static int hear(FILE *f, uint32_t n)
{
    uint8_t bytes[2 * 512];
    int16_t samples[512];
    uint32_t heard = 0;
    while (heard < n) {
        const size_t got = fread(bytes, 2, sizeof samples / sizeof samples[0], f);
        const int16_t *at = samples;
        uint32_t left = (uint32_t)got;
        for (size_t i = 0; i < got; i++) {
            const uint32_t v = little(bytes + 2 * i, 2);
            samples[i] = (int16_t)(v < 32768U ? (int32_t)v : (int32_t)v - 65536);
        }
        while (left > 0U) {
            const int32_t word = listen_feed(&ear, &at, &left);
            if (word >= 0) {
                const uint32_t now = heard + (uint32_t)got - left;
                printf("%3u.%02u s  %s\n", (unsigned)(now / RATE),
                       (unsigned)(now % RATE * 100U / RATE), keywords_label_name(word));
            } else if (word != LISTEN_MORE) {
                fprintf(stderr, "keywords: %s\n", keywords_strerror(word));
                return 1;
            }
        }
        heard += (uint32_t)got;
        if (got == 0) {
            break;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "sample.wav";
    FILE *f = fopen(path, "rb");
    const uint32_t n = f != NULL ? open_wav(f) : 0U;
    const int error = listen_start(&ear);
    int failed = 1;
    if (error != KEYWORDS_OK) {
        fprintf(stderr, "keywords: %s\n", keywords_strerror(error));
    } else if (n == 0U) {
        fprintf(stderr, "%s: cannot be read, or no WAV of 16 kHz, 16 bits and one channel\n", path);
    } else {
        failed = hear(f, n);
    }
    if (f != NULL) {
        fclose(f);
    }
    return failed;
}
