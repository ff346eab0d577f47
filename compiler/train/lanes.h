/* Sixteen floats at once, as GCC and clang vectors: the compiler splits them for narrower machines,
 * and every width gives the same bytes because no operation mixes lanes. */
#ifndef LMCC_TRAIN_LANES_H
#define LMCC_TRAIN_LANES_H

#include <stdint.h>
#include <string.h>

#define LANES 16
#define INLINE static inline __attribute__((always_inline))

typedef float Lanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t LanesInt __attribute__((vector_size(64), aligned(4), may_alias));

INLINE Lanes lanes_load(const float *p)
{
    return *(const Lanes *)p;
}

INLINE void lanes_store(float *p, Lanes v)
{
    *(Lanes *)p = v;
}

INLINE Lanes lanes_all(float x)
{
    return x - (Lanes){0};
}

/* The first n of them; the others are 0. */
INLINE Lanes lanes_load_part(const float *p, int n)
{
    Lanes v = {0};
    if (n == LANES) { /* as nearly always: worth a branch */
        return lanes_load(p);
    }
    memcpy(&v, p, (size_t)n * sizeof(float));
    return v;
}

INLINE void lanes_store_part(float *p, Lanes v, int n)
{
    if (n == LANES) {
        lanes_store(p, v);
    } else {
        memcpy(p, &v, (size_t)n * sizeof(float));
    }
}

INLINE Lanes lanes_and(Lanes v, LanesInt mask)
{
    return (Lanes)((LanesInt)v & mask);
}

INLINE Lanes lanes_max(Lanes a, Lanes b)
{
    const LanesInt above = a > b;
    return (Lanes)(((LanesInt)a & above) | ((LanesInt)b & ~above));
}

/* All lanes added by halves. */
INLINE float lanes_sum(Lanes v)
{
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            v[i] += v[i + half];
        }
    }
    return v[0];
}

/* e^x to 2 ulp for x <= 88, e^88 above, and 0 below -87: x = k ln 2 + f, |f| <= ln 2 / 2, and Taylor's
 * polynomial of degree 6 for e^f, whose next term is 1.2e-7. */
INLINE Lanes lanes_exp(Lanes x)
{
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it leaves whole numbers */
    const LanesInt live = x > -87.0f;
    const LanesInt small = x < 88.0f;
    x = lanes_and(x, live & small) + lanes_and((Lanes){0} + 88.0f, ~small);
    const Lanes shifted = x * 1.44269504f + round;
    const Lanes k = shifted - round;
    const Lanes f = (x - k * 0.693359375f) + k * 2.12194440e-4f;
    Lanes p = f * (1.0f / 720) + (1.0f / 120);
    p = p * f + (1.0f / 24);
    p = p * f + (1.0f / 6);
    p = p * f + 0.5f;
    p = p * f + 1.0f;
    p = p * f + 1.0f;
    const LanesInt power = ((LanesInt)shifted << 23) + (127 << 23); /* low bits of shifted: k */
    return lanes_and(p * (Lanes)power, live);
}

#endif
