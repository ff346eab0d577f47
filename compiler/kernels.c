/* The matvec kernels in one table: what format each reads, what it needs, what it costs. Costs are
 * instructions on a 32-bit core, from the inner loops of the runtime files; `choose` weighs them.
 */
#include "program.h"

#include <string.h>

const char *const table_names[TABLE_FORMS] = {"none", "byte", "nibble", "trit"};

/* Entries per group of inputs, and inputs per group. */
static const struct {
    int entries, inputs;
} table_shape[TABLE_FORMS] = {
    [TABLE_NONE] = {0, 1},
    [TABLE_BYTE] = {256, 8},
    [TABLE_NIBBLE] = {32, 8},
    [TABLE_TRIT] = {256, 5},
};

int table_entries(TableForm f, int cols)
{
    const int groups = (cols + table_shape[f].inputs - 1) / table_shape[f].inputs;
    return groups * table_shape[f].entries;
}

static int64_t groups_of(int cols, int inputs)
{
    return (cols + inputs - 1) / inputs;
}

/* Per lookup: load the code, load the sum, add. Per row: scales, codebook, loop. */
static int64_t cost_planes_byte(int rows, int cols, int planes)
{
    return (int64_t)rows * (groups_of(cols, 8) * 3 * planes + 8 + 4 * planes);
}

/* Per byte: load, mask, shift, two loads of sums, two adds. */
static int64_t cost_planes_nibble(int rows, int cols, int planes)
{
    return (int64_t)rows * (groups_of(cols, 8) * 7 * planes + 8 + 4 * planes);
}

static int64_t cost_ternary(int rows, int cols, int planes)
{
    (void)planes;
    return (int64_t)rows * (groups_of(cols, 5) * 3 + 8);
}

static int64_t cost_int8(int rows, int cols, int planes)
{
    (void)planes;
    return (int64_t)rows * ((int64_t)cols * 4 + 12);
}

static int64_t no_table(int cols)
{
    (void)cols;
    return 0;
}

static int64_t table_cost_byte(int cols)
{
    return groups_of(cols, 8) * 256 * 4;
}

static int64_t table_cost_nibble(int cols)
{
    return groups_of(cols, 8) * 32 * 4;
}

static int64_t table_cost_trit(int cols)
{
    return groups_of(cols, 5) * 243 * 4;
}

const Kernel kernels[] = {
    {"planes-byte", "lm_planes_byte", FORMAT_PLANES, TABLE_BYTE, -1, cost_planes_byte,
     table_cost_byte},
    {"planes-nibble", "lm_planes_nibble", FORMAT_PLANES, TABLE_NIBBLE, -1, cost_planes_nibble,
     table_cost_nibble},
    {"ternary-byte", "lm_ternary_byte", FORMAT_TERNARY, TABLE_TRIT, -1, cost_ternary,
     table_cost_trit},
    {"int8", "lm_int8", FORMAT_INT8, TABLE_NONE, -1, cost_int8, no_table},
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
