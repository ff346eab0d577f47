/* The tokenizer's part of the text IR. */
#include "import.h"
#include "ir_text.h"

#include <string.h>

/* Of n lines those after the current one. */
static int others(int n)
{
    return n > 0 ? n - 1 : 0;
}

static void read_piece(IrReader *r, int i, Piece *p)
{
    ir_expect(r, "piece");
    ir_int(r, "a piece's number", i, i);
    p->kind = (PieceKind)ir_choice(r, "a piece's kind", piece_names, PIECE_KINDS);
    p->bytes = ir_quoted(r, MAX_PIECE, &p->len);
    ir_line_end(r);
    ir_line(r);
}

static void read_merge(IrReader *r, int n_pieces, Merge *m)
{
    ir_expect(r, "merge");
    m->left = (int)ir_int(r, "left", 0, n_pieces - 1);
    m->right = (int)ir_int(r, "right", 0, n_pieces - 1);
    m->result = (int)ir_key_int(r, "result", 0, n_pieces - 1);
    m->rank = (int)ir_key_int(r, "rank", INT32_MIN, INT32_MAX);
    ir_line_end(r);
    ir_line(r);
}

static void read_options(IrReader *r, Tokenizer *t)
{
    ir_line(r);
    ir_expect(r, "options");
    t->add_bos = ir_key_bool(r, "add_bos");
    t->add_prefix = ir_key_bool(r, "add_prefix");
    t->prefix_once = ir_key_bool(r, "prefix_once");
    t->ignore_merges = ir_key_bool(r, "ignore_merges");
    ir_line_end(r);
}

static void read_bytes(IrReader *r, Tokenizer *t)
{
    for (int i = 0; i < 256; i++) {
        t->byte_id[i] = -1;
    }
    for (; ir_try(r, "byte"); ir_line(r)) {
        const int64_t byte = ir_int(r, "byte", 0, 255);
        t->byte_id[byte] = (int)ir_key_int(r, "piece", 0, t->n_pieces - 1);
        ir_line_end(r);
    }
}

static void read_bert(IrReader *r, BertText *b)
{
    ir_expect(r, "bert");
    b->clean = ir_key_bool(r, "clean");
    b->cjk = ir_key_bool(r, "cjk");
    b->strip = ir_key_bool(r, "strip");
    b->lower = ir_key_bool(r, "lower");
    b->cleanup = ir_key_bool(r, "cleanup");
    b->most_chars = (int)ir_key_int(r, "most_chars", 1, MAX_WORD_CHARS);
    ir_line_end(r);
}

static void read_normal(IrReader *r, Tokenizer *t)
{
    t->form = (NormalForm)ir_key_choice(r, "form", form_names, NORMAL_FORMS);
    if (t->form == NORMAL_CHARSMAP) {
        t->squeeze = (int)ir_key_int(r, "squeeze", 0, SQUEEZE_MOST);
        t->clusters = ir_key_bool(r, "clusters");
        t->charsmap = ir_quoted(r, MAX_CHARSMAP, &t->charsmap_bytes);
        charsmap_tree(r->arena, r->file, t->charsmap, t->charsmap_bytes); /* or fatal */
    }
    ir_line_end(r);
    ir_line(r);
}

static void read_pairs(IrReader *r, Tokenizer *t)
{
    t->pairs = true;
    t->typed_pairs = ir_key_bool(r, "typed");
    t->n_between = (int)ir_key_int(r, "between", 0, (int)LENGTH(t->between));
    for (int i = 0; i < t->n_between; i++) {
        t->between[i] = (int)ir_int(r, "a token between two texts", 0, t->n_pieces - 1);
    }
    ir_line_end(r);
}

