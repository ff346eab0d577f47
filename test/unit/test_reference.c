/* The float reference against a second, direct computation: whole sequences, layer by layer, in
 * double, with the attention written as a sum over the visible positions. */
#include "tiny_model.h"

#include <omp.h>

#define STEPS 30
#define DIM 20

typedef double Sequence[STEPS][2 * DIM];

static void direct_norm(const Norm *n, Sequence x, Sequence y)
{
    for (int t = 0; t < STEPS; t++) {
        double sum = 0;
        for (int i = 0; i < DIM; i++) {
            sum += x[t][i] * x[t][i];
        }
        for (int i = 0; i < DIM; i++) {
            y[t][i] = x[t][i] / sqrt(sum / DIM + 1e-5) * (double)n->gamma[i];
        }
    }
}

static void direct_linear(const Linear *l, Sequence x, Sequence y)
{
    for (int t = 0; t < STEPS; t++) {
        for (int r = 0; r < l->rows; r++) {
            y[t][r] = 0;
            for (int c = 0; c < l->cols; c++) {
                y[t][r] += (double)l->w[r * l->cols + c] * x[t][c];
            }
        }
    }
}

/* Signs times the mean size, where the model has binary activations. */
static void direct_sign(const Model *m, Sequence x, int n)
{
    for (int t = 0; t < STEPS && m->activation_bits == 1; t++) {
        double mean = 0;
        for (int i = 0; i < n; i++) {
            mean += fabs(x[t][i]) / n;
        }
        for (int i = 0; i < n; i++) {
            x[t][i] = x[t][i] < 0 ? -mean : mean;
        }
    }
}

/* q . k with the query rotated `distance` positions past the key. */
static double direct_score(const Model *m, const double *q, const double *k, int distance)
{
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        int a = m->rope_interleaved ? 2 * i : i, b = m->rope_interleaved ? 2 * i + 1 : i + 3;
        double angle = distance * pow((double)m->rope_theta, -i / 3.0);
        double real = q[a] * k[a] + q[b] * k[b], cross = q[a] * k[b] - q[b] * k[a];
        sum += real * cos(angle) + cross * sin(angle);
    }
    return sum / sqrt(6);
}

/* Position t sees the last window - sinks positions and, once the window is full, the sinks. */
static void direct_attend(const Model *m, Sequence q, Sequence k, Sequence v, int window, int sinks,
                          Sequence out)
{
    memset(out, 0, sizeof(Sequence));
    for (int t = 0; t < STEPS; t++) {
        for (int h = 0; h < 4; h++) {
            double weight[STEPS], total = 0;
            for (int s = 0; s <= t; s++) {
                bool sink = s < sinks && t >= window;
                int distance = sink ? window - 1 - s : t - s;
                bool seen = t < window || sink || t - s < window - sinks;
                double score = direct_score(m, q[t] + 6 * h, k[s] + h / 2 * 6, distance);
                weight[s] = seen ? exp(score) : 0;
                total += weight[s];
            }
            for (int s = 0; s <= t; s++) {
                for (int i = 0; i < 6; i++) {
                    out[t][6 * h + i] += weight[s] / total * v[s][h / 2 * 6 + i];
                }
            }
        }
    }
}

static void direct_add(const Linear *l, Sequence x, Sequence residual)
{
    Sequence y;
    direct_linear(l, x, y);
    for (int t = 0; t < STEPS; t++) {
        for (int i = 0; i < DIM; i++) {
            residual[t][i] += y[t][i];
        }
    }
}

static void direct_block(const Model *m, const Block *b, Sequence residual, int window, int sinks)
{
    Sequence x, q, k, v, mixed, gate, up;
    direct_norm(&b->attn_norm, residual, x);
    direct_sign(m, x, DIM);
    direct_linear(&b->linear[ROLE_Q], x, q);
    direct_linear(&b->linear[ROLE_K], x, k);
    direct_linear(&b->linear[ROLE_V], x, v);
    direct_attend(m, q, k, v, window, sinks, mixed);
    direct_sign(m, mixed, b->n_heads * b->head_dim);
    direct_add(&b->linear[ROLE_O], mixed, residual);
    direct_norm(&b->mlp_norm, residual, x);
    direct_sign(m, x, DIM);
    direct_linear(&b->linear[ROLE_GATE], x, gate);
    direct_linear(&b->linear[ROLE_UP], x, up);
    for (int t = 0; t < STEPS; t++) {
        for (int i = 0; i < b->n_neurons; i++) {
            gate[t][i] *= up[t][i] / (1 + exp(-gate[t][i]));
        }
    }
    direct_sign(m, gate, b->n_neurons);
    direct_add(&b->linear[ROLE_DOWN], gate, residual);
}

