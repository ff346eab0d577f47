/* Steps of distillation. Threads share the windows of a step; each window has a gradient of its
 * own, and they are added in order. Adam with warm-up, linear decay and clipping. */
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
    s->goal = NEW(a, float, rows *(size_t)model_outputs(m));
    s->gradient = NEW(a, float, t->layout->size);
}

Trainer *trainer_new(Arena *a, Model *m, const Model *teacher, const Pool *pool, const Recipe *r)
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
    t->window = NEW(a, int, batch);
    t->slot = NEW(a, Slot, batch);
    Network *own = network_new(a, m, pool->longest);
    Network *goal = network_of_model(a, teacher, pool->longest);
    layout_point(a, t->layout, own, t->all);
    for (int i = 0; i < batch; i++) {
        make_slot(a, t, &t->slot[i], own, goal);
    }
    return t;
}

static void run_teacher(const Trainer *t, Slot *s, const int *tokens, int n)
{
    network_embed(s->teacher, tokens, NULL, n, s->residual);
    for (int l = 0; l < t->teacher_model->n_layers; l++) {
        network_layer(s->teacher, l, s->act, s->residual, n);
    }
    network_logits(s->teacher, s->residual, n, s->normed, NULL, NULL, s->goal);
    if (s->head) {
        head_forward(s->teacher, s->head, s->normed, n, s->goal);
    }
}

/* Both networks over the documents of a window: the sum of KL over their predictions, and with
 * `learn` its gradient times `weight`. */
static double compare(const Trainer *t, Slot *s, int window, float weight, bool learn)
{
    const size_t at = (size_t)window * (size_t)t->pool->window;
    const int *tokens = t->pool->tokens + at, *length = t->pool->lengths + at;
    double sum = 0;
    for (int i = 0; i < t->pool->window && length[i] > 0; tokens += length[i++]) {
        run_teacher(t, s, tokens, length[i]);
        trace_forward(s->trace, tokens, length[i]);
        sum += trace_distill(s->trace, s->goal, weight);
        if (learn) {
            trace_backward(s->trace, t->layout, s->gradient);
        }
    }
    return sum;
}

/* Of a window: one a token, or one a sequence. */
static int predictions(const Trainer *t, int window)
{
    const int *length = t->pool->lengths + (size_t)window * (size_t)t->pool->window;
    int sum = 0;
    for (int i = 0; i < t->pool->window && length[i] > 0; i++) {
        sum += head_rows(t->teacher_model, length[i]);
    }
    return sum;
}

static void gradients(Trainer *t)
{
    int n = 0;
    for (int i = 0; i < t->batch; i++) {
        t->window[i] = pool_window(t->pool, t->step * t->batch + i, t->seed, t->order, &t->round);
        n += predictions(t, t->window[i]);
    }
    const float weight = 1.0f / (float)n;
#pragma omp parallel for schedule(dynamic, 1) if (t->batch > 1)
    for (int i = 0; i < t->batch; i++) {
        Slot *s = &t->slot[i];
        memset(s->gradient, 0, t->layout->size * sizeof(float));
        s->kl = compare(t, s, t->window[i], weight, true);
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
    int n = 0;
#pragma omp parallel for schedule(dynamic, 1) if (t->batch > 1)
    for (int i = 0; i < t->batch; i++) {
        t->slot[i].kl = 0;
        for (int w = i; w < p->n_held_out; w += t->batch) {
            t->slot[i].kl += compare(t, &t->slot[i], w, 0, false);
        }
    }
    for (int i = 0; i < t->batch; i++) {
        sum += t->slot[i].kl;
    }
    for (int w = 0; w < p->n_held_out; w++) {
        n += predictions(t, w);
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
