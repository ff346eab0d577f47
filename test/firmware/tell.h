/* What every application here does with the model. */
#ifndef TELL_H
#define TELL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*tell_put)(const char *text, int32_t bytes);

/* Self-test, then a story, by put; 0, or the model's error. */
int tell(tell_put put);

#ifdef __cplusplus
}
#endif

#endif
