/* recover: a student starts as the quantized model that it was made from, its gradients are those
 * of scales and codebooks, training brings it nearer to the original, and every run is repeatable.
 */
#include "tiny_model.h"

#include "sequence.h"
#include "train/trainer.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const bits[] = {"1", "2", "3", "4", "5", "6", "1.6", "8"};

/* Of seeds above 4 with what families may have. */
static Unit quantized(Arena *a, uint32_t seed, bool tied, const char *width)
{
    Unit u = tiny_unit(a, tiny_model(a, seed, tied));
    if (seed > 4) {
        tiny_extras(a, u.model);
    }
    recipe_set_bits(a, (Recipe *)(uintptr_t)u.recipe, width);
    recipe_set(a, (Recipe *)(uintptr_t)u.recipe, "quantize.method=weights");
    pass_fold(&u);
    pass_quantize(&u);
    u.facts = FACT_FOLDED | FACT_QUANTIZED;
    return u;
}

static void assert_holds(const Model *m, const Layout *y, const float *all)
{
    const Linear *l;
    for (int i = 0; (l = model_linears((Model *)(uintptr_t)m, i)); i++) {
        for (int r = 0; r < l->rows; r++) {
            for (int c = 0; c < l->cols; c++) {
                const float found = all[y->linear[i] + (size_t)(r * l->cols + c)];
                assert_true(fabsf(found - linear_value(l, r, c)) <= 1e-6f * fabsf(found));
            }
        }
    }
}

/* The codes are the model's, also where another would be nearer; scales and codebook are within the
 * rounding to other units. */
static void starts_as_quantized(void **state)
{
    (void)state;
    for (size_t b = 0; b < LENGTH(bits); b++) {
        Arena *a = arena_new();
        Unit u = quantized(a, 1, b % 2, bits[b]);
        Linear *first = &u.model->blocks[0].linear[ROLE_UP];
        if (first->format == FORMAT_PLANES) {
            first->code[3] ^= 1;
        }
        const Model *before = model_copy(a, u.model);
        Layout *y = layout_new(a, u.model);
        Student *s = student_new(a, u.model, y, LEVELS_ADDITIVE);
        float *all = NEW(a, float, y->size);
        student_store(s, u.model, all);
        assert_holds(u.model, y, all);
        const Linear *l, *was;
        for (int i = 0; (l = model_linears(u.model, i)); i++) {
            was = model_linears((Model *)(uintptr_t)before, i);
            assert_memory_equal(l->code, was->code, (size_t)l->rows * (size_t)l->cols);
            for (int r = 0; r < l->rows; r++) {
                const double off = (double)linear_value(l, r, 0) - (double)linear_value(was, r, 0);
                const double row = ldexp(l->scale[r], l->scale_exp) * 100;
                assert_true(fabs(off) <= 0.04 * row);
            }
        }
        arena_free(a);
    }
}

/* For a linear loss sum of d * w and fixed codes, a step of one in a scale or a coefficient changes
 * the loss by just its gradient. */
