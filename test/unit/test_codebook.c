/* The codebook fitter: near the best possible on tensors small enough to search, exact on tensors
 * that already are codebooks, within the integers that the device holds, same at any threads. */
#include "../../passes/codebook.h"
#include "tiny_model.h"

#include <omp.h>
#include <stdio.h>

static Linear random_linear(Arena *a, int rows, int cols, uint32_t seed)
{
    Linear l = {.name = "test", .rows = rows, .cols = cols};
    tiny_state = seed;
    l.w = NEW(a, float, rows *cols);
    for (int r = 0; r < rows; r++) {
        float spread = 0.5f + 0.1f * (float)(r % 16);
        for (int c = 0; c < cols; c++) {
            l.w[r * cols + c] = spread * tiny_random();
        }
    }
    return l;
}

static double error_of(const Linear *l)
{
    double sum = 0;
    for (int r = 0; r < l->rows; r++) {
        for (int c = 0; c < l->cols; c++) {
            double d = (double)l->w[r * l->cols + c] - (double)linear_value(l, r, c);
            sum += d * d;
        }
    }
    return sum;
}

static double energy_of(const Linear *l)
{
    double sum = 0;
    for (int i = 0; i < l->rows * l->cols; i++) {
        sum += (double)l->w[i] * (double)l->w[i];
    }
    return sum;
}

static void assert_ranges(const Linear *l)
{
    int top = 0;
    for (int r = 0; r < l->rows; r++) {
        bool zero = true;
        for (int c = 0; c < l->cols; c++) {
            zero &= l->w[r * l->cols + c] == 0;
            assert_true(l->format != FORMAT_PLANES || l->code[r * l->cols + c] < 1 << l->planes);
            assert_true(l->format != FORMAT_TERNARY || l->code[r * l->cols + c] <= 2);
            assert_true(l->format != FORMAT_INT8 || l->code[r * l->cols + c] != 128);
        }
        assert_true((l->scale[r] == 0) == zero);
        top = l->scale[r] > top ? l->scale[r] : top;
    }
    assert_true(top == 0 || top >= 64); /* the scales use their range */
    for (int k = 0; l->format == FORMAT_PLANES && k < l->planes; k++) {
        assert_true(l->coef[k] >= -127 && l->zero >= -127);
    }
}

/* The least squared error of one row with `planes` bits and real coefficients: every assignment of
 * codes, each with its least squares codebook (Gram-Schmidt over the planes). */
static double best_error(const float *w, int n, int planes)
{
    double best = INFINITY;
    for (int64_t all = 0; all < (int64_t)1 << (planes * n); all++) {
        double basis[3][8], rest[8], error = 0;
        for (int c = 0; c < n; c++) {
            rest[c] = (double)w[c];
        }
        for (int k = 0; k <= planes; k++) {
            double norm = 0, along = 0;
            for (int c = 0; c < n; c++) {
                basis[k][c] = k == 0 ? 1 : (double)(all >> (c * planes + k - 1) & 1);
            }
            for (int j = 0; j < k; j++) {
                double dot = 0;
                for (int c = 0; c < n; c++) {
                    dot += basis[k][c] * basis[j][c];
                }
                for (int c = 0; c < n; c++) {
                    basis[k][c] -= dot * basis[j][c];
                }
            }
            for (int c = 0; c < n; c++) {
                norm += basis[k][c] * basis[k][c];
            }
            double unit = norm > 1e-9 ? 1 / sqrt(norm) : 0;
            for (int c = 0; c < n; c++) {
                basis[k][c] *= unit;
                along += basis[k][c] * rest[c];
            }
            for (int c = 0; c < n; c++) {
                rest[c] -= along * basis[k][c];
            }
        }
        for (int c = 0; c < n; c++) {
            error += rest[c] * rest[c];
        }
        best = fmin(best, error);
    }
    return best;
}

/* Alternation may end in a local optimum of one row; on average it must be close, and it can never
 * be better than the search. */
static void near_the_optimum(void **state)
{
    (void)state;
    for (int planes = 1; planes <= 2; planes++) {
        double own = 0, best = 0;
        for (uint32_t seed = 1; seed <= 40; seed++) {
            Arena *a = arena_new();
            Linear l = random_linear(a, 1, planes == 1 ? 8 : 6, seed);
            fit_planes(a, &l, planes, 20);
            double e = error_of(&l), b = best_error(l.w, l.cols, planes);
            assert_true(e > b * (1 - 1e-6));
            own += e;
            best += b;
            arena_free(a);
        }
        printf("%d planes: %.4f of the best error\n", planes, own / best);
        assert_true(own < best * (planes == 1 ? 1.1 : 2.5));
    }
}

