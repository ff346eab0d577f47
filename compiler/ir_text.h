/* Reading the text IR: lines of words, each `word`, `key=value` or `"text"`, and '#' comments.
 * Every function ends in fatal("FILE:LINE: WHY") unless it finds what it is asked for. */
#ifndef LMCC_IR_TEXT_H
#define LMCC_IR_TEXT_H

#include "pass.h"

#define IR_WORD 64 /* bytes of the longest word that is not hex digits or quoted, with its NUL */
#define IR_DATA_LINE 32 /* bytes on one line of data */

typedef struct IrReader {
    Arena *arena;
    const char *file;
    const char *next, *end; /* text after the current line */
    const char *at, *stop;  /* what is left of the current line */
    int line;
    char word[IR_WORD]; /* the last one read; for a key, its value */
} IrReader;

/* compiler/ir_read.c */
_Noreturn void ir_fatal(const IrReader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void ir_line(IrReader *r);     /* goes to the next line that has words */
void ir_line_end(IrReader *r); /* nothing is left on this line */
bool ir_more(IrReader *r);     /* something is */
void ir_word(IrReader *r, const char *what);
void ir_expect(IrReader *r, const char *word);
bool ir_try(IrReader *r, const char *word); /* false, and nothing is taken: another word */
bool ir_try_key(IrReader *r, const char *key);
void ir_key(IrReader *r, const char *key);
int64_t ir_int(IrReader *r, const char *what, int64_t min, int64_t max);
float ir_float(IrReader *r, const char *what);
int64_t ir_key_int(IrReader *r, const char *key, int64_t min, int64_t max);
float ir_key_float(IrReader *r, const char *key);
bool ir_key_bool(IrReader *r, const char *key);
/* A key that may be missing; a bool is false then, a float 0. */
int64_t ir_optional_int(IrReader *r, const char *key, int64_t min, int64_t max, int64_t otherwise);
float ir_optional_float(IrReader *r, const char *key); /* 0 */
bool ir_optional_bool(IrReader *r, const char *key);
float ir_optional_float(IrReader *r, const char *key);
int ir_key_choice(IrReader *r, const char *key, const char *const *names, int n);
int ir_choice(IrReader *r, const char *what, const char *const *names, int n);
const char *ir_name(IrReader *r, const char *what); /* a word of a-z A-Z 0-9 _ . - */
const char *ir_key_name(IrReader *r, const char *key);
void ir_hex(IrReader *r, uint8_t *bytes, int64_t n, int digits); /* n numbers of 1 or 2 digits */
const uint8_t *ir_quoted(IrReader *r, int max, int *n);
/* Fatal unless the rest of the file is long enough for n things of `each` characters: no count
 * makes the reader allocate much more than the file's own size. */
void ir_room(const IrReader *r, int64_t n, int64_t each, const char *what);

/* compiler/ir_parse_tokenizer.c, ir_parse_program.c: from the current line on to the next line. */
Tokenizer *ir_parse_tokenizer(IrReader *r, int vocab);
Program *ir_parse_program(IrReader *r, Model *m);

/* compiler/ir_print.c: how a code is written. */
int ir_code_digits(const Linear *l);

#endif
