/* Hears keywords in sound: samples to frames (mic.h), a window of frames to a class (keywords.h),
 * classes to what counts (lm_debounce.h). All state is the caller's. */
#ifndef LISTEN_H
#define LISTEN_H

#include "keywords.h"
#include "lm_debounce.h"
#include "mic.h"

#define LISTEN_EVERY 8      /* frames from one look at the window to the next: 160 ms */
#define LISTEN_VOTES 5      /* looks of which more than half must agree */
#define LISTEN_SURE 26214U  /* of 32768: a class less likely than this does not count */
#define LISTEN_FIRST_WORD 2 /* classes before it are silence and words unknown */
#define LISTEN_MORE (-100)  /* more samples are needed */

typedef struct listener {
    mic_t mic;
    keywords_t model;
    lm_debounce calm;
    int32_t fresh; /* frames since the last look */
    int32_t filled;
    int8_t frames[KEYWORDS_FRAMES * KEYWORDS_BANDS]; /* the last ones, the oldest first */
    int16_t frame[MIC_BANDS];
} listener;

int listen_start(listener *l);

/* Takes samples until a keyword is heard (its class) or none is left (LISTEN_MORE), and moves
 * *samples and *n on; other negative values are errors of keywords_classify. A keyword is
 * given once, and again after something else has been heard. */
int32_t listen_feed(listener *l, const int16_t **samples, uint32_t *n);

/* The class of the window now, -1 where none is likely enough or it is no keyword. */
int32_t listen_look(listener *l);

#endif
