/* Tables of an audio front end: a Hann window, triangles that are equally wide and meet at half
 * height on the mel scale of O'Shaughnessy, 2595 log10(1 + f / 700), and what the FFT and the
 * logarithm read. */
#include "frontend.h"

#include <math.h>
#include <string.h>

#include "runtime.h"

#include "../runtime_template/lm_frontend.h"
#include "../runtime_template/lm_signal.h"

static const double PI = 3.14159265358979323846;

static double mel_of(double hz)
{
    return 2595 * log10(1 + hz / 700);
}

/* The nearest integer, at most `most`. */
static int fixed(double v, int most)
{
    return smaller((int)floor(v + 0.5), most);
}

static void check_shape(const char *what, const FrontendShape *s)
{
    const struct {
        const char *name;
        int value, least, most;
    } limits[] = {
        {"rate", s->rate, 4000, 48000},     {"window-ms", s->window_ms, 5, 100},
        {"hop-ms", s->hop_ms, 1, 1000},     {"bands", s->bands, 1, MAX_BANDS},
        {"low-hz", s->low_hz, 20, s->rate}, {"high-hz", s->high_hz, s->low_hz + 1, s->rate / 2},
    };
    for (size_t i = 0; i < LENGTH(limits); i++)
        if (limits[i].value < limits[i].least || limits[i].value > limits[i].most)
            fatal("%s: %s: %d: must be %d to %d", what, limits[i].name, limits[i].value,
                  limits[i].least, limits[i].most);
}

static void set_sizes(const char *what, Frontend *f)
{
    f->window = f->shape.rate * f->shape.window_ms / 1000;
    f->hop = f->shape.rate * f->shape.hop_ms / 1000;
    if (f->window > MAX_POINTS)
        fatal("%s: window-ms: %d: %d samples; an FFT has %d points at most", what,
              f->shape.window_ms, f->window, MAX_POINTS);
    for (f->points = 64, f->scale_bits = 6; f->points < f->window; f->points *= 2)
        f->scale_bits++;
}

static void make_waves(Arena *a, Frontend *f)
{
    f->n_hann = (f->window + 1) / 2;
    f->hann = NEW(a, uint16_t, f->n_hann);
    for (int i = 0; i < f->n_hann; i++)
        f->hann[i] = (uint16_t)fixed(16384 * (1 - cos(2 * PI * (i + 0.5) / f->window)), 32768);
    f->n_cosine = f->points / 4 + 1;
    f->cosine = NEW(a, int16_t, f->n_cosine);
    for (int i = 0; i < f->n_cosine; i++)
        f->cosine[i] = (int16_t)fixed(32768 * cos(2 * PI * i / f->points), 32767);
    f->n_log2 = 65;
    f->log2 = NEW(a, uint16_t, f->n_log2);
    for (int i = 0; i < f->n_log2; i++)
        f->log2[i] = (uint16_t)fixed(32768 * log2(1 + i / 64.0), 32768);
}

/* Slope i leads from the centre of band i - 1 to that of band i. */
static void make_slopes(Arena *a, const char *what, Frontend *f)
{
    const double low = mel_of(f->shape.low_hz);
    const double step = (mel_of(f->shape.high_hz) - low) / (f->shape.bands + 1);
    const double bin = (double)f->shape.rate / f->points;
    f->n_first = f->shape.bands + 2;
    f->first = NEW(a, uint16_t, f->n_first);
    f->rise = NEW(a, uint16_t, f->points / 2);
    for (int k = larger(1, (int)ceil(f->shape.low_hz / bin)); k < f->points / 2; k++) {
        const double at = (mel_of(k * bin) - low) / step;
        const int slope = (int)floor(at);
        if (slope > f->shape.bands)
            break;
        for (int i = 0; i <= slope; i++)
            f->first[i] = f->first[i] ? f->first[i] : (uint16_t)k;
        f->first[f->n_first - 1] = (uint16_t)(k + 1);
        f->rise[f->n_rise++] = (uint16_t)fixed(32768 * (at - slope), 32768);
    }
    for (int i = f->n_first - 2; i >= 0; i--)
        f->first[i] = f->first[i] ? f->first[i] : f->first[i + 1];
    for (int i = 0; i < f->shape.bands; i++)
        if (f->first[i] == f->first[i + 2])
            fatal("%s: bands: %d: band %d lies between two bins of %g Hz: fewer bands, a longer "
                  "window or a wider range is needed",
                  what, f->shape.bands, i, bin);
    for (int i = 0; i <= f->shape.bands; i++)
        if (f->first[i + 1] - f->first[i] > MAX_SLOPE)
            fatal("%s: bands: %d: band %d is %d bins wide; half of it may have %d", what,
                  f->shape.bands, i, f->first[i + 1] - f->first[i], MAX_SLOPE);
}

Frontend *frontend_new(Arena *a, const char *what, const FrontendShape *shape)
{
    Frontend *f = NEW(a, Frontend, 1);
    f->shape = *shape;
    check_shape(what, shape);
    set_sizes(what, f);
    make_waves(a, f);
    make_slopes(a, what, f);
    return f;
}

uint32_t frontend_hash(const Frontend *f, int n)
{
    const lm_frontend device = {f->window, f->hop,    f->points, f->shape.bands, f->scale_bits,
                                f->hann,   f->cosine, f->first,  f->rise,        f->log2};
    int16_t ring[MAX_POINTS], frame[MAX_BANDS];
    int32_t work[MAX_POINTS];
    uint32_t hash = 0;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < f->window; k++)
            ring[k] = lm_signal((uint32_t)(i * f->hop + k));
        lm_frontend_frame(&device, ring, 0, work, frame);
        hash = lm_hash(frame, 2, 2U * (uint32_t)f->shape.bands, hash);
    }
    return hash;
}
