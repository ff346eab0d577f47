/* Steps of distillation. Threads share the windows of a step; each window has a gradient of its
 * own, and they are added in order. Adam with warm-up, linear decay and clipping. */
#include "train/trainer.h"

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
    float *residual, *normed, *goal;
    float *gradient;
    double kl;
} Slot;

static void make_slot(Arena *a, const Trainer *t, Slot *s, const Network *student, Network *teacher)
{
    const Model *m = t->teacher_model;
    const size_t rows = (size_t)t->pool->window;
    s->trace = trace_new(a, student);
    s->teacher = teacher;
    s->act = activations_new(a, teacher, -1, t->pool->window, false);
    s->residual = NEW(a, float, rows *(size_t)m->dim);
    s->normed = NEW(a, float, rows *(size_t)m->dim);
    s->goal = NEW(a, float, rows *(size_t)m->vocab);
    s->gradient = NEW(a, float, t->layout->size);
}

Trainer *trainer_new(Arena *a, Model *m, const Model *teacher, const Pool *pool,
                     const Recipe *r)
{
    const int batch = r->recover_batch;
    Trainer *t = NEW(a, Trainer, 1);
    t->teacher_model = teacher;
    t->layout = layout_new(a, m);
    t->student = student_new(a, m, t->layout, r->levels);
    t->pool = pool;
    t->batch = batch;
    t->seed = r->seed;
    t->rate = r->recover_rate;
    t->round = -1;
    t->best_loss = INFINITY;
    const size_t n = t->student->n;
    t->best = arena_copy(a, t->student->parameter, n, sizeof(float));
    t->mean = NEW(a, float, n);
    t->square = NEW(a, float, n);
    t->gradient = NEW(a, float, n);
    t->all = NEW(a, float, t->layout->size);
    t->order = NEW(a, int, pool->n);
    t->window = NEW(a, const int *, batch);
    t->slot = NEW(a, Slot, batch);
    Network *own = network_new(a, m, pool->window);
    Network *goal = network_of_model(a, teacher, pool->window);
    layout_point(t->layout, own, t->all);
    for (int i = 0; i < batch; i++) {
        make_slot(a, t, &t->slot[i], own, goal);
    }
    return t;
}

/* Both networks over a window; the sum of KL over its tokens. */
static double compare(const Trainer *t, Slot *s, const int *tokens, float weight)
{
    const int n = t->pool->window;
    network_embed(s->teacher, tokens, NULL, n, s->residual);
    for (int l = 0; l < t->teacher_model->n_layers; l++) {
        network_layer(s->teacher, l, s->act, s->residual, n);
    }
    network_logits(s->teacher, s->residual, n, s->normed, NULL, NULL, s->goal);
    trace_forward(s->trace, tokens, n);
    return trace_distill(s->trace, s->goal, weight);
}

static void gradients(Trainer *t)
{
    for (int i = 0; i < t->batch; i++) {
        t->window[i] = pool_window(t->pool, t->step * t->batch + i, t->seed, t->order, &t->round);
    }
    const float weight = 1.0f / (float)(t->batch * t->pool->window);
#pragma omp parallel for schedule(dynamic, 1) if (t->batch > 1)
    for (int i = 0; i < t->batch; i++) {
        Slot *s = &t->slot[i];
        memset(s->gradient, 0, t->layout->size * sizeof(float));
        s->kl = compare(t, s, t->window[i], weight);
        trace_backward(s->trace, t->layout, s->gradient);
    }
    t->loss = t->slot[0].kl * (double)weight;
    for (int i = 1; i < t->batch; i++) {
        t->loss += t->slot[i].kl * (double)weight;
        loops()->add(t->slot[i].gradient, t->layout->size, t->slot[0].gradient);
    }
}

static double rate_now(const Trainer *t)
{
    const double done = (double)t->step + 1, left = (double)(t->steps - t->step);
    return t->rate * fmin(done / WARM_UP, left / (double)t->steps);
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
    student_weights(s, t->all);
    gradients(t);
    student_gradient(s, t->slot[0].gradient, t->gradient);
    const double size = length(t->gradient, t->layout->weights), rate = rate_now(t);
    Adam by = {.scale = size > CLIP ? (float)(CLIP / size) : 1,
               .beta1 = (float)BETA1,
               .beta2 = (float)BETA2,
               .bias1 = (float)(1 - pow(BETA1, (double)t->step + 1)),
               .bias2 = (float)(1 - pow(BETA2, (double)t->step + 1))};
    for (int i = 0; i < s->n_segments; i++) {
        const Segment *g = &s->segment[i];
        by.rate = (float)rate * g->rate;
        loops()->adam(&by, g->n, t->gradient + g->at, t->mean + g->at, t->square + g->at,
                      s->parameter + g->at);
    }
    t->step++;
}

/* With the weights that stand in t->all. */
static double judge(Trainer *t)
{
    const Pool *p = t->pool;
    double sum = 0;
#pragma omp parallel for schedule(dynamic, 1) if (t->batch > 1)
    for (int i = 0; i < t->batch; i++) {
        t->slot[i].kl = 0;
        for (int w = i; w < p->n_held_out; w += t->batch) {
            t->slot[i].kl += compare(t, &t->slot[i], p->tokens + (size_t)w * (size_t)p->window, 0);
        }
    }
    for (int i = 0; i < t->batch; i++) {
        sum += t->slot[i].kl;
    }
    return sum / ((double)p->n_held_out * p->window);
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
    for (int i = 0; i < y->n_norms; i++) {
        const Norm *v = model_norm(walk, i);
        memcpy(t->all + y->norm[i], v->gamma, (size_t)v->n * sizeof(float));
    }
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
