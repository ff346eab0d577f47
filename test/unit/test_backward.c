/* Gradients written by hand against central differences of the loss, for every tensor. */
#include "tiny_model.h"

#include "sequence.h"
#include "train/head.h"
#include "train/trainer.h"

#define TOKENS 21 /* at most */
#define CLIP 120  /* bytes, of a model that reads frames */

typedef struct Setup {
    Arena *arena;
    Model *model;
    Network *network;
    Layout *layout;
    Trace *trace;
    float *all, *gradient, *goal;
    float *stream; /* n_layers x n x dim: what layers should give, NULL: anything */
    int only;      /* 1 + the layer whose distance from it is the loss; 0: that of all and the KL */
    int n;         /* tokens */
    int input[CLIP];
} Setup;

/* ReLU's bend is not for differences: test_loops has it. */
static const Activation smooth[] = {ACT_SILU, ACT_GELU_TANH, ACT_GELU, ACT_RELU2};

typedef enum Kind { PLAIN, FAMILY, GPT } Kind;

static void prepare(Setup *s)
{
    s->layout = layout_new(s->arena, s->model);
    s->all = NEW(s->arena, float, s->layout->size);
    s->gradient = NEW(s->arena, float, s->layout->size);
    const Linear *l;
    for (int i = 0; (l = model_linears(s->model, i)); i++) {
        memcpy(s->all + s->layout->linear[i], l->w,
               (size_t)l->rows * (size_t)l->cols * sizeof(float));
    }
    layout_read(s->layout, s->model, s->all);
    s->network = network_new(s->arena, s->model, 32);
    layout_point(s->arena, s->layout, s->network, s->all);
    s->trace = trace_new(s->arena, s->network);
    const bool frames = model_reads_frames(s->model);
    s->n = frames ? s->model->context : TOKENS;
    for (int i = 0; i < model_inputs(s->model, s->n); i++) {
        s->input[i] = frames ? tiny_byte(i, 3) : tiny_token(i);
    }
    s->goal = tiny_weights(
        s->arena, TOKENS * larger(s->model->vocab, s->model->dim) * (1 + s->model->n_exits), 0, 2);
}

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
    prepare(&s);
    return s;
}

#define HIDDEN 0.02f
#define EXITS 0.5f /* their heads' weight */

static double layer_error(const Setup *s, int layer, float *own)
{
    const int dim = s->model->dim;
    const double error = hidden_error(own, s->stream + layer * s->n * dim, s->n, dim, HIDDEN);
    return (double)HIDDEN * error;
}

/* Mean KL to the goal over the predictions, and the layers' share. */
static double loss(const Setup *s)
{
    const int n = head_rows(s->model, s->n);
    if (s->only > 0) {
        return layer_error(s, s->only - 1, trace_forward_to(s->trace, s->input, s->n, s->only - 1));
    }
    trace_forward(s->trace, s->input, s->n);
    double sum = trace_distill(s->trace, s->goal, 1.0f / (float)n, EXITS) / n;
    for (int l = 0; l < s->model->n_layers && s->stream; l++) {
        sum += layer_error(s, l, trace_layer(s->trace, l));
    }
    return sum;
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
 * direction catches of it, plus the rounding. h: of numbers around 1; where what is
 * multiplied by the tensor is larger it is as much smaller. */
static void check_steps(const Setup *s, const char *name, size_t at, size_t n, double h)
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
        const double found =
            (4 * along(s, at, n, direction, h) - along(s, at, n, direction, 2 * h)) / 3;
        const double bound = 2e-3 * sqrt(square / (double)n) + 1e-4;
        if (!(fabs(found - expected) <= bound)) {
            fail_msg("%s: %g by hand, %g by differences, bound %g", name, expected, found, bound);
        }
    }
}

static void check_tensor(const Setup *s, const char *name, size_t at, size_t n)
{
    check_steps(s, name, at, n, 0.01);
}

