/* The host's matmul. Every output is one dot product in one fixed order: lane i sums the columns
 * i, i + 16, ..., then the lanes fold by halves. Lanes vectorize, threads split only rows, and
 * nothing is contracted (-ffp-contract=off), so the bytes are the same everywhere. */
#include "run.h"

#define LANES 16
#define PARALLEL_WORK (1 << 20) /* multiplications; below this, threads cost more than they save   \
                                 */

static float dot(const float *w, const float *x, int n)
{
    float sum[LANES] = {0};
    int c = 0;
    for (; c + LANES <= n; c += LANES) {
        for (int i = 0; i < LANES; i++) {
            sum[i] += w[c + i] * x[c + i];
        }
    }
    for (int i = 0; c + i < n; i++) {
        sum[i] += w[c + i] * x[c + i];
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            sum[i] += sum[i + half];
        }
    }
    return sum[0];
}

void matmul(const float *w, int rows, int cols, const float *x, int n, float *y)
{
#pragma omp parallel for if ((int64_t)rows * cols * n >= PARALLEL_WORK)
    for (int r = 0; r < rows; r++) {
        const float *row = w + (size_t)r * (size_t)cols;
        for (int i = 0; i < n; i++) {
            y[(size_t)i * (size_t)rows + (size_t)r] = dot(row, x + (size_t)i * (size_t)cols, cols);
        }
    }
}
