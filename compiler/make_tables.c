/* Writes runtime_template/lm_tables.h: the tables behind the runtime's exp2, silu, sine and
 * int8 scaling, rounded from long double. `make tables` runs it; a test compares the result. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>

static const long double PI = 3.141592653589793238462643383279502884L;

static long double inverse(int i)
{
    return floorl(8388608.0L / (i + 130));
}

static long double exp2_negative(int i)
{
    return 32768.0L * exp2l(-i / 64.0L);
}

static long double exp2_fine(int i)
{
    return 32768.0L * exp2l(-i / 512.0L);
}

static long double silu_negative(int i)
{
    return 1024.0L * i / (1.0L + expl(i / 32.0L));
}

static long double sine(int i)
{
    return i > 256 ? 32768.0L : 32768.0L * sinl(PI / 2 * i / 256);
}

static const struct Table {
    const char *name, *what;
    int n;
    long double (*value)(int i);
} tables[] = {
    {"lm_inverse", "floor(2^23 / m), m = 130 + i", 130, inverse},
    {"lm_exp2_table", "2^15 * 2^(-i / 64)", 65, exp2_negative},
    {"lm_exp2_fine", "2^15 * 2^(-i / 512)", 512, exp2_fine},
    {"lm_silu_table", "2^15 * x / (1 + e^x), x = i / 32, up to 16", 513, silu_negative},
    {"lm_sine_table", "2^15 * sin(pi/2 * i / 256), the last entry twice", 258, sine},
};

static void print_table(const struct Table *t)
{
    printf("\n/* [i] = %s */\nstatic const uint16_t %s[%d] = {", t->what, t->name, t->n);
    for (int i = 0; i < t->n; i++) {
        printf("%s%uU,", i % 12 == 0 ? "\n    " : " ", (unsigned)roundl(t->value(i)));
    }
    printf("\n};\n");
}

int main(void)
{
    printf("/* Tables of the runtime, written by compiler/make_tables.c: do not edit.\n"
           " * Needs lm_port.h. SPDX-License-Identifier: 0BSD */\n"
           "#ifndef LM_TABLES_H\n#define LM_TABLES_H\n");
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        print_table(&tables[i]);
    }
    printf("\n#endif\n");
    return ferror(stdout) || fflush(stdout) != 0;
}
