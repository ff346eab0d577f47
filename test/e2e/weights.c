/* Binding weights: what is refused, with which error, and what a damaged blob does. Arguments: the
 * blob, another model's, one for the other byte order. Prints a line for each fault. */
#include "tales.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tales_t state;
static int faults;

typedef struct Blob {
    unsigned char *at; /* on a boundary of TALES_BLOB_ALIGN */
    uint32_t bytes;
} Blob;

static void expect(const char *what, long at, int got, int wanted)
{
    if (got != wanted) {
        printf("%s %ld: %s, expected %s\n", what, at, tales_strerror(got), tales_strerror(wanted));
        faults++;
    }
}

static Blob read_blob(const char *path)
{
    Blob b = {NULL, 0};
    FILE *f = fopen(path, "rb");
    unsigned char *room = calloc(1, 1U << 22);
    if (!f || !room)
        exit(2);
    b.at = room + (TALES_BLOB_ALIGN - (uintptr_t)room % TALES_BLOB_ALIGN) % TALES_BLOB_ALIGN;
    b.bytes = (uint32_t)fread(b.at, 1, (1U << 22) - TALES_BLOB_ALIGN, f);
    fclose(f);
    return b;
}

/* Without weights nothing runs, and nothing is read. */
static void unbound(void)
{
    const tales_token token = 1;
    const int32_t *logits = NULL;
    expect("step", 0, tales_step(&state, token, &logits), TALES_E_UNBOUND);
    expect("prefill", 0, tales_prefill(&state, &token, 1), TALES_E_UNBOUND);
    expect("selftest", 0, tales_selftest(&state), TALES_E_UNBOUND);
    expect("logits hash", 0, (int)tales_logits_hash(&state, 1), 0);
}

/* Each byte of header and table, and some of the arrays, padding included. */
static void damaged(Blob b)
{
    const uint32_t table = 32 + 12 * (b.at[12] | (uint32_t)b.at[13] << 8);
    for (uint32_t i = 0; i < b.bytes; i += i < table + 64 ? 1 : 4999) {
        b.at[i] ^= 0x10;
        const int wanted = i < 8 ? TALES_E_BLOB : i < 32 ? TALES_E_MODEL : TALES_E_WEIGHTS;
        expect("byte", (long)i, tales_bind(&state, b.at, b.bytes), wanted);
        expect("then unbound", (long)i, tales_step(&state, 1, NULL), TALES_E_UNBOUND);
        b.at[i] ^= 0x10;
    }
}

int main(int argc, char **argv)
{
    static const uint32_t lengths[] = {0, 1, 31};
    if (argc != 4)
        return 2;
    const Blob own = read_blob(argv[1]), other = read_blob(argv[2]), swapped = read_blob(argv[3]);
    expect("bytes", (long)own.bytes, own.bytes == TALES_BLOB_BYTES, 1);
    expect("init", 0, tales_init(&state), TALES_OK);
    unbound();
    expect("null", 0, tales_bind(&state, NULL, own.bytes), TALES_E_ARGUMENT);
    expect("null state", 0, tales_bind(NULL, own.at, own.bytes), TALES_E_ARGUMENT);
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++)
        expect("length", lengths[i], tales_bind(&state, own.at, lengths[i]), TALES_E_LENGTH);
    expect("length", 32, tales_bind(&state, own.at, 32), TALES_E_LENGTH);
    expect("length", -1, tales_bind(&state, own.at, own.bytes - 1), TALES_E_LENGTH);
    memmove(own.at + 2, own.at, own.bytes);
    expect("off by", 2, tales_bind(&state, own.at + 2, own.bytes), TALES_E_ALIGN);
    memmove(own.at, own.at + 2, own.bytes);
    expect("another model", 0, tales_bind(&state, other.at, other.bytes), TALES_E_MODEL);
    expect("another byte order", 0, tales_bind(&state, swapped.at, swapped.bytes), TALES_E_BLOB);
    unbound();
    damaged(own);
    expect("bind", 0, tales_bind(&state, own.at, own.bytes + 100), TALES_OK);
    expect("selftest", 0, tales_selftest(&state), TALES_OK);
    own.at[own.bytes - 8] ^= 1; /* under a state that is bound */
    expect("selftest of damaged weights", 0, tales_selftest(&state), TALES_E_WEIGHTS);
    own.at[own.bytes - 8] ^= 1;
    expect("selftest again", 0, tales_selftest(&state), TALES_OK);
    expect("init", 1, tales_init(&state), TALES_OK);
    unbound();
    printf("%d faults\n", faults);
    return faults != 0;
}
