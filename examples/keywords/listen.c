#include "listen.h"

#include <string.h>

#if MIC_BANDS != KEYWORDS_BANDS
#error "the model was trained with another front end"
#endif

int listen_start(listener *l)
{
    mic_reset(&l->mic);
    lm_debounce_start(&l->calm, LISTEN_VOTES, -1);
    l->fresh = 0;
    l->filled = 0;
    return keywords_init(&l->model);
}

int32_t listen_look(listener *l)
{
    uint16_t p[KEYWORDS_OUTPUTS];
    const int32_t best = keywords_classify(&l->model, l->frames, KEYWORDS_FRAMES, p);
    if (best < 0) {
        return best;
    }
    return best >= LISTEN_FIRST_WORD && p[best] >= LISTEN_SURE ? best : -1;
}

/* The window moves on by one frame. */
static void add_frame(listener *l)
{
    const size_t kept = sizeof l->frames - KEYWORDS_BANDS;
    memmove(l->frames, l->frames + KEYWORDS_BANDS, kept);
    (void)mic_bytes(l->frame, l->frames + kept);
    l->filled += l->filled < KEYWORDS_FRAMES;
    l->fresh++;
}

int32_t listen_feed(listener *l, const int16_t **samples, uint32_t *n)
{
    while (mic_feed(&l->mic, samples, n, l->frame) == 1) {
        add_frame(l);
        if (l->filled == KEYWORDS_FRAMES && l->fresh >= LISTEN_EVERY) {
            const int32_t before = l->calm.value;
            l->fresh = 0;
            lm_debounce_add(&l->calm, listen_look(l));
            if (l->calm.value >= 0 && l->calm.value != before) {
                return l->calm.value;
            }
        }
    }
    return LISTEN_MORE;
}
