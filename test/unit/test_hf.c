/* Hugging Face Llama directories: both spellings of the configuration, and what must be refused. */
#include "import_test.h"

#include <math.h>

enum { DIM = 8, HIDDEN = 12, LAYERS = 2, HEADS = 4, KV_HEADS = 2, HEAD_DIM = 6, VOCAB = 10 };

/* Everything but `extra`, which may repeat no key. */
#define CONFIG_WITH(heads, extra)                                                                  \
    "{\"model_type\":\"llama\",\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":8,"        \
    "\"intermediate_size\":12,\"num_hidden_layers\":2,\"num_attention_heads\":" heads ","          \
    "\"vocab_size\":10,\"max_position_embeddings\":64,\"hidden_act\":\"silu\"" extra "}"
#define CONFIG(extra)                                                                              \
    CONFIG_WITH("4", ",\"num_key_value_heads\":2,\"head_dim\":6,\"tie_word_embeddings\":"          \
                     "true" extra)

typedef struct Entry {
    char name[64];
    int rows, cols; /* cols 0: a vector */
} Entry;

static int add_entry(Entry *e, int n, const char *name, int rows, int cols)
{
    snprintf(e[n].name, sizeof e[n].name, "%s", name);
    e[n].rows = rows;
    e[n].cols = cols;
    return n + 1;
}

static int list_layer(Entry *e, int n, int layer)
{
    static const struct {
        const char *name;
        int rows, cols;
    } parts[] = {
        {"input_layernorm", DIM, 0},
        {"post_attention_layernorm", DIM, 0},
        {"self_attn.q_proj", HEADS * HEAD_DIM, DIM},
        {"self_attn.k_proj", KV_HEADS * HEAD_DIM, DIM},
        {"self_attn.v_proj", KV_HEADS * HEAD_DIM, DIM},
        {"self_attn.o_proj", DIM, HEADS * HEAD_DIM},
        {"mlp.gate_proj", HIDDEN, DIM},
        {"mlp.up_proj", HIDDEN, DIM},
        {"mlp.down_proj", DIM, HIDDEN},
    };
    for (size_t i = 0; i < LENGTH(parts); i++)
        n = add_entry(e, n, arena_printf(arena, "model.layers.%d.%s.weight", layer, parts[i].name),
                      parts[i].rows, parts[i].cols);
    return n;
}

/* The tensors of the small model, in the order of their test weights, and room for one more. */
static int list_tensors(Entry *e)
{
    int n = add_entry(e, 0, "model.embed_tokens.weight", VOCAB, DIM);
    for (int l = 0; l < LAYERS; l++)
        n = list_layer(e, n, l);
    return add_entry(e, n, "model.norm.weight", DIM, 0);
}

static void write_entries(const char *name, const Entry *e, int n)
{
    Buf header = {0}, data = {0}, file = {0};
    buf_puts(&header, "{");
    for (int i = 0; i < n; i++) {
        size_t begin = data.len;
        put_weights(&data, (uint32_t)i, (size_t)e[i].rows * (size_t)(e[i].cols ? e[i].cols : 1));
        buf_printf(&header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%d", i ? "," : "", e[i].name,
                   e[i].rows);
        if (e[i].cols)
            buf_printf(&header, ",%d", e[i].cols);
        buf_printf(&header, "],\"data_offsets\":[%zu,%zu]}", begin, data.len);
    }
    buf_puts(&header, "}");
    put_u64(&file, header.len);
    buf_write(&file, header.data, header.len);
    buf_write(&file, data.data, data.len);
    write_file(name, file.data, file.len);
    buf_free(&header);
    buf_free(&data);
    buf_free(&file);
}

/* The model's file plus one tensor when `extra` names it. */
static void write_model(const char *extra, int rows, int cols)
{
    Entry e[32];
    int n = list_tensors(e);
    if (extra)
        n = add_entry(e, n, extra, rows, cols);
    write_entries("model.safetensors", e, n);
}

static Model *import_config(const char *config)
{
    write_text("config.json", config);
    return import_model(arena, test_dir, NULL);
}

static void check_weights(const float *w, uint32_t id, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(w[i] == test_weight(id, i));
}

