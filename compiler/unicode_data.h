/* Tables of Unicode for the host, which cuts from them what a tokenizer's device needs. Ranges are
 * pairs of first and last code point; mappings are triples: a code point and the one or two that
 * stand for it, the second 0 when there is one. All ascending. */
#ifndef LMCC_UNICODE_DATA_H
#define LMCC_UNICODE_DATA_H

#include <stdint.h>

extern const uint32_t unicode_marks[];       /* Mn */
extern const uint32_t unicode_controls[];    /* Cc, Cf, Co */
extern const uint32_t unicode_punctuation[]; /* P* */
extern const uint32_t unicode_decompositions[];
extern const uint32_t unicode_lower[];
extern const int n_unicode_marks, n_unicode_controls, n_unicode_punctuation; /* numbers in them */
extern const int n_unicode_decompositions, n_unicode_lower;

#endif
