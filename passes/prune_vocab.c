/* Keeps the tokens that a corpus and a list of texts need, renumbers them, and shrinks embedding
 * and head to them. Text of the corpus encodes as before, up to the numbers: every merge that makes
 * its tokens stays, and of several that could be done the best one did before too. So does the best
 * path of a unigram model, and the longest piece of a word. Any other text still encodes: the
 * tokens of single bytes stay, and where there are none the single ASCII characters. */
#include "prune.h"
#include "run.h"

#include <string.h>

static void keep_id(bool *keep, int id)
{
    if (id >= 0) {
        keep[id] = true;
    }
}

/* The piece of the lowest score says what an unknown character costs. */
static int worst_piece(const Tokenizer *t)
{
    int worst = 0;
    for (int i = 1; i < t->n_pieces; i++) {
        worst = t->scores[i] < t->scores[worst] ? i : worst;
    }
    return worst;
}

static bool is_ascii_character(const Piece *p)
{
    const int start = p->len == 2 && p->bytes[0] == ' '; /* where a WordPiece word begins */
    return p->kind == PIECE_NORMAL && p->len - start == 1 && p->bytes[start] < 0x80;
}

static void keep_always(const Tokenizer *t, bool *keep)
{
    const bool characters = t->kind == TOKENIZER_WORDPIECE || t->kind == TOKENIZER_UNIGRAM;
    keep_id(keep, t->bos);
    keep_id(keep, t->eos);
    keep_id(keep, t->unk);
    keep_id(keep, t->add_after ? t->after : -1);
    for (int i = 0; i < t->n_between; i++) {
        keep_id(keep, t->between[i]);
    }
    for (int b = 0; b < 256; b++) {
        keep_id(keep, t->byte_id[b]);
    }
    for (int i = 0; i < t->n_pieces && characters; i++) {
        keep[i] |= is_ascii_character(&t->pieces[i]);
    }
    if (t->kind == TOKENIZER_UNIGRAM) {
        keep_id(keep, worst_piece(t));
    }
}

/* Line by line, and as a whole where the tokenizer cuts it into words: an evaluation may do either.
 */
static void keep_corpus(Arena *a, const Usage *usage, const char *path)
{
    const File f = file_map(a, path);
    const char *text = (const char *)f.data;
    for (size_t at = 0; at < f.size;) {
        const char *end = memchr(text + at, '\n', f.size - at);
        const size_t n = end ? (size_t)(end - text) - at : f.size - at;
        usage_mark(usage, text + at, n);
        at += n + 1;
    }
    if (usage_splits(usage)) {
        usage_mark(usage, text, f.size);
    }
}

/* New numbers of the tokens that stay, -1 for the others; gives how many stay. */
static int renumber(const bool *keep, int n, int *to)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        to[i] = keep[i] ? kept++ : -1;
    }
    return kept;
}

static int moved(const int *to, int id)
{
    return id < 0 ? -1 : to[id];
}

static void cut_tokenizer(Tokenizer *t, const int *to, int kept)
{
    int n_merges = 0, n_added = 0;
    for (int i = 0; i < t->n_pieces; i++) {
        if (to[i] >= 0) {
            t->pieces[to[i]] = t->pieces[i];
            if (t->scores) {
                t->scores[to[i]] = t->scores[i];
            }
        }
    }
    for (int i = 0; i < t->n_merges; i++) {
        const Merge m = t->merges[i];
        if (to[m.left] >= 0 && to[m.right] >= 0 && to[m.result] >= 0) {
            t->merges[n_merges++] = (Merge){to[m.left], to[m.right], to[m.result], m.rank};
        }
    }
    for (int i = 0; i < t->n_added; i++) {
        if (to[t->added[i].id] >= 0) {
            t->added[n_added] = t->added[i];
            t->added[n_added++].id = to[t->added[i].id];
        }
    }
    for (int b = 0; b < 256; b++) {
        t->byte_id[b] = moved(to, t->byte_id[b]);
    }
    t->bos = moved(to, t->bos);
    t->eos = moved(to, t->eos);
    t->unk = moved(to, t->unk);
    t->after = t->add_after ? to[t->after] : 0;
    for (int i = 0; i < t->n_between; i++) {
        t->between[i] = to[t->between[i]];
    }
    t->n_merges = n_merges;
    t->n_added = n_added;
    t->n_pieces = kept;
}

static void cut_model(Model *m, const bool *keep, const int *to, int kept)
{
    keep_rows(&m->embed, keep, m->vocab, 1);
    if (!m->tied_head) {
        keep_rows(&m->head, keep, m->vocab, 1);
    }
    m->vocab = kept;
    cut_tokenizer(m->tokenizer, to, kept);
}

void pass_prune_vocab(Unit *u)
{
    const Recipe *r = u->recipe;
    Model *m = u->model;
    if (!*r->vocab_corpus && r->vocab_keep.n == 0) {
        return;
    }
    if (u->original) {
        fatal("%s: prune-vocab: the text form of a model that passes have changed: give the model "
              "itself",
              m->path);
    }
    if (!m->tokenizer) {
        fatal("%s: prune-vocab: the model has no tokenizer: --tokenizer FILE names one", m->path);
    }
    Arena *a = arena_new();
    bool *keep = NEW(a, bool, m->vocab);
    int *to = NEW(a, int, m->vocab);
    const Usage *usage = usage_new(a, m->tokenizer, keep);
    keep_always(m->tokenizer, keep);
    if (*r->vocab_corpus) {
        keep_corpus(a, usage, r->vocab_corpus);
    }
    for (int i = 0; i < r->vocab_keep.n; i++) {
        usage_mark(usage, r->vocab_keep.text[i], strlen(r->vocab_keep.text[i]));
    }
    const int before = m->vocab, kept = renumber(keep, m->vocab, to);
    cut_model(m, keep, to, kept);
    note("prune-vocab: %d of %d tokens stay", kept, before);
    arena_free(a);
}
