/* What an encoder's head gives, for comparison with other code:
 *
 *     dump_encoder reference MODEL TOKENS.txt OUT.f32     of the float reference
 *     dump_encoder simulate MODEL TOKENS.txt OUT.f32      of the integer program at 8 bits
 *
 * Each line of TOKENS is a sequence, of two texts with a | before those of type 1; for each OUT
 * gets rows of float32: one of CLASS and EMBED, one a token of LABEL and MASK. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 512 /* tokens, or bytes of a clip */

/* Ids or bytes of a line; gives their number. */
static int read_line(const char *line, int *tokens, int *second)
{
    char *end;
    int n = 0;
    *second = MOST;
    for (long id = strtol(line, &end, 10); end != line && n < MOST; id = strtol(line, &end, 10)) {
        tokens[n++] = (int)id;
        line = end;
        if (strncmp(line, " |", 2) == 0) {
            *second = n;
            line += 2;
        }
    }
    return n;
}

/* Bytes of frames are as many tokens as there are. */
static int tokens_of(const Model *m, int n)
{
    return model_reads_frames(m) ? m->context : n;
}

static void dump_reference(Unit *u, const char *line, FILE *out)
{
    static int tokens[MOST];
    EncoderReference *r = encoder_reference_new(u->arena, u->model, MOST);
    int second;
    const int n = tokens_of(u->model, read_line(line, tokens, &second));
    encoder_reference_read_pair(r, tokens, n, second);
    for (int t = 0; t < (model_each_token(u->model) ? n : 1); t++)
        fwrite(encoder_reference_output(r, t), sizeof(float), (size_t)model_outputs(u->model), out);
}

/* Fixed-point numbers of the integer program's head. */
static void write_fixed(const Model *m, const int32_t *v, FILE *out)
{
    const int fraction = m->head_kind == HEAD_EMBED ? 15 : LOGIT_FRACTION;
    for (int i = 0; i < model_outputs(m); i++) {
        const float x = (float)v[i] / (float)(1 << fraction);
        fwrite(&x, sizeof x, 1, out);
    }
}

static void dump_program(Unit *u, const char *line, FILE *out)
{
    static int tokens[MOST];
    Simulator *s = simulator_new(u->arena, u);
    int second;
    const int n = tokens_of(u->model, read_line(line, tokens, &second));
    simulator_read_pair(s, tokens, n, second);
    for (int t = 0; t < (model_each_token(u->model) ? n : 1); t++)
        write_fixed(u->model, simulator_head(s, t), out);
}

int main(int argc, char **argv)
{
    static char line[MOST * 8];
    if (argc != 5) {
        fprintf(stderr, "usage: dump_encoder reference|simulate MODEL TOKENS OUT\n");
        return 2;
    }
    Arena *a = arena_new();
    Recipe *recipe = recipe_default(a);
    recipe_set(a, recipe, "quantize.method=weights");
    Unit u = {.arena = a, .recipe = recipe, .target = target_load(a, "host")};
    u.model = import_model(a, argv[2], NULL);
    FILE *in = fopen(argv[3], "r"), *out = fopen(argv[4], "wb");
    if (!in || !out)
        fatal("%s or %s: cannot be opened", argv[3], argv[4]);
    const bool simulate = strcmp(argv[1], "simulate") == 0;
    if (simulate)
        run_passes(&u, NULL, NULL, NULL);
    while (fgets(line, sizeof line, in))
        (simulate ? dump_program : dump_reference)(&u, line, out);
    fclose(in);
    if (ferror(out) || fclose(out))
        fatal("%s: cannot be written", argv[4]);
    arena_free(a);
    return 0;
}