static void test_reads(void **state)
{
    (void)state;
    write_model(NULL, 0, 0);
    Model *m = import_config(CONFIG(",\"rms_norm_eps\":1e-5,\"rope_theta\":500000.0"));
    assert_string_equal(m->family, "llama");
    assert_int_equal(m->context, 64);
    assert_int_equal(m->blocks[1].head_dim, HEAD_DIM);
    assert_int_equal(m->blocks[1].n_kv_heads, KV_HEADS);
    assert_int_equal(m->blocks[1].linear[ROLE_O].cols, HEADS * HEAD_DIM);
    assert_true(m->tied_head && !m->rope_interleaved);
    assert_true(m->rope_theta == 500000.0f && m->norm_eps == 1e-5f);
    assert_null(m->tokenizer);
    check_weights(m->embed.w, 0, VOCAB * DIM);
    check_weights(m->blocks[0].attn_norm.gamma, 1, DIM);
    check_weights(m->blocks[1].linear[ROLE_K].w, 13, KV_HEADS * HEAD_DIM * DIM);
    check_weights(m->blocks[1].linear[ROLE_DOWN].w, 18, DIM * HIDDEN);
    check_weights(m->final_norm.gamma, 19, DIM);
    Model *again = import_model(arena, in_dir("config.json"), NULL);
    assert_true(again->hash == m->hash);
    again = import_model(arena, in_dir("model.safetensors"), NULL);
    assert_true(again->hash == m->hash);
}

/* What is absent has a default; both generations of rope keys mean the same. */
static void test_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *extra;
        float theta;
    } rope[] = {
        {"", 1e4f},
        {",\"rope_theta\":null,\"rope_scaling\":null", 1e4f},
        {",\"rope_theta\":20000,\"rope_scaling\":{\"type\":\"default\"}", 2e4f},
        {",\"dtype\":\"float32\",\"rope_parameters\":{\"rope_theta\":3e4,"
         "\"rope_type\":\"default\",\"partial_rotary_factor\":1.0}",
         3e4f},
        {",\"rope_theta\":2e4,\"rope_parameters\":{\"rope_type\":\"default\"}", 2e4f},
        {",\"layer_types\":[\"full_attention\",\"full_attention\"]", 1e4f},
    };
    write_model(NULL, 0, 0);
    int warnings = warning_count;
    for (size_t i = 0; i < LENGTH(rope); i++) {
        Model *m = import_config(arena_printf(arena, CONFIG("%s"), rope[i].extra));
        assert_true(m->rope_theta == rope[i].theta && m->norm_eps == 1e-6f);
    }
    assert_int_equal(import_config(CONFIG(""))->activation_bits, 8);
    assert_int_equal(import_config(CONFIG(",\"activation_bits\":1"))->activation_bits, 1);
    assert_int_equal(warning_count, warnings);
    import_config(CONFIG(",\"brand_new\":1"));
    assert_int_equal(warning_count, warnings + 1);
}

typedef struct Bad {
    const char *config, *error;
} Bad;

#define BITNET(extra) ",\"quantization_config\":{\"quant_method\":\"bitnet\"," extra "}"
#define GPT2(extra)                                                                                \
    "{\"model_type\":\"gpt2\",\"n_embd\":8,\"n_layer\":1,\"n_head\":2,\"vocab_size\":10" extra "}"
#define NEO(types)                                                                                 \
    "{\"model_type\":\"gpt_neo\",\"hidden_size\":8,\"num_layers\":2,\"num_heads\":2,"              \
    "\"vocab_size\":10,\"attention_types\":" types "}"
#define ROTARY(type, extra)                                                                        \
    "{\"model_type\":\"" type "\",\"hidden_size\":8,\"intermediate_size\":12,"                     \
    "\"num_hidden_layers\":1,\"num_attention_heads\":2,\"vocab_size\":10" extra "}"

