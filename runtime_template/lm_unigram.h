/* SentencePiece's unigram model: of all ways to cut a word into pieces the one of the highest sum
 * of scores (Kudo 2018), by Viterbi's algorithm. A character that is no piece costs what the table
 * says; such characters in a row are one unknown token, or the pieces of their bytes.
 * Scores are added from the word's begin on and rounded after each, as the reference does with
 * doubles; of equal sums the one whose last piece begins first stays. So results are the same bit
 * for bit. All scores are 0 or negative: their magnitudes are added here.
 * Needs lm_tokenizer.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_UNIGRAM_H
#define LM_UNIGRAM_H

#ifndef LM_UNIGRAM_RING
#define LM_UNIGRAM_RING 64 /* a power of two, above the bytes of the longest piece */
#endif

typedef struct lm_unigram {
    const uint32_t *score; /* n_words: bits of the magnitude as a float; or the high halves of */
    const uint32_t *low;   /* n_words: doubles, whose low halves these are; NULL: floats */
    uint32_t unk_high, unk_low; /* of an unknown character, a double */
    uint8_t bytes;              /* unknown characters become the pieces of their bytes */
    uint8_t single;             /* sums are floats */
} lm_unigram;

/* (high * 2^32 + low) * 2^exponent, of 53 bits: high is 2^20 .. 2^21 - 1; or all 0. */
typedef struct lm_score {
    uint32_t high, low;
    int32_t exponent;
} lm_score;

#define LM_SCORE_ZERO (-4000) /* exponent of 0 */

LM_FUNCTION lm_score lm_score_of(uint32_t high, uint32_t low)
{
    lm_score s = {0, 0, LM_SCORE_ZERO};
    if ((high | low) != 0U) {
        s.high = (high & 0xfffffU) | 0x100000U;
        s.low = low;
        s.exponent = (int32_t)(high >> 20) - 1075;
    }
    return s;
}

/* A float has 24 bits of the 53. */
LM_FUNCTION lm_score lm_score_of_float(uint32_t bits)
{
    lm_score s = {0, 0, LM_SCORE_ZERO};
    if (bits != 0U) {
        const uint32_t m = (bits & 0x7fffffU) | 0x800000U;
        s.high = m >> 3;
        s.low = m << 29;
        s.exponent = (int32_t)(bits >> 23) - 179;
    }
    return s;
}

LM_INLINE int32_t lm_score_less(const lm_score *a, const lm_score *b)
{
    if (a->exponent != b->exponent) {
        return a->exponent < b->exponent;
    }
    return a->high != b->high ? a->high < b->high : a->low < b->low;
}

/* s / 2^n; bits that fall out set the last one. */
LM_FUNCTION lm_score lm_score_shift(lm_score s, int32_t n)
{
    uint32_t lost = 0;
    s.exponent += n;
    if (n > 63) {
        s.low = (s.high | s.low) != 0U;
        s.high = 0;
        return s;
    }
    if (n > 31) {
        lost = s.low;
        s.low = s.high;
        s.high = 0;
        n -= 32;
    }
    if (n > 0) {
        lost |= s.low << (32 - n);
        s.low = (s.low >> n) | (s.high << (32 - n));
        s.high >>= n;
    }
    s.low |= lost != 0U ? 1U : 0U;
    return s;
}

/* The sum of two magnitudes, rounded to nearest, ties to even: three bits more than the result's
 * are enough for that. */