static void assert_residual(const Reference *r, int layer, const double *expected)
{
    const float *x = reference_residual(r, layer);
    for (int i = 0; i < DIM; i++) {
        assert_true(fabs((double)x[i] - expected[i]) < 2e-5);
    }
}

static void compare(bool tied, bool interleaved, int window, int sinks, int activation_bits)
{
    Arena *a = arena_new();
    Model *m = tiny_model(a, (uint32_t)(window + sinks), tied);
    m->rope_interleaved = interleaved;
    m->activation_bits = activation_bits;
    Sequence state[4], x, logits;
    for (int t = 0; t < STEPS; t++) {
        for (int i = 0; i < DIM; i++) {
            state[0][t][i] = (double)m->embed.w[tiny_token(t) * DIM + i];
        }
    }
    for (int l = 0; l < 3; l++) {
        memcpy(state[l + 1], state[l], sizeof(Sequence));
        direct_block(m, &m->blocks[l], state[l + 1], window, sinks);
    }
    direct_norm(&m->final_norm, state[3], x);
    direct_linear(model_head(m), x, logits);
    Reference *r = reference_new(a, m, window, sinks);
    for (int t = 0; t < STEPS; t++) {
        const float *own = reference_step(r, tiny_token(t));
        for (int l = -1; l < 3; l++) {
            assert_residual(r, l, state[l + 1][t]);
        }
        for (int v = 0; v < m->vocab; v++) {
            assert_true(fabs((double)own[v] - logits[t][v]) < 5e-5);
        }
    }
    arena_free(a);
}

static void matches_direct(void **state)
{
    (void)state;
    compare(true, false, STEPS, 0, 8);
    compare(false, true, STEPS, 0, 8);
}

static void signs_match_direct(void **state)
{
    (void)state;
    compare(true, false, STEPS, 0, 1);
    compare(false, true, 8, 3, 1);
}

static void ring_matches_direct(void **state)
{
    (void)state;
    compare(true, false, 8, 0, 8);
    compare(true, true, 8, 3, 8);
    compare(false, false, 5, 4, 8);
    compare(false, false, 1, 0, 8);
}

static void reset_forgets(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 5, true);
    Reference *r = reference_new(a, m, 4, 1);
    float first[24];
    for (int round = 0; round < 2; round++) {
        reference_reset(r);
        for (int t = 0; t < 9; t++) {
            const float *logits = reference_step(r, tiny_token(t));
            if (round == 0) {
                memcpy(first, logits, sizeof(first));
            } else if (t == 8) {
                assert_memory_equal(first, logits, sizeof(first));
            }
        }
    }
    arena_free(a);
}

/* A quantized model runs with its dequantized weights. */
static void reads_dequantized(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 6, false);
    Linear *l;
    for (int i = 0; (l = model_linears(m, i)) != NULL; i++) {
        fit_planes(a, l, 3, 5);
    }
    Model *plain = model_copy(a, m);
    for (int i = 0; (l = model_linears(plain, i)) != NULL; i++) {
        for (int c = 0; c < l->rows * l->cols; c++) {
            l->w[c] = linear_value(l, c / l->cols, c % l->cols);
        }
        l->format = FORMAT_FLOAT;
    }
    assert_same_logits(a, m, plain, 12, 0);
    arena_free(a);
}

/* Several vectors at once, awkward sizes, and the same bytes from one thread and from two. */
static void matmul_is_exact(void **state)
{
    (void)state;
    static const int sizes[][3] = {{1, 1, 1}, {3, 15, 2}, {5, 16, 1}, {7, 37, 3}, {2100, 513, 1}};
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        Arena *a = arena_new();
        int rows = sizes[s][0], cols = sizes[s][1], n = sizes[s][2];
        float *w = tiny_weights(a, rows * cols, 0, 1), *x = tiny_weights(a, n * cols, 0, 1);
        float *one = NEW(a, float, rows *n), *two = NEW(a, float, rows *n);
        omp_set_num_threads(1);
        matmul(w, rows, cols, x, n, one);
        omp_set_num_threads(2);
        matmul(w, rows, cols, x, n, two);
        assert_memory_equal(one, two, (size_t)(rows * n) * sizeof(float));
        for (int i = 0; i < n * rows; i++) {
            double sum = 0;
            for (int c = 0; c < cols; c++) {
                sum += (double)w[i % rows * cols + c] * (double)x[i / rows * cols + c];
            }
            assert_true(fabs((double)one[i] - sum) < 1e-4);
        }
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_direct),      cmocka_unit_test(signs_match_direct),
        cmocka_unit_test(ring_matches_direct), cmocka_unit_test(reset_forgets),
        cmocka_unit_test(reads_dequantized),   cmocka_unit_test(matmul_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