static const Bad bad[] = {
    {"{}", "model_type: (missing): supported: llama, mistral, qwen2, qwen3, gemma"},
    {"{\"model_type\":\"opt\"}", "model_type: \"opt\": supported: llama, mistral"},
    {GPT2(",\"activation_function\":\"mish\""),
     "activation_function: \"mish\": supported: \"gelu_new\""},
    {GPT2(",\"n_inner\":-1"), "n_inner: -1: an integer from 1"},
    {GPT2(",\"add_cross_attention\":true"), "add_cross_attention: true: supported: false"},
    {GPT2(",\"quantization_config\":{}"), "quantized checkpoints are not read"},
    {GPT2(""), "tensor transformer.wte.weight: missing"},
    {NEO("[[[\"global\",\"local\"],2]]"), "must name as many layers as num_layers says"},
    {NEO("[[[\"global\"],2000000000]]"), "must name as many layers as num_layers says"},
    {NEO("[[[\"global\",\"sliding\"],1]]"), "supported: \"global\" or \"local\""},
    {NEO("[[],[1],1]"), "attention_types: [[], [1], 1]: supported: \"global\" or \"local\""},
    {NEO("[[[\"global\",\"local\"],1]],\"attention_layers\":[\"local\"]"),
     "attention_layers: [\"local\"]: supported"},
    {ROTARY("gpt_neox", ",\"rotary_pct\":0.1"),
     "rotary_pct: 0.1: turns 0 dimensions of a head of 4"},
    {ROTARY("gpt_neox", ",\"rotary_pct\":2"), "rotary_pct: 2: a number"},
    {ROTARY("phi", ",\"qk_layernorm\":true"), "qk_layernorm: true: supported: false"},
    {ROTARY("phi", ",\"partial_rotary_factor\":0.8"), "partial_rotary_factor: 0.8: turns 3 dimen"},
    {ROTARY("phi", ",\"rope_scaling\":{\"type\":\"su\"}"), "type: \"su\": supported rope types"},
    {"{\"model_type\":\"llama\",\"architectures\":[\"LlamaForSequenceClassification\"]}",
     "supported for llama: LlamaForCausalLM"},
    {"{\"model_type\":\"llama\"}", "hidden_size: (missing): an integer from 1 to 65536"},
    {"{\"model_type\":\"llama\",\"model_type\":\"llama\"}", "duplicate"},
    {"[1]", "an object was expected"},
    {"{", "not valid JSON: line 1"},
    {CONFIG(",\"attention_bias\":true"), "tensor model.layers.0.self_attn.q_proj.bias: missing"},
    {CONFIG(",\"mlp_bias\":true"), "tensor model.layers.0.mlp.gate_proj.bias: missing"},
    {CONFIG(",\"mlp_bias\":1"), "mlp_bias: 1: true or false"},
    {CONFIG(",\"partial_rotary_factor\":0.5"), "partial_rotary_factor: 0.5"},
    {CONFIG(",\"quantization_config\":{}"), "quantized checkpoints are not read"},
    {CONFIG(",\"quantization_config\":{\"quant_method\":\"gptq\"}"),
     "quantized checkpoints are not read, but of quant_method \"bitnet\""},
    {CONFIG(BITNET("\"linear_class\":\"linear\"")),
     "quantization_config: linear_class: \"linear\": supported: \"bitlinear\", \"autobitlinear\""},
    {CONFIG(BITNET("\"quantization_mode\":\"now\"")),
     "\"now\": supported: \"offline\", \"online\""},
    {CONFIG(BITNET("\"quantization_mode\":\"online\"")),
     "quantization_mode: \"online\": supported with linear_class \"bitlinear\": \"offline\""},
    {CONFIG(BITNET("\"use_rms_norm\":true")), "use_rms_norm: true: supported: false"},
    {CONFIG(",\"activation_bits\":2"), "activation_bits: 2: supported: 8, and 1 for binary"},
    {CONFIG(",\"activation_bits\":16"), "activation_bits: 16: "},
    {CONFIG(",\"sliding_window\":4"), "sliding_window: 4: supported: null"},
    {CONFIG(",\"rope_interleaved\":true"), "rope_interleaved: true"},
    {CONFIG(",\"layer_types\":[\"full_attention\",\"sliding_attention\"]"), "layer_types"},
    {CONFIG(",\"rope_scaling\":{\"type\":\"yarn\",\"factor\":2}"),
     "rope_scaling: type: \"yarn\": supported rope types: \"default\", \"linear\", \"llama3\""},
    {CONFIG(",\"rope_scaling\":{\"type\":\"linear\",\"factor\":0}"),
     "rope_scaling: factor: 0: a number"},
    {CONFIG(",\"rope_scaling\":{\"type\":\"linear\",\"beta\":1}"),
     "rope_scaling: beta: 1: supported"},
    {CONFIG(",\"rope_parameters\":{\"rope_type\":\"llama3\",\"factor\":8}"),
     "rope_parameters: low_freq_factor: (missing): missing for this rope type"},
    {CONFIG(",\"rope_parameters\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,"
            "\"high_freq_factor\":4,\"original_max_position_embeddings\":64}"),
     "high_freq_factor: 4: must be more than low_freq_factor"},
    {CONFIG(",\"rope_parameters\":{\"type\":\"default\"},\"rope_scaling\":{\"type\":\"linear\"}"),
     "they must agree"},
    {CONFIG(",\"rope_parameters\":{\"partial_rotary_factor\":0.25}"), "partial_rotary_factor"},
    {CONFIG(",\"rope_parameters\":[]"), "rope_parameters: []: an object"},
    {CONFIG(",\"rope_theta\":2e4,\"rope_parameters\":{\"rope_theta\":3e4}"), "they must agree"},
    {CONFIG(",\"rope_theta\":0"), "rope_theta: 0: a number from 1"},
    {CONFIG(",\"rope_theta\":\"1e4\""), "rope_theta: \"1e4\": a number"},
    {CONFIG(",\"rms_norm_eps\":0"), "rms_norm_eps: 0: a number"},
    {CONFIG_WITH("4.5", ""), "num_attention_heads: 4.5: an integer from 1 to 1024"},
    {CONFIG_WITH("1e99", ""), "num_attention_heads: "},
    {CONFIG_WITH("3", ""), "hidden_size: 8: must be num_attention_heads (3) times"},
    {CONFIG_WITH("8", ""), "head size 1: rotary positions need an even one"},
    {CONFIG_WITH("4", ",\"num_key_value_heads\":3"),
     "config.json: num_key_value_heads: 3: 4 attention heads: not a multiple of the 3 kv heads"},
    {CONFIG_WITH("4", ",\"head_dim\":3"), "head_dim: 3: rotary positions need an even head size"},
    {CONFIG_WITH("4", ",\"head_dim\":6"), "shape [12, 8]: the configuration asks for [24, 8]"},
    {CONFIG_WITH("4", ",\"head_dim\":6,\"num_key_value_heads\":2"),
     "lm_head.weight: missing, and tie_word_embeddings"},
    {CONFIG_WITH("4", ",\"head_dim\":6,\"num_key_value_heads\":2,\"tie_word_embeddings\":1"),
     "tie_word_embeddings: 1: true or false"},
};

