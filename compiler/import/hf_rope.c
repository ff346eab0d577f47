/* Rotary positions of a Hugging Face configuration: theta, and what slows pairs down so that they
 * reach further. rope_parameters (newer) and rope_scaling (older) describe the same. */
#include "import.h"

#include <math.h>
#include <string.h>

static const char supported[] = "supported rope types: \"default\", \"linear\", \"llama3\"";

/* Keys of a section; more are refused: they would change the result. */
static const char *const known[] = {
    "rope_theta",
    "rope_type",
    "type",
    "factor",
    "low_freq_factor",
    "high_freq_factor",
    "original_max_position_embeddings",
    "partial_rotary_factor",
};

typedef struct Section {
    const char *where;
    const json_t *json; /* NULL: there is none */
    const char *type;
} Section;

static Section read_section(Arena *a, const HfCheckpoint *c, const char *name)
{
    Section s = {arena_printf(a, "%s: %s", c->config_path, name),
                 get_object(c->config_path, c->config, name), "default"};
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)s.json, key, v)
    {
        bool found = json_is_null(v);
        for (size_t i = 0; i < LENGTH(known); i++)
            found = found || !strcmp(known[i], key);
        if (!found || (c->family->rotary == 0 && !strcmp(key, "partial_rotary_factor") &&
                       json_number_value(v) != 1))
            bad_value(s.where, key, v,
                      "supported: rope_theta, rope_type, partial_rotary_factor 1.0, and what the "
                      "types \"linear\" and \"llama3\" have");
    }
    if (s.json)
        s.type = get_string(s.where, s.json, get_value(s.json, "rope_type") ? "rope_type" : "type",
                            "default");
    return s;
}

static double need_double(const Section *s, const char *key, double min, double max)
{
    if (!get_value(s->json, key))
        bad_value(s->where, key, NULL, "missing for this rope type");
    return get_double(s->where, s->json, key, min, max, 0);
}

/* Llama 3.1's: pairs of short waves stay, long ones turn `factor` times slower, in between a mix
 * (Dubey and others, arXiv 2407.21783; published with the model's configuration). */
static void scale_llama3(const Section *s, const Model *m, float *factor)
{
    const double by = need_double(s, "factor", 1, 1e4);
    const double low = need_double(s, "low_freq_factor", 1e-3, 1e3);
    const double high = need_double(s, "high_freq_factor", 1e-3, 1e3);
    const double original = need_double(s, "original_max_position_embeddings", 1, 1e9);
    if (!(low < high))
        bad_value(s->where, "high_freq_factor", get_value(s->json, "high_freq_factor"),
                  "must be more than low_freq_factor");
    for (int i = 0; i < m->blocks[0].head_dim / 2; i++) {
        const double waves = original * model_frequency(m, i) / (2 * acos(-1.0));
        const double stay = fmin(fmax((waves - low) / (high - low), 0), 1);
        factor[i] = (float)(1 / ((1 - stay) / by + stay));
    }
}

static void read_factors(Arena *a, const Section *s, Model *m)
{
    const int pairs = m->blocks[0].head_dim / 2;
    float *factor = NEW(a, float, pairs);
    if (!strcmp(s->type, "default"))
        return;
    if (!strcmp(s->type, "llama3")) {
        scale_llama3(s, m, factor);
    } else if (!strcmp(s->type, "linear")) {
        for (int i = 0; i < pairs; i++)
            factor[i] = (float)need_double(s, "factor", 1, 1e4);
    } else {
        const char *key = get_value(s->json, "rope_type") ? "rope_type" : "type";
        bad_value(s->where, key, get_value(s->json, key), supported);
    }
    m->rope_factor = factor;
}

/* Of each head the first so many dimensions turn. */
static void read_part(const HfCheckpoint *c, const Section *s, Model *m)
{
    const HfFamily *f = c->family;
    const int head_dim = m->blocks[0].head_dim;
    if (f->rotary == 0)
        return;
    const double outer = get_double(c->config_path, c->config, f->rotary_key, 0, 1, f->rotary);
    const double part =
        s->json ? get_double(s->where, s->json, "partial_rotary_factor", 0, 1, outer) : outer;
    const int turned = (int)(head_dim * part);
    if (turned < 2 || turned % 2)
        fatal("%s: %s: %g: turns %d dimensions of a head of %d: an even number from 2 is supported",
              c->config_path, f->rotary_key, part, turned, head_dim);
    m->rotary_pairs = turned == head_dim ? 0 : turned / 2;
}

void read_hf_rope(Arena *a, const HfCheckpoint *c, Model *m)
{
    const Section sections[] = {read_section(a, c, "rope_parameters"),
                                read_section(a, c, "rope_scaling")};
    const char *theta = c->family->theta_key ? c->family->theta_key : "rope_theta";
    const double outer = get_double(c->config_path, c->config, theta, 1, 1e12, 0);
    const Section *s = sections[0].json ? &sections[0] : &sections[1];
    if (sections[0].json && strcmp(sections[1].type, "default") != 0 &&
        strcmp(sections[0].type, sections[1].type) != 0)
        fatal("%s: rope_scaling: \"%s\" here, \"%s\" in rope_parameters: they must agree",
              c->config_path, sections[1].type, sections[0].type);
    const double inner =
        s->json ? get_double(s->where, s->json, "rope_theta", 1, 1e12, outer) : outer;
    if (outer != 0 && inner != outer)
        fatal("%s: %s: %g here, %g in rope_parameters: they must agree", c->config_path, theta,
              outer, inner);
    const double usual = c->family->theta > 0 ? c->family->theta : 1e4;
    m->rope_theta = (float)(inner == 0 ? usual : inner);
    read_part(c, s, m);
    read_factors(a, s, m);
}
