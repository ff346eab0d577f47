/* Logits of the float reference, or of the integer program, for comparison with other code:
 *
 *     dump_logits reference MODEL OUT.f32 TOKEN...     one row of float32 for each token
 *     dump_logits simulate MODEL OUT.f32 TOKEN...      likewise, of the program at 8 bits
 *     dump_logits greedy MODEL N START                 N ids after START, of the float reference */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond every sequence that is compared: nothing leaves the cache, but where the model says so. */
static int window_of(const Model *m)
{
    return strcmp(m->family, "mistral") == 0 ? m->context : 1024;
}

static const float *step_program(Simulator *s, int token, int vocab, float *logits)
{
    const int32_t *fixed = simulator_step(s, token);
    for (int i = 0; i < vocab; i++)
        logits[i] = (float)fixed[i] / (float)(1 << LOGIT_FRACTION);
    return logits;
}

static void dump(Unit *u, bool simulate, const char *path, int n, char **tokens)
{
    const int vocab = u->model->vocab;
    FILE *out = fopen(path, "wb");
    if (!out)
        fatal("%s: cannot be written", path);
    if (simulate)
        run_passes(u, NULL, NULL, NULL);
    else
        run_passes(u, "fold", NULL, NULL);
    Reference *r = simulate ? NULL : reference_new(u->arena, u->model, window_of(u->model), 0);
    Simulator *s = simulate ? simulator_new(u->arena, u) : NULL;
    float *logits = NEW(u->arena, float, vocab);
    for (int i = 0; i < n; i++) {
        const int token = atoi(tokens[i]);
        const float *row = r ? reference_step(r, token) : step_program(s, token, vocab, logits);
        fwrite(row, sizeof *row, (size_t)vocab, out);
    }
    if (ferror(out) || fclose(out))
        fatal("%s: cannot be written", path);
}

static void greedy(Unit *u, int n, int token)
{
    run_passes(u, "fold", NULL, NULL);
    Reference *r = reference_new(u->arena, u->model, window_of(u->model), 0);
    for (int i = 0; i < n; i++) {
        const float *row = reference_step(r, token);
        token = 0;
        for (int k = 1; k < u->model->vocab; k++)
            token = row[k] > row[token] ? k : token;
        printf("%d%c", token, i + 1 < n ? ' ' : '\n');
    }
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: dump_logits reference|simulate|greedy MODEL ...\n");
        return 2;
    }
    Arena *a = arena_new();
    Unit u = {.arena = a, .recipe = recipe_default(a), .target = target_load(a, "host")};
    u.model = import_model(a, argv[2], NULL);
    if (strcmp(argv[1], "greedy") == 0)
        greedy(&u, atoi(argv[3]), atoi(argv[4]));
    else
        dump(&u, strcmp(argv[1], "simulate") == 0, argv[3], argc - 4, argv + 4);
    arena_free(a);
    return 0;
}
