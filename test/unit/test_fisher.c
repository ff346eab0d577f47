/* The Fisher information of the residual stream against differences of the likelihood. */
#include "tiny_model.h"

#include "fisher.h"

#define TOKENS 5
#define STEP 2e-3f /* large against the rounding of the loss, small against its curvature */

/* Negative log-likelihood of the tokens, nats, of the stream (TOKENS x dim) after a layer. */
static double loss_of(const Model *m, Sequence *s, const int *tokens, const float *stream,
                      int layer)
{
    double loss = 0;
    sequence_set_residual(s, stream, TOKENS);
    for (int l = layer + 1; l < m->n_layers; l++) {
        sequence_layer(s, l);
    }
    const float *logits = sequence_logits(s);
    for (int t = 0; t + 1 < TOKENS; t++, logits += m->vocab) {
        double sum = 0;
        for (int v = 0; v < m->vocab; v++) {
            sum += exp((double)logits[v]);
        }
        loss += log(sum) - (double)logits[tokens[t + 1]];
    }
    return loss;
}

/* TOKENS x dim: the loss's gradient by the stream after a layer, by central differences. */
static double *gradient_of(Arena *a, const Model *m, Sequence *s, const int *tokens, int layer)
{
    const int n = TOKENS * m->dim;
    double *g = NEW(a, double, n);
    sequence_start(s, tokens, TOKENS);
    for (int l = 0; l <= layer; l++) {
        sequence_layer(s, l);
    }
    float *x = arena_copy(a, sequence_residual(s), (size_t)n, sizeof(float));
    for (int i = 0; i < n; i++) {
        const float old = x[i];
        x[i] = old + STEP;
        const double more = loss_of(m, s, tokens, x, layer);
        x[i] = old - STEP;
        g[i] = (more - loss_of(m, s, tokens, x, layer)) / (2 * (double)STEP);
        x[i] = old;
    }
    return g;
}

/* The metric of a layer from gradients, and the tokens' weights, within 1 % of the largest. */
static void check_layer(const Model *m, const Fisher *f, const double *g, int layer)
{
    double length[TOKENS] = {0}, mean = 0, trace = 0;
    for (int t = 0; t < TOKENS; t++) {
        for (int i = 0; i < m->dim; i++) {
            length[t] += g[t * m->dim + i] * g[t * m->dim + i];
        }
        trace += length[t] / TOKENS;
        length[t] = sqrt(length[t]);
        mean += length[t] / TOKENS;
    }
    for (int t = 0; t < TOKENS; t++) {
        assert_true(fabs((double)f->weight[0][layer * TOKENS + t] - length[t] / mean) < 0.01);
    }
    for (int i = 0; i < m->dim; i++) {
        for (int j = 0; j < m->dim; j++) {
            double sum = 0;
            for (int t = 0; t < TOKENS; t++) {
                sum += g[t * m->dim + i] * g[t * m->dim + j] / TOKENS;
            }
            assert_true(fabs(f->metric[layer][i * m->dim + j] - sum) < 0.01 * trace);
        }
    }
}

static void as_differences(void **state)
{
    (void)state;
    for (uint32_t seed = 80; seed < 82; seed++) {
        Arena *a = arena_new();
        Model *m = tiny_model(a, seed, seed % 2);
        int tokens[TOKENS], *list = tokens, n = TOKENS;
        for (int i = 0; i < TOKENS; i++) {
            tokens[i] = tiny_token(i);
        }
        const Corpus c = {.n_docs = 1, .n_tokens = &n, .tokens = &list};
        Sequence *s = sequence_new(a, m, TOKENS);
        const Fisher *f = fisher_new(a, m, &c);
        for (int l = 0; l < m->n_layers; l++) {
            check_layer(m, f, gradient_of(a, m, s, tokens, l), l);
        }
        arena_free(a);
    }
}

/* Documents count by their tokens: one twice is the same metric and weights. */
static void sums_up(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Model *m = tiny_model(a, 82, true);
    int tokens[TOKENS], *list[] = {tokens, tokens}, n[] = {TOKENS, TOKENS};
    for (int i = 0; i < TOKENS; i++) {
        tokens[i] = tiny_token(i);
    }
    const Corpus once = {.n_docs = 1, .n_tokens = n, .tokens = list};
    const Corpus twice = {.n_docs = 2, .n_tokens = n, .tokens = list};
    const Fisher *f = fisher_new(a, m, &once), *g = fisher_new(a, m, &twice);
    for (int i = 0; i < m->n_layers * TOKENS; i++) {
        assert_true(fabs((double)f->weight[0][i] - (double)g->weight[1][i]) < 1e-5);
    }
    for (int i = 0; i < m->dim * m->dim; i++) {
        assert_true(fabs(f->metric[1][i] - g->metric[1][i]) <= 1e-9 + 1e-9 * fabs(f->metric[1][i]));
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_differences),
        cmocka_unit_test(sums_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
