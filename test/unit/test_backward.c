/* Gradients written by hand against central differences of the loss, for every tensor. */
#include "tiny_model.h"

#include "sequence.h"
#include "train/backward.h"

#define TOKENS 21

typedef struct Setup {
    Arena *arena;
    Model *model;
    Network *network;
    Layout *layout;
    Trace *trace;
    float *all, *gradient, *goal;
    int tokens[TOKENS];
} Setup;

/* ReLU's bend is not for differences: test_loops has it. */
static const Activation smooth[] = {ACT_SILU, ACT_GELU_TANH, ACT_GELU, ACT_RELU2};

typedef enum Kind { PLAIN, FAMILY, GPT } Kind;

static Setup set_up(uint32_t seed, bool tied, Kind kind)
{
    Setup s = {.arena = arena_new()};
    s.model = tiny_model(s.arena, seed, tied);
    if (kind == FAMILY) {
        tiny_extras(s.arena, s.model);
    } else if (kind == GPT) {
        tiny_gpt(s.arena, s.model, smooth[seed % LENGTH(smooth)],
                 seed % 3 ? POSITION_LEARNED : POSITION_NONE);
        s.model->context = 18;
    }
    if (seed % 5 == 2) {
        tiny_more(s.arena, s.model, seed % 2);
    }
    s.layout = layout_new(s.arena, s.model);
    s.all = NEW(s.arena, float, s.layout->size);
    s.gradient = NEW(s.arena, float, s.layout->size);
    const Linear *l;
    for (int i = 0; (l = model_linears(s.model, i)); i++) {
        memcpy(s.all + s.layout->linear[i], l->w,
               (size_t)l->rows * (size_t)l->cols * sizeof(float));
    }
    for (int i = 0; i < s.layout->n_norms; i++) {
        const Norm *v = model_norm(s.model, i);
        memcpy(s.all + s.layout->norm[i], v->gamma, (size_t)v->n * sizeof(float));
    }
    s.network = network_new(s.arena, s.model, 32);
    layout_point(s.layout, s.network, s.all);
    s.trace = trace_new(s.arena, s.network);
    for (int i = 0; i < TOKENS; i++) {
        s.tokens[i] = tiny_token(i);
    }
    s.goal = tiny_weights(s.arena, TOKENS * s.model->vocab, 0, 2);
    return s;
}

/* Mean KL to the goal over the tokens. */
static double loss(const Setup *s)
{
    trace_forward(s->trace, s->tokens, TOKENS);
    return trace_distill(s->trace, s->goal, 1.0f / TOKENS) / TOKENS;
}

/* The derivative in a direction: floats change all weights of a tensor at once, by steps that are
 * large against the rounding of the loss (1e-7 of its terms) and small against its curvature. */
static double along(const Setup *s, size_t at, size_t n, const float *direction, double size)
{
    double value[2];
    float *saved = arena_copy(s->arena, s->all + at, n, sizeof(float));
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < n; i++) {
            s->all[at + i] = saved[i] + (float)(side ? size : -size) * direction[i];
        }
        value[side] = loss(s);
    }
    memcpy(s->all + at, saved, n * sizeof(float));
    return (value[1] - value[0]) / (2 * size);
}

/* Along random directions of length 1, the difference with the steps h and 2h (Richardson: errors
 * of order h^4) is the gradient's share: within 2e-3 of the gradient's length / sqrt n, what such a
 * direction catches of it, plus the rounding. */
static void check_tensor(const Setup *s, const char *name, size_t at, size_t n)
{
    double square = 0;
    for (size_t i = 0; i < n; i++) {
        square += (double)s->gradient[at + i] * (double)s->gradient[at + i];
    }
    for (int try = 0; try < 4; try++) {
        float *direction = tiny_weights(s->arena, (int)n, 0, 1 / sqrtf((float)n));
        double expected = 0;
        for (size_t i = 0; i < n; i++) {
            expected += (double)direction[i] * (double)s->gradient[at + i];
        }
        const double h = 0.01;
        const double found =
            (4 * along(s, at, n, direction, h) - along(s, at, n, direction, 2 * h)) / 3;
        const double bound = 2e-3 * sqrt(square / (double)n) + 1e-4;
        if (!(fabs(found - expected) <= bound)) {
            fail_msg("%s: %g by hand, %g by differences, bound %g", name, expected, found, bound);
        }
    }
}

static void every_tensor(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 13; seed++) {
        Setup s = set_up(seed, seed % 2, seed > 8 ? GPT : seed > 4 ? FAMILY : PLAIN);
        s.model->rope_interleaved = seed <= 8 && seed % 4 < 2;
        loss(&s);
        trace_backward(s.trace, s.layout, s.gradient);
        Linear *l;
        for (int i = 0; (l = model_linears(s.model, i)); i++) {
            check_tensor(&s, l->name, s.layout->linear[i], (size_t)l->rows * (size_t)l->cols);
        }
        for (int i = 0; i < s.layout->n_norms; i++) {
            const Norm *v = model_norm(s.model, i);
            check_tensor(&s, v->name, s.layout->norm[i], (size_t)v->n);
        }
        arena_free(s.arena);
    }
}

/* The loss and the logits are those of the reference. */
static void loss_is_kl(void **state)
{
    (void)state;
    Setup s = set_up(5, true, FAMILY);
    Reference *r = reference_new(s.arena, s.model, 32, 0);
    const int vocab = s.model->vocab;
    double kl = 0;
    for (int t = 0; t < TOKENS; t++) {
        const float *own = reference_step(r, s.tokens[t]), *goal = s.goal + t * vocab;
        double p = 0, q = 0;
        for (int i = 0; i < vocab; i++) {
            p += exp((double)goal[i]);
            q += exp((double)own[i]);
        }
        for (int i = 0; i < vocab; i++) {
            kl += exp((double)goal[i]) / p * ((double)goal[i] - log(p) - (double)own[i] + log(q));
        }
    }
    assert_true(fabs(loss(&s) - kl / TOKENS) < 1e-5 * kl / TOKENS);
    arena_free(s.arena);
}

/* Gradients of a second document are added. */
static void adds(void **state)
{
    (void)state;
    Setup s = set_up(6, true, PLAIN);
    loss(&s);
    trace_backward(s.trace, s.layout, s.gradient);
    float *once = arena_copy(s.arena, s.gradient, s.layout->size, sizeof(float));
    loss(&s);
    trace_backward(s.trace, s.layout, s.gradient);
    for (size_t i = 0; i < s.layout->size; i++) {
        assert_true(fabsf(s.gradient[i] - 2 * once[i]) <= 1e-5f + 1e-4f * fabsf(once[i]));
    }
    arena_free(s.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tensor),
        cmocka_unit_test(loss_is_kl),
        cmocka_unit_test(adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
