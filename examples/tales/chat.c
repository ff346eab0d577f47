/* Goes on with what one types, line by line: on a terminal or over a board's serial port. A line
 * that begins with { sets options: {"temperature": 0.5, "max_tokens": 60}; quit ends it. */
#include "tales.h"
#include "tales_options.h"

#include "console.h"

#define LINE 256

static tales_t state;

static int print(void *user, const char *text, int32_t bytes)
{
    (void)user;
    console_write(text, bytes);
    return 0;
}

static void say(const char *text)
{
    int32_t n = 0;
    while (text[n] != '\0') {
        n++;
    }
    console_write(text, n);
}

/* One line; a negative error. */
static int32_t answer(const char *line, int32_t n, tales_options *o)
{
    static tales_token scratch[LINE + 3];
    int32_t result;
    if (line[0] == '{') {
        return tales_options_json(o, line, (uint32_t)n);
    }
    tales_reset(&state);
    say(line);
    result = tales_generate(&state, line, o->max_tokens, &o->sampling, print, 0, scratch, LINE + 3);
    o->sampling.seed++; /* the same line goes on differently the next time */
    say("\n");
    return result;
}

int main(void)
{
    static char line[LINE];
    tales_options o = {{45875, 40, 0, 7, 0}, 80}; /* temperature 0.7, the 40 likeliest */
    int32_t n;
    int error = tales_init(&state);
    say(error < 0 ? tales_strerror(error) : "Begin a story.\n");
    while (error == TALES_OK) {
        say("> ");
        n = console_line(line, LINE);
        if (n < 0 ||
            (n == 4 && line[0] == 'q' && line[1] == 'u' && line[2] == 'i' && line[3] == 't')) {
            break;
        }
        if (n > 0 && answer(line, n, &o) < 0) {
            say("not understood\n");
        }
    }
    return error < 0;
}