/* Matrices, norms, biases. */
static void check_all(const Setup *s, const char *what)
{
    const Layout *y = s->layout;
    memset(s->gradient, 0, y->size * sizeof(float));
    loss(s);
    trace_backward(s->trace, y, s->gradient);
    Linear *l;
    for (int i = 0; (l = model_linears(s->model, i)); i++) {
        const char *name = arena_printf(s->arena, "%s: %s", what, l->name);
        check_steps(s, name, y->linear[i], (size_t)l->rows * (size_t)l->cols,
                    l == &s->model->patch ? 0.01 / 64 : 0.01); /* it reads bytes */
        if (y->bias[i]) {
            check_tensor(s, arena_printf(s->arena, "%s bias", name), y->bias[i], (size_t)l->rows);
        }
    }
    if (y->bias[y->n_linears]) {
        check_tensor(s, arena_printf(s->arena, "%s: tied head's bias", what), y->bias[y->n_linears],
                     (size_t)s->model->vocab);
    }
    for (int i = 0; i < y->n_norms; i++) {
        const Norm *v = model_norm(s->model, i);
        const char *name = arena_printf(s->arena, "%s: %s", what, v->name);
        check_tensor(s, name, y->norm[i], (size_t)v->n);
        if (y->beta[i]) {
            check_tensor(s, arena_printf(s->arena, "%s beta", name), y->beta[i], (size_t)v->n);
        }
    }
}

static void every_tensor(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 13; seed++) {
        Setup s = set_up(seed, seed % 2, seed > 8 ? GPT : seed > 4 ? FAMILY : PLAIN);
        s.model->rope_interleaved = seed <= 8 && seed % 4 < 2;
        check_all(&s, arena_printf(s.arena, "seed %d", (int)seed));
        arena_free(s.arena);
    }
}

/* What each family that importers read is made of. */
typedef struct Family {
    const char *name;
    bool tied, biases, head_norms, parallel, sub_norm;
    int window, rotary_pairs; /* window: of every other layer */
    bool layer_norm;          /* with an MLP that has no gate, positions as given */
    PositionKind position;
    Activation activation;
} Family;

static const Family families[] = {
    {.name = "llama"},
    {.name = "mistral", .window = 5},
    {.name = "qwen2", .tied = true, .biases = true},
    {.name = "qwen3", .head_norms = true},
    {.name = "gemma", .tied = true, .activation = ACT_GELU_TANH},
    {.name = "gemma3", .tied = true, .head_norms = true, .window = 5, .activation = ACT_GELU_TANH},
    {.name = "bitnet", .tied = true, .sub_norm = true, .activation = ACT_RELU2},
    {.name = "gpt2",
     .tied = true,
     .layer_norm = true,
     .position = POSITION_LEARNED,
     .activation = ACT_GELU_TANH},
    {.name = "gpt-neo",
     .tied = true,
     .layer_norm = true,
     .window = 5,
     .position = POSITION_LEARNED,
     .activation = ACT_GELU_TANH},
    {.name = "gpt-neox",
     .layer_norm = true,
     .parallel = true,
     .rotary_pairs = 1,
     .activation = ACT_GELU},
    {.name = "phi",
     .layer_norm = true,
     .parallel = true,
     .rotary_pairs = 2,
     .activation = ACT_GELU_TANH},
};

static void every_family(void **state)
{
    (void)state;
    for (size_t f = 0; f < LENGTH(families); f++) {
        const Family *k = &families[f];
        Setup s = {.arena = arena_new()};
        Model *m = s.model = tiny_model(s.arena, (uint32_t)f + 20, k->tied);
        if (k->biases || k->head_norms) {
            tiny_extras(s.arena, m);
        }
        if (k->layer_norm) {
            tiny_gpt(s.arena, m, k->activation, k->position);
        }
        if (k->parallel || k->sub_norm) {
            tiny_more(s.arena, m, k->sub_norm);
        }
        m->qk_norm = k->head_norms;
        m->activation = k->activation;
        m->parallel = k->parallel;
        m->rotary_pairs = k->rotary_pairs;
        for (int l = 0; l < m->n_layers; l++) {
            m->blocks[l].window = l % 2 ? k->window : 0;
        }
        prepare(&s);
        check_all(&s, k->name);
        arena_free(s.arena);
    }
}

