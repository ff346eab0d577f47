/* A WAV file of 16 kHz, 16 bits and one channel on stdin as C on stdout: an array of its samples.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned char file[1 << 22];

static uint32_t little(const unsigned char *p, int bytes)
{
    uint32_t v = 0;
    while (bytes-- > 0) {
        v = v << 8 | p[bytes];
    }
    return v;
}

static int print_samples(const unsigned char *data, uint32_t n)
{
    printf("#include <stdint.h>\n#define SOUND_SAMPLES %luU\nstatic const int16_t sound[] = {",
           (unsigned long)n);
    for (uint32_t i = 0; i < n; i++) {
        const int32_t v = (int32_t)little(data + 2 * i, 2);
        printf("%s%ld,", i % 16 == 0 ? "\n" : "", (long)(v < 32768 ? v : v - 65536));
    }
    printf("\n};\n");
    return ferror(stdout) != 0;
}

int main(void)
{
    const size_t size = fread(file, 1, sizeof file, stdin);
    int known = size >= 12 && memcmp(file, "RIFF", 4) == 0 && memcmp(file + 8, "WAVE", 4) == 0;
    for (size_t at = 12; known && at + 8 <= size;) {
        const size_t bytes = little(file + at + 4, 4), left = size - at - 8;
        const unsigned char *chunk = file + at + 8;
        if (bytes > left) {
            break;
        }
        if (memcmp(file + at, "fmt ", 4) == 0) {
            known = bytes >= 16 && little(chunk, 2) == 1 && little(chunk + 2, 2) == 1 &&
                    little(chunk + 4, 4) == 16000 && little(chunk + 14, 2) == 16;
        } else if (memcmp(file + at, "data", 4) == 0 && bytes >= 2) {
            return print_samples(chunk, (uint32_t)(bytes / 2));
        }
        at += 8 + bytes + bytes % 2;
    }
    fprintf(stderr, "embed: no WAV of 16 kHz, 16 bits and one channel, or larger than 4 MiB\n");
    return 1;
}
