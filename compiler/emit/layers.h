/* The bodies of the functions of a program's layers, as text with holes where layers may differ. */
#ifndef LMCC_LAYERS_H
#define LMCC_LAYERS_H

#include "emit.h"

/* What a hole is filled with: `text` in a function of one layer; lead + "l->name" in a function
 * that several layers share, whose constants then have the value. */
typedef struct Hole {
    const char *name, *type, *lead, *text, *value;
} Hole;

/* A step; two tokens of a prompt. Of an encoder: its layers' phases. */
enum { ONE_TOKEN, TWO_TOKENS, READINGS = PHASES, FIRST_PHASE = ONE_TOKEN, SECOND_PHASE };

typedef struct Body {
    int layer;          /* -1: the input; n_layers: the head */
    Buf text[READINGS]; /* calls, empty where there is no such function */
    int n_holes;
    Hole *holes;
} Body;

/* A mark that stands for the hole in the body's text. */
const char *body_hole(Arena *a, Body *b, Hole h);

/* compiler/emit/layers.c: the functions of all bodies (input, layers, head, in this order) and
 * those that call them. Layers whose bodies are the same but for what fills the holes share a
 * function. */
void emit_layers(const Emission *e, const Body *bodies, Buf *b);

#endif