static const struct {
    const char *name;
    HeadKind head;
    bool dense;
    DenseActivation activation;
    Pooling pooling;
} encoders[] = {
    {"BERT, classes", HEAD_CLASS, true, DENSE_TANH, POOL_FIRST},
    {"DistilBERT, classes", HEAD_CLASS, true, DENSE_RELU, POOL_FIRST},
    {"labels", HEAD_LABEL, false, DENSE_TANH, POOL_FIRST},
    {"BERT, masks", HEAD_MASK, true, DENSE_GELU, POOL_FIRST},
    {"BERT, masks by tanh", HEAD_MASK, true, DENSE_GELU_TANH, POOL_FIRST},
    {"mean", HEAD_EMBED, false, DENSE_TANH, POOL_MEAN},
    {"first token", HEAD_EMBED, false, DENSE_TANH, POOL_FIRST},
};

static void want_streams(Setup *s)
{
    const Model *m = s->model;
    s->stream = tiny_weights(s->arena, m->n_layers * s->n * m->dim, 0, 2);
    trace_keep_layers(s->arena, s->trace);
}

/* A layer by itself: its own floats have a gradient, no others. */
static void check_layer(Setup *s, int layer)
{
    const Layout *y = s->layout;
    s->only = 1 + layer;
    memset(s->gradient, 0, y->size * sizeof(float));
    loss(s);
    trace_backward_layer(s->trace, y, layer, s->gradient);
    Linear *l;
    for (int i = 0, at; (l = model_linears(s->model, i)); i++) {
        const size_t n = (size_t)l->rows * (size_t)l->cols;
        Role role;
        if (model_linear_place(s->model, i, &at, &role) && at == layer) {
            check_tensor(s, l->name, y->linear[i], n);
        } else {
            for (size_t k = 0; k < n; k++) {
                assert_true(s->gradient[y->linear[i] + k] == 0);
            }
        }
    }
    s->only = 0;
}

/* What layers give is a part of the loss, or all of it. */
static void layers_follow(void **state)
{
    (void)state;
    static const uint32_t seeds[] = {1, 7, 10, 12};
    for (size_t i = 0; i <= LENGTH(seeds); i++) {
        Setup s = {.arena = arena_new()};
        if (i < LENGTH(seeds)) {
            arena_free(s.arena);
            s = set_up(seeds[i], true, i < 1 ? PLAIN : i < 2 ? FAMILY : GPT);
        } else {
            s.model = tiny_model(s.arena, 50, false);
            tiny_bert(s.arena, s.model, HEAD_LABEL, false);
            prepare(&s);
        }
        want_streams(&s);
        check_all(&s, "with streams");
        check_layer(&s, 0);
        check_layer(&s, 2);
        arena_free(s.arena);
    }
}

/* With logits, or a vector's direction, of the reference. */
static void check_outputs(const Setup *s, const char *what)
{
    const Model *m = s->model;
    const int outputs = model_outputs(m);
    EncoderReference *r = encoder_reference_new(s->arena, m, TOKENS);
    const float *own = trace_forward(s->trace, s->input, s->n);
    double length = 1, squares = 0;
    encoder_reference_read(r, s->input, s->n);
    for (int i = 0; i < outputs; i++) {
        squares += (double)own[i] * (double)own[i];
    }
    length = m->head_kind == HEAD_EMBED ? sqrt(squares) : 1;
    const int rows = head_rows(m, s->n);
    for (int t = 0; t < rows * (1 + m->n_exits); t++) {
        const int token = t % rows, exit = t / rows - 1;
        const float *goal =
            exit < 0 ? encoder_reference_output(r, token) : encoder_reference_exit(r, exit, token);
        for (int i = 0; i < outputs; i++) {
            const double off = (double)own[t * outputs + i] / length - (double)goal[i];
            if (!(fabs(off) < 2e-5)) {
                fail_msg("%s: output %d of row %d is off by %g", what, i, t, off);
            }
        }
    }
}

static void every_encoder(void **state)
{
    (void)state;
    for (size_t e = 0; e < LENGTH(encoders); e++) {
        Setup s = {.arena = arena_new()};
        Model *m = s.model = tiny_model(s.arena, (uint32_t)e + 40, false);
        tiny_bert(s.arena, m, encoders[e].head, encoders[e].dense);
        m->dense_activation = encoders[e].activation;
        m->pooling = encoders[e].pooling;
        for (int i = 0; i < m->dim && m->dense_activation == DENSE_RELU; i++) {
            m->dense.bias[i] = 6; /* far from the bend, */
            m->head.w[i] *= 0.2f; /* and of no large logits */
            m->head.w[m->dim + i] *= 0.2f;
            m->head.w[2 * m->dim + i] *= 0.2f;
        }
        prepare(&s);
        check_outputs(&s, encoders[e].name);
        check_all(&s, encoders[e].name);
        arena_free(s.arena);
    }
}

