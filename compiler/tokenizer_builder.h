/* The parts of compiler/tokenizer_tables.c: each adds the arrays of one half of lm_tokenizer. */
#ifndef LMCC_TOKENIZER_BUILDER_H
#define LMCC_TOKENIZER_BUILDER_H

#include "program.h"
#include "runtime.h"

/* A string that text may hold and the token that it is. */
typedef struct Word {
    const uint8_t *bytes;
    int len;
    int piece; /* whose bytes these are: a token, or n_pieces + an index of `extra` */
    int id;
    int index; /* of t->added */
} Word;

typedef struct Builder {
    Arena *arena;
    const Tokenizer *t;
    bool wide;
    Data *tables;
    int n;
    int n_extra;
    Word *extra; /* strings that are no token's bytes */
} Builder;

#define ELEM_ID ELEMS /* 16 or 32 bits */
enum { PLANES = 17 };

/* tokenizer_tables.c */
void *add_table(Builder *b, const char *name, ElemType elem, int64_t n); /* zeroed */
void set_id(const Builder *b, void *ids, size_t i, int64_t value);
void add_ids(Builder *b, const char *name, const int *ids, int n);
bool is_text(const Tokenizer *t, int id);
int64_t single_char(const Piece *p); /* the code point when it is one character, else -1 */

void add_bpe_tables(Builder *b); /* tokenizer_bpe.c */
int count_merges(const Tokenizer *t);
void add_word_tables(Builder *b); /* tokenizer_words.c: before the pieces, for it fills `extra` */
void add_bert_tables(Builder *b); /* tokenizer_bert.c */

/* tokenizer_planes.c: a bit for each code point. code_set_next: the first of the set that is not
 * below the code; CODE_POINTS: there is none. */
enum { CODE_POINTS = 0x110000 };
typedef struct CodeSet {
    uint64_t *words;
    int n; /* how often one was added */
} CodeSet;
CodeSet code_set_new(Arena *a);
void code_set_add(CodeSet *s, uint32_t code);
bool code_set_has(const CodeSet *s, uint32_t code);
uint32_t code_set_next(const CodeSet *s, uint32_t code);

/* Tables by code point. add_planes: where the entries of each plane begin. Ranges: PREFIX_plane,
 * _start, _size, which is (length - 1) << bits | class, of all characters whose class is not 0; it
 * may change at `edges` only. Texts, whose codes ascend: PREFIX_plane, _code, _start, _bytes. */
typedef int (*CodeClass)(const void *context, uint32_t code);
typedef struct CodeTexts {
    uint32_t *codes;
    uint16_t *starts; /* of code i's bytes; one more at the end */
    int n;
    Buf bytes;
} CodeTexts;
void add_planes(Builder *b, const char *name, const uint32_t *codes, int n);
void add_code_ranges(Builder *b, const char *prefix, const CodeSet *edges, int bits,
                     CodeClass class_of, const void *context);
CodeTexts code_texts_new(Arena *a, int most);
void code_texts_add(CodeTexts *t, uint32_t code, const uint32_t *parts, int n);
void add_code_texts(Builder *b, const char *prefix, CodeTexts *t); /* free t->bytes after it */
/* tokenizer_bert.c: a character taken apart canonically, all the way; gives how many it became. */
int unicode_apart(uint32_t code, uint32_t *out);

void add_charsmap_tables(Builder *b); /* tokenizer_charsmap.c */
/* charsmap_hangul.c: marks the nodes (n_nodes, cleared before) that the rule of Hangul makes
 * needless; false: there are none. */
bool find_hangul(Arena *a, const CharTree *tree, bool *by_rule);
void add_normal_tables(Builder *b); /* tokenizer_normal.c */

#endif
