/* Trains what compression lost back: the quantized model learns to give the probabilities of the
 * original, on tokens that the original writes (and on the --calib text; an encoder on that, or
 * those clips, alone). Off unless the recipe gives it tokens. Ctrl-C keeps the best so far and goes
 * on with it. */
#include "sequence.h"

#include "train/trainer.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define POOL_TOKENS (1 << 20) /* at most; fewer where little is trained */
#define JUDGED 40             /* times in a run at most */

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool shown(void)
{
    return verbosity > 0 || (verbosity == 0 && isatty(STDERR_FILENO));
}

static void show(const Trainer *t, double loss, int64_t since, double began)
{
    const double spent = seconds() - began;
    const double speed = (double)(t->step - since) * t->batch * t->pool->window / spent;
    const double left = (double)(t->steps - t->step) * t->batch * t->pool->window / speed;
    if (shown() && t->step > since) {
        progress_clear();
        fprintf(stderr,
                "recover: step %lld of %lld, %s %.4f, held out %.4f, %.0f tokens/s, %.0f s left\n",
                (long long)t->step, (long long)t->steps,
                trainer_in_layers(t) ? "a layer's error" : "KL", t->loss, loss, speed, left);
    }
}

static uint64_t fingerprint(const Unit *u, const Trainer *t)
{
    Buf recipe = {0};
    recipe_json(u->recipe, &recipe, 0);
    uint64_t h = XXH64(recipe.data, recipe.len, model_hash(u->original));
    buf_free(&recipe);
    h = XXH64(t->student->parameter, t->student->n * sizeof(float), h);
    return XXH64(t->pool->inputs, (size_t)t->pool->n * (size_t)t->pool->row * sizeof(int), h);
}

/* Judging takes half of what as many windows of training take: an eighth of the time at most. */
static int64_t steps_between(const Trainer *t)
{
    const int64_t apart = 4 * (int64_t)t->pool->n_held_out / t->batch + 1;
    const int64_t even = (t->steps + JUDGED - 1) / JUDGED;
    return even > apart ? even : apart;
}

/* True when the best parameters are better than what quantize left. */
static bool train(Unit *u, Arena *a, Trainer *t)
{
    const uint64_t print = u->recover_state ? fingerprint(u, t) : 0;
    if (u->recover_state && trainer_load(a, t, u->recover_state, print)) {
        note("recover: %s: goes on after step %lld", u->recover_state, (long long)t->step);
    }
    const double before = trainer_judge_model(t, u->model);
    const int64_t since = t->step, between = steps_between(t);
    const double began = seconds();
    note("recover: KL of the quantized model %.4f, of the student %.4f", before, trainer_judge(t));
    while (t->step < t->steps && !stopped) {
        progress("recover: steps", t->step - since, t->steps - since);
        trainer_step(t);
        if (t->step % between == 0 || t->step == t->steps || stopped) {
            show(t, trainer_judge(t), since, began);
            if (u->recover_state) {
                trainer_save(t, u->recover_state, print);
            }
        }
    }
    progress("recover: steps", t->steps - since, t->steps - since);
    if (stopped) {
        warn("recover: stopped after step %lld of %lld; the best so far is compiled",
             (long long)t->step, (long long)t->steps);
    }
    return t->best_loss < before;
}

void pass_recover(Unit *u)
{
    const Recipe *r = u->recipe;
    if (r->recover_tokens == 0 && r->recover_blockwise == 0) {
        return;
    }
    if (!u->original) {
        die("recover: no original");
    }
    if (u->model->encoder && !u->calib) {
        warn("%s: recover: without a --calib text an encoder is trained on random tokens",
             u->model->path);
    }
    Arena *a = arena_new();
    const int64_t quarter = ((int64_t)r->recover_tokens + r->recover_blockwise) / 4;
    const int64_t wanted = quarter < POOL_TOKENS ? quarter : POOL_TOKENS;
    const Pool *pool = (model_reads_frames(u->model) ? pool_of_clips
                        : u->model->encoder          ? pool_of_sequences
                                                     : pool_new)(u, a, wanted);
    Trainer *t = trainer_new(a, u, pool);
    stopped = 0;
    void (*before)(int) = signal(SIGINT, stop);
    const bool better = train(u, a, t);
    signal(SIGINT, before);
    if (better) {
        memcpy(t->student->parameter, t->best, t->student->n * sizeof(float));
        student_store(t->student, u->model, t->all);
    }
    arena_free(a);
}