static void gradients(void **state)
{
    (void)state;
    static const char *const widths[] = {"1", "2", "3", "1.6"};
    for (size_t b = 0; b < LENGTH(widths); b++) {
        Arena *a = arena_new();
        Unit u = quantized(a, 2, true, widths[b]);
        Layout *y = layout_new(a, u.model);
        Student *s = student_new(a, u.model, y, LEVELS_ADDITIVE);
        float *all = NEW(a, float, y->size), *d = tiny_weights(a, (int)y->size, 0, 1);
        float *gradient = NEW(a, float, s->n), *was = NEW(a, float, y->size);
        for (size_t i = y->size; i < s->n; i++) {
            s->parameter[i] = floorf(s->parameter[i] + 0.5f);
        }
        student_weights(s, was);
        memcpy(s->parameter, was, y->weights * sizeof(float)); /* far from every threshold */
        student_weights(s, was);
        student_gradient(s, d, gradient);
        const uint8_t *codes = arena_copy(a, s->code, y->weights, 1);
        for (size_t i = 0; i < y->size; i++) {
            assert_true(gradient[i] == d[i]);
        }
        int checked = 0;
        for (int g = 0; g < s->n_segments; g++) {
            const Segment *seg = &s->segment[g];
            for (size_t i = seg->at; i < seg->at + seg->n && seg->at >= y->size; i++) {
                double change = 0, size = 0;
                s->parameter[i] += 1;
                student_weights(s, all);
                s->parameter[i] -= 1;
                if (memcmp(codes, s->code, y->weights) != 0) {
                    continue;
                }
                for (size_t k = 0; k < y->weights; k++) {
                    change += (double)d[k] * ((double)all[k] - (double)was[k]);
                    size += fabs((double)d[k] * ((double)all[k] - (double)was[k]));
                }
                assert_true(fabs(change - (double)gradient[i]) <= 1e-3 * size);
                checked++;
            }
        }
        assert_true(checked > 100);
        arena_free(a);
    }
}

static void set(Unit *u, const char *assignment)
{
    recipe_set(u->arena, (Recipe *)(uintptr_t)u->recipe, assignment);
}

static double divergence(Arena *a, const Unit *u)
{
    double kl = 0;
    const Corpus *c = unit_samples((Unit *)(uintptr_t)u);
    Reference *x = reference_new(a, u->original, 32, 0), *y = reference_new(a, u->model, 32, 0);
    Stepper original = stepper_reference(x);
    kl = evaluate(a, c, stepper_reference(y), &original, u->model->vocab).kl;
    return kl;
}

/* On samples that it was not trained on. */
static void comes_nearer(void **state)
{
    (void)state;
    static const double least[] = {0.9, 0.7, 0.7, 0.8};
    static const char *const widths[] = {"1", "2", "3", "1.6"};
    for (size_t b = 0; b < LENGTH(widths); b++) {
        Arena *a = arena_new();
        Unit u = quantized(a, b == 1 ? 7 : 3, b % 2, widths[b]);
        const double before = divergence(a, &u);
        set(&u, "recover=12000");
        set(&u, "recover.rate=0.004");
        pass_recover(&u);
        const double after = divergence(a, &u);
        if (!(after < least[b] * before)) {
            fail_msg("%s bits: KL %g before, %g after", widths[b], before, after);
        }
        arena_free(a);
    }
}

/* So it does with layers' outputs in the loss, with layers trained one by one first, and with these
 * alone. */
static void layers_help(void **state)
{
    (void)state;
    static const char *const settings[][2] = {{"recover=12000", "recover.hidden=0.1"},
                                              {"recover=6000", "recover.blockwise=6000"},
                                              {"recover=0", "recover.blockwise=12000"}};
    for (size_t i = 0; i < LENGTH(settings); i++) {
        Arena *a = arena_new();
        Unit u = quantized(a, 3, true, "2");
        const double before = divergence(a, &u);
        set(&u, settings[i][0]);
        set(&u, settings[i][1]);
        set(&u, "recover.rate=0.004");
        pass_recover(&u);
        const double after = divergence(a, &u);
        if (!(after < 0.8 * before)) {
            fail_msg("%s, %s: KL %g before, %g after", settings[i][0], settings[i][1], before,
                     after);
        }
        arena_free(a);
    }
}

/* Trained levels are one step apart when the recipe wants them so. */
static void uniform_stays(void **state)
{
    (void)state;
    static const char *const widths[] = {"2", "3"};
    for (size_t b = 0; b < LENGTH(widths); b++) {
        Arena *a = arena_new();
        Unit u = tiny_unit(a, tiny_model(a, 3, true));
        set(&u, "quantize.levels=uniform");
        set(&u, "quantize.method=weights");
        recipe_set_bits(a, (Recipe *)(uintptr_t)u.recipe, widths[b]);
        pass_fold(&u);
        pass_quantize(&u);
        const double before = divergence(a, &u);
        set(&u, "recover=3000");
        set(&u, "recover.rate=0.002");
        pass_recover(&u);
        assert_true(divergence(a, &u) < before);
        const Linear *l;
        for (int i = 0; (l = model_linears(u.model, i)); i++) {
            for (int k = 1; k < l->planes; k++) {
                assert_int_equal(l->coef[k], 2 * l->coef[k - 1]);
            }
        }
        arena_free(a);
    }
}