/* Keys that change the result, in every family that has them: another value than the one that is
 * implemented is refused before anything else is looked at. */
static const struct {
    const char *types[5], *key, *value, *supported;
} fixed_keys[] = {
    {{"llama", "gpt2", "gpt_neox", "phi", "gemma"}, "is_encoder_decoder", "true", "false"},
    {{"llama", "gpt_neo", "qwen3", "phi", "bert"}, "add_cross_attention", "true", "false"},
    {{"llama", "mistral", "qwen2", "gemma", "bitnet"}, "partial_rotary_factor", "0.5", "only"},
    {{"llama", "mistral", "qwen2", "qwen3", "bitnet"}, "use_sliding_window", "true", "false"},
    {{"llama", "mistral", "qwen2", "qwen3", "gemma"}, "attn_logit_softcapping", "50.0", "null"},
    {{"llama", "mistral", "qwen2", "qwen3", "gemma"}, "final_logit_softcapping", "30.0", "null"},
    {{"llama", "mistral", "qwen2", "qwen3", "gemma"}, "rope_interleaved", "true", "false"},
    {{"gpt2", "gpt_neo", "gpt_neox", "phi", "roberta"}, "quantization_config", "{}", "quantized"},
    {{"gpt_neox", "phi"}, "qk_layernorm", "true", "false"},
    {{"phi"}, "attention_bias", "false", "true"},
    {{"bert", "roberta", "distilbert"},
     "position_embedding_type",
     "\"relative_key\"",
     "\"absolute\""},
    {{"bert", "roberta", "distilbert"},
     "problem_type",
     "\"regression\"",
     "\"single_label_classification\""},
    {{"bert", "roberta", "distilbert"}, "is_decoder", "true", "false"},
    {{"bert", "roberta", "distilbert"}, "tie_word_embeddings", "false", "true"},
    {{"bert", "roberta", "distilbert"}, "pruned_heads", "{\"0\": [1]}", "none"},
};

