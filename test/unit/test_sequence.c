/* Sequence: the reference's numbers for a whole document, from any layer, at any thread count; and
 * the model's own samples. */
#include "tiny_model.h"

#include "sequence.h"
#include "train/sampler.h"

#include <omp.h>

static void assert_near(const float *x, const float *y, int n, double tolerance)
{
    for (int i = 0; i < n; i++) {
        if (!(fabs((double)x[i] - (double)y[i]) <= tolerance)) {
            fail_msg("%d of %d: %g and %g", i, n, (double)x[i], (double)y[i]);
        }
    }
}

static void assert_as_reference(Arena *a, const Model *m, int n)
{
    Sequence *s = sequence_new(a, m, 32);
    Reference *r = reference_new(a, m, 32, 0);
    int tokens[32];
    for (int i = 0; i < n; i++) {
        tokens[i] = tiny_token(i);
    }
    const float *logits = sequence_run(s, tokens, n);
    for (int i = 0; i < n; i++) {
        const float *expected = reference_step(r, tokens[i]);
        assert_near(logits + i * m->vocab, expected, m->vocab, 1e-4);
        assert_near(sequence_residual(s) + i * m->dim, reference_residual(r, m->n_layers - 1),
                    m->dim, 1e-4);
    }
}

/* Grouped queries, odd shapes, tied and not, rope pairs either way, every length; with and without
 * biases, norms of heads, scaled positions and GELU. */
static void as_reference(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 8; seed++) {
        Arena *a = arena_new();
        Model *m = tiny_model(a, seed, seed % 2);
        m->rope_interleaved = seed % 4 < 2;
        m->activation_bits = seed % 3 ? 8 : 1;
        if (seed > 4) {
            tiny_extras(a, m);
        }
        assert_as_reference(a, m, seed < 4 ? (int)seed : 32 - (int)seed);
        arena_free(a);
    }
}

/* LayerNorm, every activation without a gate and with one, learned positions and none, and more. */
static void gpt_as_reference(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 2 * ACTIVATIONS; seed++) {
        Arena *a = arena_new();
        Model *m = tiny_model(a, seed, seed % 2);
        if (seed < ACTIVATIONS) {
            tiny_gpt(a, m, (Activation)seed, seed % 3 ? POSITION_LEARNED : POSITION_NONE);
            m->context = seed % 2 ? 32 : 17; /* positions end before the document does */
        } else {
            m->activation = (Activation)(seed % ACTIVATIONS);
        }
        if (seed % 3 == 1) {
            tiny_more(a, m, seed % 2);
        }
        assert_as_reference(a, m, 30);
        arena_free(a);
    }
}

static void quantized_as_reference(void **state)
{
    (void)state;
    static const char *const bits[] = {"1", "3", "6", "1.6", "8"};
    for (size_t i = 0; i < LENGTH(bits); i++) {
        Arena *a = arena_new();
        Unit u = tiny_unit(a, tiny_model(a, 9, i % 2));
        if (i % 2) {
            tiny_extras(a, u.model);
        }
        recipe_set_bits(a, (Recipe *)(uintptr_t)u.recipe, bits[i]);
        pass_quantize(&u);
        assert_as_reference(a, u.model, 20);
        arena_free(a);
    }
}

/* The inputs are what the linears read: each layer can be redone from them. */
static void inputs(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 10, true);
    Sequence *s = sequence_new(a, m, 32);
    const int n = 21, d = m->dim;
    int tokens[32];
    for (int i = 0; i < n; i++) {
        tokens[i] = tiny_token(i);
    }
    float *before = NEW(a, float, n *d), *o = NEW(a, float, n *d), *down = NEW(a, float, n *d);
    sequence_start(s, tokens, n);
    for (int l = 0; l < m->n_layers; l++) {
        const Block *b = &m->blocks[l];
        memcpy(before, sequence_residual(s), (size_t)(n * d) * sizeof(float));
        sequence_layer(s, l);
        matmul(b->linear[ROLE_O].w, d, b->linear[ROLE_O].cols, sequence_input(s, ROLE_O), n, o);
        matmul(b->linear[ROLE_DOWN].w, d, b->n_neurons, sequence_input(s, ROLE_DOWN), n, down);
        for (int i = 0; i < n * d; i++) {
            o[i] += before[i] + down[i];
        }
        assert_near(o, sequence_residual(s), n * d, 1e-4);
        assert_true(sequence_input(s, ROLE_Q) == sequence_input(s, ROLE_V));
        assert_true(sequence_input(s, ROLE_GATE) == sequence_input(s, ROLE_UP));
        memcpy(o, sequence_residual(s), (size_t)(n * d) * sizeof(float)); /* and on from a copy */
        sequence_set_residual(s, o, n);
    }
    const float *logits = sequence_logits(s);
    float *again = NEW(a, float, n * m->vocab);
    matmul(m->embed.w, m->vocab, d, sequence_head_input(s), n, again);
    assert_near(logits, again, n * m->vocab, 1e-4);
    arena_free(a);
}

