/* Least squares after pruning: the closed form is the optimum, saliency is the error that really
 * grows, and both take the groups that a hand count takes. */
#include "least_squares.h"
#include "saliency.h"
#include "tiny_model.h"

enum { ROWS = 3, COLS = 6, TOKENS = 40 };

typedef struct Problem {
    Arena *arena;
    float *x, *e, *w; /* TOKENS x COLS, TOKENS x ROWS, ROWS x COLS */
    Sums *m;
} Problem;

static Problem problem(uint32_t seed, bool with_error)
{
    Problem p = {.arena = arena_new()};
    tiny_state = seed;
    p.x = tiny_weights(p.arena, TOKENS * COLS, 0.2f, 1);
    for (int t = 0; t < TOKENS; t++) { /* correlated: column 5 is nearly 1 minus 2 */
        p.x[t * COLS + 5] = p.x[t * COLS + 1] - p.x[t * COLS + 2] + 0.1f * tiny_random();
    }
    p.e = with_error ? tiny_weights(p.arena, TOKENS * ROWS, 0, 0.5f) : NULL;
    p.w = tiny_weights(p.arena, ROWS * COLS, 0, 1);
    p.m = sums_new(p.arena, ROWS, COLS);
    sums_add(p.m, p.x, p.e, NULL, TOKENS / 2);
    sums_add(p.m, p.x + TOKENS / 2 * COLS, p.e ? p.e + TOKENS / 2 * ROWS : NULL, NULL, TOKENS / 2);
    return p;
}

/* |w x + e - v x|^2 over the tokens, and the damping's share, damp |v - w|^2. */
static double objective(const Problem *p, const float *v)
{
    double damp = 0, sum = 0;
    for (int c = 0; c < COLS; c++) {
        damp += DAMPING * p->m->h[c * COLS + c] / COLS;
    }
    for (int r = 0; r < ROWS; r++) {
        for (int t = 0; t < TOKENS; t++) {
            double d = p->e ? (double)p->e[t * ROWS + r] : 0;
            for (int c = 0; c < COLS; c++) {
                const double change = (double)p->w[r * COLS + c] - (double)v[r * COLS + c];
                d += change * (double)p->x[t * COLS + c];
            }
            sum += d * d;
        }
        for (int c = 0; c < COLS; c++) {
            sum += damp * pow((double)p->w[r * COLS + c] - (double)v[r * COLS + c], 2);
        }
    }
    return sum;
}

static void cholesky_solves(void **state)
{
    (void)state;
    double a[9] = {4, 0, 0, 2, 5, 0, -1, 1, 6}, b[3] = {1, 2, 3}, inverse[9];
    const double whole[9] = {4, 2, -1, 2, 5, 1, -1, 1, 6};
    assert_true(spd_factor(a, 3));
    spd_solve(a, 3, b, 1);
    spd_invert(a, 3, inverse);
    for (int i = 0; i < 3; i++) {
        double y = 0, unit = 0;
        for (int k = 0; k < 3; k++) {
            y += whole[3 * i + k] * b[k];
            unit += whole[3 * i + k] * inverse[3 * k + i];
        }
        assert_true(fabs(y - (i + 1)) < 1e-12 && fabs(unit - 1) < 1e-12);
    }
    double bad[4] = {1, 0, 2, 1};
    assert_false(spd_factor(bad, 2));
}

/* No small change of a kept weight lowers the objective: it is convex, so this is the optimum. */
static void reaches_optimum(void **state)
{
    (void)state;
    const bool keep[COLS] = {true, false, true, true, false, true};
    for (uint32_t seed = 1; seed <= 4; seed++) {
        Problem p = problem(seed, seed % 2 == 0);
        float *v = arena_copy(p.arena, p.w, ROWS * COLS, sizeof(*v));
        compensate(v, p.m, keep);
        const double best = objective(&p, v);
        for (int i = 0; i < ROWS * COLS; i++) {
            if (!keep[i % COLS]) {
                assert_true(v[i] == 0);
                continue;
            }
            const float was = v[i];
            for (int sign = -1; sign <= 1; sign += 2) {
                v[i] = was + (float)sign * 1e-2f;
                assert_true(objective(&p, v) > best);
            }
            v[i] = was;
        }
        arena_free(p.arena);
    }
}

