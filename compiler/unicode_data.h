/* Tables of Unicode for the host, which cuts from them what a tokenizer's device needs. Ranges are
 * pairs of first and last code point; mappings are triples: a code point and the one or two that
 * stand for it, the second 0 when there is one; classes are triples of first, last and canonical
 * combining class, compositions of first, second and composed; what a character is in NFKD follows
 * it and its length. All ascending. */
#ifndef LMCC_UNICODE_DATA_H
#define LMCC_UNICODE_DATA_H

#include <stdint.h>

extern const uint32_t unicode_marks[];       /* Mn */
extern const uint32_t unicode_controls[];    /* Cc, Cf, Co */
extern const uint32_t unicode_punctuation[]; /* P* */
extern const uint32_t unicode_decompositions[];
extern const uint32_t unicode_lower[];
extern const uint32_t unicode_classes[];
extern const uint32_t unicode_compatibility[];
extern const uint32_t unicode_compositions[];
extern const int n_unicode_marks, n_unicode_controls, n_unicode_punctuation; /* numbers in them */
extern const int n_unicode_decompositions, n_unicode_lower;
extern const int n_unicode_classes, n_unicode_compatibility, n_unicode_compositions;

#endif
