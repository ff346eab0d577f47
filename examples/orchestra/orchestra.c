/* Who is awake, and what goes from one model to the next: tokens of a text, and nothing else. */
#include "orchestra.h"

#include <stddef.h>

#include "text.h"

#if COMMAND_VOCAB != SLOTS_VOCAB || COMMAND_WINDOW > SLOTS_WINDOW
#error "both models read the same tokens: compile them with one tokenizer and one window"
#endif

#define NO_COMMAND COMMAND_FALLBACK /* the class of what is no command, or is not sure enough */
#define WORDS_ROOM 96               /* bytes of a slot's words; what is longer is cut */

/* Classes of which no sentence has slots: the largest model stays asleep. */
static const char *const without_slots[] = {"stop"};

static int has_slots(const char *class_name)
{
    for (size_t i = 0; i < sizeof without_slots / sizeof without_slots[0]; i++) {
        if (text_same(class_name, without_slots[i])) {
            return 0;
        }
    }
    return 1;
}

/* Gives a model the arena. Its weights are checked each time, which is a small part of what it
 * costs. */
static int wake(Orchestra *o, Player player)
{
    int error = 0;
    o->awake = player;
    o->audience->awake(player);
    switch (player) {
    case PLAYER_EAR: error = listen_start(&o->arena.ear); break;
    case PLAYER_COMMAND: error = command_init(&o->arena.command); break;
    case PLAYER_SLOTS: error = slots_init(&o->arena.slots); break;
    case PLAYERS: error = ORCHESTRA_E_MODEL; break;
    }
    return error == 0 ? 0 : ORCHESTRA_E_MODEL;
}

int orchestra_start(Orchestra *o, const Audience *audience)
{
    o->audience = audience;
    return wake(o, PLAYER_EAR);
}

int32_t orchestra_hear(Orchestra *o, const int16_t **samples, uint32_t *n)
{
    if (o->awake != PLAYER_EAR && wake(o, PLAYER_EAR) != 0) {
        return ORCHESTRA_E_MODEL;
    }
    const int32_t word = listen_feed(&o->arena.ear, samples, n);
    return word >= 0 || word == LISTEN_MORE ? word : ORCHESTRA_E_MODEL;
}

/* Adds a piece's bytes to the words of a slot; a slot begins without a space. */
static void add_piece(char *words, const char *piece, int32_t size)
{
    uint32_t used = text_length(words);
    for (int32_t i = used == 0 && piece[0] == ' '; i < size && used + 1 < WORDS_ROOM; i++) {
        words[used++] = piece[i];
    }
    words[used] = '\0';
}

/* Slots are words labelled B-name, I-name, I-name; a word has the label of its first piece, and the
 * pieces after that one decode without the space before them. */
static int give_slots(Orchestra *o, int32_t n)
{
    const char *slot = ""; /* whose words are being gathered */
    char words[WORDS_ROOM] = "", piece[64];
    for (int32_t i = 1; i + 1 < n; i++) { /* between the tokens that begin and end the text */
        const char *name = slots_label_name(o->labels[i]);
        const int32_t size = command_decode(o->tokens[i], piece, (int32_t)sizeof piece);
        if (size < 0) {
            return ORCHESTRA_E_MODEL;
        }
        const int begins_word = i == 1 || (size > 0 && piece[0] == ' ');
        if (begins_word && !(name[0] == 'I' && text_same(name + 2, slot))) {
            if (slot[0] != '\0') {
                o->audience->slot(slot, words);
            }
            slot = name[1] == '-' ? name + 2 : "";
            words[0] = '\0';
        }
        if (slot[0] != '\0') {
            add_piece(words, piece, size);
        }
    }
    if (slot[0] != '\0') {
        o->audience->slot(slot, words);
    }
    return 0;
}

static int32_t likeliest(const uint16_t *p)
{
    int32_t best = 0;
    for (int32_t i = 1; i < COMMAND_OUTPUTS; i++) {
        best = p[i] > p[best] ? i : best;
    }
    return best;
}

/* The class that the classifier settled on, its fallback included; which one was likeliest, and how
 * likely: *best, *sure. */
static int32_t classify(Orchestra *o, int32_t count, const char **best, uint32_t *sure)
{
    uint16_t p[COMMAND_OUTPUTS];
    const int32_t kind = command_classify(&o->arena.command, o->tokens, count, p);
    if (kind >= 0) {
        const int32_t i = likeliest(p);
        *best = command_label_name(i);
        *sure = p[i];
    }
    return kind;
}

int orchestra_understand(Orchestra *o, const char *text, uint32_t n)
{
    const char *name = "";
    uint32_t sure = 0;
    const int32_t count = command_encode(text, n, o->tokens, COMMAND_WINDOW);
    if (count == COMMAND_E_SPACE) {
        o->audience->bigger_model(text, n, name, sure);
        return 0;
    }
    if (count < 0 || wake(o, PLAYER_COMMAND) != 0) {
        return ORCHESTRA_E_MODEL;
    }
    const int32_t kind = classify(o, count, &name, &sure);
    if (kind < 0) {
        return ORCHESTRA_E_MODEL;
    }
    if (kind == NO_COMMAND) {
        o->audience->bigger_model(text, n, name, sure);
        return 0;
    }
    o->audience->command(name, sure);
    if (!has_slots(name)) {
        return 0;
    }
    if (wake(o, PLAYER_SLOTS) != 0 ||
        slots_label(&o->arena.slots, o->tokens, count, o->labels, NULL) != count) {
        return ORCHESTRA_E_MODEL;
    }
    return give_slots(o, count);
}
