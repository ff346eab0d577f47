/* The verifier: runs after every pass, in every build. What it finds is a bug in the pass, unless
 * the unit was just read from a text IR. */
#include "verify.h"

#include <stdio.h>

void broken(const Verifier *v, const char *fmt, ...)
{
    char why[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    if (!v->after) {
        fatal("%s: invalid IR: %s", v->model->path, why);
    }
    die("after %s: %s", v->after, why);
}

bool holds(const Verifier *v, Fact f)
{
    return (v->unit->facts & f) != 0;
}

/* Facts come one on top of the other, as the passes that give them need each other. */
static void check_facts(const Verifier *v)
{
    const unsigned facts = v->unit->facts;
    for (const Pass *p = passes; p->name; p++) {
        for (int i = 0; i < N_FACTS; i++) {
            if ((facts & p->gives) && (p->needs & ~facts) >> i & 1) {
                broken(v, "facts: what pass %s gives holds, but not %s, which it needs", p->name,
                       fact_names[i]);
            }
        }
    }
    if (holds(v, FACT_LOWERED) != (v->program != NULL)) {
        broken(v, "facts: %s",
               v->program ? "there is a program, but not \"lowered\""
                          : "\"lowered\", but there is no program");
    }
}

void verify(const Unit *u, const char *after)
{
    const Verifier v = {u, u->model, u->program, after};
    check_facts(&v);
    verify_model(&v);
    if (u->program) {
        verify_program(&v);
        verify_matrices(&v);
        verify_memory(&v);
    }
}