/* How far outputs of encoders are apart: KL of classes; of vectors 1 - cosine. */
static double apart(const Model *m, const float *x, const float *y)
{
    double p = 0, q = 0, sum = 0;
    for (int i = 0; i < model_outputs(m); i++) {
        if (m->head_kind == HEAD_EMBED) {
            sum += (double)x[i] * (double)y[i];
        }
        p += exp((double)x[i]);
        q += exp((double)y[i]);
    }
    for (int i = 0; i < model_outputs(m) && m->head_kind != HEAD_EMBED; i++) {
        sum += exp((double)x[i]) / p * ((double)x[i] - (double)y[i] + log(q) - log(p));
    }
    return m->head_kind == HEAD_EMBED ? 1 - sum : sum;
}

static double encoders_apart(Arena *a, const Unit *u)
{
    EncoderReference *x = encoder_reference_new(a, u->original, 32);
    EncoderReference *y = encoder_reference_new(a, u->model, 32);
    double sum = 0;
    int tokens[32];
    for (int n = 1; n <= 32; n++) {
        for (int i = 0; i < n; i++) {
            tokens[i] = tiny_token(5 * n + i);
        }
        encoder_reference_read(x, tokens, n);
        encoder_reference_read(y, tokens, n);
        sum += apart(u->model, encoder_reference_output(x, 0), encoder_reference_output(y, 0));
    }
    return sum / 32;
}

static const HeadKind heads[] = {HEAD_CLASS, HEAD_LABEL, HEAD_MASK, HEAD_EMBED};

static Unit quantized_encoder(Arena *a, HeadKind head)
{
    Unit u = tiny_unit(a, tiny_model(a, 3 + (uint32_t)head, false));
    tiny_bert(a, u.model, head, head == HEAD_CLASS || head == HEAD_MASK);
    u.model->pooling = POOL_MEAN;
    set(&u, "quantize=2");
    set(&u, "quantize.method=weights");
    pass_fold(&u);
    pass_quantize(&u);
    return u;
}

static void encoders_come_nearer(void **state)
{
    (void)state;
    for (size_t h = 0; h < LENGTH(heads); h++) {
        Arena *a = arena_new();
        Unit u = quantized_encoder(a, heads[h]);
        const double before = encoders_apart(a, &u);
        set(&u, "recover=40000");
        set(&u, "recover.rate=0.004");
        pass_recover(&u);
        const double after = encoders_apart(a, &u);
        if (!(after < 0.7 * before)) {
            fail_msg("%s: %g apart before, %g after", head_names[heads[h]], before, after);
        }
        arena_free(a);
    }
}

/* Windows hold whole sequences, and none that is held out is trained on as it is. */
static void pools_of_sequences(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit u = quantized_encoder(a, HEAD_LABEL);
    const Pool *p = pool_of_sequences(&u, a, 20000), *again = pool_of_sequences(&u, a, 20000);
    assert_int_equal(p->n, 20000 / p->window + 1 + p->n_held_out);
    assert_true(p->n_held_out > 0 && p->longest <= p->window);
    assert_int_equal(p->n, again->n);
    assert_memory_equal(p->inputs, again->inputs,
                        (size_t)p->n * (size_t)p->row * sizeof *p->inputs);
    for (int w = 0; w < p->n; w++) {
        const int *length = p->lengths + w * p->window;
        int used = 0, i = 0;
        for (; i < p->window && length[i] > 0; i++) {
            assert_true(length[i] <= p->longest);
            used += length[i];
        }
        assert_true(i > 0 && used <= p->window);
        assert_true(w == p->n - 1 || w == p->n_held_out - 1 || used > p->window - p->longest);
        for (i = 0; i < used; i++) {
            const int token = p->inputs[w * p->row + i];
            assert_true(token >= 0 && token < u.model->vocab);
        }
    }
    arena_free(a);
}

