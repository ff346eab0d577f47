/* What a command asks for: the intent is the label of the sequence's first token, slots are words
 * labelled B-name, I-name, I-name; a word has the label of its first piece. Sentences come from the
 * command line, or from a list here. */
#include "intents.h"

#include <stdio.h>
#include <string.h>

static intents_t state;
static intents_token tokens[INTENTS_WINDOW];
static uint16_t labels[INTENTS_WINDOW], confidence[INTENTS_WINDOW];

static const char *const examples[] = {
    "please turn on the light in the kitchen",
    "set the bedroom to twenty one degrees",
    "i would like the sun room lights off now",
    "in the library turn the lamp golden",
    "bring the office lamp to thirty five percent",
    "put some nina simone on",
    "wake me up in an hour and a half",
    "what is the weather tomorrow",
};

/* Gives each slot a line: its name and words. Slots hold words, and these the pieces after their
 * first one, which decode without the space before them. */
static int print_slots(int32_t n)
{
    const char *slot = "";                /* that is being printed */
    for (int32_t i = 1; i + 1 < n; i++) { /* between the tokens that begin and end the text */
        char piece[64];
        const char *name = intents_label_name(labels[i]);
        const int32_t size = intents_decode(tokens[i], piece, (int32_t)sizeof piece);
        if (size < 0) {
            return size;
        }
        if (i == 1 || piece[0] == ' ') {
            const int goes_on = name[0] == 'I' && strcmp(name + 2, slot) == 0;
            if (*slot && !goes_on) {
                printf("\n");
            }
            slot = name[1] == '-' ? name + 2 : "";
            if (*slot && !goes_on) {
                printf("  %s:", slot);
            }
        }
        if (*slot) {
            printf("%.*s", (int)size, piece);
        }
    }
    if (*slot) {
        printf("\n");
    }
    return INTENTS_OK;
}

static int understand(const char *text)
{
    const int32_t n = intents_label_text(&state, text, (uint32_t)strlen(text), labels, confidence,
                                         tokens, INTENTS_WINDOW);
    if (n < 0) {
        return n;
    }
    printf("%s\n  -> %s, %d %% sure after %u layers of %d\n", text, intents_label_name(labels[0]),
           confidence[0] * 100 / 32768, (unsigned)state.layers, INTENTS_LAYERS);
    return print_slots(n);
}

int main(int argc, char **argv)
{
    int error = intents_init(&state);
    for (int i = 1; i < argc && error == INTENTS_OK; i++) {
        error = understand(argv[i]);
    }
    for (size_t i = 0; i < sizeof examples / sizeof examples[0] && argc < 2 && error == INTENTS_OK;
         i++) {
        error = understand(examples[i]);
    }
    if (error != INTENTS_OK) {
        fprintf(stderr, "intents: %s\n", intents_strerror(error));
    }
    return error != INTENTS_OK;
}
