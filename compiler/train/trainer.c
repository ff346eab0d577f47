/* Steps of distillation, all layers at once, or before that each by itself towards the original's
 * residual stream (after block-wise reconstruction, Li and others, BRECQ, arXiv 2102.05426).
 * Threads share the windows of a step; each window has a gradient of its own, and they are added in
 * order. Adam with warm-up, linear decay and clipping. */
#include "train/trainer.h"

#include "train/head.h"
#include "train/loops.h"

#include <math.h>
#include <string.h>

#define WARM_UP 50 /* steps */
#define CLIP 1.0   /* the largest length of the gradient of all weights */
#define BETA1 0.9
#define BETA2 0.98

/* One window on its way: both networks over it, and the gradient. */
typedef struct Slot {
    Trace *trace;
    Network *teacher;
    Activations *act; /* teacher's */
    HeadTrace *head;  /* teacher's, of an encoder */
    float *residual, *normed, *goal;
    float *stream; /* student's layers x tokens x dim: what they should give; NULL: not asked */
    float *gradient;
    double kl;
} Slot;

static void make_slot(Arena *a, const Trainer *t, Slot *s, const Network *student, Network *teacher)
{
    const Model *m = t->teacher_model;
    const size_t rows = (size_t)t->pool->longest;
    s->trace = trace_new(a, student);
    s->teacher = teacher;
    s->act = activations_new(a, teacher, -1, t->pool->longest, false);
    s->head = m->encoder ? head_trace_new(a, teacher) : NULL;
    s->residual = NEW(a, float, rows *(size_t)m->dim);
    s->normed = NEW(a, float, rows *(size_t)m->dim);
    s->goal = NEW(a, float, rows *(size_t)model_outputs(m) * (size_t)(1 + m->n_exits));
    s->gradient = NEW(a, float, t->layout->size);
    if (t->hidden > 0 || t->block_steps > 0) {
        s->stream = NEW(a, float, (size_t)t->model->n_layers *rows *(size_t)m->dim);
    }
    if (t->hidden > 0) {
        trace_keep_layers(a, s->trace);
    }
}

int64_t trainer_steps(const Trainer *t, int64_t tokens)
{
    const int64_t each = (int64_t)t->batch * t->pool->window;
    return (tokens + each - 1) / each;
}

/* A layer gives what the next one that is left should read. */
static void match_layers(Arena *a, Trainer *t, const Unit *u)
{
    const int n = t->model->n_layers;
    t->teacher_layer = NEW(a, int, n);
    for (int l = 0; l < n; l++) {
        t->teacher_layer[l] =
            (l + 1 < n ? unit_original_layer(u, l + 1) : t->teacher_model->n_layers) - 1;
    }
}

Trainer *trainer_new(Arena *a, const Unit *u, const Pool *pool)
{
    const Recipe *r = u->recipe;
    const int batch = r->recover_batch;
    Trainer *t = NEW(a, Trainer, 1);
    t->model = u->model;
    t->teacher_model = u->original;
    match_layers(a, t, u);
    t->layout = layout_new(a, u->model);
    t->student = student_new(a, u->model, t->layout, r->levels);
    t->pool = pool;
    t->batch = batch;
    t->seed = r->seed;
    t->rate = r->recover_rate;
    t->hidden = r->recover_hidden;
    t->exits = (float)r->recover_exits;
    t->block_steps = trainer_steps(t, r->recover_blockwise) / u->model->n_layers;
    t->steps = trainer_steps(t, r->recover_tokens) + t->block_steps * u->model->n_layers;
    t->round = -1;
    t->best_loss = INFINITY;
    const size_t n = t->student->n;
    t->best = arena_copy(a, t->student->parameter, n, sizeof(float));
    t->mean = NEW(a, float, n);
    t->square = NEW(a, float, n);
    t->gradient = NEW(a, float, n);
    t->all = NEW(a, float, t->layout->size);
    t->order = NEW(a, int, pool->n);
    t->window = NEW(a, int, batch);
    t->slot = NEW(a, Slot, batch);
    Network *own = network_new(a, u->model, pool->longest);
    Network *goal = network_of_model(a, u->original, pool->longest);
    layout_point(a, t->layout, own, t->all);
    for (int i = 0; i < batch; i++) {
        make_slot(a, t, &t->slot[i], own, goal);
    }
    return t;
}

