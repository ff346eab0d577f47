/* The kernel that costs choose against the counts that are recorded (test/bench/baseline.json): by
 * the target's cycles it is the best of the candidates on every core and shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "program.h"

#include <math.h>
#include <stdio.h>

#define BASELINE "test/bench/baseline.json"
#define SLACK 1.02 /* as bench-check has it: costs are fitted */

static const struct {
    const char *target, *core;
} cores[] = {
    {"rp2040", "cortex-m0"},    {"mps2-m3", "cortex-m3"}, {"nrf52840", "cortex-m4"},
    {"stm32h743", "cortex-m7"}, {"rp2350", "cortex-m33"}, {"corstone300", "cortex-m55"},
    {"esp32c3", "rv32imc"},
};

static const struct {
    int rows, cols;
} shapes[] = {{64, 64}, {172, 64}, {64, 172}, {256, 256}, {512, 512}};

static const struct {
    Format format;
    int planes;
    bool signs; /* all that the input holds */
} formats[] = {{FORMAT_PLANES, 1, false}, {FORMAT_PLANES, 2, false}, {FORMAT_TERNARY, 0, false},
               {FORMAT_INT8, 0, false},   {FORMAT_PLANES, 1, true},  {FORMAT_PLANES, 2, true}};

static double number(const Node *row, const char *key)
{
    const Node *n = node_get(row, key);
    assert_non_null(n);
    return node_double(n, key, 0, 1e12);
}

/* Cycles of a kernel as counted, 0: it was not. */
static double counted(Arena *a, const Node *rows, const char *core, const Kernel *k,
                      const Target *t, int r, int c, int planes)
{
    const Node *row =
        node_get(rows, arena_printf(a, "kernel %s %s %dx%d %d", core, k->function, r, c, planes));
    return row ? cost_cycles((Cost){number(row, "instructions"), number(row, "loads"),
                                    number(row, "stores")},
                             t)
               : 0;
}

/* The chosen kernel's counted cycles over those of the best one. */
static double check_choice(Arena *a, const Node *rows, const char *core, const Target *t, int r,
                           int c, Format f, int planes, bool signs)
{
    double least = INFINITY, chosen = 0, best = INFINITY;
    for (const Kernel *k = kernels; k->name; k++) {
        if (!kernel_reads(k, f, planes) || !kernel_suits(k, t) ||
            (k->table == TABLE_BITS && !signs))
            continue;
        const double cost =
            cost_cycles(kernel_cost(k, t, r, c, planes), t) + cost_cycles(table_cost(k, t, c), t);
        const double real = counted(a, rows, core, k, t, r, c, planes);
        if (real > 0 && cost < least) {
            least = cost;
            chosen = real;
        }
        best = real > 0 && real < best ? real : best;
    }
    assert_true(chosen > 0);
    return chosen / best;
}

static void test_choice(void **state)
{
    (void)state;
    Arena *a = arena_new();
    const Node *rows = node_get(yaml_read(a, BASELINE), "rows");
    double worst = 0;
    int n = 0;
    for (size_t i = 0; i < LENGTH(cores); i++) {
        const Target *t = target_load(a, cores[i].target);
        for (size_t s = 0; s < LENGTH(shapes); s++)
            for (size_t f = 0; f < LENGTH(formats); f++, n++) {
                const double over =
                    check_choice(a, rows, cores[i].core, t, shapes[s].rows, shapes[s].cols,
                                 formats[f].format, formats[f].planes, formats[f].signs);
                if (over > SLACK)
                    printf("%s %dx%d %s %d: %.3f of the best\n", cores[i].core, shapes[s].rows,
                           shapes[s].cols, format_names[formats[f].format], formats[f].planes,
                           over);
                worst = over > worst ? over : worst;
            }
    }
    printf("%d choices, the worst takes %.3f of the best one's cycles\n", n, worst);
    assert_true(worst <= SLACK);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