static void nothing_to_do(void **state)
{
    (void)state;
    const bool keep[COLS] = {true, true, true, true, true, true};
    Problem p = problem(9, false);
    float *v = arena_copy(p.arena, p.w, ROWS * COLS, sizeof(*v));
    compensate(v, p.m, keep);
    assert_memory_equal(v, p.w, ROWS * COLS * sizeof(*v));
    arena_free(p.arena);
}

/* A token of weight 3 counts as three such tokens. */
static void weights_are_tokens(void **state)
{
    (void)state;
    const float weight[2] = {1, 3};
    Problem p = problem(11, true);
    Sums *m = sums_new(p.arena, ROWS, COLS), *n = sums_new(p.arena, ROWS, COLS);
    sums_add(m, p.x, p.e, weight, 2);
    sums_add(n, p.x, p.e, NULL, 2);
    for (int i = 0; i < 2; i++) {
        sums_add(n, p.x + COLS, p.e + ROWS, NULL, 1);
    }
    for (int i = 0; i < COLS * COLS; i++) {
        assert_true(fabs(m->h[i] - n->h[i]) < 1e-9);
    }
    for (int i = 0; i < ROWS * COLS; i++) {
        assert_true(fabs(m->c[i] - n->c[i]) < 1e-9);
    }
    arena_free(p.arena);
}

/* Inputs that never were there say nothing: what is cut is cut, the rest stays. */
static void silent_inputs(void **state)
{
    (void)state;
    const bool keep[COLS] = {true, false, true, true, true, true};
    Problem p = problem(10, false);
    Sums *none = sums_new(p.arena, ROWS, COLS);
    float *v = arena_copy(p.arena, p.w, ROWS * COLS, sizeof(*v));
    compensate(v, none, keep);
    assert_true(v[1] == 0 && v[0] == p.w[0] && v[COLS + 5] == p.w[COLS + 5]);
    double score[COLS];
    saliency(p.w, none, 1, score);
    for (int i = 0; i < COLS; i++) {
        assert_true(score[i] == 0);
    }
    arena_free(p.arena);
}

static double cost_without(const Problem *p, int width, const bool *gone)
{
    bool keep[COLS];
    float v[ROWS * COLS];
    for (int c = 0; c < COLS; c++) {
        keep[c] = !gone[c / width];
    }
    memcpy(v, p->w, sizeof(v));
    compensate(v, p->m, keep);
    return objective(p, v);
}

/* Greedy removal by brute force gives the same order and the same errors. */
static void saliency_is_error(void **state)
{
    (void)state;
    for (int width = 1; width <= 3; width++) {
        for (uint32_t seed = 20; seed < 24; seed++) {
            Problem p = problem(seed, false);
            double score[COLS], before = 0, floor = 0;
            bool gone[COLS] = {false};
            saliency(p.w, p.m, width, score);
            for (int left = COLS / width; left > 1; left--) {
                int best = -1;
                double least = INFINITY;
                for (int g = 0; g < COLS / width; g++) {
                    if (gone[g]) {
                        continue;
                    }
                    gone[g] = true;
                    const double cost = cost_without(&p, width, gone);
                    gone[g] = false;
                    if (cost < least) {
                        least = cost;
                        best = g;
                    }
                }
                gone[best] = true;
                floor = fmax(floor, least - before);
                assert_true(fabs(score[best] - floor) < 1e-4 * floor + 1e-6);
                before = least;
            }
            arena_free(p.arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cholesky_solves),    cmocka_unit_test(reaches_optimum),
        cmocka_unit_test(weights_are_tokens), cmocka_unit_test(nothing_to_do),
        cmocka_unit_test(silent_inputs),      cmocka_unit_test(saliency_is_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