/* A layer that was quantized is read again when asked. */
static void refresh(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 11, true);
    Sequence *s = sequence_new(a, m, 32);
    fit_planes(a, &m->blocks[1].linear[ROLE_UP], 2, 5);
    fit_planes(a, &m->embed, 3, 5);
    sequence_refresh(s, 1);
    sequence_refresh(s, -1);
    Sequence *fresh = sequence_new(a, m, 32);
    int tokens[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const float *x = sequence_run(s, tokens, 8), *y = sequence_run(fresh, tokens, 8);
    assert_memory_equal(x, y, (size_t)(8 * m->vocab) * sizeof(float));
    arena_free(a);
}

/* Big enough for threads to share the work: the same bytes with one and with four. */
static void any_thread_count(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 12, true);
    const int n = 300, threads = omp_get_max_threads();
    int tokens[300];
    for (int i = 0; i < n; i++) {
        tokens[i] = tiny_token(i);
    }
    float *first = NEW(a, float, n * m->vocab);
    omp_set_num_threads(1);
    memcpy(first, sequence_run(sequence_new(a, m, n), tokens, n),
           (size_t)(n * m->vocab) * sizeof(float));
    omp_set_num_threads(4);
    assert_memory_equal(first, sequence_run(sequence_new(a, m, n), tokens, n),
                        (size_t)(n * m->vocab) * sizeof(float));
    omp_set_num_threads(threads);
    arena_free(a);
}

static Corpus *written(Arena *a, const Model *m, int first, int n, int threads)
{
    static const double heat[] = {1, 1.3};
    const SamplePlan plan = {first, n, 24, 5, 2, heat};
    const int most = omp_get_max_threads();
    omp_set_num_threads(threads);
    Corpus *c = sample_documents(a, m, &plan);
    omp_set_num_threads(most);
    return c;
}

/* A document is the same in any company; it starts with bos, has neither bos nor eos in it, and is
 * as long as the window or ended by one of them. */
static void samples(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 13, true);
    Tokenizer t = {.bos = 3, .eos = 4};
    m->tokenizer = &t;
    const Corpus *all = written(a, m, 0, 200, 3), *some = written(a, m, 100, 5, 1);
    int full = 0;
    for (int d = 0; d < 5; d++) {
        assert_int_equal(all->n_tokens[100 + d], some->n_tokens[d]);
        assert_memory_equal(all->tokens[100 + d], some->tokens[d],
                            (size_t)some->n_tokens[d] * sizeof(int));
    }
    for (int d = 0; d < all->n_docs; d++) {
        assert_in_range(all->n_tokens[d], 1, 24);
        full += all->n_tokens[d] == 24;
        assert_int_equal(all->tokens[d][0], 3);
        for (int i = 1; i < all->n_tokens[d]; i++) {
            assert_int_not_equal(all->tokens[d][i], 3);
            assert_int_not_equal(all->tokens[d][i], 4);
        }
    }
    assert_in_range(full, 1, 199);
    arena_free(a);
}

/* At temperature 1 the surprise of the tokens drawn is the entropy of what they were drawn from:
 * their difference has mean 0, within four deviations of the mean. */
static void samples_follow_the_model(void **state)
{
    (void)state;
    static const double plain = 1;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 14, true);
    const SamplePlan plan = {0, 300, 24, 6, 1, &plain};
    const Corpus *c = sample_documents(a, m, &plan);
    Reference *r = reference_new(a, m, 24, 0);
    double sum = 0, squares = 0;
    int n = 0;
    for (int d = 0; d < c->n_docs; d++) {
        reference_reset(r);
        for (int i = 0; i + 1 < c->n_tokens[d]; i++, n++) {
            const float *x = reference_step(r, c->tokens[d][i]);
            double total = 0, entropy = 0;
            for (int v = 1; v < m->vocab; v++) { /* token 0 would have ended the document */
                total += exp((double)x[v]);
            }
            for (int v = 1; v < m->vocab; v++) {
                entropy -= exp((double)x[v]) / total * ((double)x[v] - log(total));
            }
            const double off = log(total) - (double)x[c->tokens[d][i + 1]] - entropy;
            sum += off;
            squares += off * off;
        }
    }
    assert_true(n > 2000);
    assert_true(fabs(sum / n) < 4 * sqrt(squares) / n);
    arena_free(a);
}

/* Whole documents, evenly spaced. */
static void part_of_a_text(void **state)
{
    (void)state;
    Arena *a = arena_new();
    int tokens[10][8] = {{0}}, lengths[10], *rows[10];
    for (int i = 0; i < 10; i++) {
        tokens[i][0] = i;
        lengths[i] = 8;
        rows[i] = tokens[i];
    }
    const Corpus whole = {.n_docs = 10, .n_tokens = lengths, .tokens = rows, .n_predicted = 70};
    const Corpus *part = corpus_part(a, &whole, 33);
    assert_int_equal(part->n_docs, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(part->tokens[i][0], 2 * i);
    }
    assert_int_equal(part->n_predicted, 35);
    assert_int_equal(corpus_part(a, &whole, 1)->n_docs, 1);
    assert_int_equal(corpus_part(a, &whole, 1000)->n_docs, 10);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_reference),
        cmocka_unit_test(gpt_as_reference),
        cmocka_unit_test(quantized_as_reference),
        cmocka_unit_test(inputs),
        cmocka_unit_test(refresh),
        cmocka_unit_test(any_thread_count),
        cmocka_unit_test(samples),
        cmocka_unit_test(samples_follow_the_model),
        cmocka_unit_test(part_of_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
