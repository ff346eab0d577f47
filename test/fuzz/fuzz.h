/* Seeded mutations of every kind of input file: what the files of this folder share. */
#ifndef FUZZ_H
#define FUZZ_H

#include "util.h"

/* How a file is built, so that a mutation can keep the outer form and break the inner one. */
typedef enum Form {
    FORM_TEXT,        /* JSON, YAML, IR */
    FORM_BINARY,      /* a header of 32-bit numbers, then floats */
    FORM_SAFETENSORS, /* u64 length, JSON, floats */
    FORM_ZSTD         /* zstd around FORM_SAFETENSORS */
} Form;

/* xorshift64*: the same numbers on every host. */
typedef struct Random {
    uint64_t state;
} Random;

static inline uint32_t draw(Random *r, size_t below)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return (uint32_t)((r->state * 0x2545F4914F6CDD1Du >> 32) % (below ? below : 1));
}

/* inputs.c: writes a tiny model in every layout, its tokenizers, a recipe and a target into dir. */
void write_inputs(const char *dir);
void write_file(const char *path, const Buf *b);
Buf read_file(const char *path);

/* mutations.c: edits b in place. */
void mutate(Random *r, Form form, Buf *b);
void pack_zstd(Buf *b);

#endif
