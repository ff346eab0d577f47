/* Writes runtime_template/lm_tables.h, the tables behind the runtime's exp2, silu, sine and int8
 * scaling, or with the argument "gelu" lm_gelu_table.h, "gelu-erf" lm_gelu_erf_table.h, rounded
 * from long double. `make tables` runs it; a test compares the result. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

/* x - gelu(x) for x >= 0 in the tanh form: x / (1 + e^(2 t)), t its argument. */
static long double gelu_missing(int i)
{
    const long double x = i / 64.0L;
    const long double t = sqrtl(2 / PI) * (x + 0.044715L * x * x * x);
    return 32768.0L * x / (1.0L + expl(2 * t));
}

/* The same of x P(X <= x), X normal: x P(X > x). */
static long double gelu_erf_missing(int i)
{
    const long double x = i / 64.0L;
    return 32768.0L * x * erfcl(x / sqrtl(2)) / 2;
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

static const struct Table gelu = {"lm_gelu_table", "2^15 * (x - gelu(x)), x = i / 64, up to 8", 513,
                                  gelu_missing};
static const struct Table gelu_erf = {"lm_gelu_erf_table",
                                      "2^15 * x P(X > x) of a normal X, x = i / 64, up to 8", 513,
                                      gelu_erf_missing};

static long double tanh_positive(int i)
{
    return 32768.0L * tanhl(i / 64.0L);
}

static const struct Table tanh_table = {"lm_tanh_table", "2^15 * tanh(i / 64), up to 8", 513,
                                        tanh_positive};

static void print_table(const struct Table *t)
{
    printf("\n/* [i] = %s */\nstatic const uint16_t %s[%d] = {", t->what, t->name, t->n);
    for (int i = 0; i < t->n; i++) {
        printf("%s%uU,", i % 12 == 0 ? "\n    " : " ", (unsigned)roundl(t->value(i)));
    }
    printf("\n};\n");
}

static void print_head(const char *guard)
{
    printf("/* Tables of the runtime, written by compiler/make_tables.c: do not edit.\n"
           " * Needs lm_port.h. SPDX-License-Identifier: 0BSD */\n"
           "#ifndef %s\n#define %s\n",
           guard, guard);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "gelu") == 0) {
        print_head("LM_GELU_TABLE_H");
        print_table(&gelu);
    } else if (argc > 1 && strcmp(argv[1], "gelu-erf") == 0) {
        print_head("LM_GELU_ERF_TABLE_H");
        print_table(&gelu_erf);
    } else if (argc > 1 && strcmp(argv[1], "tanh") == 0) {
        print_head("LM_TANH_TABLE_H");
        print_table(&tanh_table);
    } else {
        print_head("LM_TABLES_H");
        for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
            print_table(&tables[i]);
        }
    }
    printf("\n#endif\n");
    return ferror(stdout) || fflush(stdout) != 0;
}
