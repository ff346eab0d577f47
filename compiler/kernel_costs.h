/* Measured costs of the kernels, by class of cores. */
#ifndef LMCC_KERNEL_COSTS_H
#define LMCC_KERNEL_COSTS_H

#include "program.h"

/* Cores whose instruction counts agree. */
typedef enum CoreClass { CORE_V6M, CORE_V7M, CORE_V7EM, CORE_MVE, CORE_RV32 } CoreClass;

CoreClass core_class(const Target *t); /* compiler/kernels.c */

typedef struct KernelCost {
    const char *kernel;
    CoreClass core;
    /* [instructions, loads, stores][a call, a row, a plane of a row, a step of a lane] */
    double matvec[3][4];
    /* [instructions, loads, stores][a call, a group of inputs] */
    double table[3][2];
} KernelCost;
extern const KernelCost kernel_costs[]; /* compiler/kernel_costs.c; ends with a NULL kernel */

#endif