#define CLIPS 24

/* For --calib. */
static const char *clips_file(Arena *a)
{
    static const char path[] = "/tmp/lmcc-test-clips-XXXXXX";
    char *name = arena_strndup(a, path, strlen(path));
    FILE *f = fdopen(mkstemp(name), "w");
    for (int k = 0; k < CLIPS; k++) {
        for (int i = 0; i < 120; i++) {
            fprintf(f, "%d%s", tiny_byte(i, k) / 2, i < 119 ? " " : "\n");
        }
    }
    fclose(f);
    return name;
}

static Unit quantized_listener(Arena *a, const char *clips, bool norm_first)
{
    Unit u = tiny_unit(a, tiny_model(a, 9, false));
    tiny_bert(a, u.model, HEAD_CLASS, false);
    tiny_frames(a, u.model);
    u.model->post_norm = !norm_first;
    u.calib = clips;
    set(&u, "quantize=2");
    set(&u, "quantize.method=weights");
    pass_fold(&u);
    pass_quantize(&u);
    return u;
}

static double listeners_apart(Arena *a, const Unit *u)
{
    EncoderReference *x = encoder_reference_new(a, u->original, 9);
    EncoderReference *y = encoder_reference_new(a, u->model, 9);
    double sum = 0;
    int bytes[120];
    for (int k = 0; k < CLIPS; k++) {
        for (int i = 0; i < 120; i++) {
            bytes[i] = tiny_byte(i + 1, k) / 2; /* a clip of no file, much like its one */
        }
        encoder_reference_read(x, bytes, 9);
        encoder_reference_read(y, bytes, 9);
        sum += apart(u->model, encoder_reference_output(x, 0), encoder_reference_output(y, 0));
    }
    return sum / CLIPS;
}

/* Clips as tokens do, with layers in the loss or first; and patch, places and its bias move. */
static void listeners_come_nearer(void **state)
{
    (void)state;
    static const char *const also[] = {"recover.hidden=0", "recover.hidden=0.1",
                                       "recover.blockwise=15000"};
    Arena *a = arena_new();
    const char *clips = clips_file(a);
    for (size_t i = 0; i < LENGTH(also); i++) {
        Unit u = quantized_listener(a, clips, i % 2);
        const Model *was = model_copy(a, u.model);
        const double before = listeners_apart(a, &u);
        set(&u, "recover=30000");
        set(&u, "recover.rate=0.004");
        set(&u, also[i]);
        pass_recover(&u);
        const double after = listeners_apart(a, &u);
        if (!(after < 0.7 * before)) {
            fail_msg("%s: %g apart before, %g after", also[i], before, after);
        }
        assert_memory_not_equal(u.model->patch.code, was->patch.code, 20 * 15);
        assert_memory_not_equal(u.model->embed.code, was->embed.code, 9 * 20);
        assert_memory_not_equal(u.model->patch.bias, was->patch.bias, 20 * sizeof(float));
    }
    unlink(clips);
    arena_free(a);
}

static bool same_clip(const Pool *p, int x, int y)
{
    const int each = p->window / p->longest, bytes = p->row / each;
    return memcmp(p->inputs + (size_t)x * (size_t)bytes, p->inputs + (size_t)y * (size_t)bytes,
                  (size_t)bytes * sizeof(int)) == 0;
}

