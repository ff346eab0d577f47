/* @banner */
/* The weights, taken from model_weights.bin by the assembler: GNU as, clang, armclang. It looks for
 * the file along the include path, which has to have this folder, or under MODEL_WEIGHTS_FILE. */
#if !defined(__ELF__)
#error "this assembler writes no ELF: compile the model with --weights c"
#endif
#include "model_config.h"

#ifndef MODEL_WEIGHTS_FILE
#define MODEL_WEIGHTS_FILE "model_weights.bin"
#endif
#ifndef MODEL_WEIGHTS_SECTION
#define MODEL_WEIGHTS_SECTION ".rodata.model"
#endif
#ifndef MODEL_WEIGHTS_FAST_SECTION
#define MODEL_WEIGHTS_FAST_SECTION MODEL_WEIGHTS_SECTION
#endif

    .macro constant name, align, offset, bytes
    .balign \align
#if defined(__x86_64__)
    .balign 16 /* what compilers may expect of arrays there (System V ABI) */
#endif
    .global \name
    .type \name, %object
    .size \name, \bytes
\name:
    .incbin MODEL_WEIGHTS_FILE, \offset, \bytes
    .endm

/* @constants */

#if defined(__linux__)
    .section .note.GNU-stack, "", %progbits
#endif
