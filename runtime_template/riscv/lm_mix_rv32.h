/* lm_mix.h for RV32IM[C]: eight sums of values share the loads of the weights, and slots that weigh
 * nothing are passed over. Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_MIX_H
#define LM_MIX_H

/* Weights (n) times 8 elements of the values, `apart` from slot to slot -> mix (8). */
LM_FUNCTION void lm_mix_8(const int32_t *weights, const int8_t *v, int32_t n, int32_t apart,
                          int32_t *mix)
{
    int32_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    for (const int32_t *end = weights + n; weights != end; weights++) {
        const int32_t w = *weights;
        if (w != 0) {
            a += w * v[0];
            b += w * v[1];
            c += w * v[2];
            d += w * v[3];
            e += w * v[4];
            f += w * v[5];
            g += w * v[6];
            h += w * v[7];
        }
        v += apart;
    }
    mix[0] = a;
    mix[1] = b;
    mix[2] = c;
    mix[3] = d;
    mix[4] = e;
    mix[5] = f;
    mix[6] = g;
    mix[7] = h;
}

LM_INLINE void lm_mix_values(const int32_t *weights, const int8_t *values, int32_t n, int32_t row,
                             int32_t dim, int32_t *mix)
{
    int32_t d = 0;
    for (; d + 8 <= dim; d += 8) {
        lm_mix_8(weights, values + d, n, row * dim, mix + d);
    }
    for (; d < dim; d++) {
        const int8_t *v = values + d;
        int32_t acc = 0;
        for (int32_t j = 0; j < n; j++) {
            acc += weights[j] * *v;
            v += row * dim;
        }
        mix[d] = acc;
    }
}

#endif
