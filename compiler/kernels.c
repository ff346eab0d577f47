/* The matvec kernels in one table: what format each reads, through which table, from which runtime
 * file, on which cores. Costs were measured: kernel_costs.c; `choose` weighs them. */
#include "kernel_costs.h"

#include <string.h>

const char *const table_names[TABLE_FORMS] = {"none", "byte", "nibble", "trit", "bits"};

/* Entries per group of inputs, and inputs per group. */
static const struct {
    int entries, inputs;
} table_shape[TABLE_FORMS] = {
    [TABLE_NONE] = {0, 1},   [TABLE_BYTE] = {256, 8}, [TABLE_NIBBLE] = {32, 8},
    [TABLE_TRIT] = {256, 5}, [TABLE_BITS] = {2, 8},
};

const Kernel kernels[] = {
    {.name = "planes-byte",
     .function = "lm_planes_byte",
     .table_function = "lm_table_byte",
     .part_function = "lm_planes_byte_part",
     .file = "lm_planes.h",
     .pair_function = "lm_planes_pair_byte",
     .pair_table_function = "lm_table_pair_byte",
     .pair_file = "lm_pairs.h",
     .format = FORMAT_PLANES,
     .table = TABLE_BYTE,
     .needs = -1},
    {.name = "planes-byte-thumb1",
     .function = "lm_planes_byte_thumb1",
     .table_function = "lm_table_byte_thumb1",
     .part_function = "lm_planes_byte_thumb1_part",
     .file = "arm/lm_planes_thumb1.h",
     .pair_function = "lm_planes_pair_byte_thumb1",
     .pair_table_function = "lm_table_pair_byte_thumb1",
     .pair_file = "arm/lm_pairs_thumb1.h",
     .format = FORMAT_PLANES,
     .table = TABLE_BYTE,
     .needs = FEATURE_THUMB1},
    {.name = "planes-byte-thumb2",
     .function = "lm_planes_byte_thumb2",
     .table_function = "lm_table_byte_thumb2",
     .part_function = "lm_planes_byte_thumb2_part",
     .file = "arm/lm_planes_thumb2.h",
     .pair_function = "lm_planes_pair_byte_thumb2",
     .pair_table_function = "lm_table_pair_byte_thumb2",
     .pair_file = "arm/lm_pairs_thumb2.h",
     .format = FORMAT_PLANES,
     .table = TABLE_BYTE,
     .needs = FEATURE_THUMB2},
    {.name = "planes-byte-rv32",
     .function = "lm_planes_byte_rv32",
     .table_function = "lm_table_byte_rv32",
     .part_function = "lm_planes_byte_rv32_part",
     .file = "riscv/lm_planes_rv32.h",
     .pair_function = "lm_planes_pair_byte_rv32",
     .pair_table_function = "lm_table_pair_byte_rv32",
     .pair_file = "riscv/lm_pairs_rv32.h",
     .format = FORMAT_PLANES,
     .table = TABLE_BYTE,
     .needs = FEATURE_RV32IMC},
    {.name = "planes-byte-mve",
     .function = "lm_planes_byte_mve",
     .table_function = "lm_table_byte_mve",
     .part_function = "lm_planes_byte_mve_part",
     .file = "arm/lm_planes_mve.h",
     .format = FORMAT_PLANES,
     .table = TABLE_BYTE,
     .needs = FEATURE_MVE},
    {.name = "planes-nibble",
     .function = "lm_planes_nibble",
     .table_function = "lm_table_nibble",
     .part_function = "lm_planes_nibble_part",
     .file = "lm_planes.h",
     .format = FORMAT_PLANES,
     .table = TABLE_NIBBLE,
     .needs = -1},
    {.name = "planes-direct",
     .function = "lm_planes_direct",
     .file = "lm_planes_direct.h",
     .format = FORMAT_PLANES,
     .table = TABLE_NONE,
     .needs = -1},
    {.name = "planes-xnor",
     .function = "lm_planes_xnor",
     .table_function = "lm_table_bits",
     .file = "lm_xnor.h",
     .format = FORMAT_PLANES,
     .table = TABLE_BITS,
     .needs = -1},
    {.name = "planes-xnor-thumb2",
     .function = "lm_planes_xnor_thumb2",
     .table_function = "lm_table_bits",
     .file = "arm/lm_xnor_thumb2.h",
     .format = FORMAT_PLANES,
     .table = TABLE_BITS,
     .needs = FEATURE_THUMB2},
    {.name = "planes-xnor-mve",
     .function = "lm_planes_xnor_mve",
     .table_function = "lm_table_bits",
     .file = "arm/lm_xnor_mve.h",
     .format = FORMAT_PLANES,
     .table = TABLE_BITS,
     .needs = FEATURE_MVE},
    {.name = "ternary-byte",
     .function = "lm_ternary_byte",
     .table_function = "lm_table_trit",
     .part_function = "lm_ternary_byte_part",
     .file = "lm_ternary.h",
     .pair_function = "lm_ternary_pair_byte",
     .pair_table_function = "lm_table_pair_trit",
     .pair_file = "lm_pairs.h",
     .format = FORMAT_TERNARY,
     .table = TABLE_TRIT,
     .needs = -1},
    {.name = "ternary-byte-thumb1",
     .function = "lm_ternary_byte_thumb1",
     .table_function = "lm_table_trit_thumb1",
     .part_function = "lm_ternary_byte_thumb1_part",
     .file = "arm/lm_ternary_thumb1.h",
     .pair_function = "lm_ternary_pair_byte_thumb1",
     .pair_table_function = "lm_table_pair_trit_thumb1",
     .pair_file = "arm/lm_pairs_thumb1.h",
     .format = FORMAT_TERNARY,
     .table = TABLE_TRIT,
     .needs = FEATURE_THUMB1},
    {.name = "ternary-byte-thumb2",
     .function = "lm_ternary_byte_thumb2",
     .table_function = "lm_table_trit_thumb2",
     .part_function = "lm_ternary_byte_thumb2_part",
     .file = "arm/lm_ternary_thumb2.h",
     .pair_function = "lm_ternary_pair_byte_thumb2",
     .pair_table_function = "lm_table_pair_trit_thumb2",
     .pair_file = "arm/lm_pairs_thumb2.h",
     .format = FORMAT_TERNARY,
     .table = TABLE_TRIT,
     .needs = FEATURE_THUMB2},
    {.name = "ternary-byte-rv32",
     .function = "lm_ternary_byte_rv32",
     .table_function = "lm_table_trit_rv32",
     .part_function = "lm_ternary_byte_rv32_part",
     .file = "riscv/lm_ternary_rv32.h",
     .pair_function = "lm_ternary_pair_byte_rv32",
     .pair_table_function = "lm_table_pair_trit",
     .pair_file = "riscv/lm_pairs_rv32.h",
     .format = FORMAT_TERNARY,
     .table = TABLE_TRIT,
     .needs = FEATURE_RV32IMC},
    {.name = "ternary-byte-mve",
     .function = "lm_ternary_byte_mve",
     .table_function = "lm_table_trit_mve",
     .part_function = "lm_ternary_byte_mve_part",
     .file = "arm/lm_ternary_mve.h",
     .format = FORMAT_TERNARY,
     .table = TABLE_TRIT,
     .needs = FEATURE_MVE},
    {.name = "int8",
     .function = "lm_int8",
     .file = "lm_int8.h",
     .pair_function = "lm_int8_pair",
     .pair_file = "lm_pairs.h",
     .format = FORMAT_INT8,
     .table = TABLE_NONE,
     .needs = -1},
    {.name = "int8-thumb1",
     .function = "lm_int8_thumb1",
     .file = "arm/lm_int8_thumb1.h",
     .pair_function = "lm_int8_pair_thumb1",
     .pair_file = "arm/lm_int8_pair_thumb1.h",
     .format = FORMAT_INT8,
     .table = TABLE_NONE,
     .needs = FEATURE_THUMB1},
    {.name = "int8-rv32",
     .function = "lm_int8_rv32",
     .file = "riscv/lm_int8_rv32.h",
     .pair_function = "lm_int8_pair_rv32",
     .pair_file = "riscv/lm_int8_pair_rv32.h",
     .format = FORMAT_INT8,
     .table = TABLE_NONE,
     .needs = FEATURE_RV32IMC},
    {.name = "int8-dsp",
     .function = "lm_int8_dsp",
     .file = "arm/lm_int8_dsp.h",
     .pair_function = "lm_int8_pair_dsp",
     .pair_file = "arm/lm_int8_pair_dsp.h",
     .format = FORMAT_INT8,
     .table = TABLE_NONE,
     .needs = FEATURE_DSP},
    {.name = "int8-mve",
     .function = "lm_int8_mve",
     .file = "arm/lm_int8_mve.h",
     .format = FORMAT_INT8,
     .table = TABLE_NONE,
     .align = 16,
     .needs = FEATURE_MVE},
    {.name = NULL},
};

