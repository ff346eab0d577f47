/* Audio front ends: tables, silence, tones where they belong, loudness, and shapes that cannot be.
 */
#include "frontend.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "runtime.h"
#include "trap.h"

#include "../../runtime_template/lm_frontend.h"

static const FrontendShape usual = {16000, 30, 20, 40, 60, 7600};
static int16_t frame[MAX_BANDS];

/* The frame of these samples. */
static void run(const Frontend *f, const int16_t *samples)
{
    static int32_t work[MAX_POINTS];
    const lm_frontend device = {f->window, f->hop,    f->points, f->shape.bands, f->scale_bits,
                                f->hann,   f->cosine, f->first,  f->rise,        f->log2};
    lm_frontend_frame(&device, samples, 0, work, frame);
}

static void run_tone(const Frontend *f, double hz, double size)
{
    int16_t samples[MAX_POINTS];
    for (int i = 0; i < f->window; i++)
        samples[i] = (int16_t)lrint(size * sin(2 * 3.14159265358979 * hz * i / f->shape.rate));
    run(f, samples);
}

static void test_tables(void **state)
{
    Arena *a = arena_new();
    const Frontend *f = frontend_new(a, "test", &usual);
    (void)state;
    assert_int_equal(f->window, 480);
    assert_int_equal(f->hop, 320);
    assert_int_equal(f->points, 512);
    assert_int_equal(f->n_rise, f->first[41] - f->first[0]);
    for (int i = 0; i <= 40; i++)
        for (int k = f->first[i] + 1; k < f->first[i + 1]; k++)
            assert_true(f->rise[k - f->first[0]] > f->rise[k - 1 - f->first[0]]);
    assert_int_equal(f->hann[f->n_hann - 1], 32768);
    assert_int_equal(f->cosine[0], 32767);
    assert_int_equal(f->cosine[128], 0);
    arena_free(a);
}

static void test_silence(void **state)
{
    static const int16_t silence[MAX_POINTS];
    Arena *a = arena_new();
    (void)state;
    run(frontend_new(a, "test", &usual), silence);
    for (int i = 0; i < 40; i++)
        assert_int_equal(frame[i], 0);
    arena_free(a);
}

/* Each tone is loudest in a band next to it, and twice the size is two octaves of power more. */
static void test_tones(void **state)
{
    Arena *a = arena_new();
    const Frontend *f = frontend_new(a, "test", &usual);
    (void)state;
    for (int band = 4; band < 40; band++) {
        const double hz = (double)f->first[band + 1] * 16000 / 512;
        int16_t softer[MAX_BANDS], best = 0;
        run_tone(f, hz, 8000);
        memcpy(softer, frame, sizeof softer);
        run_tone(f, hz, 16000);
        for (int16_t i = 0; i < 40; i++)
            best = frame[i] > frame[best] ? i : best;
        assert_in_range(best, band - 1, band + 1);
        assert_in_range(frame[best] - softer[best], 511, 513);
    }
    arena_free(a);
}

/* A square wave of -32768 and 32767 is the loudest there is: 2^44.8 at most. */
static void test_loudest(void **state)
{
    int16_t samples[MAX_POINTS];
    Arena *a = arena_new();
    const Frontend *f = frontend_new(a, "test", &usual);
    (void)state;
    for (int i = 0; i < f->window; i++)
        samples[i] = i % 16 < 8 ? INT16_MIN : INT16_MAX;
    run(f, samples);
    int16_t best = 0;
    for (int i = 0; i < 40; i++)
        best = frame[i] > best ? frame[i] : best;
    assert_in_range(best, 43 * 256, 45 * 256);
    assert_int_equal(lm_frontend_byte(best), 127);
    assert_int_equal(lm_frontend_byte(0), -128);
    assert_int_equal(lm_frontend_byte(28 * 256 - 17), -1);
    assert_int_equal(lm_frontend_byte(28 * 256 - 16), 0);
    arena_free(a);
}

static void test_refused(void **state)
{
    static const struct {
        FrontendShape shape;
        const char *what;
    } all[] = {
        {{1000, 30, 20, 40, 60, 400}, "rate: 1000: must be"},
        {{16000, 30, 20, 129, 60, 7600}, "bands: 129: must be"},
        {{16000, 30, 20, 40, 60, 8001}, "high-hz: 8001: must be"},
        {{48000, 30, 20, 40, 60, 7600}, "an FFT has 1024 points at most"},
        {{8000, 10, 10, 100, 60, 3900}, "lies between two bins"},
        {{16000, 60, 20, 1, 60, 7600}, "bins wide"},
    };
    Arena *a = arena_new();
    (void)state;
    for (size_t i = 0; i < LENGTH(all); i++)
        EXPECT_FATAL(frontend_new(a, "test", &all[i].shape), all[i].what);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),  cmocka_unit_test(test_silence),
        cmocka_unit_test(test_tones),   cmocka_unit_test(test_loudest),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