/* All windows are full of whole clips, and none that is held out is trained on. */
static void pools_of_clips(void **state)
{
    (void)state;
    Arena *a = arena_new();
    const char *clips = clips_file(a);
    Unit u = quantized_listener(a, clips, false);
    const Pool *p = pool_of_clips(&u, a, 3000), *again = pool_of_clips(&u, a, 3000);
    const int each = p->window / p->longest, held = p->n_held_out * each;
    assert_int_equal(p->longest, 9);
    assert_int_equal(p->n, 3000 / p->window + 1 + p->n_held_out);
    assert_int_equal(p->row, each * 120);
    assert_memory_equal(p->inputs, again->inputs,
                        (size_t)p->n * (size_t)p->row * sizeof *p->inputs);
    for (int i = 0; i < p->n * p->row; i++) {
        assert_true(p->inputs[i] >= -128 && p->inputs[i] <= 127);
    }
    for (int w = 0; w < p->n; w++) {
        for (int i = 0; i < p->window; i++) {
            assert_int_equal(p->lengths[w * p->window + i], i < each ? 9 : 0);
        }
    }
    for (int x = 0; x < held; x++) {
        for (int y = held; y < p->n * each; y++) {
            assert_false(same_clip(p, x, y));
        }
    }
    unlink(clips);
    arena_free(a);
}

static double exits_apart(Arena *a, const Unit *u, int exit)
{
    EncoderReference *x = encoder_reference_new(a, u->original, 32);
    EncoderReference *y = encoder_reference_new(a, u->model, 32);
    double sum = 0;
    int tokens[32];
    for (int n = 1; n <= 32; n++) {
        for (int i = 0; i < n; i++) {
            tokens[i] = tiny_token(5 * n + i);
        }
        encoder_reference_read(x, tokens, n);
        encoder_reference_read(y, tokens, n);
        sum +=
            apart(u->model, encoder_reference_exit(x, exit, 0), encoder_reference_exit(y, exit, 0));
    }
    return sum / 32;
}

/* Heads of exits are trained like the last one. */
static void exits_come_nearer(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit u = tiny_unit(a, tiny_model(a, 8, false));
    tiny_bert(a, u.model, HEAD_LABEL, false);
    tiny_exits(a, u.model);
    set(&u, "quantize=2");
    set(&u, "quantize.method=weights");
    set(&u, "exits.threshold=0.9");
    pass_fold(&u);
    pass_quantize(&u);
    const double before[] = {exits_apart(a, &u, 0), exits_apart(a, &u, 1), encoders_apart(a, &u)};
    set(&u, "recover=20000");
    set(&u, "recover.rate=0.004");
    pass_recover(&u);
    const double after[] = {exits_apart(a, &u, 0), exits_apart(a, &u, 1), encoders_apart(a, &u)};
    for (int i = 0; i < 3; i++) {
        if (!(after[i] < 0.7 * before[i])) {
            fail_msg("head %d: %g apart before, %g after", i, before[i], after[i]);
        }
    }
    arena_free(a);
}

static const Model *recovered(Unit u, int threads)
{
    const int most = omp_get_max_threads();
    set(&u, "recover=3000");
    set(&u, "recover.batch=3");
    omp_set_num_threads(threads);
    pass_recover(&u);
    omp_set_num_threads(most);
    return u.model;
}

static void any_thread_count(void **state)
{
    (void)state;
    Arena *a = arena_new();
    const Model *one = recovered(quantized(a, 4, true, "2"), 1),
                *four = recovered(quantized(a, 4, true, "2"), 4);
    assert_true(model_hash(one) == model_hash(four));
    assert_memory_equal(one->embed.code, four->embed.code, 24 * 20);
    one = recovered(quantized_encoder(a, HEAD_MASK), 1);
    four = recovered(quantized_encoder(a, HEAD_MASK), 4);
    assert_true(model_hash(one) == model_hash(four));
    assert_memory_equal(one->embed.code, four->embed.code, 24 * 20);
    const char *clips = clips_file(a);
    one = recovered(quantized_listener(a, clips, false), 1);
    four = recovered(quantized_listener(a, clips, false), 4);
    assert_true(model_hash(one) == model_hash(four));
    assert_memory_equal(one->patch.code, four->patch.code, 20 * 15);
    unlink(clips);
    arena_free(a);
}

