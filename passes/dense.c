/* Dense linear algebra in double, in one fixed summation order: a triangular factor and solves with
 * it. The factor is the "reverse" Cholesky one, upper times its transpose, because that is the one
 * whose columns say how an error made early spreads to the columns that are still to come. */
#include "gptq.h"

#include <math.h>
#include <string.h>

#define LANES 8 /* partial sums, so that a dot product vectorizes */

double dense_dot(const double *x, const double *y, int n)
{
    double sum[LANES] = {0};
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            sum[k] += x[i + k] * y[i + k];
        }
    }
    for (int k = 0; i + k < n; k++) {
        sum[k] += x[i + k] * y[i + k];
    }
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

void dense_add(double *y, double factor, const double *x, int n)
{
#pragma omp simd
    for (int i = 0; i < n; i++) {
        y[i] += factor * x[i];
    }
}

/* Column j of the factor from the last to the first: r[i][j] = (m[i][j] - sum over k > j of
 * r[i][k] r[j][k]) / r[j][j]. */
void dense_factor(double *m, int n)
{
    size_t stride = (size_t)n;
    for (int j = n - 1; j >= 0; j--) {
        double *own = m + (size_t)j * stride;
        int after = n - 1 - j;
        double pivot = own[j] - dense_dot(own + j + 1, own + j + 1, after);
        own[j] = sqrt(fmax(pivot, 1e-14 * fabs(own[j]) + 1e-300));
#pragma omp parallel for if ((int64_t)j * after >= PARALLEL_WEIGHTS)
        for (int i = 0; i < j; i++) {
            double *row = m + (size_t)i * stride;
            row[j] = (row[j] - dense_dot(row + j + 1, own + j + 1, after)) / own[j];
        }
        memset(own, 0, (size_t)j * sizeof(double));
    }
}

/* x r = z, then z r^T = b, backwards: z r^T = b has z[j] = (b[j] - sum over k > j of z[k] r[j][k])
 * / r[j][j]; x r = z has x[j] = (z[j] - sum over k < j of x[k] r[k][j]) / r[j][j]. */
void dense_solve(const double *r, int n, double *b, int rows)
{
#pragma omp parallel for if ((int64_t)rows * n * n >= PARALLEL_WEIGHTS)
    for (int row = 0; row < rows; row++) {
        double *x = b + (size_t)row * (size_t)n;
        for (int j = n - 1; j >= 0; j--) {
            const double *own = r + (size_t)j * (size_t)n;
            x[j] = (x[j] - dense_dot(x + j + 1, own + j + 1, n - 1 - j)) / own[j];
        }
        for (int j = 0; j < n; j++) {
            const double *own = r + (size_t)j * (size_t)n;
            x[j] /= own[j];
            dense_add(x + j + 1, -x[j], own + j + 1, n - 1 - j);
        }
    }
}
