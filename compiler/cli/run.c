/* lmcc run: generated code writes text on the host. */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int print_text(void *user, const char *text, int32_t bytes)
{
    (void)user;
    fwrite(text, 1, (size_t)bytes, stdout);
    return fflush(stdout) == 0 ? 0 : -1;
}

static uint32_t fixed(double v)
{
    return (uint32_t)fmin(nearbyint(v * 65536), 4294967295.0);
}

/* How many tokens were compiled in before ("prefix_tokens") or after every prompt. */
static size_t wrapping(const Generated *g, const char *key)
{
    const Node *t = node_get(g->manifest, "tokenizer");
    const Node *n = t ? node_get(t, key) : NULL;
    return n ? (size_t)node_int(n, key, 0, 1 << 20) : 0;
}

int command_run(Arena *a, const Options *o)
{
    const Generated *g = generated_open(a, o->args[0], o->cc);
    if (g->encoder)
        return run_encoder(a, o, g);
    const char *prompt = o->n_args > 1 ? o->args[1] : "";
    const uint32_t how[4] = {fixed(o->temperature), (uint32_t)o->top_k, fixed(o->top_p),
                             (uint32_t)o->seed};
    const size_t room = LONGEST_ENCODING * strlen(prompt) + 24 + wrapping(g, "prefix_tokens") +
                        wrapping(g, "suffix_tokens");
    if (room > INT32_MAX)
        fatal("prompt: %zu bytes: too long", room);
    const int32_t n = g->generate(prompt, (int32_t)o->tokens, how, print_text, NULL,
                                  NEW(a, int32_t, room), (int32_t)room);
    putchar('\n');
    if (n < 0)
        fatal("%s: %s", o->args[0], g->strerror(n));
    return 0;
}
