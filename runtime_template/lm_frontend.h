/* Sound to features: every `hop` samples the logarithms of the power in mel bands of the last
 * `window` samples, by a real FFT in 32-bit fixed point. Exact rules and errors:
 * docs/arithmetic.md. Needs lm_fixed.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_FRONTEND_H
#define LM_FRONTEND_H

/* One front end: sizes, and tables that the compiler made. */
typedef struct lm_frontend {
    int32_t window, hop, points, bands; /* points: of the FFT, a power of two, 64 .. 1024 */
    int32_t scale_bits;                 /* log2 of points */
    const uint16_t *hann;               /* (window + 1) / 2, units of 2^-15: the first half */
    const int16_t *cosine;              /* points / 4 + 1, 2^15 cos(2 pi k / points) */
    const uint16_t *first;              /* bands + 2: the first bin of each slope */
    const uint16_t *rise;               /* from bin first[0] on, units of 2^-15 */
    const uint16_t *log2;               /* 65: 2^15 log2(1 + i / 64) */
} lm_frontend;

/* Units of a feature: 1 / 256 of an octave of power; of a byte 1 / 8, 0 being 2^28. */
#define LM_FRONTEND_OCTAVE 256
#define LM_FRONTEND_ZERO 28

/* value * 2^exponent */
typedef struct lm_sum {
    uint32_t value;
    int32_t exponent;
} lm_sum;

/* The largest |x| of the last samples, in bits: at most 15 (of -32768 too, see lm_size). */
LM_INLINE int32_t lm_sample_bits(const int16_t *samples, int32_t n)
{
    uint32_t bits = 0;
    for (int32_t i = 0; i < n; i++) {
        bits |= lm_size(samples[i]);
    }
    return lm_bits(bits);
}

/* The ring (oldest sample at `at`) times the window -> work (points), in pairs whose numbers are
 * bit-reversed, of at most 30 - scale_bits bits. Gives e: a unit of work is 2^e of a sample's. */
LM_INLINE int32_t lm_frontend_load(const lm_frontend *f, const int16_t *ring, int32_t at,
                                   int32_t *work)
{
    const int32_t shift = 30 - f->scale_bits - lm_sample_bits(ring, f->window) - 15;
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift < 0 ? -shift : 0;
    uint32_t pair = 0; /* bit-reversed */
    memset(work, 0, sizeof(int32_t) * (uint32_t)f->points);
    for (int32_t i = 0; i < f->window; i++) {
        const int32_t mirror = f->window - 1 - i;
        const int32_t weight = f->hann[i < mirror ? i : mirror];
        const int32_t y = ring[at] * weight;
        work[2U * pair + ((uint32_t)i & 1U)] = (int32_t)((uint32_t)y << left) >> right;
        at = at + 1 == f->window ? 0 : at + 1;
        if ((i & 1) != 0) {
            uint32_t bit = (uint32_t)f->points >> 2;
            while ((pair & bit) != 0U) {
                pair ^= bit;
                bit >>= 1;
            }
            pair |= bit;
        }
    }
    return -15 - shift;
}

/* a, b -> a + t, a - t; t a half of what is added. */
LM_INLINE void lm_butterfly(int32_t *a, int32_t *b, int32_t real, int32_t imaginary)
{
    const int32_t ar = a[0];
    const int32_t ai = a[1];
    a[0] = ar + 2 * real;
    a[1] = ai + 2 * imaginary;
    b[0] = ar - 2 * real;
    b[1] = ai - 2 * imaginary;
}

/* The butterflies of one group whose factors are 1 and -i: no product. z: 2 * half pairs */
LM_INLINE void lm_butterflies_plain(int32_t *z, int32_t half)
{
    int32_t *b = z + 2 * half;
    const int32_t ar = z[0];
    const int32_t ai = z[1];
    z[0] = ar + b[0];
    z[1] = ai + b[1];
    b[0] = ar - b[0];
    b[1] = ai - b[1];
    if (half > 1) {
        int32_t *c = z + half;
        int32_t *d = c + 2 * half;
        const int32_t cr = c[0];
        const int32_t ci = c[1];
        const int32_t dr = d[0];
        c[0] = cr + d[1];
        c[1] = ci - dr;
        d[0] = cr - d[1];
        d[1] = ci + dr;
    }
}

/* Two butterflies, half / 2 apart, whose factors are c - i s and -i times that. */
LM_INLINE void lm_butterflies(int32_t *z, int32_t half, int32_t c, int32_t s)
{
    int32_t *b = z + 2 * half;
    int32_t *d = b + half;
    const int32_t br = lm_mul_half(b[0], c) + lm_mul_half(b[1], s);
    const int32_t bi = lm_mul_half(b[1], c) - lm_mul_half(b[0], s);
    const int32_t dr = lm_mul_half(d[0], c) + lm_mul_half(d[1], s);
    const int32_t di = lm_mul_half(d[1], c) - lm_mul_half(d[0], s);
    lm_butterfly(z, b, br, bi);
    lm_butterfly(z + half, d, di, -dr);
}

/* The FFT of points / 2 complex numbers, in place, from bit-reversed order: decimation in time
 * (Cooley and Tukey 1965), two at a time. Nothing is scaled: `load` left the bits that it takes. */
