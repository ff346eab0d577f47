/* What common prompts leave in the KV cache, computed by the compiler: a prompt that begins with
 * one of them is read from there on. Copying gives the bytes that reading gives. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_PROMPTS_H
#define LM_PROMPTS_H

#define LM_PROMPT_ROW 5 /* numbers of a prompt: */
#define LM_PROMPT_N 0   /* how many tokens were read */
#define LM_PROMPT_IDS 1 /* where each of its tokens, ... */
#define LM_PROMPT_I8 2  /* its bytes, scales and exponents begin */
#define LM_PROMPT_U16 3
#define LM_PROMPT_I32 4

#define LM_PART_ROW 2    /* numbers of a part of the cache: */
#define LM_PART_OFFSET 0 /* in the state's memory */
#define LM_PART_COUNT 1  /* elements: of each token, of exponents in all */

typedef struct lm_prompts {
    uint32_t n, n_i8, n_u16, n_i32; /* prompts; parts of each element type, in this order */
    const uint32_t *rows;           /* n x LM_PROMPT_ROW */
    const uint32_t *parts;          /* all parts x LM_PART_ROW */
    const uint32_t *ids;
    const int8_t *i8;
    const uint16_t *u16;
    const int32_t *i32;
} lm_prompts;

LM_INLINE uint32_t lm_prompt_fits(const lm_prompts *p, const uint32_t *row, const int32_t *tokens,
                                  uint32_t n)
{
    uint32_t i = 0;
    while (i < row[LM_PROMPT_N] && i < n && p->ids[row[LM_PROMPT_IDS] + i] == (uint32_t)tokens[i]) {
        i++;
    }
    return i == row[LM_PROMPT_N];
}

/* The longest prompt that the n tokens begin with, NULL: none. */
LM_FUNCTION const uint32_t *lm_prompt_find(const lm_prompts *p, const int32_t *tokens, uint32_t n)
{
    const uint32_t *best = NULL;
    for (uint32_t i = 0; i < p->n; i++) {
        const uint32_t *row = p->rows + i * LM_PROMPT_ROW;
        if ((best == NULL || row[LM_PROMPT_N] > best[LM_PROMPT_N]) &&
            lm_prompt_fits(p, row, tokens, n)) {
            best = row;
        }
    }
    return best;
}

/* memory: on a 4-byte boundary, the cache empty; as if the prompt's tokens had been read. */
LM_FUNCTION void lm_prompt_restore(const lm_prompts *p, const uint32_t *row, uint8_t *memory)
{
    const int8_t *i8 = p->i8 + row[LM_PROMPT_I8];
    const uint16_t *u16 = p->u16 + row[LM_PROMPT_U16];
    const int32_t *i32 = p->i32 + row[LM_PROMPT_I32];
    const uint32_t *part = p->parts;
    for (uint32_t i = 0; i < p->n_i8; i++, part += LM_PART_ROW) {
        const uint32_t count = part[LM_PART_COUNT] * row[LM_PROMPT_N];
        memcpy(memory + part[LM_PART_OFFSET], i8, count);
        i8 += count;
    }
    for (uint32_t i = 0; i < p->n_u16; i++, part += LM_PART_ROW) {
        const uint32_t count = part[LM_PART_COUNT] * row[LM_PROMPT_N];
        memcpy(memory + part[LM_PART_OFFSET], u16, count * 2U);
        u16 += count;
    }
    for (uint32_t i = 0; i < p->n_i32; i++, part += LM_PART_ROW) {
        memcpy(memory + part[LM_PART_OFFSET], i32, part[LM_PART_COUNT] * 4U);
        i32 += part[LM_PART_COUNT];
    }
}

#endif
