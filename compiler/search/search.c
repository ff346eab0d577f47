/* The search: measures, allocates, then looks along the front for the best point that fits, and
 * believes only what it has measured as a whole. */
#include "searcher.h"
#include "sequence.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#define MAX_CONFIRMATIONS 8
#define NEAR_BYTES 0.003 /* two points nearer than this are as good as each other */
#define CURVE_POINTS 14
#define SMALL_MODEL (1 << 22) /* parameters: below, threads inside a fit wait more than they work  \
                               */
#define TRIED_VARIANTS 4      /* ways to prune whose best candidate is judged as a whole */
#define MAX_ROUNDS 3          /* of refinement */

const char *const prefer_names[PREFERENCES] = {"auto", "loss", "bytes"};

/* Along the front. Points are made when they are asked for; what is measured corrects what is
 * expected of the sum e of losses: log-perplexity = offset + factor e + curvature e^2. Errors that
 * feed each other do so the more, the larger they are: then the factor is 1; those that cancel
 * give a factor below 1. */
typedef struct Walk {
    Searcher *s;
    const Limits *limits;
    Point **points; /* of each candidate of the front */
    Point *refined; /* one beside the front; NULL: none */
    double offset, factor, curvature;
} Walk;

static Point *at(Walk *w, int i)
{
    if (!w->points[i]) {
        w->points[i] = point_new(w->s, &w->s->fronts.list[i], w->limits);
    }
    return w->points[i];
}

static Point *measured(Walk *w, int i)
{
    Point *p = at(w, i);
    if (!p->measured) {
        point_measure(w->s, p, w->limits);
    }
    return p;
}

/* The largest one that fits; -1: none. Bytes rise along the front and, with few exceptions, so do
 * RAM and time. */
static int last_fitting(Walk *w)
{
    int fits = -1, above = w->s->fronts.n;
    while (above - fits > 1) {
        const int middle = fits + (above - fits) / 2;
        if (at(w, middle)->size.flash <= w->limits->flash) {
            fits = middle;
        } else {
            above = middle;
        }
    }
    for (int step = 1; fits >= 0 && !point_fits(at(w, fits), w->limits); step += step / 4 + 1) {
        fits -= step;
    }
    return fits < 0 ? -1 : fits;
}

static bool loses_too_much(const Walk *w, const Point *p)
{
    return w->limits->loss > 0 && p->loss > w->limits->loss;
}

static double corrected(const Walk *w, double sum)
{
    return w->offset + w->factor * sum + w->curvature * sum * sum;
}

/* The smallest one between two that should lose no more than the limit. */
static int expected_at(const Walk *w, int low, int high)
{
    const double most = log1p(w->limits->loss);
    int i = low + 1;
    while (i < high && corrected(w, w->s->fronts.list[i].loss) > most) {
        i++;
    }
    return i;
}

static void learn(Walk *w, int i, const Point *p)
{
    const double sum = w->s->fronts.list[i].loss;
    const double rest = log1p(p->loss) - w->offset;
    if (sum > 0 && rest > 0) {
        w->factor = fmin(1, rest / sum);
        w->curvature = fmax(0, (rest - sum) / (sum * sum));
    }
}

/* The smallest one that loses no more than the limit: a bisection that starts where it should end.
 * `high` fits and loses little enough. */
static int smallest_good(Walk *w, int high)
{
    int low = -1;
    w->offset = fmax(log1p(at(w, high)->loss) - w->s->fronts.list[high].loss, 0);
    learn(w, high, at(w, high));
    for (int n = 0; n < MAX_CONFIRMATIONS && high - low > 1; n++) {
        const int64_t top = at(w, high)->size.flash;
        int i = expected_at(w, low, high);
        if (i >= high) { /* not expected: look half way */
            i = low + (high - low) / 2;
        }
        if ((double)(top - w->s->fronts.list[low + 1].flash) < NEAR_BYTES * (double)top) {
            break;
        }
        const Point *p = measured(w, i);
        learn(w, i, p);
        if (loses_too_much(w, p) || !point_fits(p, w->limits)) {
            low = i;
        } else {
            high = i;
        }
    }
    return high;
}

