/* A Hugging Face checkpoint directory: config.json names the family, a table finds its reader. */
#include "import.h"

#include <string.h>

typedef struct Family {
    const char *model_type, *architecture; /* both must be this, where the file says */
    Model *(*import)(Arena *a, const HfCheckpoint *c);
} Family;

static const Family families[] = {
    {"llama", "LlamaForCausalLM", import_hf_llama},
};

static const char *const weight_files[] = {
    "model.safetensors",
    "model.safetensors.zst",
    "model.safetensors.index.json",
};

static const char *const pickle_files[] = {
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "consolidated.00.pth",
};

/* A file is named: it holds the weights, unless it is config.json. */
static const char *find_weights(Arena *a, const char *path, const char *dir)
{
    const char *slash = strrchr(path, '/');
    if (!dir_exists(path) && strcmp(slash ? slash + 1 : path, "config.json") != 0)
        return path;
    for (size_t i = 0; i < LENGTH(weight_files); i++) {
        const char *file = path_join(a, dir, weight_files[i]);
        if (file_exists(file))
            return file;
    }
    for (size_t i = 0; i < LENGTH(pickle_files); i++)
        if (file_exists(path_join(a, dir, pickle_files[i])))
            fatal("%s: %s: PyTorch pickles are not read: save it as safetensors with "
                  "model.save_pretrained(DIR)",
                  dir, pickle_files[i]);
    fatal("%s: no weights: model.safetensors, model.safetensors.zst or "
          "model.safetensors.index.json was expected",
          dir);
}

static const Family *find_family(const HfCheckpoint *c)
{
    const char *type = get_string(c->config_path, c->config, "model_type", NULL);
    const json_t *list = get_array(c->config_path, c->config, "architectures");
    const char *architecture = json_string_value(json_array_get(list, 0));
    for (size_t i = 0; i < LENGTH(families); i++) {
        const Family *f = &families[i];
        if (!type || strcmp(type, f->model_type) != 0)
            continue;
        if (json_array_size(list) > 0 && (!architecture || strcmp(architecture, f->architecture)))
            bad_value(c->config_path, "architectures", list, "supported: LlamaForCausalLM");
        return f;
    }
    bad_value(c->config_path, "model_type", json_object_get(c->config, "model_type"),
              "supported: llama");
}

Model *import_hf(Arena *a, const char *path, const char *tokenizer_path)
{
    HfCheckpoint c = {.dir = dir_exists(path) ? path : path_dir(a, path)};
    c.config_path = path_join(a, c.dir, "config.json");
    if (!file_exists(c.config_path))
        fatal("%s: no config.json: it must be beside the weights", c.dir);
    c.config = read_json(a, c.config_path);
    const Family *f = find_family(&c);
    c.weights = safetensors_open(a, find_weights(a, path, c.dir));
    Model *m = f->import(a, &c);
    m->path = path;
    finish_model(a, m, tokenizer_path);
    return m;
}