static void off_changes_nothing(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Unit u = quantized(a, 5, true, "2");
    const uint64_t before = model_hash(u.model);
    pass_recover(&u);
    assert_true(model_hash(u.model) == before);
    assert_null(u.samples);
    arena_free(a);
}

/* With a model that was trained for binary activations, and one that was not. */
static void binary_comes_nearer(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        Arena *a = arena_new();
        Unit u = tiny_unit(a, tiny_model(a, 12, true));
        u.model->activation_bits = own ? 1 : 8;
        set(&u, "quantize=2");
        set(&u, "quantize.method=weights");
        if (!own) {
            set(&u, "activations=1");
        }
        pass_fold(&u);
        pass_quantize(&u);
        assert_int_equal(u.model->activation_bits, 1);
        const double before = divergence(a, &u);
        set(&u, "recover=12000");
        set(&u, "recover.rate=0.004");
        pass_recover(&u);
        const double after = divergence(a, &u);
        if (!(after < 0.7 * before)) {
            fail_msg("%s: KL %g before, %g after", own ? "binary" : "made binary", before, after);
        }
        arena_free(a);
    }
}

static Trainer *trainer_of(Arena *a)
{
    Unit *u = NEW(a, Unit, 1);
    *u = quantized(a, 6, true, "2");
    set(u, "recover.blockwise=960"); /* five steps of each of its three layers */
    set(u, "recover.hidden=0.1");
    Trainer *t = trainer_new(a, u, pool_new(u, a, 1000));
    t->steps = 20;
    return t;
}

/* Ten steps of layers, a file, ten more: as twenty. Another run's file or a damaged one is refused.
 */
static void goes_on(void **state)
{
    (void)state;
    char path[] = "/tmp/lmcc-test-XXXXXX";
    close(mkstemp(path));
    unlink(path);
    Arena *a = arena_new();
    Trainer *whole = trainer_of(a), *half = trainer_of(a), *rest = trainer_of(a);
    assert_false(trainer_load(a, rest, path, 7));
    for (int i = 0; i < 20; i++) {
        trainer_step(whole);
        if (i < 10) {
            trainer_step(half);
        }
    }
    trainer_judge(half);
    trainer_save(half, path, 7);
    assert_true(trainer_load(a, rest, path, 7));
    assert_int_equal(rest->step, 10);
    while (rest->step < rest->steps) {
        trainer_step(rest);
    }
    assert_memory_equal(whole->student->parameter, rest->student->parameter,
                        whole->student->n * sizeof(float));
    EXPECT_FATAL(trainer_load(a, rest, path, 8), "of another model, recipe or text");
    FILE *f = fopen(path, "r+b");
    fseek(f, 100, SEEK_SET);
    fputc(1, f);
    fclose(f);
    EXPECT_FATAL(trainer_load(a, rest, path, 7), "damaged");
    assert_int_equal(truncate(path, 200), 0);
    EXPECT_FATAL(trainer_load(a, rest, path, 7), "damaged");
    assert_int_equal(truncate(path, 20), 0);
    EXPECT_FATAL(trainer_load(a, rest, path, 7), "not a training state");
    unlink(path);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_as_quantized), cmocka_unit_test(gradients),
        cmocka_unit_test(comes_nearer),        cmocka_unit_test(layers_help),
        cmocka_unit_test(uniform_stays),       cmocka_unit_test(encoders_come_nearer),
        cmocka_unit_test(pools_of_sequences),  cmocka_unit_test(listeners_come_nearer),
        cmocka_unit_test(pools_of_clips),      cmocka_unit_test(exits_come_nearer),
        cmocka_unit_test(any_thread_count),    cmocka_unit_test(off_changes_nothing),
        cmocka_unit_test(binary_comes_nearer), cmocka_unit_test(goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
