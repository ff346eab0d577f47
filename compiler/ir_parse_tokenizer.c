/* The tokenizer's part of the text IR. */
#include "import.h"
#include "ir_text.h"

static void read_piece(IrReader *r, int i, Piece *p)
{
    ir_line(r);
    ir_expect(r, "piece");
    ir_int(r, "a piece's number", i, i);
    p->kind = (PieceKind)ir_choice(r, "a piece's kind", piece_names, PIECE_KINDS);
    p->bytes = ir_quoted(r, MAX_PIECE, &p->len);
    ir_line_end(r);
}

static void read_merge(IrReader *r, int n_pieces, Merge *m)
{
    ir_line(r);
    ir_expect(r, "merge");
    m->left = (int)ir_int(r, "left", 0, n_pieces - 1);
    m->right = (int)ir_int(r, "right", 0, n_pieces - 1);
    m->result = (int)ir_key_int(r, "result", 0, n_pieces - 1);
    m->rank = (int)ir_key_int(r, "rank", INT32_MIN, INT32_MAX);
    ir_line_end(r);
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
    for (ir_line(r); ir_try(r, "byte"); ir_line(r)) {
        const int64_t byte = ir_int(r, "byte", 0, 255);
        t->byte_id[byte] = (int)ir_key_int(r, "piece", 0, t->n_pieces - 1);
        ir_line_end(r);
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
    ir_room(r, t->n_pieces, 16, "pieces"); /* piece 0 normal "" */
    t->pieces = NEW(r->arena, Piece, t->n_pieces);
    for (int i = 0; i < t->n_pieces; i++) {
        read_piece(r, i, &t->pieces[i]);
    }
    ir_room(r, t->n_merges, 26, "merges"); /* merge 0 0 result=0 rank=0 */
    t->merges = NEW(r->arena, Merge, t->n_merges);
    for (int i = 0; i < t->n_merges; i++) {
        read_merge(r, t->n_pieces, &t->merges[i]);
    }
    read_bytes(r, t);
    return t;
}
