/* Plays a recording to the orchestra, over and over; each time the wake word is heard, the
 * recogniser has a command. The same program runs on the host and on a board. With COUNTED, a
 * Player, on a board: icount.c counts what that one executes. */
#include "orchestra.h"

#include <stddef.h>

#include "board.h"
#include "recogniser.h"
#include "sound.h"
#include "text.h"

#ifndef WAKE_WORD
#define WAKE_WORD "yes" /* a class of examples/keywords, and in its recording */
#endif

static const char *const player_names[PLAYERS] = {"ear", "command", "slots"};
static Orchestra orchestra;

static void print(const char *what, int32_t n)
{
    board_puts(what);
    board_put_dec(n);
}

static void print_class(const char *before, const char *name, uint32_t sure)
{
    board_puts(before);
    board_puts(name);
    print(", ", (int32_t)(sure * 100U / 32768U));
    board_puts(" % sure\n");
}

static void on_command(const char *class_name, uint32_t sure)
{
    print_class("  -> ", class_name, sure);
}

static void on_slot(const char *name, const char *words)
{
    board_puts("     ");
    board_puts(name);
    board_puts(": ");
    board_puts(words);
    board_puts("\n");
}

/* A product would send the text somewhere. */
static void on_bigger_model(const char *text, uint32_t n, const char *guess, uint32_t sure)
{
    (void)text;
    print("  -> to the bigger model, bytes: ", (int32_t)n);
    if (guess[0] == '\0') {
        board_puts(", too long here\n");
    } else {
        print_class("; here it is ", guess, sure);
    }
}

static void on_awake(Player player)
{
#ifdef COUNTED
    static int counting;
    if (counting) {
        board_count_stop();
    }
    counting = (int)player == COUNTED;
    if (counting) {
        board_count_start();
    }
#else
    (void)player;
#endif
}

static void print_memory(void)
{
    const size_t bytes[PLAYERS] = {sizeof orchestra.arena.ear, sizeof orchestra.arena.command,
                                   sizeof orchestra.arena.slots};
    size_t sum = 0;
    board_puts("arena: ");
    for (int i = 0; i < PLAYERS; i++) {
        board_puts(player_names[i]);
        print(" ", (int32_t)bytes[i]);
        board_puts(i + 1 < PLAYERS ? ", " : " bytes; ");
        sum += bytes[i];
    }
    print("one after the other in ", (int32_t)sizeof orchestra.arena);
    print(" instead of ", (int32_t)sum);
    board_puts("\n");
}

/* Listens until the wake word: 0; 1: it is not in the recording; negative: an error. */
static int32_t wait_for_word(const int16_t **at, uint32_t *left)
{
    for (int passes = 0; passes < 2;) {
        const int32_t word = orchestra_hear(&orchestra, at, left);
        if (word >= 0 && text_same(keywords_label_name(word), WAKE_WORD)) {
            return 0;
        }
        if (word == ORCHESTRA_MORE) {
            *at = sound;
            *left = SOUND_SAMPLES;
            passes++;
        } else if (word < 0) {
            return word;
        }
    }
    return 1;
}

static int fail(const char *why)
{
    board_puts(why);
    board_puts("\n");
    return 1;
}

int main(void)
{
    static const Audience audience = {on_command, on_slot, on_bigger_model, on_awake};
    const int16_t *at = sound;
    uint32_t left = SOUND_SAMPLES;
    int32_t error = orchestra_start(&orchestra, &audience);
    print_memory();
    for (const char *text; error == 0 && (text = recogniser_text()) != NULL;) {
        error = wait_for_word(&at, &left);
        if (error == 0) {
            board_puts("heard: " WAKE_WORD "\n");
            board_puts(text);
            board_puts("\n");
            error = orchestra_understand(&orchestra, text, text_length(text));
        }
    }
    on_awake(PLAYERS);
    return error == 0 ? 0 : fail(error > 0 ? "the wake word was not heard" : "a model failed");
}
