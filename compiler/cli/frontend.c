/* lmcc frontend: an audio front end as C, for models that read log-mel frames. */
#include "cli.h"

#include <stdio.h>

static int whole(int64_t v)
{
    return v > INT32_MAX ? INT32_MAX : (int)v;
}

int command_frontend(Arena *a, const Options *o)
{
    const char *name = o->prefix ? o->prefix : "mic";
    const FrontendShape shape = {.rate = whole(o->rate),
                                 .window_ms = whole(o->window_ms),
                                 .hop_ms = whole(o->hop_ms),
                                 .bands = whole(o->bands),
                                 .low_hz = whole(o->low_hz),
                                 .high_hz = whole(o->high_hz)};
    if (!o->output)
        usage_error("frontend: -o DIR is missing");
    if (prefix_fault(name))
        usage_error("--name: \"%s\" %s", text_clip(name).s, prefix_fault(name));
    const Frontend *f = frontend_new(a, "frontend", &shape);
    Output *out = output_begin(a, o->output);
    emit_frontend(a, f, name, out);
    output_commit(out);
    if (verbosity >= 0)
        printf("%s: %d bands from %d to %d Hz, every %d samples of %d, %d bytes of tables\n"
               "  files    %s/%s.h, .c\n",
               name, shape.bands, shape.low_hz, shape.high_hz, f->hop, f->window,
               2 * (f->n_hann + f->n_cosine + f->n_first + f->n_rise + f->n_log2), o->output, name);
    return 0;
}
