/* The one generated file that is yours to edit: where things go and what is called along the way.
 * Everything can also be set with -D on the command line. Where weights are assembled, the assembler
 * reads this file too: anything but macros belongs between #ifndef __ASSEMBLER__ and #endif.
 * SPDX-License-Identifier: 0BSD */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

/* Alignment of an object. */
#ifndef MODEL_ALIGN
#if defined(__GNUC__) || defined(__clang__) || defined(__ICCARM__)
#define MODEL_ALIGN(n) __attribute__((aligned(n)))
#else
#define MODEL_ALIGN(n)
#endif
#endif

/* The section of the weights. The default lands with other constants in any stock linker script and
 * is dropped when unused. */
#ifndef MODEL_WEIGHTS_SECTION
#define MODEL_WEIGHTS_SECTION ".rodata.model"
#endif

/* Put on every weight array that is C. */
#ifndef MODEL_WEIGHTS
#if defined(__ELF__) && (defined(__GNUC__) || defined(__clang__))
#define MODEL_WEIGHTS __attribute__((section(MODEL_WEIGHTS_SECTION)))
#else
#define MODEL_WEIGHTS
#endif
#endif

/* MODEL_HOT is put on the functions that take the time: a section in RAM or ITCM, for instance
 * __attribute__((section(".itcm"))) on STM32, IRAM_ATTR on ESP32. MODEL_WEIGHTS_FAST is put on weights
 * that were placed in fast memory; the linker script must have them copied there from flash. */
/* @places */

/* 1: model_init, or model_bind, hashes the weights and refuses damaged ones. */
#ifndef MODEL_CHECK_WEIGHTS
#define MODEL_CHECK_WEIGHTS 1
#endif

/* Where weights are a blob: an address of its own, a number or an expression, makes model_init bind
 * what is there. */
/* #define MODEL_BLOB_ADDRESS 0x90000000 */

/* Room for one word of text that is encoded in parts: RAM of a model_encoder. */
#ifndef MODEL_WORD_BYTES
#define MODEL_WORD_BYTES 256
#endif

/* Called after the embedding (layer -1) and after each layer with the residual stream: n values in
 * units of 2^-MODEL_RESIDUAL_FRACTION. Costs nothing when empty. MODEL_WITH_PROBE 1: the call is of
 * model_probe, which is yours or that of model_probe.c. */
#ifndef MODEL_WITH_PROBE
#define MODEL_WITH_PROBE 0
#endif
#ifndef MODEL_PROBE
#if MODEL_WITH_PROBE
#define MODEL_PROBE(layer, resid, n) model_probe((layer), (resid), (n))
#else
#define MODEL_PROBE(layer, resid, n) ((void)0)
#endif
#endif

#endif