/* Of the exit before a layer, which has just been run: its logits, after the head's. */
static void run_exit(const Trainer *t, Slot *s, int layer, int n)
{
    const Model *m = t->teacher_model;
    const size_t size = (size_t)head_rows(m, n) * (size_t)model_outputs(m);
    for (int e = 0; e < m->n_exits; e++) {
        if (m->exits[e].layer == layer - 1) {
            exit_forward(s->teacher, e, s->act->attn_in, n, s->goal + (size_t)(1 + e) * size);
        }
    }
}

/* Its layers up to `last`; what the student's should give goes to the slot's stream. */
static void run_layers(const Trainer *t, Slot *s, const int *input, int n, int last)
{
    const size_t size = (size_t)n * (size_t)t->model->dim;
    network_enter(s->teacher, input, n, s->residual);
    for (int l = 0, own = 0; l <= last; l++) {
        network_layer(s->teacher, l, s->act, s->residual, n);
        run_exit(t, s, l, n);
        if (s->stream && l == t->teacher_layer[own]) {
            memcpy(s->stream + (size_t)own++ * size, s->residual, size * sizeof(float));
        }
    }
}

static void run_teacher(const Trainer *t, Slot *s, const int *input, int n)
{
    run_layers(t, s, input, n, t->teacher_model->n_layers - 1);
    network_logits(s->teacher, s->residual, n, s->normed, NULL, NULL, s->goal);
    if (s->head) {
        head_forward(s->teacher, s->head, s->normed, n, s->goal);
    }
}

/* What layers give becomes the gradient of its distance from what they should. */
static void follow(const Trainer *t, Slot *s, int n, float weight)
{
    const int dim = t->model->dim;
    for (int l = 0; l < t->model->n_layers; l++) {
        hidden_error(trace_layer(s->trace, l), s->stream + (size_t)l * (size_t)n * (size_t)dim, n,
                     dim, weight);
    }
}

/* What a step works on. */
typedef struct Work {
    bool learn;
    int layer;                   /* only this one; -1: all */
    float weight, hidden_weight; /* of a prediction, of a layer's token; of a single layer's
                                    token `weight` */
} Work;

/* Both networks over a document of n tokens: the sum of KL over its predictions, or of a layer's
 * errors over its tokens; its gradient is added to the slot's. */
static double compare(const Trainer *t, Slot *s, const int *input, int n, const Work *work)
{
    const int l = work->layer, dim = t->model->dim;
    double sum;
    if (l >= 0) {
        run_layers(t, s, input, n, t->teacher_layer[l]);
        sum = hidden_error(trace_forward_to(s->trace, input, n, l),
                           s->stream + (size_t)l * (size_t)n * (size_t)dim, n, dim, work->weight);
        trace_backward_layer(s->trace, t->layout, l, s->gradient);
        return sum;
    }
    run_teacher(t, s, input, n);
    trace_forward(s->trace, input, n);
    sum = trace_distill(s->trace, s->goal, work->weight, t->exits);
    if (work->learn && t->hidden > 0) {
        follow(t, s, n, work->hidden_weight);
    }
    if (work->learn) {
        trace_backward(s->trace, t->layout, s->gradient);
    }
    return sum;
}

/* The documents of a window. */
static double compare_window(const Trainer *t, Slot *s, int window, const Work *work)
{
    const Pool *p = t->pool;
    const int *input = p->inputs + (size_t)window * (size_t)p->row;
    const int *length = p->lengths + (size_t)window * (size_t)p->window;
    double sum = 0;
    for (int i = 0; i < p->window && length[i] > 0; i++) {
        sum += compare(t, s, input, length[i], work);
        input += model_inputs(t->model, length[i]);
    }
    return sum;
}

/* Of a window: one a token, or one a sequence. */
static int predictions(const Trainer *t, int window, int *tokens)
{
    const int *length = t->pool->lengths + (size_t)window * (size_t)t->pool->window;
    int sum = 0;
    for (int i = 0; i < t->pool->window && length[i] > 0; i++) {
        sum += head_rows(t->teacher_model, length[i]);
        *tokens += length[i];
    }
    return sum;
}

