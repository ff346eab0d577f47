/* @about */
#include "model.h"

/* @runtime */

/* @tables */

void model_reset(model_t *s)
{
    if (s != NULL) {
        s->at = 0;
        s->wait = MODEL_WINDOW;
    }
}

int32_t model_feed(model_t *s, const int16_t **samples, uint32_t *n, int16_t *frame)
{
    if (s == NULL || samples == NULL || n == NULL || frame == NULL) {
        return MODEL_E_ARGUMENT;
    }
    for (; *n > 0U && s->wait > 0; s->wait--) {
        s->ring[s->at] = *(*samples)++;
        s->at = s->at + 1 == MODEL_WINDOW ? 0 : s->at + 1;
        *n -= 1U;
    }
    if (s->wait > 0) {
        return 0;
    }
    s->wait = MODEL_HOP;
    lm_frontend_frame(&model_frontend, s->ring, s->at, s->work, frame);
    return 1;
}

int model_bytes(const int16_t *frame, int8_t *bytes)
{
    if (frame == NULL || bytes == NULL) {
        return MODEL_E_ARGUMENT;
    }
    for (int32_t i = 0; i < MODEL_BANDS; i++) {
        bytes[i] = lm_frontend_byte(frame[i]);
    }
    return MODEL_OK;
}

uint32_t model_frames_hash(model_t *s, int32_t frames)
{
    uint32_t hash = 0;
    int16_t frame[MODEL_BANDS];
    model_reset(s);
    for (uint32_t i = 0; frames > 0; i++) {
        const int16_t sample = lm_signal(i);
        const int16_t *samples = &sample;
        uint32_t n = 1;
        if (model_feed(s, &samples, &n, frame) == 1) {
            hash = lm_hash(frame, 2U, 2U * MODEL_BANDS, hash);
            frames--;
        }
    }
    model_reset(s);
    return hash;
}

int model_selftest(model_t *s)
{
    if (s == NULL) {
        return MODEL_E_ARGUMENT;
    }
    return model_frames_hash(s, MODEL_GOLDEN_FRAMES) == MODEL_GOLDEN_HASH ? MODEL_OK
                                                                          : MODEL_E_SELFTEST;
}
