/* The factors that ops multiply with: scales as constants, and those of activations that are fixed
 * when compiling. */
#include "lower.h"

#include <math.h>

uint32_t to_mantissa(double v, int *e)
{
    const double f = frexp(v, e);
    const double m = nearbyint(f * 65536);
    *e -= 16;
    return m > 65535 ? 65535 : (uint32_t)m;
}

int64_t to_scale(double v)
{
    int e;
    const uint32_t m = to_mantissa(v, &e);
    return (int64_t)e * 65536 + m;
}

int64_t static_scale(const Linear *reader)
{
    return reader->input_clip > 0 ? to_scale((double)reader->input_clip / 127) : 0;
}

int64_t given_scale(const Lowering *w, const Block *b, Role role)
{
    return w->model->sub_norm ? 0 : static_scale(&b->linear[role]);
}

double over_scale(int64_t scale)
{
    return scale ? 1 / scale_value(scale) : 1;
}

void fix_scale(Op *op, Places at, int64_t wanted, double unit, int bits)
{
    if (wanted == 0)
        return;
    const int right = bits > 22 ? bits - 22 : 0; /* with 8 bits of factor: 2^30 */
    const double factor = ldexp(unit, right) / scale_value(wanted);
    int e;
    frexp(factor, &e);
    const int down = e > 8 ? 0 : 8 - e > 30 ? 30 : 8 - e; /* else all is 0, or all is 127 */
    const double mul = fmin(nearbyint(ldexp(factor, down)), 256);
    op->imm[at.scale] = down == 8 - e ? to_scale(ldexp(unit, right + down) / mul) : wanted;
    op->imm[at.mul] = (int64_t)mul;
    op->imm[at.down] = down;
    if (at.right >= 0)
        op->imm[at.right] = right;
}