static void expect_fixed(const char *type, size_t i)
{
    const char *value = fixed_keys[i].value, *supported = fixed_keys[i].supported;
    const bool whole = *supported == 'o' || *supported == 'q'; /* another message begins so */
    EXPECT_FATAL(import_config(arena_printf(arena, "{\"model_type\":\"%s\",\"%s\":%s}", type,
                                            fixed_keys[i].key, value)),
                 arena_printf(arena, "config.json: %s: %s: %s%s", fixed_keys[i].key, value,
                              whole ? "" : "supported: ", supported));
}

static void test_fixed_keys(void **state)
{
    (void)state;
    write_model(NULL, 0, 0);
    for (size_t i = 0; i < LENGTH(fixed_keys); i++)
        for (size_t k = 0; k < LENGTH(fixed_keys[i].types) && fixed_keys[i].types[k]; k++)
            expect_fixed(fixed_keys[i].types[k], i);
}

static void test_rejections(void **state)
{
    (void)state;
    write_model(NULL, 0, 0);
    for (size_t i = 0; i < LENGTH(bad); i++)
        EXPECT_FATAL(import_config(bad[i].config), bad[i].error);
    EXPECT_FATAL(import_config("{\"model_type\":\"llama\",\"hidden_size\":99999}"),
                 "hidden_size: 99999: an integer from 1 to 65536 was expected");
    EXPECT_FATAL(import_config(CONFIG(",\"hidden_act2\":1,\"rope_theta\":[\"\\u001b[31m\"]")),
                 "[\"\\u001B[31m\"]"); /* no control character reaches the terminal */
}

/* Families on the same tensors: what their rows of the table change. */
static void test_families(void **state)
{
    (void)state;
    static const char family[] =
        "{\"model_type\":\"%s\",\"hidden_size\":8,\"intermediate_size\":12,\"num_hidden_layers\":2,"
        "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_dim\":6,\"vocab_size\":10,"
        "\"tie_word_embeddings\":true,\"max_position_embeddings\":64%s}";
    write_model(NULL, 0, 0);
    const Model *m = import_config(arena_printf(arena, family, "mistral", ""));
    assert_int_equal(m->context, 64); /* sliding_window is 4096 where the file does not say */
    assert_string_equal(m->family, "mistral");
    m = import_config(arena_printf(arena, family, "mistral", ",\"sliding_window\":16"));
    assert_int_equal(m->context, 16);
    m = import_config(arena_printf(arena, family, "mistral", ",\"sliding_window\":null"));
    assert_int_equal(m->context, 64);
    EXPECT_FATAL(import_config(arena_printf(arena, family, "qwen2", "")),
                 "tensor model.layers.0.self_attn.q_proj.bias: missing");
    EXPECT_FATAL(
        import_config(arena_printf(arena, family, "qwen2", ",\"use_sliding_window\":true")),
        "use_sliding_window: true: supported: false");
    EXPECT_FATAL(import_config(arena_printf(arena, family, "qwen3", "")),
                 "tensor model.layers.0.self_attn.q_norm.weight: missing");
    EXPECT_FATAL(import_config(arena_printf(arena, family, "gemma", ",\"hidden_act\":\"silu\"")),
                 "hidden_act: \"silu\": supported for this family: \"gelu_pytorch_tanh\"");
    EXPECT_FATAL(import_config("{\"model_type\":\"qwen2\",\"hidden_size\":8,\"vocab_size\":10,"
                               "\"intermediate_size\":12,\"num_hidden_layers\":2,"
                               "\"num_attention_heads\":4}"),
                 "num_key_value_heads: (missing)");
    EXPECT_FATAL(import_config(arena_printf(arena, family, "llama", ",\"hidden_act\":\"gelu\"")),
                 "hidden_act: \"gelu\": supported for this family: \"silu\"");
    m = import_config(arena_printf(arena, family, "gemma", ",\"rms_norm_eps\":1e-4"));
    assert_true(m->activation == ACT_GELU_TANH);
    assert_true(m->blocks[0].attn_norm.gamma[3] == 1 + test_weight(1, 3));
    assert_true(m->blocks[1].linear[ROLE_DOWN].w[5] == test_weight(18, 5) / sqrtf(8));
    assert_true(m->blocks[1].linear[ROLE_UP].w[5] == test_weight(17, 5));
    assert_true(fabsf(m->norm_eps - 1e-4f / 8) < 1e-10f);
}