LM_FUNCTION lm_score lm_score_add(lm_score a, lm_score b)
{
    uint32_t rest;
    if (lm_score_less(&a, &b)) {
        const lm_score swap = a;
        a = b;
        b = swap;
    }
    if ((b.high | b.low) == 0U) {
        return a;
    }
    a.high = (a.high << 3) | (a.low >> 29);
    a.low <<= 3;
    b.high = (b.high << 3) | (b.low >> 29);
    b.low <<= 3;
    b = lm_score_shift(b, a.exponent - b.exponent);
    a.low += b.low;
    a.high += b.high + (a.low < b.low ? 1U : 0U);
    if ((a.high >> 24) != 0U) {
        a = lm_score_shift(a, 1);
    }
    rest = a.low & 7U;
    a.low = (a.low >> 3) | (a.high << 29);
    a.high >>= 3;
    if (rest > 4U || (rest == 4U && (a.low & 1U) != 0U)) {
        a.low++;
        a.high += a.low == 0U ? 1U : 0U;
        if ((a.high >> 21) != 0U) { /* the low bits are 0 */
            a = lm_score_shift(a, 1);
        }
    }
    return a;
}

/* Rounded to a float, nearest, ties to even. That of a sum of two floats is theirs: 53 bits are
 * more than twice 24, so what was rounded to them before is none the worse for it. */
LM_FUNCTION lm_score lm_score_single(lm_score s)
{
    const uint32_t rest = s.low & 0x1fffffffU;
    s.low -= rest;
    if (rest > 0x10000000U || (rest == 0x10000000U && (s.low & 0x20000000U) != 0U)) {
        s.low += 0x20000000U;
        s.high += s.low == 0U ? 1U : 0U;
        if ((s.high >> 21) != 0U) {
            s = lm_score_shift(s, 1);
        }
    }
    return s;
}

/* The best sums of the places that pieces which begin at the current one can reach. */
typedef struct lm_lattice {
    lm_score ring[LM_UNIGRAM_RING];
    int32_t *from; /* of each place but the word's begin: where the best piece that ends there
                      begins, or -1 */
} lm_lattice;

/* How a sum is rounded to a float: as SentencePiece's compiled code does it, which compares the sum
 * of a piece before that, and the sum of an unknown character after it. */
#define LM_ROUND_NEVER 0U
#define LM_ROUND_LATE 1U
#define LM_ROUND_EARLY 2U

LM_FUNCTION void lm_lattice_try(lm_lattice *l, uint32_t from, uint32_t to, const lm_score *piece,
                                uint32_t round)
{
    lm_score *best = &l->ring[to & (LM_UNIGRAM_RING - 1U)];
    const lm_score exact = lm_score_add(l->ring[from & (LM_UNIGRAM_RING - 1U)], *piece);
    const lm_score sum = round == LM_ROUND_NEVER ? exact : lm_score_single(exact);
    if (l->from[to - 1U] < 0 || lm_score_less(round == LM_ROUND_LATE ? &exact : &sum, best)) {
        *best = sum;
        l->from[to - 1U] = (int32_t)from;
    }
}

/* Bytes of the text at i that are one byte of a piece. */
LM_INLINE uint32_t lm_unit(lm_text *text, uint32_t i, uint32_t *byte)
{
    const uint32_t space = lm_text_space(text, i);
    *byte = space > 0U ? (uint32_t)' ' : lm_text_byte(text, i);
    return space > 0U ? space : 1U;
}

/* All pieces that begin at place `at` of a word; gives the place after its first character. */
LM_FUNCTION uint32_t lm_lattice_step(const lm_tokenizer *t, lm_lattice *l, lm_text *text,
                                     uint32_t start, uint32_t at, uint32_t n)
{
    const lm_unigram *u = t->unigram;
    lm_walk walk = {0, 0, 0};
    uint32_t length, byte;
    uint32_t i = at;
    int32_t known = 0;
    (void)lm_text_char(text, start + at, &length);
    walk.high = t->n_words;
    while (i < n) {
        i += lm_unit(text, start + i, &byte);
        if (!lm_walk_on(t, t->word_piece, &walk, byte)) {
            break;
        }
        if (lm_walk_ends(t, t->word_piece, &walk)) {
            const lm_score score = u->low != NULL
                                       ? lm_score_of(u->score[walk.low], u->low[walk.low])
                                       : lm_score_of_float(u->score[walk.low]);
            lm_lattice_try(l, at, i, &score, u->single != 0U ? LM_ROUND_LATE : LM_ROUND_NEVER);
            known |= i - at == length;
        }
    }
    if (!known) {
        const lm_score score = lm_score_of(u->unk_high, u->unk_low);
        lm_lattice_try(l, at, at + length, &score,
                       u->single != 0U ? LM_ROUND_EARLY : LM_ROUND_NEVER);
    }
    return at + length;
}