/* More rounds do not hurt, but for a little: another start or another rounding may win. */
static void rounds_improve(void **state)
{
    (void)state;
    static const int rounds[] = {0, 1, 2, 4, 8, 16, 32};
    for (int planes = 1; planes <= MAX_PLANES; planes++) {
        double last = INFINITY;
        for (size_t i = 0; i < LENGTH(rounds); i++) {
            Arena *a = arena_new();
            Linear l = random_linear(a, 40, 64, 3);
            fit_planes(a, &l, planes, rounds[i]);
            assert_ranges(&l);
            double e = error_of(&l);
            assert_true(e < last * 1.01);
            last = e;
            arena_free(a);
        }
    }
}

/* Squared error per energy of uniform levels with the best real scale of each row. */
static double uniform_error(const Linear *l, int levels)
{
    double total = 0;
    for (int r = 0; r < l->rows; r++) {
        double best = INFINITY;
        for (int step = 1; step < 400; step++) {
            double s = step * 0.01, e = 0;
            for (int c = 0; c < l->cols; c++) {
                double w = (double)l->w[r * l->cols + c];
                double v = floor(w / s + levels / 2.0);
                double d = w - s * (fmin(fmax(v, 0), levels - 1) - (levels - 1) / 2.0);
                e += d * d;
            }
            best = fmin(best, e);
        }
        total += best;
    }
    return total / energy_of(l);
}

/* Errors on a bell curve: the limits are those of Max (1960) for scalar quantizers with free
 * levels, which row scales beat a little and additive levels of 3 planes and more do not reach. */
static void beats_uniform(void **state)
{
    (void)state;
    static const double max_1960[] = {0, 0.3634, 0.1175, 0.03454, 0.009497, 0.002499, 0.000642};
    for (int planes = 1; planes <= MAX_PLANES; planes++) {
        Arena *a = arena_new();
        Linear l = random_linear(a, 128, 256, 7);
        fit_planes(a, &l, planes, 20);
        double own = error_of(&l) / energy_of(&l), uniform = uniform_error(&l, 1 << planes);
        printf("%d planes: error %.6f, uniform %.6f, Max %.6f\n", planes, own, uniform,
               max_1960[planes]);
        assert_true(own < max_1960[planes] * 1.1);
        assert_true(planes < 2 || planes > 4 || own < uniform);
        arena_free(a);
    }
}

/* A tensor made of codes, int8 coefficients and 8-bit scales comes back as it was,
 * or nearly (a bell curve would lose 0.9 % at 4 planes). */
static void codebooks_are_kept(void **state)
{
    (void)state;
    static const int8_t base[][1 + MAX_PLANES] = {
        {-50, 100}, {-97, 67, 127}, {-90, 54, 126}, {-63, 18, 36, 72}, {-64, 8, 16, 32, 64}};
    static const int planes_of[LENGTH(base)] = {1, 2, 2, 3, 4};
    static const double limit[LENGTH(base)] = {0, 0, 0, 0, 0.003}; /* lopsided: nearly */
    for (size_t b = 0; b < LENGTH(base); b++) {
        Arena *a = arena_new();
        Linear l = random_linear(a, 60, 48, 11);
        int planes = planes_of[b];
        for (int i = 0; i < 60 * 48; i++) {
            int code = (int)(fabsf(l.w[i]) * 1000) % (1 << planes), v = base[b][0];
            for (int k = 0; k < planes; k++) {
                v += code >> k & 1 ? base[b][1 + k] : 0;
            }
            l.w[i] = ldexpf((float)(v * (255 - 3 * (i / 48))), -14);
        }
        fit_planes(a, &l, planes, 20);
        printf("codebook %zu: relative error %g\n", b, error_of(&l) / energy_of(&l));
        assert_true(error_of(&l) <= limit[b] * energy_of(&l));
        arena_free(a);
    }
}

static void fixed_codebooks_are_kept(void **state)
{
    (void)state;
    for (int format = 0; format < 2; format++) {
        Arena *a = arena_new();
        Linear l = random_linear(a, 30, 40, 13);
        for (int i = 0; i < 30 * 40; i++) {
            int top = format ? 127 : 1;
            int v = i % 40 == 5 ? top : (int)(fabsf(l.w[i]) * 1000) % (2 * top + 1) - top;
            l.w[i] = ldexpf((float)(v * (255 - 7 * (i / 40))), -9);
        }
        if (format) {
            fit_int8(a, &l);
        } else {
            fit_ternary(a, &l, 10);
        }
        assert_ranges(&l);
        assert_true(error_of(&l) == 0);
        arena_free(a);
    }
}