/* By hand, theta 1e4, head_dim 6: rates 1, 0.0464, 0.00215; waves of 6.28, 135, 2917 positions. */
static void test_rope_scaling(void **state)
{
    (void)state;
    write_model(NULL, 0, 0);
    const Model *m = import_config(
        CONFIG(",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":1,"
               "\"high_freq_factor\":4,\"original_max_position_embeddings\":270}"));
    const double mixed = (270 * pow(1e4, -1.0 / 3) / (2 * acos(-1.0)) - 1) / 3;
    assert_true(m->rope_factor[0] == 1 && m->rope_factor[2] == 8);
    assert_true(fabs((double)m->rope_factor[1] - 1 / ((1 - mixed) / 8 + mixed)) < 1e-6);
    assert_true(fabs(model_frequency(m, 2) - pow(1e4, -2.0 / 3) / 8) < 1e-12);
    m = import_config(CONFIG(",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.5}"));
    assert_true(m->rope_factor[0] == 2.5f && m->rope_factor[2] == 2.5f);
}

static void test_tensors(void **state)
{
    (void)state;
    write_model("model.layers.2.input_layernorm.weight", DIM, 0);
    EXPECT_FATAL(import_config(CONFIG("")),
                 "tensor model.layers.2.input_layernorm.weight: has no place in a 2-layer");
    write_model("model.layers.0.self_attn.q_proj.bias", HEADS * HEAD_DIM, 0);
    EXPECT_FATAL(import_config(CONFIG("")), "q_proj.bias: has no place");
    write_model("model.layers.1.self_attn.rotary_emb.inv_freq", 4, 0);
    assert_non_null(import_config(CONFIG("")));
    write_model("lm_head.weight", VOCAB, DIM);
    assert_true(import_config(CONFIG(""))->tied_head);
    Model *m = import_config(CONFIG_WITH("4", ",\"head_dim\":6,\"num_key_value_heads\":2"));
    assert_false(m->tied_head);
    check_weights(m->head.w, 20, VOCAB * DIM);
    Entry e[32];
    int n = list_tensors(e);
    write_entries("model.safetensors", e, n - 1);
    EXPECT_FATAL(import_config(CONFIG("")), "tensor model.norm.weight: missing");
}

static void test_weight_files(void **state)
{
    (void)state;
    Entry e[32];
    int n = list_tensors(e);
    unlink(in_dir("model.safetensors"));
    EXPECT_FATAL(import_config(CONFIG("")), "no weights: model.safetensors, ");
    write_text("pytorch_model.bin", "");
    EXPECT_FATAL(import_config(CONFIG("")), "PyTorch pickles are not read");
    write_model(NULL, 0, 0);
    uint64_t hash = import_config(CONFIG(""))->hash;
    unlink(in_dir("model.safetensors"));
    write_entries("part-1.safetensors", e, n);
    Buf index = {0};
    buf_puts(&index, "{\"weight_map\":{");
    for (int i = 0; i < n; i++)
        buf_printf(&index, "%s\"%s\":\"part-1.safetensors\"", i ? "," : "", e[i].name);
    buf_puts(&index, "}}");
    write_file("model.safetensors.index.json", index.data, index.len);
    assert_true(import_config(CONFIG(""))->hash == hash);
    buf_free(&index);
    unlink(in_dir("config.json"));
    EXPECT_FATAL(import_model(arena, test_dir, NULL), "no config.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_reads),        FILE_TEST(test_spellings),    FILE_TEST(test_rejections),
        FILE_TEST(test_tensors),      FILE_TEST(test_weight_files), FILE_TEST(test_families),
        FILE_TEST(test_rope_scaling), FILE_TEST(test_fixed_keys),
    };
    return cmocka_run_group_tests(tests, make_test_dir, remove_test_dir);
}