/* Turns from[0..n) into the places where the best pieces begin, the last ones of the array; gives
 * the index of the first. Each piece has a byte at least: nothing is overwritten unread. */
LM_INLINE uint32_t lm_lattice_path(int32_t *from, uint32_t n)
{
    uint32_t first = n;
    for (uint32_t at = n; at > 0U;) {
        at = (uint32_t)from[at - 1U];
        from[--first] = (int32_t)at;
    }
    return first;
}

/* The token of text[i, end), or LM_NONE. */
LM_FUNCTION lm_id lm_unigram_find(const lm_tokenizer *t, lm_text *text, uint32_t i, uint32_t end)
{
    lm_walk walk = {0, 0, 0};
    walk.high = t->n_words;
    while (i < end) {
        uint32_t byte;
        i += lm_unit(text, i, &byte);
        if (!lm_walk_on(t, t->word_piece, &walk, byte)) {
            return LM_NONE;
        }
    }
    return lm_walk_ends(t, t->word_piece, &walk) ? t->word_id[walk.low] : LM_NONE;
}

/* The tokens of a best path, whose places stand in out[first, n). Pieces that are unknown, or are
 * the unknown token's own, are taken together: one of the latter alone is that token, others become
 * what unknown text does. Nothing is overwritten unread: a byte gives one token at most. */
LM_FUNCTION int32_t lm_unigram_tokens(const lm_tokenizer *t, lm_text *text, uint32_t start,
                                      uint32_t end, uint32_t first, int32_t *out)
{
    const uint32_t n = end - start;
    int32_t count = 0;
    int32_t before = 0; /* the piece before was unknown */
    uint32_t from = start;
    lm_id id = LM_NONE;
    for (uint32_t i = first; i < n; i++) {
        const uint32_t to = i + 1U < n ? start + (uint32_t)out[i + 1U] : end;
        const uint32_t next_end = i + 2U < n ? start + (uint32_t)out[i + 2U] : end;
        const lm_id next = to < end ? lm_unigram_find(t, text, to, next_end) : 0;
        int32_t unknown, after;
        id = i == first ? lm_unigram_find(t, text, from, to) : id;
        unknown = id == LM_NONE || (int32_t)id == t->unk;
        after = to < end && (next == LM_NONE || (int32_t)next == t->unk);
        if (!unknown || (id != LM_NONE && !before && !after)) {
            out[count++] = (int32_t)id;
        } else if (t->unigram->bytes != 0U) {
            for (uint32_t k = from; k < to; k++) {
                out[count++] = (int32_t)t->byte_id[lm_text_byte(text, k)];
            }
        } else if (!before) {
            out[count++] = t->unk;
        }
        before = unknown;
        from = to;
        id = next;
    }
    return count;
}

/* An encode_word of lm_tokenizer. */
LM_FUNCTION int32_t lm_unigram_word(const lm_tokenizer *t, lm_text *text, uint32_t start,
                                    uint32_t end, int32_t *out, int32_t max)
{
    const uint32_t n = end - start;
    lm_lattice l;
    if (max < 0 || n > (uint32_t)max) {
        return LM_E_SPACE;
    }
    for (uint32_t i = 0; i < n; i++) {
        out[i] = -1;
    }
    l.from = out;
    l.ring[0] = lm_score_of(0, 0);
    for (uint32_t at = 0; at < n;) {
        at = lm_lattice_step(t, &l, text, start, at, n);
    }
    return lm_unigram_tokens(t, text, start, end, lm_lattice_path(out, n), out);
}

#endif
