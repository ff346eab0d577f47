/* @about */
#ifndef MODEL_H
#define MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* @constants */

/* Errors. */
#define MODEL_OK 0
#define MODEL_E_ARGUMENT (-1) /* a null pointer */
#define MODEL_E_SELFTEST (-4) /* frames differ from those of the compiler */

/* All state, MODEL_STATE_BYTES of it. `work` is free between calls. */
typedef struct model_state {
    int32_t work[MODEL_POINTS];
    int32_t at, wait; /* where the oldest sample is; samples to come before the next frame */
    int16_t ring[MODEL_WINDOW];
} model_t;

#define MODEL_STATE_BYTES (sizeof(model_t))

/* Forgets all samples: before the first call, and where sound was interrupted. */
void model_reset(model_t *s);

/* Takes samples from *samples until a frame is complete (1) or none is left (0), and moves *samples
 * and *n on by what was taken. The first frame comes after MODEL_WINDOW samples, then one every
 * MODEL_HOP. frame (MODEL_BANDS): log2 of the power of each band, in units of 2^-8.
 *
 *     while (model_feed(&s, &samples, &n, frame) == 1)
 *         use(frame);
 */
int32_t model_feed(model_t *s, const int16_t **samples, uint32_t *n, int16_t *frame);

/* A frame in bytes: units of 1/8 of an octave, 0 is 2^28, saturated (MODEL_BANDS each). */
int model_bytes(const int16_t *frame, int8_t *bytes);

/* Frames of a signal that is made up, against the hash that the compiler recorded: MODEL_OK or
 * MODEL_E_SELFTEST. Resets before and after. */
int model_selftest(model_t *s);

/* XXH32 of the first `frames` of these. */
uint32_t model_frames_hash(model_t *s, int32_t frames);

#ifdef __cplusplus
}
#endif

#endif
