/* NAME_weights.bin: every constant of a Program in one file, in the target's byte order, behind a
 * header that says what it fits. docs/formats.md has the layout, lm_blob.h is the device's side. */
#include "emit.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define HEADER_BYTES ((int64_t)(4 * BLOB_WORDS))
#define ROW_WORDS 3 /* of the table: offset, bytes, bytes of an element */

static int64_t bytes_of(const Data *d)
{
    return d->count * elem_bytes[d->elem];
}

/* At least a word's: copies and hashes gain from it. */
int weights_file_align(const Data *d)
{
    return larger(4, d->align);
}

/* Offsets, each array at its own alignment. */
static void place_arrays(const Program *p, WeightsFile *f)
{
    int64_t at = HEADER_BYTES + 4 * ROW_WORDS * (int64_t)p->n_data;
    f->align = 4;
    for (int i = 0; i < p->n_data; i++) {
        f->align = larger(f->align, weights_file_align(&p->data[i]));
        f->offset[i] = round_up(at, weights_file_align(&p->data[i]));
        at = f->offset[i] + bytes_of(&p->data[i]);
    }
    f->offset[p->n_data] = round_up(at, 4);
    if (f->offset[p->n_data] > INT32_MAX)
        fatal("weights: %lld bytes: more than a target can address",
              (long long)f->offset[p->n_data]);
}

static void fill_table(const Program *p, WeightsFile *f)
{
    for (int i = 0; i < p->n_data; i++) {
        f->table[ROW_WORDS * i] = (uint32_t)f->offset[i];
        f->table[ROW_WORDS * i + 1] = (uint32_t)(f->offset[i + 1] - f->offset[i]);
        f->table[ROW_WORDS * i + 2] = (uint32_t)elem_bytes[p->data[i].elem];
    }
}

/* XXH32 over each array and the zeros that pad it, seeded with the hash before. */
static uint32_t hash_arrays(const Program *p, const WeightsFile *f, uint32_t h)
{
    static const uint8_t zeros[4096];
    XXH32_state_t *state = XXH32_createState();
    for (int i = 0; i < p->n_data; i++) {
        const int64_t bytes = bytes_of(&p->data[i]);
        XXH32_reset(state, h);
        XXH32_update(state, p->data[i].bytes, (size_t)bytes);
        for (int64_t left = f->offset[i + 1] - f->offset[i] - bytes; left > 0;) {
            const size_t n = left < (int64_t)sizeof zeros ? (size_t)left : sizeof zeros;
            XXH32_update(state, zeros, n);
            left -= (int64_t)n;
        }
        h = XXH32_digest(state);
    }
    XXH32_freeState(state);
    return h;
}

WeightsFile *weights_file(Arena *a, const Program *p, const Data *tables, int n_tables)
{
    WeightsFile *f = NEW(a, WeightsFile, 1);
    f->offset = NEW(a, int64_t, p->n_data + 1);
    f->table = NEW(a, uint32_t, ROW_WORDS * (size_t)p->n_data);
    place_arrays(p, f);
    fill_table(p, f);
    f->word[BLOB_MAGIC] = BLOB_MAGIC_WORD;
    f->word[BLOB_INTERFACE] = LMCC_ABI;
    f->word[BLOB_BYTES] = (uint32_t)f->offset[p->n_data];
    f->word[BLOB_ARRAYS] = (uint32_t)p->n_data;
    f->word[BLOB_ALIGN] = (uint32_t)f->align;
    f->word[BLOB_LAYOUT] = XXH32(f->table, 4 * ROW_WORDS * (size_t)p->n_data, 0);
    uint32_t h = hash_arrays(p, f, f->word[BLOB_LAYOUT]);
    for (int i = 0; i < n_tables; i++)
        h = XXH32(tables[i].bytes, (size_t)bytes_of(&tables[i]), h);
    f->word[BLOB_HASH] = h;
    return f;
}

/* Elements in the host's byte order, or in the other one. */
static void put(Buf *b, const void *from, int64_t bytes, int width, bool swap)
{
    const uint8_t *s = from;
    if (!swap || width == 1) {
        buf_write(b, s, (size_t)bytes);
        return;
    }
    for (int64_t i = 0; i < bytes; i++)
        buf_write(b, &s[i / width * width + (width - 1 - i % width)], 1);
}

void weights_file_write(const Program *p, const WeightsFile *f, bool big_endian, Buf *b)
{
    static const uint8_t zeros[64];
    put(b, f->word, HEADER_BYTES, 4, big_endian);
    put(b, f->table, 4 * ROW_WORDS * (int64_t)p->n_data, 4, big_endian);
    for (int i = 0; i <= p->n_data; i++) {
        while ((int64_t)b->len < f->offset[i]) {
            const size_t gap = (size_t)f->offset[i] - b->len;
            buf_write(b, zeros, gap < sizeof zeros ? gap : sizeof zeros);
        }
        if (i < p->n_data)
            put(b, p->data[i].bytes, bytes_of(&p->data[i]), elem_bytes[p->data[i].elem],
                big_endian);
    }
}

static void swap_elements(uint8_t *bytes, size_t n, size_t width)
{
    for (size_t i = 0; i + width <= n; i += width)
        for (size_t k = 0; k < width / 2; k++) {
            const uint8_t first = bytes[i + k];
            bytes[i + k] = bytes[i + width - 1 - k];
            bytes[i + width - 1 - k] = first;
        }
}

/* The arrays of a file whose header and table are in the host's byte order already. */
static void swap_arrays(uint8_t *all, const File *f)
{
    const size_t n = read_u32le(all + 4 * BLOB_ARRAYS);
    const size_t rows = (size_t)HEADER_BYTES;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *row = all + rows + 4 * ROW_WORDS * i;
        const size_t offset = read_u32le(row), bytes = read_u32le(row + 4);
        const size_t width = read_u32le(row + 8);
        if (offset > f->size || bytes > f->size - offset || offset < rows + 4 * ROW_WORDS * n ||
            (width != 1 && width != 2 && width != 4))
            fatal("%s: array %zu: %zu bytes at %zu do not lie in the file", f->path, i, bytes,
                  offset);
        swap_elements(all + offset, bytes, width);
    }
}

const uint8_t *weights_file_for_host(Arena *a, const File *f)
{
    const size_t header = (size_t)HEADER_BYTES;
    if (f->size < header)
        fatal("%s: %zu bytes: no weights file, which has at least %zu", f->path, f->size, header);
    uint8_t *all = arena_alloc(a, f->size + BLOB_MOST_ALIGN, 1);
    all += (BLOB_MOST_ALIGN - (uintptr_t)all % BLOB_MOST_ALIGN) % BLOB_MOST_ALIGN;
    memcpy(all, f->data, f->size);
    if (read_u32le(all) == BLOB_MAGIC_WORD)
        return all;
    swap_elements(all, header, 4);
    const size_t n = read_u32le(all + 4 * BLOB_ARRAYS);
    if (read_u32le(all) != BLOB_MAGIC_WORD || n > (f->size - header) / (4 * ROW_WORDS))
        fatal("%s: no weights file: it begins with %02x %02x %02x %02x", f->path, f->data[0],
              f->data[1], f->data[2], f->data[3]);
    swap_elements(all + header, 4 * ROW_WORDS * n, 4);
    swap_arrays(all, f);
    return all;
}
