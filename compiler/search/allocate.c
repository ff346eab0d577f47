/* Allocation: one width for each tensor, for every budget at once. */
#include "search.h"

#include <stdlib.h>
#include <string.h>

/* A sum of the choices of the items so far; `from` is the sum without the last one, in the list
 * before. */
typedef struct Sum {
    int64_t bytes;
    double loss;
    int from, choice;
} Sum;

typedef struct Front {
    int n;
    Sum *sums; /* fewest bytes first, losses falling */
} Front;

/* Of equal bytes the least loss first, then the order of making. */
static int compare(const void *x, const void *y)
{
    const Sum *a = x, *b = y;
    if (a->bytes != b->bytes) {
        return a->bytes < b->bytes ? -1 : 1;
    }
    if (a->loss != b->loss) {
        return a->loss < b->loss ? -1 : 1;
    }
    return a->from != b->from ? a->from - b->from : a->choice - b->choice;
}

/* Those that no other beats in both. */
static int drop_dominated(Sum *sums, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        if (kept == 0 || sums[i].loss < sums[kept - 1].loss) {
            sums[kept++] = sums[i];
        }
    }
    return kept;
}

/* The last one, that is the best, of each of MAX_FRONT ranges of bytes; and the first of all. */
static int thin(Sum *sums, int n)
{
    if (n <= MAX_FRONT) {
        return n;
    }
    const int64_t first = sums[0].bytes, span = sums[n - 1].bytes - first + 1;
    int kept = 1;
    for (int i = 1; i < n; i++) {
        const int64_t bucket = (sums[i].bytes - first) * (MAX_FRONT - 1) / span;
        const bool same =
            kept > 1 && (sums[kept - 1].bytes - first) * (MAX_FRONT - 1) / span == bucket;
        sums[same ? kept - 1 : kept++] = sums[i];
    }
    return kept;
}

static Front extend(Arena *a, const Front *before, const Item *item)
{
    Front f = {.sums = NEW(a, Sum, (size_t)before->n * (size_t)item->n)};
    for (int i = 0; i < before->n; i++) {
        for (int c = 0; c < item->n; c++) {
            f.sums[f.n++] = (Sum){before->sums[i].bytes + item->choice[c].bytes,
                                  before->sums[i].loss + item->choice[c].loss, i, c};
        }
    }
    qsort(f.sums, (size_t)f.n, sizeof *f.sums, compare);
    f.n = thin(f.sums, drop_dominated(f.sums, f.n));
    return f;
}

int allocate(Arena *a, const Item *items, int n, Allocation **front)
{
    Arena *scratch = arena_new();
    Front *fronts = NEW(scratch, Front, n + 1);
    fronts[0] = (Front){1, NEW(scratch, Sum, 1)};
    for (int i = 0; i < n; i++) {
        Arena *wide = arena_new();
        const Front f = extend(wide, &fronts[i], &items[i]);
        fronts[i + 1] = (Front){f.n, arena_copy(scratch, f.sums, (size_t)f.n, sizeof *f.sums)};
        arena_free(wide);
    }
    const int count = fronts[n].n;
    *front = NEW(a, Allocation, count);
    for (int k = 0; k < count; k++) {
        Allocation *to = &(*front)[k];
        const Sum *s = &fronts[n].sums[k];
        *to = (Allocation){s->bytes, s->loss, NEW(a, int, n)};
        for (int i = n; i > 0; i--) {
            to->chosen[i - 1] = s->choice;
            s = &fronts[i - 1].sums[s->from];
        }
    }
    arena_free(scratch);
    return count;
}
