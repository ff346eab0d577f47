/* What the readers of tokenizer.json share: the file's sections, and the tokenizer as it grows. */
#ifndef LMCC_TOKENIZER_READER_H
#define LMCC_TOKENIZER_READER_H

#include "import.h"

typedef struct Reader {
    Arena *arena;
    const char *path, *where; /* the file; "FILE: model" */
    const json_t *model, *added;
    Pipeline pipeline;
    Tokenizer *t;
    bool *filled; /* n_pieces: the id has an owner */
} Reader;

/* tokenizer_json.c */
int token_id(const Reader *r, const char *where, const json_t *v); /* fatal unless it is one */
void store_piece(Reader *r, int id, PieceKind kind, const void *bytes, int len);
int find_token(const Reader *r, const char *content); /* by its written form; -1 for none */
void take_id(Reader *r, int id);                      /* fatal when it has an owner */
void check_length(const Reader *r, int id, size_t n); /* of a written form */
/* Written form of a SentencePiece piece: spaces for U+2581, or the byte that it stands for. */
void add_marked_piece(Reader *r, int id, const char *s, size_t n);

/* One for each type of model; pieces first, added tokens between, the rest after. */
void read_bpe_vocab(Reader *r); /* tokenizer_merges.c */
void read_bpe_rules(Reader *r);
void read_unigram_vocab(Reader *r); /* tokenizer_scores.c */
void read_unigram_rules(Reader *r);
void read_wordpiece_vocab(Reader *r); /* tokenizer_wordpiece.c */
void read_wordpiece_rules(Reader *r);
void read_added(Reader *r); /* tokenizer_added.c */

#endif