/* A candidate as a point, measured, when it fits; NULL: it does not, or loses too much. */
static Point *good_point(Walk *w, const Candidate *c)
{
    Point *p = point_new(w->s, c, w->limits);
    if (!point_fits(p, w->limits)) {
        return NULL;
    }
    point_measure(w->s, p, w->limits);
    return loses_too_much(w, p) ? NULL : p;
}

/* The last of a list that fits. */
static const Candidate *last_in(Walk *w, const Candidate *list, int n)
{
    for (int i = n - 1, tries = 0; i >= 0 && tries < 8; i--) {
        if (list[i].flash <= w->limits->flash && ++tries &&
            point_fits(point_new(w->s, &list[i], w->limits), w->limits)) {
            return &list[i];
        }
    }
    return NULL;
}

/* Of each way to prune the best one that fits, then of those the best as a whole. */
static Candidate best_variant(Walk *w, int last)
{
    const Fronts *f = &w->s->fronts;
    Candidate best = f->list[last];
    const Candidate *of[64] = {NULL};
    best.loss = candidate_loss(w->s, &best);
    for (int i = 0; i < f->n_all; i++) {
        const Candidate *c = &f->all[i];
        const bool fits =
            c->flash <= f->list[last].flash && (w->limits->ms <= 0 || c->ms <= w->limits->ms);
        if (fits && (!of[c->variant] || c->loss < of[c->variant]->loss)) {
            of[c->variant] = c;
        }
    }
    for (int tried = 1; tried < TRIED_VARIANTS; tried++) {
        const Candidate *next = NULL;
        for (int v = 0; v < f->n_variants; v++) {
            if (v != f->list[last].variant && of[v] && (!next || of[v]->loss < next->loss)) {
                next = of[v];
            }
        }
        if (!next || !point_fits(point_new(w->s, next, w->limits), w->limits)) {
            break;
        }
        of[next->variant] = NULL;
        const double loss = candidate_loss(w->s, next);
        if (loss < best.loss) {
            best = *next;
            best.loss = loss;
        }
    }
    return best;
}

/* The least loss that fits: from the front's best, by measured exchanges as long as they help. */
static Point *least_loss(Walk *w, int last)
{
    Candidate best = best_variant(w, last);
    for (int round = 0; round < MAX_ROUNDS; round++) {
        int n;
        const Candidate *list = candidate_neighbours(w->s, &best, best.loss, &n);
        const Candidate *next = last_in(w, list, n);
        const double loss = next ? candidate_loss(w->s, next) : INFINITY;
        if (!(loss < best.loss)) {
            break;
        }
        note("search: exchanges: %.5f becomes %.5f", best.loss, loss);
        best = *next;
        best.loss = loss;
    }
    Point *front = measured(w, last), *p = good_point(w, &best);
    learn(w, last, front);
    w->refined = p && p->loss < front->loss ? p : NULL;
    return w->refined ? w->refined : loses_too_much(w, front) ? NULL : front;
}

/* The smallest neighbour of a candidate, with its point `p`, that should lose no more than the
 * limit and is smaller; NULL: none. */
static const Candidate *smaller_neighbour(Walk *w, const Candidate *c, const Point *p)
{
    const double loss = candidate_loss(w->s, c);
    const double most = loss + log1p(w->limits->loss) - log1p(p->loss);
    int n;
    const Candidate *list = candidate_neighbours(w->s, c, loss, &n);
    for (int i = 0; i < n && list[i].flash < p->size.flash; i++) {
        if (list[i].loss <= most) {
            return &list[i];
        }
    }
    return NULL;
}

