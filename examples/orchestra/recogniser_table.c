/* Stands for a speech recogniser, on the host and on a board: commands from a list. */
#include "recogniser.h"

#include <stddef.h>

static const char *const texts[] = {
    "please turn on the light in the kitchen",
    "set the bedroom to twenty one degrees",
    "quiet now",
    "what is the weather tomorrow",
    "bring the office lamp to thirty five percent",
    "explain to me why the sky is blue",
    "wake me up in an hour and a half",
};

const char *recogniser_text(void)
{
    static size_t next;
    return next < sizeof texts / sizeof texts[0] ? texts[next++] : NULL;
}
