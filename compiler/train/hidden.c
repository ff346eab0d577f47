/* How far a layer's output is from the original's, token by token: a few tokens have a stream many
 * times as large as the others', so each counts by its own size. */
#include "train/trainer.h"

double hidden_error(float *own, const float *goal, int n, int dim, float weight)
{
    double sum = 0;
    for (int t = 0; t < n; t++, own += dim, goal += dim) {
        double mean = 0, spread = 1e-20, error = 0;
        for (int i = 0; i < dim; i++) {
            mean += (double)goal[i] / dim;
        }
        for (int i = 0; i < dim; i++) {
            const double off = (double)own[i] - (double)goal[i];
            spread += ((double)goal[i] - mean) * ((double)goal[i] - mean);
            error += off * off;
        }
        for (int i = 0; i < dim; i++) {
            own[i] = (float)(2 * (double)weight / spread * ((double)own[i] - (double)goal[i]));
        }
        sum += error / spread;
    }
    return sum;
}