int find_kernel(const char *name)
{
    for (int i = 0; kernels[i].name; i++) {
        if (strcmp(kernels[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* Padding beyond a word pays only where whole vectors are loaded from every row. */
int kernel_align(const Kernel *k, const Target *t)
{
    return k->align > 4 ? (k->align < t->row_align ? k->align : t->row_align) : 4;
}

const Kernel *kernel_twin(const Kernel *k)
{
    const Kernel *p = kernels;
    while (p->name && (p->needs >= 0 || p->format != k->format || p->table != k->table)) {
        p++;
    }
    return p->name ? p : k;
}

static int groups_of(TableForm f, int cols)
{
    return (cols + table_shape[f].inputs - 1) / table_shape[f].inputs;
}

int table_entries(TableForm f, int cols)
{
    return groups_of(f, cols) * table_shape[f].entries;
}

int table_inputs(TableForm f)
{
    return table_shape[f].inputs;
}

bool kernel_reads(const Kernel *k, Format f, int planes)
{
    /* planes-direct and planes-xnor: 8 lanes, no fewer */
    const bool lanes_8 = k->table == TABLE_NONE || k->table == TABLE_BITS;
    return k->format == f &&
           (f != FORMAT_PLANES || !lanes_8 || block_rows(f, planes) * planes == 8);
}

bool kernel_takes_sum(const Kernel *k)
{
    return k->format == FORMAT_PLANES && k->table != TABLE_NONE;
}

/* Cores ---------------------------------------------------------------------------------- */

/* Anything else is taken for a plain 32-bit core. */
CoreClass core_class(const Target *t)
{
    return t->feature[FEATURE_THUMB1]    ? CORE_V6M
           : t->feature[FEATURE_MVE]     ? CORE_MVE
           : t->feature[FEATURE_DSP]     ? CORE_V7EM
           : t->feature[FEATURE_RV32IMC] ? CORE_RV32
                                         : CORE_V7M;
}

/* As lm_heads_at_once, of the file that the core's code has: lm_heads.h or what takes its place. */
int heads_at_once(const Target *t, const Op *attend, const uint8_t *kv_of)
{
    if (!t->feature[FEATURE_THUMB1] || attend->imm[ATTEND_DIM] != 8 ||
        attend->imm[ATTEND_PRE] != 3) {
        return 1;
    }
    for (int h = 1; h < attend->imm[ATTEND_HEADS]; h++) {
        if (kv_of[h] == kv_of[h - 1]) {
            return 2;
        }
    }
    return 1;
}

/* NULL: not measured on such a core, because others are better there. */
static const KernelCost *cost_of(const Kernel *k, const Target *t)
{
    const KernelCost *c = kernel_costs;
    while (c->kernel && (c->core != core_class(t) || strcmp(c->kernel, k->name) != 0)) {
        c++;
    }
    return c->kernel ? c : NULL;
}

bool kernel_suits(const Kernel *k, const Target *t)
{
    return (k->needs < 0 || t->feature[k->needs]) && cost_of(k, t);
}

static Cost dot(const double c[3][4], const double *x)
{
    double sum[3] = {0};
    for (int i = 0; i < 3; i++) {
        for (int n = 0; n < 4; n++) {
            sum[i] += c[i][n] * x[n];
        }
    }
    return (Cost){sum[0], sum[1], sum[2]};
}

Cost kernel_cost(const Kernel *k, const Target *t, int rows, int cols, int planes)
{
    const KernelCost *c = cost_of(k, t);
    const TableForm f = k->format == FORMAT_PLANES ? TABLE_BYTE : k->table;
    const double lanes = (double)rows * (planes > 0 ? planes : 1);
    return c ? dot(c->matvec,
                   (double[]){1, rows, (double)rows * planes, lanes * groups_of(f, cols)})
             : (Cost){0};
}

Cost table_cost(const Kernel *k, const Target *t, int cols)
{
    const KernelCost *c = cost_of(k, t);
    const double groups = groups_of(k->table, cols);
    return c && k->table != TABLE_NONE ? (Cost){c->table[0][0] + c->table[0][1] * groups,
                                                c->table[1][0] + c->table[1][1] * groups,
                                                c->table[2][0] + c->table[2][1] * groups}
                                       : (Cost){0};
}

double cost_cycles(Cost c, const Target *t)
{
    const double other = c.instructions - c.loads - c.stores;
    if (t->cycles_other <= 0) {
        return c.instructions;
    }
    /* a vector's load counts each of its elements */
    return (other > 0 ? other * t->cycles_other : 0) + c.loads * t->cycles_load +
           c.stores * t->cycles_store;
}