/* Fewer bytes than a point of the front that is good: by exchanges around it. */
static Point *fewer_bytes(Walk *w, int good)
{
    const Candidate *c = &w->s->fronts.list[good];
    Point *best = at(w, good);
    for (int round = 0; round < MAX_ROUNDS; round++) {
        c = smaller_neighbour(w, c, best);
        Point *p = c ? good_point(w, c) : NULL;
        if (!p || p->size.flash >= best->size.flash) {
            break;
        }
        best = w->refined = p;
    }
    return best;
}

/* The point to take under these limits; NULL: none fits. */
static Point *take(Walk *w)
{
    const int last = last_fitting(w);
    const bool bytes = w->limits->prefer == PREFER_BYTES ||
                       (w->limits->prefer == PREFER_AUTO && w->limits->loss > 0);
    if (last < 0) {
        return NULL;
    }
    if (!bytes) {
        return least_loss(w, last);
    }
    if (w->limits->loss > 0) {
        return loses_too_much(w, measured(w, last)) ? least_loss(w, last)
                                                    : fewer_bytes(w, smallest_good(w, last));
    }
    int first = 0;
    while (!point_fits(at(w, first), w->limits)) {
        first++;
    }
    return measured(w, first);
}

static Walk walk_new(Searcher *s, const Limits *limits)
{
    return (Walk){s, limits, NEW(s->arena, Point *, s->fronts.n + 1), NULL, 0, 1, 0};
}

/* What would fit if one of the limits were another, the others as they are. */
static const char *hint(Searcher *s, const Limits *limits)
{
    Buf b = {0};
    Limits l[4] = {*limits, *limits, *limits, *limits};
    l[0].flash = l[1].ram = INT64_MAX / 4;
    l[0].prefer = PREFER_BYTES;
    l[2].ms = 0;
    l[3].loss = 0;
    l[3].prefer = PREFER_LOSS;
    for (int i = 0; i < 4; i++) {
        Walk w = walk_new(s, &l[i]);
        const Point *p = memcmp(&l[i], limits, sizeof l[i]) != 0 ? take(&w) : NULL;
        if (!p) {
            continue;
        }
        buf_puts(&b, b.len ? ", or " : "");
        switch (i) {
        case 0: buf_printf(&b, "--flash %lld", (long long)p->size.flash); break;
        case 1: buf_printf(&b, "--ram %lld", (long long)p->size.ram); break;
        case 2: buf_printf(&b, "--max-ms %.3g", ceil(p->size.ms * 100) / 100); break;
        case 3: buf_printf(&b, "--max-loss %.1f%%", ceil(p->loss * 1000) / 10); break;
        default: break;
        }
    }
    const char *text =
        b.len ? arena_printf(s->arena, "%s would fit", b.data) : "no single limit is to blame";
    buf_free(&b);
    return text;
}

/* Points for the curve: of as many equal steps of log bytes the last one, and all measured. */
static void add_point(Walk *w, Search *out, const Point *p, const Point *chosen)
{
    out->chosen = p == chosen ? out->n : out->chosen;
    out->points = arena_grow(w->s->arena, out->points, out->n, sizeof *out->points);
    out->points[out->n++] = *p;
}

static void fill_curve(Walk *w, const Point *chosen, Search *out)
{
    const Fronts *f = &w->s->fronts;
    const double first = log((double)f->list[0].flash);
    const double span = log((double)f->list[f->n - 1].flash) - first + 1e-9;
    const Point *extra = w->refined;
    out->chosen = -1;
    for (int i = 0; i < f->n; i++) {
        const double here = (log((double)f->list[i].flash) - first) / span;
        const double next = i + 1 < f->n ? (log((double)f->list[i + 1].flash) - first) / span : 2;
        const bool shown = (int)(here * CURVE_POINTS) < (int)(next * CURVE_POINTS);
        if (!shown && !(w->points[i] && w->points[i]->measured)) {
            continue;
        }
        Point *p = at(w, i);
        p->predicted = expm1(corrected(w, f->list[i].loss));
        if (extra && extra->size.flash <= p->size.flash) {
            add_point(w, out, extra, chosen);
            extra = NULL;
        }
        add_point(w, out, p, chosen);
    }
    if (extra) {
        add_point(w, out, extra, chosen);
    }
}

