/* The state of a training run in a file: a header, parameters and Adam's moments, and a hash of it
 * all. Written beside its place and moved there. */
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

typedef struct Header {
    char magic[8];
    uint64_t fingerprint; /* of model, recipe and tokens */
    uint64_t parameters;
    int64_t step;
    double best_loss;
} Header;

static const char magic[8] = "lmcc-tr1";
#define ARRAYS 4 /* parameters, best ones, means, squares */

static size_t file_bytes(const Trainer *t)
{
    return sizeof(Header) + ARRAYS * t->student->n * sizeof(float) + sizeof(uint64_t);
}

void trainer_save(const Trainer *t, const char *path, uint64_t fingerprint)
{
    const size_t n = t->student->n;
    const float *arrays[ARRAYS] = {t->student->parameter, t->best, t->mean, t->square};
    Header h = {
        .fingerprint = fingerprint, .parameters = n, .step = t->step, .best_loss = t->best_loss};
    memcpy(h.magic, magic, sizeof magic);
    Arena *scratch = arena_new();
    char *beside = arena_printf(scratch, "%s.tmp", path);
    interrupt_hold();
    FILE *f = fopen(beside, "wb");
    XXH64_state_t *hash = XXH64_createState();
    if (!f || !hash) {
        fatal("%s: cannot be written", beside);
    }
    XXH64_reset(hash, 0);
    XXH64_update(hash, &h, sizeof h);
    bool good = fwrite(&h, sizeof h, 1, f) == 1;
    for (int i = 0; i < ARRAYS; i++) {
        XXH64_update(hash, arrays[i], n * sizeof(float));
        good = good && fwrite(arrays[i], sizeof(float), n, f) == n;
    }
    const uint64_t sum = XXH64_digest(hash);
    good = good && fwrite(&sum, sizeof sum, 1, f) == 1;
    good = fclose(f) == 0 && good;
    XXH64_freeState(hash);
    if (!good || rename(beside, path) != 0) {
        unlink(beside);
        fatal("%s: cannot be written", path);
    }
    interrupt_release();
    arena_free(scratch);
}

bool trainer_load(Arena *a, Trainer *t, const char *path, uint64_t fingerprint)
{
    if (!file_exists(path)) {
        return false;
    }
    const size_t n = t->student->n, body = file_bytes(t) - sizeof(uint64_t);
    float *arrays[ARRAYS] = {t->student->parameter, t->best, t->mean, t->square};
    const File f = file_map(a, path);
    Header h;
    if (f.size < sizeof h || memcmp(f.data, magic, sizeof magic) != 0) {
        fatal("%s: not a training state", path);
    }
    memcpy(&h, f.data, sizeof h);
    if (h.fingerprint != fingerprint || h.parameters != n) {
        fatal("%s: training state of another model, recipe or text: remove it to start anew", path);
    }
    uint64_t sum;
    if (f.size == file_bytes(t)) {
        memcpy(&sum, f.data + body, sizeof sum);
    }
    if (f.size != file_bytes(t) || sum != XXH64(f.data, body, 0) || h.step < 0 ||
        h.step > t->steps || !(h.best_loss >= 0 || isinf(h.best_loss))) {
        fatal("%s: training state: damaged", path);
    }
    for (int i = 0; i < ARRAYS; i++) {
        memcpy(arrays[i], f.data + sizeof h + (size_t)i * n * sizeof(float), n * sizeof(float));
    }
    t->step = h.step;
    t->best_loss = h.best_loss;
    return true;
}
