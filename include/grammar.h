/* Grammars that constrain what generated code writes: text in, tables of one automaton out.
 * docs/formats.md has the language. */
#ifndef LMCC_GRAMMAR_H
#define LMCC_GRAMMAR_H

#include "program.h"
#include "recipe.h"

/* Bytes low .. high lead to state `to`. */
typedef struct ByteEdge {
    int low, high, to;
} ByteEdge;

/* A deterministic automaton over bytes; every state can still reach an accepting one. The edges of
 * state s are edge[first[s]] .. edge[first[s + 1] - 1], ascending, none overlapping. */
typedef struct Automaton {
    int n_states;
    int *first; /* n_states + 1 */
    ByteEdge *edge;
    bool *accepts;
    int n_starts; /* one for each grammar */
    int *start;
} Automaton;

/* What the runtime knows of a state (lm_grammar.h has the same numbers). */
#define STATE_ACCEPTS 1U /* what was read so far is a sentence */
#define STATE_LIVE 2U    /* tokens can lead from here to a sentence */
#define STATE_GOES_ON 4U /* a token can follow */

/* compiler/grammar/parse.c ----------------------------------------------------------------- */

typedef enum ExprKind {
    EXPR_TEXT,
    EXPR_CLASS,
    EXPR_SEQUENCE,
    EXPR_CHOICE,
    EXPR_REPEAT,
    EXPR_RULE
} ExprKind;

typedef struct CharRange {
    uint32_t low, high; /* code points */
} CharRange;

typedef struct Expr Expr;
struct Expr {
    ExprKind kind;
    int line;
    const uint8_t *bytes; /* TEXT, n of them, UTF-8 */
    CharRange *ranges;    /* CLASS, n of them */
    Expr **child;         /* SEQUENCE, CHOICE: n of them; REPEAT: 1 */
    int n;
    int min, max; /* REPEAT; max -1: any number */
    int rule;     /* RULE: index */
};

typedef struct Rule {
    const char *name;
    Expr *expr; /* NULL while it was only named */
    int line;   /* where it was named first */
} Rule;

typedef struct Grammar {
    const char *name;
    int n_rules;
    Rule *rules; /* rules[0] is the root */
} Grammar;

/* Fatal, naming the grammar and the line, where the text is none: syntax, a rule that is missing,
 * given twice or refers to itself. */
Grammar *grammar_parse(Arena *a, const char *name, const char *text);

/* compiler/grammar/source.c: one more grammar, or another text for a name that is there. Fatal
 * where the name is no lower-case C name or the text no grammar. */
void grammar_add(Arena *a, NamedTexts *to, const char *name, const char *text);
void grammar_add_file(Arena *a, NamedTexts *to, const char *path); /* named as the file is */

/* compiler/grammar/automaton.c: all grammars as one automaton, the smallest there is. Fatal where
 * one needs too many states. */
Automaton *grammar_automaton(Arena *a, Grammar *const *list, int n);

/* compiler/grammar/nfa.c: the nondeterministic one, a node of which reads a byte or goes two ways.
 */
typedef enum NodeStep { STEP_BYTE, STEP_SPLIT, STEP_ACCEPT } NodeStep;
typedef struct NfaNode {
    NodeStep step;
    uint8_t low, high; /* BYTE */
    int to, other;     /* BYTE, SPLIT: the next node; SPLIT: or this one */
} NfaNode;
typedef struct Nfa {
    int n, steps, depth;
    NfaNode *node;
} Nfa;
int grammar_nfa(Arena *a, Nfa *nfa, const Grammar *g); /* the first node */

/* compiler/grammar/tables.c: the constant arrays that lm_grammar.h reads, for the model's tokens:
 * grammar_first, grammar_low, grammar_high, grammar_to, grammar_flags. Fatal where tokens cannot
 * spell any sentence of a grammar. */
typedef struct GrammarTables {
    int n_states, n_edges;
    int n_starts, *start; /* of each grammar */
    int n_data;
    Data *data;
} GrammarTables;
GrammarTables *grammar_tables(Arena *a, const NamedTexts *grammars, const Tokenizer *t);
/* Bytes of the arrays, and of RAM for the set of tokens that may follow. */
int64_t grammar_flash(const GrammarTables *g);
int64_t grammar_ram(int vocab);

#endif
