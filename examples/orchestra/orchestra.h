/* Three models in one piece of memory: a keyword transformer listens for the wake word, then a
 * small classifier says what a command asks for, then a larger labeller finds its slots where it
 * has any. Only one of them is awake, so they share one arena. What the classifier is not sure of,
 * and what is no command, goes to a bigger model elsewhere. All state is the caller's. */
#ifndef ORCHESTRA_H
#define ORCHESTRA_H

#include "command.h"
#include "listen.h"
#include "slots.h"

#define ORCHESTRA_MORE LISTEN_MORE /* more samples are needed */
#define ORCHESTRA_E_MODEL (-101)   /* a model is damaged, or its input was refused */

typedef enum Player { PLAYER_EAR, PLAYER_COMMAND, PLAYER_SLOTS, PLAYERS } Player;

/* What the orchestra calls; none of these may be NULL. Texts and names are valid during the call.
 */
typedef struct Audience {
    /* A command was understood: its class and how sure that is, in units of 2^-15. */
    void (*command)(const char *class_name, uint32_t sure);
    /* One slot of it. */
    void (*slot)(const char *name, const char *words);
    /* The hand-over: text (n bytes) is for a model that does not run here, over a network perhaps.
     * guess: the likeliest class here, and how likely. */
    void (*bigger_model)(const char *text, uint32_t n, const char *guess, uint32_t sure);
    /* A model has got the arena and those before it are gone: to change a clock, to count. */
    void (*awake)(Player player);
} Audience;

/* The memory of whichever model is awake. */
typedef union Arena {
    listener ear;
    command_t command;
    slots_t slots;
} Arena;

typedef struct Orchestra {
    Arena arena;
    Player awake;
    const Audience *audience;
    command_token tokens[COMMAND_WINDOW]; /* of the command: read once, for both models */
    uint16_t labels[SLOTS_WINDOW];
} Orchestra;

/* Begins to listen: 0, or ORCHESTRA_E_MODEL. */
int orchestra_start(Orchestra *o, const Audience *audience);

/* Takes samples (16 kHz) until a keyword is heard (its class in keywords.h) or none is left
 * (ORCHESTRA_MORE), and moves *samples and *n on. After a command the ear needs KEYWORDS_FRAMES
 * frames, a second, before it hears again: what it had heard made room. */
int32_t orchestra_hear(Orchestra *o, const int16_t **samples, uint32_t *n);

/* Understands a command, UTF-8, n bytes: 0, or ORCHESTRA_E_MODEL. One of more than COMMAND_WINDOW
 * tokens goes to the bigger model, without a guess. */
int orchestra_understand(Orchestra *o, const char *text, uint32_t n);

#endif
