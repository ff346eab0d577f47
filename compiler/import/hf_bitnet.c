/* BitNet b1.58 in Hugging Face's layout: ternary weights, packed four to a byte with one scale a
 * matrix, or the float weights that training kept, which the model makes ternary whenever it runs.
 * Which of the two, and whether the scale multiplies or divides, is what quantization_config says.
 */
#include "import.h"

#include <math.h>
#include <string.h>

/* Of weights that a trained matrix has: outside of it the scale was taken the wrong way round. */
#define LEAST_SIZE 1e-4
#define MOST_SIZE 10.0

/* Read below, or without effect. */
static const char *const known[] = {"quant_method",           "linear_class", "quantization_mode",
                                    "modules_to_not_convert", "use_rms_norm", "rms_norm_eps"};

static bool is_choice(const char *where, const json_t *j, const char *key, const char *first,
                      const char *second)
{
    const char *s = get_string(where, j, key, first);
    if (strcmp(s, first) != 0 && strcmp(s, second) != 0)
        bad_value(where, key, get_value(j, key),
                  !strcmp(first, "bitlinear") ? "supported: \"bitlinear\", \"autobitlinear\""
                                              : "supported: \"offline\", \"online\"");
    return !strcmp(s, second);
}

HfBitnet read_hf_bitnet(Arena *a, const HfCheckpoint *c)
{
    const char *section = "quantization_config";
    const json_t *j = get_object(c->config_path, c->config, section);
    const char *where = arena_printf(a, "%s: %s", c->config_path, section);
    HfBitnet b = {0};
    if (!j)
        return b;
    const char *method = json_string_value(json_object_get(j, "quant_method"));
    if (!method || strcmp(method, "bitnet") != 0)
        bad_value(c->config_path, section, j,
                  "quantized checkpoints are not read, but of quant_method \"bitnet\": give the "
                  "float one");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)j, key, v)
    {
        bool found = false;
        for (size_t i = 0; i < LENGTH(known); i++)
            found |= !strcmp(known[i], key);
        if (!found)
            warn("%s: %.64s: not known, so it has no effect", where, key);
    }
    if (get_bool(where, j, "use_rms_norm", false))
        bad_value(where, "use_rms_norm", get_value(j, "use_rms_norm"), "supported: false");
    b.multiplies = is_choice(where, j, "linear_class", "bitlinear", "autobitlinear");
    b.online = is_choice(where, j, "quantization_mode", "offline", "online");
    b.packed = !b.online;
    if (b.online && !b.multiplies)
        bad_value(where, "quantization_mode", get_value(j, "quantization_mode"),
                  "supported with linear_class \"bitlinear\": \"offline\"");
    return b;
}

/* What one step is worth. */
static float read_scale(Arena *a, const HfCheckpoint *c, HfBitnet b, const char *name)
{
    const int one = 1;
    const float scale = *safetensors_load(a, c->weights, name, 1, &one);
    const double size = b.multiplies ? (double)scale : 1 / (double)scale;
    if (!(size >= LEAST_SIZE && size <= MOST_SIZE))
        fatal("%s: tensor %s: %g: weights of +-%g: linear_class \"%s\" says to %s by it: is it "
              "\"%s\"?",
              c->dir, name, (double)scale, size, b.multiplies ? "autobitlinear" : "bitlinear",
              b.multiplies ? "multiply" : "divide", b.multiplies ? "bitlinear" : "autobitlinear");
    return (float)size;
}

/* Byte r of column c holds rows r, r + rows / 4, ..., lowest bits first: code - 1. */
static void unpack(const HfCheckpoint *c, const char *name, const uint8_t *packed, float size,
                   Linear *l)
{
    const size_t cols = (size_t)l->cols, quarter = (size_t)l->rows / 4 * cols;
    for (size_t i = 0; i < quarter; i++)
        for (size_t part = 0; part < 4; part++) {
            const int code = packed[i] >> 2 * part & 3;
            if (code == 3)
                fatal("%s: tensor %s: byte %zu holds the code 3: only 0, 1 and 2 are ternary",
                      c->dir, name, i);
            l->w[part * quarter + i] = size * (float)(code - 1);
        }
}

/* round(W / mean|W|), at most 1, times mean|W|: as the model does it for each token. */
static void make_ternary(Linear *l)
{
    const size_t n = (size_t)l->rows * (size_t)l->cols;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs((double)l->w[i]);
    const float size = fmaxf((float)(sum / (double)n), 1e-5f);
    for (size_t i = 0; i < n; i++)
        l->w[i] = size * fminf(fmaxf(nearbyintf(l->w[i] / size), -1), 1);
}

void load_hf_ternary(Arena *a, const HfCheckpoint *c, HfBitnet b, const char *name, bool bias,
                     Linear *l)
{
    const char *scale = arena_printf(a, "%s.weight_scale", name);
    const char *weight = arena_printf(a, "%s.weight", name);
    if (b.online || !b.packed || !safetensors_has(c->weights, scale)) {
        load_hf_linear(a, c, name, bias, l);
        if (b.online)
            make_ternary(l);
        return;
    }
    if (l->rows % 4)
        fatal("%s: tensor %s: %d rows: only multiples of 4 are packed", c->dir, weight, l->rows);
    const int dims[] = {l->rows / 4, l->cols};
    l->w = NEW(a, float, (size_t)l->rows *(size_t)l->cols);
    unpack(c, weight, safetensors_bytes(a, c->weights, weight, 2, dims), read_scale(a, c, b, scale),
           l);
    if (bias)
        l->bias = safetensors_load(a, c->weights, arena_printf(a, "%s.bias", name), 1, &l->rows);
}
