/* The model at work: the same text on every core. */
#include "tell.h"

#include "story.h"

#define TOKENS 48
#define PROMPT "Dorothy looked at the"

static story_t state;
static tell_put output;

static int put_text(void *user, const char *text, int32_t bytes)
{
    (void)user;
    output(text, bytes);
    return 0;
}

static void put_line(const char *text)
{
    int32_t n = 0;
    while (text[n] != '\0') {
        n++;
    }
    output(text, n);
    output("\n", 1);
}

int tell(tell_put put)
{
    static story_token scratch[32];
    const story_sampling how = {45875, 40, 0, 7, 0}; /* temperature 0.7, the 40 likeliest */
    int32_t result = story_init(&state);
    output = put;
    if (result == STORY_OK) {
        result = story_selftest(&state);
    }
    put_line(story_strerror((int)result));
    if (result == STORY_OK) {
        result = story_generate(&state, PROMPT, TOKENS, &how, put_text, 0, scratch, 32);
        put_line("");
    }
    return result < 0 ? (int)result : 0;
}