static void ternary_and_int8_errors(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Linear l = random_linear(a, 64, 128, 17);
    fit_ternary(a, &l, 10);
    assert_ranges(&l);
    assert_true(error_of(&l) < 0.1902 * energy_of(&l)); /* Max: 3 levels */
    fit_int8(a, &l);
    assert_ranges(&l);
    for (int i = 0; i < 64 * 128; i++) {
        double step = ldexp(l.scale[i / 128], l.scale_exp);
        assert_true(fabs((double)l.w[i] - (double)linear_value(&l, i / 128, i % 128)) <=
                    step * 0.500001);
    }
    arena_free(a);
}

/* Zero rows, zero tensors, single weights, equal weights, huge and tiny ones. */
static void odd_tensors(void **state)
{
    (void)state;
    static const float fill[] = {0, 1, -3, 1e30f, -1e-38f};
    for (int planes = 0; planes <= MAX_PLANES + 1; planes++) {
        for (size_t f = 0; f < 3 * LENGTH(fill); f++) {
            Arena *a = arena_new();
            int rows = f % 3 ? 5 : 1, cols = f % 3 == 2 ? 9 : 1;
            Linear l = random_linear(a, rows, cols, 19);
            for (int i = 0; i < rows * cols; i++) {
                l.w[i] = i / cols == 1 ? 0 : fill[f / 3];
            }
            if (planes == 0) {
                fit_ternary(a, &l, 5);
            } else if (planes > MAX_PLANES) {
                fit_int8(a, &l);
            } else {
                fit_planes(a, &l, planes, 5);
            }
            assert_ranges(&l);
            assert_true(error_of(&l) <= 1e-4 * energy_of(&l));
            arena_free(a);
        }
    }
}

static void threads_agree(void **state)
{
    (void)state;
    for (int planes = 1; planes <= MAX_PLANES; planes += 2) {
        Arena *a = arena_new();
        Linear l = random_linear(a, 601, 450, 23), other = l;
        omp_set_num_threads(1);
        fit_planes(a, &l, planes, 3);
        omp_set_num_threads(2);
        fit_planes(a, &other, planes, 3);
        assert_memory_equal(l.code, other.code, 601 * 450);
        assert_memory_equal(l.scale, other.scale, 601);
        assert_memory_equal(l.coef, other.coef, sizeof(l.coef));
        assert_int_equal(l.zero, other.zero);
        assert_int_equal(l.scale_exp, other.scale_exp);
        arena_free(a);
    }
}

/* Codes by rank are not in order here: 0, 1, 2, 3 stand for 3, -1, 1, -1. */
static void ties_go_to_the_lower_code(void **state)
{
    (void)state;
    static const float w[] = {2, 0, -1, -9, 9, 1.99f, 2.01f, 0.01f, -0.01f, -0.5f};
    static const uint8_t expected[] = {0, 1, 1, 1, 0, 2, 0, 2, 1, 1};
    Levels l = {.n = 4, .value = {3, -1, 1, -1}};
    uint8_t code[LENGTH(w)];
    levels_sort(&l);
    code_row(&l, w, LENGTH(w), 1, code);
    assert_memory_equal(code, expected, sizeof(code));
}

/* A large matrix is fitted from the one start that is best for some of its rows: not noticeably
 * worse than its halves, which are small enough for all starts and have a codebook each. */
static void large_matrices_lose_nothing(void **state)
{
    (void)state;
    for (int planes = 2; planes <= 3; planes++) {
        Arena *a = arena_new();
        Linear whole = random_linear(a, 700, 768, 7), half = whole; /* above 2^19 weights */
        fit_planes(a, &whole, planes, 8);
        assert_ranges(&whole);
        double halves = 0;
        half.rows = 350;
        for (int i = 0; i < 2; i++, half.w += 350 * 768) {
            fit_planes(a, &half, planes, 8);
            halves += error_of(&half);
        }
        assert_true(error_of(&whole) <= 1.01 * halves);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_the_optimum),
        cmocka_unit_test(rounds_improve),
        cmocka_unit_test(beats_uniform),
        cmocka_unit_test(codebooks_are_kept),
        cmocka_unit_test(fixed_codebooks_are_kept),
        cmocka_unit_test(ternary_and_int8_errors),
        cmocka_unit_test(odd_tensors),
        cmocka_unit_test(threads_agree),
        cmocka_unit_test(ties_go_to_the_lower_code),
        cmocka_unit_test(large_matrices_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