/* Of classifiers: heads after two layers, frames instead of tokens, norms before the halves. */
static void exits_and_frames(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        HeadKind head;
        bool exits, frames, norm_first;
    } kinds[] = {
        {"exits, classes", HEAD_CLASS, true, false, false},
        {"exits, labels", HEAD_LABEL, true, false, false},
        {"exits, norms first", HEAD_LABEL, true, false, true},
        {"frames", HEAD_CLASS, false, true, false},
        {"frames, norms first", HEAD_CLASS, false, true, true},
        {"frames and exits", HEAD_CLASS, true, true, false},
    };
    for (size_t k = 0; k < LENGTH(kinds); k++) {
        for (int streams = 0; streams < 2; streams++) {
            Setup s = {.arena = arena_new()};
            Model *m = s.model = tiny_model(s.arena, (uint32_t)k + 60, false);
            tiny_bert(s.arena, m, kinds[k].head, false);
            m->post_norm = !kinds[k].norm_first;
            if (kinds[k].frames) {
                tiny_frames(s.arena, m);
            }
            if (kinds[k].exits) {
                tiny_exits(s.arena, m);
            }
            for (int i = 0; i < 3 * m->dim; i++) { /* no large logits: few rows' loss rounds more */
                m->head.w[i] *= 0.3f;
                for (int e = 0; e < m->n_exits; e++) {
                    m->exits[e].head.w[i] *= 0.3f;
                }
            }
            prepare(&s);
            check_outputs(&s, kinds[k].name);
            if (streams) {
                want_streams(&s);
                check_layer(&s, 1);
            }
            check_all(&s, kinds[k].name);
            arena_free(s.arena);
        }
    }
}

/* Signs: the gradient of their size is that of differences, where no sign changes; the rest is the
 * estimator's: slope * d inside the root mean square, nothing outside. What comes after the last
 * signs has the gradient of differences. */
static void signs(void **state)
{
    (void)state;
    Setup s = set_up(4, false, PLAIN);
    s.model->activation_bits = 1;
    prepare(&s);
    memset(s.gradient, 0, s.layout->size * sizeof(float));
    loss(&s);
    trace_backward(s.trace, s.layout, s.gradient);
    const int last = s.model->n_layers - 1, down = model_linear_index(s.model, last, ROLE_DOWN);
    check_tensor(&s, "down after signs", s.layout->linear[down], 20 * 10);
    check_tensor(&s, "final norm after signs",
                 s.layout->norm[model_norm_index(s.model, last + 1, 0)], 20);
    const float x[] = {0.5f, -2, 0.25f, 1, -0.125f}, d[] = {1, 3, -2, 0.5f, 4};
    float back[5], moved[5];
    memcpy(back, d, sizeof d);
    signs_back(x, 1, 5, back);
    const double mean = 3.875 / 5, root = sqrt((0.25 + 4 + 0.0625 + 1 + 0.015625) / 5);
    for (int i = 0; i < 5; i++) {
        double side[2] = {0, 0};
        for (int k = 0; k < 2; k++) {
            memcpy(moved, x, sizeof x);
            moved[i] += k ? 0.0625f : -0.0625f;
            binarize(s.model, moved, 5);
            for (int j = 0; j < 5; j++) {
                side[k] += (double)moved[j] * (double)d[j];
            }
        }
        const double inside = fabs((double)x[i]) <= root ? mean / root * (double)d[i] : 0;
        assert_true(fabs((double)back[i] - inside - (side[1] - side[0]) / 0.125) < 1e-5);
    }
    arena_free(s.arena);
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
        const float *own = reference_step(r, s.input[t]), *goal = s.goal + t * vocab;
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
        cmocka_unit_test(every_tensor),     cmocka_unit_test(every_family),
        cmocka_unit_test(every_encoder),    cmocka_unit_test(layers_follow),
        cmocka_unit_test(exits_and_frames), cmocka_unit_test(signs),
        cmocka_unit_test(loss_is_kl),       cmocka_unit_test(adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