static void gradients(Trainer *t, int layer)
{
    int n = 0, tokens = 0;
    for (int i = 0; i < t->batch; i++) {
        t->window[i] = pool_window(t->pool, t->step * t->batch + i, t->seed, t->order, &t->round);
        n += predictions(t, t->window[i], &tokens);
    }
    const Work work = {.learn = true,
                       .layer = layer,
                       .weight = 1.0f / (float)(layer < 0 ? n : tokens),
                       .hidden_weight = (float)(t->hidden / t->model->n_layers / tokens)};
#pragma omp parallel for schedule(dynamic, 1) if (t->batch > 1)
    for (int i = 0; i < t->batch; i++) {
        Slot *s = &t->slot[i];
        memset(s->gradient, 0, t->layout->size * sizeof(float));
        s->kl = compare_window(t, s, t->window[i], &work);
    }
    t->loss = t->slot[0].kl * (double)work.weight;
    for (int i = 1; i < t->batch; i++) {
        t->loss += t->slot[i].kl * (double)work.weight;
        loops()->add(t->slot[i].gradient, t->layout->size, t->slot[0].gradient);
    }
}

/* Steps that share a rise and fall of the learning rate. */
typedef struct Stage {
    int layer; /* -1: all */
    int64_t first, n, warm_up;
} Stage;

static Stage stage_of(const Trainer *t, int64_t step)
{
    const int64_t before = t->block_steps * t->model->n_layers;
    if (step >= before) {
        return (Stage){-1, before, t->steps - before, WARM_UP};
    }
    const int64_t layer = step / t->block_steps, few = t->block_steps / 4 + 1;
    return (Stage){(int)layer, layer * t->block_steps, t->block_steps,
                   few < WARM_UP ? few : WARM_UP};
}

bool trainer_in_layers(const Trainer *t)
{
    return t->step > 0 && stage_of(t, t->step - 1).layer >= 0;
}

static double rate_now(const Trainer *t, const Stage *stage)
{
    const double done = (double)(t->step - stage->first) + 1;
    const double left = (double)(stage->first + stage->n - t->step);
    return t->rate * fmin(done / (double)stage->warm_up, left / (double)stage->n);
}

static double length(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sqrt(sum);
}

void trainer_step(Trainer *t)
{
    Student *s = t->student;
    const Stage stage = stage_of(t, t->step);
    const double done = (double)(t->step - stage.first) + 1;
    if (t->step == stage.first) {
        memset(t->mean, 0, s->n * sizeof(float));
        memset(t->square, 0, s->n * sizeof(float));
    }
    student_weights(s, t->all);
    gradients(t, stage.layer);
    student_gradient(s, t->slot[0].gradient, t->gradient);
    const double size = length(t->gradient, t->layout->weights), rate = rate_now(t, &stage);
    Adam by = {.scale = size > CLIP ? (float)(CLIP / size) : 1,
               .beta1 = (float)BETA1,
               .beta2 = (float)BETA2,
               .bias1 = (float)(1 - pow(BETA1, done)),
               .bias2 = (float)(1 - pow(BETA2, done))};
    for (int i = 0; i < s->n_segments; i++) {
        const Segment *g = &s->segment[i];
        by.rate = (float)rate * g->rate;
        if (stage.layer < 0 || g->layer == stage.layer) {
            loops()->adam(&by, g->n, t->gradient + g->at, t->mean + g->at, t->square + g->at,
                          s->parameter + g->at);
        }
    }
    t->step++;
}

/* With the weights that stand in t->all. */
static double judge(Trainer *t)
{
    static const Work work = {.layer = -1};
    const Pool *p = t->pool;
    double sum = 0;
    int n = 0, tokens = 0;
#pragma omp parallel for schedule(dynamic, 1) if (t->batch > 1)
    for (int i = 0; i < t->batch; i++) {
        t->slot[i].kl = 0;
        for (int w = i; w < p->n_held_out; w += t->batch) {
            t->slot[i].kl += compare_window(t, &t->slot[i], w, &work);
        }
    }
    for (int i = 0; i < t->batch; i++) {
        sum += t->slot[i].kl;
    }
    for (int w = 0; w < p->n_held_out; w++) {
        n += predictions(t, w, &tokens);
    }
    return sum / n;
}

double trainer_judge_model(Trainer *t, const Model *m)
{
    const Layout *y = t->layout;
    Model *walk = (Model *)(uintptr_t)m; /* only read */
    const Linear *l;
    for (int i = 0; (l = model_linears(walk, i)); i++) {
        float *room = t->all + y->linear[i];
        network_read(NULL, l, &room);
    }
    layout_read(y, m, t->all);
    return judge(t);
}

double trainer_judge(Trainer *t)
{
    student_weights(t->student, t->all);
    const double sum = judge(t);
    if (sum < t->best_loss) {
        t->best_loss = sum;
        memcpy(t->best, t->student->parameter, t->student->n * sizeof(float));
    }
    return sum;
}