LM_INLINE void lm_frontend_fft(const lm_frontend *f, int32_t *z)
{
    const int32_t pairs = f->points >> 1;
    const int32_t quarter = f->points >> 2;
    int32_t step = pairs;
    for (int32_t half = 1; half < pairs; half *= 2, step >>= 1) {
        for (int32_t i = 0; i < pairs; i += 2 * half) {
            lm_butterflies_plain(z + 2 * i, half);
        }
        for (int32_t j = 1; 2 * j < half; j++) {
            const int32_t angle = j * step;
            const int32_t c = f->cosine[angle];
            const int32_t s = f->cosine[quarter - angle];
            for (int32_t i = j; i < pairs; i += 2 * half) {
                lm_butterflies(z + 2 * i, half, c, s);
            }
        }
    }
}

/* Pairs (even samples, odd samples) -> the spectrum of both, bins 1 .. points / 2 - 1. */
LM_INLINE void lm_frontend_split(const lm_frontend *f, int32_t *z)
{
    const int32_t quarter = f->points >> 2;
    for (int32_t k = 1; k < quarter; k++) {
        int32_t *a = z + 2 * k;
        int32_t *b = z + f->points - 2 * k;
        const int32_t c = f->cosine[k];
        const int32_t s = f->cosine[quarter - k];
        const int32_t even_r = (a[0] + b[0]) >> 1;
        const int32_t even_i = (a[1] - b[1]) >> 1;
        const int32_t odd_r = (a[1] + b[1]) >> 1;
        const int32_t odd_i = (b[0] - a[0]) >> 1;
        const int32_t r = 2 * (lm_mul_half(odd_r, c) + lm_mul_half(odd_i, s));
        const int32_t i = 2 * (lm_mul_half(odd_i, c) - lm_mul_half(odd_r, s));
        a[0] = even_r + r;
        a[1] = even_i + i;
        b[0] = even_r - r;
        b[1] = i - even_i;
    }
}

/* A sum of at most 2^31 - 1 with as many bits as fit. */
LM_INLINE lm_sum lm_sum_of(uint32_t value, int32_t exponent)
{
    const int32_t up = 31 - lm_bits(value);
    lm_sum s;
    s.value = value << up;
    s.exponent = value == 0U ? -32768 : exponent - up;
    return s;
}

LM_INLINE lm_sum lm_sum_add(lm_sum a, lm_sum b)
{
    const int32_t e = a.exponent > b.exponent ? a.exponent : b.exponent;
    lm_sum s;
    s.value = (e - a.exponent > 31 ? 0U : a.value >> (e - a.exponent)) +
              (e - b.exponent > 31 ? 0U : b.value >> (e - b.exponent));
    s.exponent = e;
    return s;
}

/* The power of n bins (at most 127) times their weights (rise) and times what is missing to 1
 * (*fall). exponent: of a unit of z */
LM_INLINE lm_sum lm_frontend_slope(const int32_t *z, const uint16_t *weights, int32_t n,
                                   int32_t exponent, lm_sum *fall)
{
    uint32_t bits = 0;
    for (int32_t i = 0; i < 2 * n; i++) {
        bits |= lm_size(z[i]);
    }
    const lm_window w = lm_window_for(bits);
    uint32_t up = 0;
    uint32_t down = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t r = lm_window_apply(w, z[2 * i]);
        const int32_t j = lm_window_apply(w, z[2 * i + 1]);
        const uint32_t power = ((uint32_t)(r * r) + (uint32_t)(j * j)) >> 15;
        up += (power * weights[i]) >> 7;
        down += (power * (32768U - weights[i])) >> 7;
    }
    exponent = 2 * (exponent + w.right - w.left) + 7;
    *fall = lm_sum_of(down, exponent);
    return lm_sum_of(up, exponent);
}

/* log2 in units of 2^-8, nothing below 0. */
LM_INLINE int16_t lm_frontend_log(const lm_frontend *f, lm_sum s)
{
    const int32_t up = 32 - lm_bits(s.value);
    const uint32_t below = s.value == 0U ? 0U : (s.value << up) << 1; /* less its leading 1 */
    const int32_t whole = s.exponent + 31 - up;
    const uint32_t low = (below >> 16) & 1023U;
    const uint32_t a = f->log2[below >> 26];
    const uint32_t b = f->log2[(below >> 26) + 1U];
    const uint32_t part = a + (((b - a) * low) >> 10);
    return s.value == 0U || whole < 0 ? 0 : (int16_t)(whole * 256 + (int32_t)((part + 64U) >> 7));
}

/* One frame of the last `window` samples. work: points; frame: bands */
LM_FUNCTION void lm_frontend_frame(const lm_frontend *f, const int16_t *ring, int32_t at,
                                   int32_t *work, int16_t *frame)
{
    const int32_t exponent = lm_frontend_load(f, ring, at, work);
    lm_sum rise = {0, -32768};
    lm_frontend_fft(f, work);
    lm_frontend_split(f, work);
    for (int32_t i = 0; i <= f->bands; i++) {
        const int32_t bin = f->first[i];
        lm_sum fall;
        const lm_sum next = lm_frontend_slope(work + 2 * bin, f->rise + (bin - f->first[0]),
                                              f->first[i + 1] - bin, exponent, &fall);
        if (i > 0) {
            frame[i - 1] = lm_frontend_log(f, lm_sum_add(rise, fall));
        }
        rise = next;
    }
}

/* A feature as a byte: rounded, saturated. */
LM_INLINE int8_t lm_frontend_byte(int16_t feature)
{
    const int32_t v = ((feature + 16) >> 5) - 8 * LM_FRONTEND_ZERO;
    return (int8_t)(v < -128 ? -128 : (v > 127 ? 127 : v));
}

#endif