/* The line is there for the kinds that need it; leaves the reader on the line after. */
static void read_style(IrReader *r, Tokenizer *t)
{
    ir_line(r);
    if (ir_try(r, "style")) {
        t->prefix_first = ir_key_bool(r, "prefix_first");
        t->prefix_raw = ir_key_bool(r, "prefix_raw");
        t->marked_spaces = ir_key_bool(r, "marked_spaces");
        t->after = (int)ir_key_int(r, "after", -1, t->n_pieces - 1);
        t->add_after = t->after >= 0;
        t->pattern = (Pattern)ir_key_choice(r, "pattern", pattern_names, PATTERNS);
        t->split_words = ir_key_bool(r, "split_words");
        t->byte_fallback = ir_key_bool(r, "byte_fallback");
        t->n_added = (int)ir_key_int(r, "added", 0, t->n_pieces);
        ir_line_end(r);
        ir_line(r);
        if (t->kind != TOKENIZER_WORDPIECE && ir_try(r, "normal")) {
            read_normal(r, t);
        }
        if (t->kind == TOKENIZER_UNIGRAM && ir_try(r, "float_sums")) {
            t->float_sums = true;
            ir_line_end(r);
            ir_line(r);
        }
        if (ir_try(r, "pairs")) {
            read_pairs(r, t);
            ir_line(r);
        }
        if (t->kind == TOKENIZER_WORDPIECE) {
            read_bert(r, &t->bert);
            ir_line(r);
        }
    } else if (t->kind == TOKENIZER_UNIGRAM || t->kind == TOKENIZER_WORDPIECE) {
        ir_expect(r, "style");
    }
}

static void read_scores(IrReader *r, Tokenizer *t)
{
    if (t->kind != TOKENIZER_UNIGRAM) {
        return;
    }
    t->scores = NEW(r->arena, double, t->n_pieces);
    for (int i = 0; i < t->n_pieces; i++) {
        ir_expect(r, "score");
        ir_int(r, "a piece's number", i, i);
        uint64_t bits = (uint64_t)ir_key_int(r, "high", 0, 0x7FEFFFFF) << 32;
        bits |= (uint64_t)ir_key_int(r, "low", 0, UINT32_MAX);
        memcpy(&t->scores[i], &bits, sizeof bits);
        t->scores[i] = -t->scores[i];
        ir_line_end(r);
        ir_line(r);
    }
}

static void read_added(IrReader *r, Tokenizer *t)
{
    ir_room(r, others(t->n_added), 32, "added tokens");
    t->added = NEW(r->arena, Added, t->n_added);
    for (int i = 0; i < t->n_added; i++) {
        Added *a = &t->added[i];
        ir_expect(r, "added");
        a->id = (int)ir_int(r, "id", 0, t->n_pieces - 1);
        a->left = ir_key_bool(r, "left");
        a->right = ir_key_bool(r, "right");
        a->plain = ir_key_bool(r, "plain");
        a->normal = t->form != NORMAL_NONE && ir_key_bool(r, "normal");
        a->bytes = ir_quoted(r, MAX_PIECE, &a->len);
        ir_line_end(r);
        ir_line(r);
    }
}

Tokenizer *ir_parse_tokenizer(IrReader *r, int vocab)
{
    Tokenizer *t = NEW(r->arena, Tokenizer, 1);
    t->kind = (TokenizerKind)ir_key_choice(r, "kind", tokenizer_names, TOKENIZER_KINDS);
    t->n_pieces = (int)ir_key_int(r, "pieces", vocab, vocab);
    t->n_merges = (int)ir_key_int(r, "merges", 0, INT32_MAX);
    t->bos = (int)ir_key_int(r, "bos", -1, t->n_pieces - 1);
    t->eos = (int)ir_key_int(r, "eos", -1, t->n_pieces - 1);
    t->unk = (int)ir_key_int(r, "unk", -1, t->n_pieces - 1);
    ir_line_end(r);
    read_options(r, t);
    read_style(r, t);
    ir_room(r, others(t->n_pieces), 16, "pieces"); /* piece 0 normal "" */
    t->pieces = NEW(r->arena, Piece, t->n_pieces);
    for (int i = 0; i < t->n_pieces; i++) {
        read_piece(r, i, &t->pieces[i]);
    }
    ir_room(r, others(t->n_merges), 26, "merges"); /* merge 0 0 result=0 rank=0 */
    t->merges = NEW(r->arena, Merge, t->n_merges);
    for (int i = 0; i < t->n_merges; i++) {
        read_merge(r, t->n_pieces, &t->merges[i]);
    }
    read_bytes(r, t);
    read_scores(r, t);
    read_added(r, t);
    return t;
}
