/* A Hugging Face checkpoint directory: config.json names the family, a table finds its reader. */
#include "import.h"

#include <string.h>

static const HfFamily families[] = {
    {"llama", "LlamaForCausalLM", import_hf_llama, .context = 2048, .all_kv_heads = true},
    {"mistral", "MistralForCausalLM", import_hf_llama, .context = 131072,
     .window = HF_WINDOW_COUNTS},
    {"qwen2", "Qwen2ForCausalLM", import_hf_llama, .context = 32768, .qkv_bias = true,
     .window = HF_WINDOW_OFF},
    {"qwen3", "Qwen3ForCausalLM", import_hf_llama, .context = 32768, .head_dim = 128,
     .qk_norm = true, .window = HF_WINDOW_OFF},
    {"gemma", "GemmaForCausalLM", import_hf_llama, .context = 8192, .head_dim = 256,
     .norm_offset = true, .scaled_embedding = true, .activation = ACT_GELU_TANH, .tied = true},
    {"bitnet", "BitNetForCausalLM", import_hf_llama, .context = 2048, .activation = ACT_RELU2,
     .sub_norm = true, .theta = 5e5, .eps = 1e-5},
    {"gpt2", "GPT2LMHeadModel", import_hf_gpt2, .context = 1024, .tied = true},
    {"gpt_neo", "GPTNeoForCausalLM", import_hf_gpt_neo, .context = 2048, .tied = true},
    {"gpt_neox", "GPTNeoXForCausalLM", import_hf_neox, .context = 2048, .rotary = 0.25,
     .rotary_key = "rotary_pct", .theta_key = "rotary_emb_base"},
    {"phi", "PhiForCausalLM", import_hf_phi, .context = 2048, .rotary = 0.5,
     .rotary_key = "partial_rotary_factor"},
    {"bert", NULL, import_hf_bert, .context = 512},
    {"roberta", NULL, import_hf_bert, .context = 512},
    {"distilbert", NULL, import_hf_bert, .context = 512},
    {"keyword_transformer", "KeywordTransformerForAudioClassification", import_hf_keyword, .context = 2},
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

static const HfFamily *find_family(Arena *a, const HfCheckpoint *c)
{
    char *supported = arena_printf(a, "supported: %s", families[0].model_type);
    const char *type = get_string(c->config_path, c->config, "model_type", NULL);
    const json_t *list = get_array(c->config_path, c->config, "architectures");
    const char *architecture = json_string_value(json_array_get(list, 0));
    for (size_t i = 0; i < LENGTH(families); i++) {
        const HfFamily *f = &families[i];
        if (i > 0)
            supported = arena_printf(a, "%s, %s", supported, f->model_type);
        if (!type || strcmp(type, f->model_type) != 0)
            continue;
        if (f->architecture && json_array_size(list) > 0 &&
            (!architecture || strcmp(architecture, f->architecture)))
            bad_value(c->config_path, "architectures", list,
                      arena_printf(a, "supported for %s: %s", type, f->architecture));
        return f;
    }
    bad_value(c->config_path, "model_type", json_object_get(c->config, "model_type"), supported);
}

Model *import_hf(Arena *a, const char *path, const char *tokenizer_path)
{
    HfCheckpoint c = {.dir = dir_exists(path) ? path : path_dir(a, path)};
    c.config_path = path_join(a, c.dir, "config.json");
    if (!file_exists(c.config_path))
        fatal("%s: no config.json: it must be beside the weights", c.dir);
    c.config = read_json(a, c.config_path);
    c.family = find_family(a, &c);
    c.weights = safetensors_open(a, find_weights(a, path, c.dir));
    Model *m = c.family->import(a, &c);
    m->path = path;
    finish_model(a, m, tokenizer_path);
    return m;
}
