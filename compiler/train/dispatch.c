/* Picks the inner loops for this machine, and spreads products over threads. */
#include "train/loops.h"

#include <stdint.h>

/* Multiplications, about a millisecond: on a busy host a barrier costs as much. */
#define PARALLEL_WORK (1 << 24)

extern const Loops loops_plain;
#if defined(__x86_64__)
extern const Loops loops_avx2, loops_avx512;
#endif

const Loops *loops(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        return &loops_avx512;
    }
    if (__builtin_cpu_supports("avx2")) {
        return &loops_avx2;
    }
#endif
    return &loops_plain;
}

void product(const Product *p)
{
    const Loops *with = loops();
    const int panels = (p->n + PANEL - 1) / PANEL;
#pragma omp parallel for if ((int64_t)p->m * p->n * p->k >= PARALLEL_WORK)
    for (int i = 0; i < panels; i++) {
        with->product(p, i);
    }
}
