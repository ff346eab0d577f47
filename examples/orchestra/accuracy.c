/* What the classifier makes of held-out sentences, for some thresholds: commands right, wrong (the
 * wrong thing is done) and handed over, and talk handed over; then what the whole orchestra does
 * with them. The same program on the host and on a board; commands.py writes held_out.h. */
#include "orchestra.h"

#include <stddef.h>

#include "board.h"
#include "held_out.h"
#include "text.h"

#define SENTENCES ((int32_t)(sizeof held_out / sizeof held_out[0]))
#define FAR_TALK ((int32_t)(sizeof far_talk / sizeof far_talk[0]))

#define OUTCOME_ROOM 256

static Orchestra orchestra;
static command_t state;
static command_token tokens[COMMAND_WINDOW];
static char outcome[OUTCOME_ROOM]; /* class and slots as in held_out, "" is the hand-over */
static uint16_t best[SENTENCES + FAR_TALK], sure[SENTENCES + FAR_TALK];

static void print(const char *what, int32_t n)
{
    board_puts(what);
    board_put_dec(n);
}

static int32_t classify(int32_t i)
{
    const char *text = i < SENTENCES ? held_out[i].text : far_talk[i - SENTENCES];
    uint16_t p[COMMAND_OUTPUTS];
    const int32_t n = command_encode(text, text_length(text), tokens, COMMAND_WINDOW);
    const int32_t kind = n < 0 ? n : command_classify(&state, tokens, n, p);
    if (kind >= 0) {
        best[i] = (uint16_t)kind;
        sure[i] = p[kind];
    }
    return kind;
}

/* threshold: in units of 2^-15. */
static void print_score(int32_t threshold)
{
    int32_t right = 0, wrong = 0, over = 0, commands = 0, talk = 0, far = 0;
    for (int32_t i = 0; i < SENTENCES + FAR_TALK; i++) {
        const int32_t said = sure[i] < threshold ? COMMAND_FALLBACK : best[i];
        if (i >= SENTENCES) {
            far += said == COMMAND_FALLBACK;
        } else if (held_out[i].kind == COMMAND_FALLBACK) {
            talk += said == COMMAND_FALLBACK;
        } else {
            commands++;
            right += said == held_out[i].kind;
            over += said == COMMAND_FALLBACK;
            wrong += said != held_out[i].kind && said != COMMAND_FALLBACK;
        }
    }
    print("threshold ", threshold * 100 / 32768);
    print(" %: of ", commands);
    print(" commands right ", right);
    print(", wrong ", wrong);
    print(", handed over ", over);
    print("; handed over of ", SENTENCES - commands);
    print(" sentences of talk ", talk);
    print(", of ", FAR_TALK);
    print(" from elsewhere ", far);
    board_puts("\n");
}

static void add(const char *what)
{
    uint32_t n = text_length(outcome);
    while (*what != '\0' && n + 1 < OUTCOME_ROOM) {
        outcome[n++] = *what++;
    }
    outcome[n] = '\0';
}

static void on_command(const char *class_name, uint32_t how_sure)
{
    (void)how_sure;
    add(class_name);
}

static void on_slot(const char *name, const char *words)
{
    add(" ");
    add(name);
    add(": ");
    add(words);
}

static void on_bigger_model(const char *text, uint32_t n, const char *guess, uint32_t how_sure)
{
    (void)text;
    (void)n;
    (void)guess;
    (void)how_sure;
}

static void on_awake(Player player)
{
    (void)player;
}

/* Class and every slot. */
static int play_all(void)
{
    static const Audience audience = {on_command, on_slot, on_bigger_model, on_awake};
    int32_t right = 0, over = 0, commands = 0;
    if (orchestra_start(&orchestra, &audience) != 0) {
        return 1;
    }
    for (int32_t i = 0; i < SENTENCES; i++) {
        outcome[0] = '\0';
        if (orchestra_understand(&orchestra, held_out[i].text, text_length(held_out[i].text)) !=
            0) {
            return 1;
        }
        if (held_out[i].outcome[0] != '\0') {
            commands++;
            over += outcome[0] == '\0';
            right += text_same(outcome, held_out[i].outcome);
        }
    }
    print("orchestra: of ", commands);
    print(" commands class and every slot right ", right);
    print(", handed over ", over);
    board_puts("\n");
    return 0;
}

int main(void)
{
    static const int32_t thresholds[] = {0, 16384, 22938, 26215, 29492, 31130, 32440};
    if (command_init(&state) != COMMAND_OK) {
        return 1;
    }
    command_set_threshold(&state, 0);
    for (int32_t i = 0; i < SENTENCES + FAR_TALK; i++) {
        if (classify(i) < 0) {
            return 1;
        }
    }
    for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0]; i++) {
        print_score(thresholds[i]);
    }
    return play_all();
}
