/* What the files of a search share. */
#ifndef LMCC_SEARCHER_H
#define LMCC_SEARCHER_H

#include "search.h"

typedef struct Searcher {
    Arena *arena;
    const Unit *unit; /* before its first pass */
    Unit *folded;     /* its copy, calibrated */
    Judge *judge;
    Fronts fronts;
    int confirmations;
} Searcher;

/* compiler/search/refine.c: of the quantized weights in float, nats. */
double candidate_loss(Searcher *s, const Candidate *c);
/* Candidates that differ from one, which loses so much, by a width here and there: undominated,
 * fewest bytes first. */
Candidate *candidate_neighbours(Searcher *s, const Candidate *c, double loss, int *n);

/* compiler/search/point.c */
Recipe *candidate_recipe(const Searcher *s, const Candidate *c);
Point *point_new(const Searcher *s, const Candidate *c, const Limits *limits);
bool point_fits(const Point *p, const Limits *limits);
void point_measure(Searcher *s, Point *p, const Limits *limits);

#endif