static Unit *folded_copy(Arena *a, const Unit *u)
{
    Unit *f = arena_copy(a, u, 1, sizeof *u);
    f->arena = a;
    f->model = model_copy(a, u->model);
    f->samples = NULL;
    run_passes(f, "calibrate", NULL, NULL);
    return f;
}

static bool is_among(const int *document, const Corpus *c)
{
    for (int d = 0; d < c->n_docs; d++) {
        if (c->tokens[d] == document) {
            return true;
        }
    }
    return false;
}

/* Of a text, as many documents that calibration did not take; all there are where it took all. */
static const Corpus *rest_of_text(Unit *u)
{
    Corpus *whole = unit_text(u);
    const int64_t windows = unit_samples(u)->n_predicted, fit = u->recipe->fit_tokens;
    const Corpus *taken = corpus_part(u->arena, whole, fit > windows ? fit : windows);
    Corpus *rest = NEW(u->arena, Corpus, 1);
    rest->n_tokens = NEW(u->arena, int, whole->n_docs);
    rest->tokens = NEW(u->arena, int *, whole->n_docs);
    for (int d = 0; d < whole->n_docs && rest->n_predicted < taken->n_predicted; d++) {
        if (!is_among(whole->tokens[d], taken)) {
            rest->tokens[rest->n_docs] = whole->tokens[d];
            rest->n_tokens[rest->n_docs++] = whole->n_tokens[d];
            rest->n_predicted += whole->n_tokens[d] - 1;
        }
    }
    return rest->n_docs > 0 ? rest : taken;
}

/* Other ones than those that the passes see: what was fitted to some samples looks better there. */
static const Corpus *other_samples(const Unit *folded)
{
    Unit *u = arena_copy(folded->arena, folded, 1, sizeof *folded);
    Recipe *r = arena_copy(folded->arena, folded->recipe, 1, sizeof *r);
    r->window = 0; /* so that short windows can be seen to cost something */
    r->seed = ~r->seed;
    u->recipe = r;
    u->samples = NULL;
    return u->calib ? rest_of_text(u) : unit_samples(u);
}

Search *search_recipe(const Unit *u, const Limits *limits)
{
    if (u->facts & FACT_QUANTIZED) {
        fatal("%s: search: the model is quantized already", u->model->path);
    }
    Searcher s = {.arena = u->arena, .unit = u, .folded = folded_copy(u->arena, u)};
    s.judge = judge_new(s.arena, s.folded->original, other_samples(s.folded));
    const int threads = omp_get_max_threads(); /* the judge has taken its own */
    if (model_parameters(u->model) < SMALL_MODEL) {
        omp_set_num_threads(1);
    }
    s.fronts = find_fronts(s.folded, s.judge, limits->ms);
    Search *out = NEW(s.arena, Search, 1);
    const Corpus *c = judge_samples(s.judge);
    *out = (Search){.limits = *limits,
                    .chosen = -1,
                    .perplexity = judge_perplexity(s.judge),
                    .tokens = c->n_predicted,
                    .n_docs = c->n_docs};
    Walk w = walk_new(&s, limits);
    const Point *p = s.fronts.n > 0 ? take(&w) : NULL;
    if (s.fronts.n > 0) {
        fill_curve(&w, p, out);
    }
    out->probes = judge_runs(s.judge);
    out->confirmations = s.confirmations;
    if (!p) {
        out->hint = hint(&s, limits);
    }
    omp_set_num_threads(threads);
    return out;
}
