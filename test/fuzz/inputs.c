/* The correct files that mutations start from: one tiny random Llama (dim 8, 2 layers, 288 tokens)
 * in every layout that is read but GGUF (that is of the kept corpus), both kinds of tokenizer.json,
 * a recipe and a target. */
#include "fuzz.h"

#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DIM = 8, HIDDEN = 12, LAYERS = 2, HEADS = 2, KV_HEADS = 1, VOCAB = 288, CONTEXT = 32 };
enum { KV_DIM = DIM / HEADS * KV_HEADS, GROUP = 4, FIRST_PIECE = 259 };

/* What follows the three special pieces and the 256 bytes: characters, then merges of them. */
static const char *const pieces[VOCAB - FIRST_PIECE] = {
    " ",  "a",   "b",   "c",   "d",   "e",    "f",    "g",  "h",  "\xC3\xA9",  "\xE4\xB8\xAD",
    " a", "ab",  "bc",  "cd",  "de",  "ef",   "fg",   "gh", "ha", "e\xC3\xA9", " b",
    "aa", " ab", "abc", "cde", "bcd", "abcd", " abcd"};

void write_file(const char *path, const Buf *b)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(b->data ? b->data : "", 1, b->len, f) != b->len || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
}

Buf read_file(const char *path)
{
    Buf b = {0};
    char part[4096];
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
        buf_write(&b, part, n);
    fclose(f);
    return b;
}

static void store(const char *dir, const char *name, Buf *b)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    write_file(path, b);
    buf_free(b);
}

static void put_u32(Buf *b, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        buf_write(b, &(uint8_t){(uint8_t)(v >> 8 * i)}, 1);
}

static void put_float(Buf *b, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, 4);
    put_u32(b, bits);
}

static void put_weights(Random *r, Buf *b, int n, float mean, float range)
{
    for (int i = 0; i < n; i++)
        put_float(b, mean + range * ((float)draw(r, 2001) / 1000 - 1));
}

/* llama2.c ---------------------------------------------------------------------------------- */

/* Of each layer: q, k, v, o, gate, down, up. */
static const int matrices[] = {DIM * DIM,   KV_DIM *DIM, KV_DIM *DIM, DIM *DIM,
                               HIDDEN *DIM, DIM *HIDDEN, HIDDEN *DIM};

static void put_sizes(Buf *b)
{
    static const uint32_t sizes[] = {DIM, HIDDEN, LAYERS, HEADS, KV_HEADS, VOCAB, CONTEXT};
    for (size_t i = 0; i < LENGTH(sizes); i++)
        put_u32(b, sizes[i]);
}

static void put_matrix(Random *r, Buf *b, int n, int version)
{
    for (int i = 0; i < n && version == 2; i++) {
        const uint8_t code = (uint8_t)draw(r, 256);
        buf_write(b, &code, 1);
    }
    if (version == 2)
        put_weights(r, b, n / GROUP, 0.006f, 0.002f);
    else
        put_weights(r, b, n, 0, 0.7f);
}

static void put_matrices(Random *r, Buf *b, int from, int to, int version)
{
    for (int i = from; i < to; i++)
        for (int layer = 0; layer < LAYERS; layer++)
            put_matrix(r, b, matrices[i], version);
}

static Buf version_0(void)
{
    Random r = {11};
    Buf b = {0};
    put_sizes(&b);
    put_matrix(&r, &b, VOCAB * DIM, 0);
    put_weights(&r, &b, LAYERS * DIM, 1, 0.2f);
    put_matrices(&r, &b, 0, 4, 0);
    put_weights(&r, &b, LAYERS * DIM, 1, 0.2f);
    put_matrices(&r, &b, 4, 7, 0);
    put_weights(&r, &b, DIM, 1, 0.2f);
    put_weights(&r, &b, CONTEXT * DIM / HEADS, 0, 1); /* the tables of sines that nobody reads */
    return b;
}

static Buf version_1_or_2(int version)
{
    Random r = {12};
    Buf b = {0};
    put_u32(&b, 0x616b3432u);
    put_u32(&b, (uint32_t)version);
    put_sizes(&b);
    buf_write(&b, "\1", 1); /* the head is tied */
    put_u32(&b, version == 2 ? GROUP : 0);
    while (b.len < 256)
        buf_write(&b, "", 1);
    put_weights(&r, &b, 2 * LAYERS * DIM + DIM, 1, 0.2f);
    put_matrix(&r, &b, VOCAB * DIM, version);
    put_matrices(&r, &b, 0, 7, version);
    return b;
}

static Buf tokenizer_bin(void)
{
    Buf b = {0};
    put_u32(&b, 7);
    for (int i = 0; i < VOCAB; i++) {
        char s[16];
        if (i < 3)
            snprintf(s, sizeof s, "%s", i == 0 ? "<unk>" : i == 1 ? "\n<s>\n" : "\n</s>\n");
        else if (i < FIRST_PIECE)
            snprintf(s, sizeof s, "<0x%02X>", (unsigned)i - 3);
        else
            snprintf(s, sizeof s, "%s", pieces[i - FIRST_PIECE]);
        put_float(&b, (float)-i);
        put_u32(&b, (uint32_t)strlen(s));
        buf_puts(&b, s);
    }
    return b;
}

/* tokenizer.json ---------------------------------------------------------------------------- */

/* A piece with its spaces written as that tokenizer writes them. */
static void put_piece(Buf *b, const char *s, const char *space)
{
    for (; *s; s++) {
        if (*s == ' ')
            buf_puts(b, space);
        else
            buf_write(b, s, 1);
    }
}

static void put_special(Buf *b)
{
    static const char *const names[] = {"<unk>", "<s>", "</s>"};
    buf_puts(b, "  \"added_tokens\": [\n");
    for (int i = 0; i < 3; i++)
        buf_printf(b,
                   "    {\"id\": %d, \"content\": \"%s\", \"single_word\": false, "
                   "\"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
                   "\"special\": true}%s\n",
                   i, names[i], i < 2 ? "," : "");
    buf_puts(b, "  ],\n");
    buf_puts(b, "  \"post_processor\": {\"type\": \"TemplateProcessing\",\n"
                "    \"single\": [{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}, "
                "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}],\n"
                "    \"pair\": [],\n"
                "    \"special_tokens\": {\"<s>\": {\"id\": \"<s>\", \"ids\": [1], "
                "\"tokens\": [\"<s>\"]}}},\n");
}

/* Every cut of a piece into two pieces, as merges. */
static void put_merges(Buf *b, const char *space)
{
    const char *comma = "";
    for (size_t i = 0; i < LENGTH(pieces); i++)
        for (size_t l = 0; l < LENGTH(pieces); l++)
            for (size_t r = 0; r < LENGTH(pieces); r++) {
                const size_t n = strlen(pieces[l]);
                if (strncmp(pieces[i], pieces[l], n) != 0 || strcmp(pieces[i] + n, pieces[r]) != 0)
                    continue;
                buf_printf(b, "%s\n      \"", comma);
                put_piece(b, pieces[l], space);
                buf_puts(b, " ");
                put_piece(b, pieces[r], space);
                buf_puts(b, "\"");
                comma = ",";
            }
}

static Buf tokenizer_scores(void)
{
    static const char space[] = "\xE2\x96\x81";
    Buf b = {0};
    buf_puts(&b, "{\n  \"version\": \"1.0\", \"truncation\": null, \"padding\": null,\n");
    put_special(&b);
    buf_puts(&b, "  \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [\n"
                 "    {\"type\": \"Prepend\", \"prepend\": \"\xE2\x96\x81\"},\n"
                 "    {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, "
                 "\"content\": \"\xE2\x96\x81\"}]},\n"
                 "  \"pre_tokenizer\": null,\n"
                 "  \"decoder\": {\"type\": \"Sequence\", \"decoders\": [\n"
                 "    {\"type\": \"Replace\", \"pattern\": {\"String\": \"\xE2\x96\x81\"}, "
                 "\"content\": \" \"},\n    {\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"},\n"
                 "    {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}]},\n"
                 "  \"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": \"<unk>\", "
                 "\"fuse_unk\": true, \"byte_fallback\": true, \"ignore_merges\": false,\n"
                 "    \"vocab\": {\"<unk>\": 0, \"<s>\": 1, \"</s>\": 2");
    for (int i = 3; i < VOCAB; i++) {
        if (i < FIRST_PIECE) {
            buf_printf(&b, ",\n      \"<0x%02X>\": %d", (unsigned)i - 3, i);
            continue;
        }
        buf_puts(&b, ",\n      \"");
        put_piece(&b, pieces[i - FIRST_PIECE], space);
        buf_printf(&b, "\": %d", i);
    }
    buf_puts(&b, "},\n    \"merges\": [");
    put_merges(&b, space);
    buf_puts(&b, "]}\n}\n");
    return b;
}

/* GPT-2's character for a byte: itself when printable in Latin-1, else the next from U+0100 on. */
static void put_byte_char(Buf *b, int byte)
{
    int c = 0x100;
    for (int i = 0; i <= byte; i++) {
        const bool printable = (i >= 0x21 && i <= 0x7E) || (i >= 0xA1 && i != 0xAD);
        if (i == byte && printable)
            c = byte;
        else if (i < byte && !printable)
            c++;
    }
    if (c == '"' || c == '\\')
        buf_printf(b, "\\%c", c);
    else if (c < 0x80)
        buf_printf(b, "%c", c);
    else
        buf_printf(b, "%c%c", 0xC0 | c >> 6, 0x80 | (c & 63));
}

static Buf tokenizer_bytes(void)
{
    static const char space[] = "\xC4\xA0"; /* U+0120, the character for byte 32 */
    Buf b = {0};
    buf_puts(&b, "{\n  \"version\": \"1.0\",\n");
    put_special(&b);
    buf_puts(&b, "  \"normalizer\": null,\n"
                 "  \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                 "\"trim_offsets\": true, \"use_regex\": true},\n"
                 "  \"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                 "\"trim_offsets\": true, \"use_regex\": true},\n"
                 "  \"model\": {\"type\": \"BPE\", \"unk_token\": null, \"ignore_merges\": true,\n"
                 "    \"vocab\": {\"<unk>\": 0, \"<s>\": 1, \"</s>\": 2");
    for (int i = 0; i < 256; i++) {
        buf_puts(&b, ",\n      \"");
        put_byte_char(&b, i);
        buf_printf(&b, "\": %d", i + 3);
    }
    static const char *const joined[][2] = {{" ", "a"},   {"a", "b"},  {"c", "d"}, {" ", "b"},
                                            {"ab", "cd"}, {" a", "b"}, {"e", "f"}};
    for (size_t i = 0; i < LENGTH(joined); i++) {
        buf_puts(&b, ",\n      \"");
        put_piece(&b, joined[i][0], space);
        put_piece(&b, joined[i][1], space);
        buf_printf(&b, "\": %d", (int)i + FIRST_PIECE);
    }
    buf_puts(&b, "},\n    \"merges\": [");
    for (size_t i = 0; i < LENGTH(joined); i++) {
        buf_puts(&b, i ? ",\n      [\"" : "\n      [\"");
        put_piece(&b, joined[i][0], space);
        buf_puts(&b, "\", \"");
        put_piece(&b, joined[i][1], space);
        buf_puts(&b, "\"]");
    }
    buf_puts(&b, "]}\n}\n");
    return b;
}

/* Hugging Face ------------------------------------------------------------------------------ */

typedef struct HfTensor {
    const char *name; /* of the model, or after "model.layers.N." */
    int rows, cols;   /* cols 0: a vector */
    bool in_layer;
} HfTensor;

static const HfTensor hf_tensors[] = {
    {"model.embed_tokens.weight", VOCAB, DIM, false},
    {"model.norm.weight", DIM, 0, false},
    {"input_layernorm.weight", DIM, 0, true},
    {"post_attention_layernorm.weight", DIM, 0, true},
    {"self_attn.q_proj.weight", DIM, DIM, true},
    {"self_attn.k_proj.weight", KV_DIM, DIM, true},
    {"self_attn.v_proj.weight", KV_DIM, DIM, true},
    {"self_attn.o_proj.weight", DIM, DIM, true},
    {"mlp.gate_proj.weight", HIDDEN, DIM, true},
    {"mlp.up_proj.weight", HIDDEN, DIM, true},
    {"mlp.down_proj.weight", DIM, HIDDEN, true},
};

static void put_tensor(Random *r, const HfTensor *t, int layer, Buf *head, Buf *data)
{
    const size_t begin = data->len;
    char name[64], shape[32];
    snprintf(name, sizeof name, t->in_layer ? "model.layers.%d.%s" : "%d%s", layer, t->name);
    snprintf(shape, sizeof shape, t->cols ? "%d,%d" : "%d", t->rows, t->cols);
    if (t->cols)
        put_weights(r, data, t->rows * t->cols, 0, 0.7f);
    else
        put_weights(r, data, t->rows, 1, 0.2f);
    buf_printf(head, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
               t->in_layer ? name : t->name, shape, begin, data->len);
}

/* The tensors of the layers from..to-1; those of no layer go with layer 0. */
static Buf safetensors(int from, int to)
{
    Random r = {13};
    Buf head = {0}, data = {0}, b = {0};
    buf_puts(&head, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (int l = from; l < to; l++)
        for (size_t i = 0; i < LENGTH(hf_tensors); i++)
            if (hf_tensors[i].in_layer || l == 0)
                put_tensor(&r, &hf_tensors[i], l, &head, &data);
    buf_puts(&head, "}");
    while (head.len % 8)
        buf_puts(&head, " ");
    put_u32(&b, (uint32_t)head.len);
    put_u32(&b, 0);
    buf_write(&b, head.data, head.len);
    buf_write(&b, data.data, data.len);
    buf_free(&head);
    buf_free(&data);
    return b;
}

static Buf shard_index(void)
{
    Buf b = {0};
    const char *comma = "";
    buf_puts(&b, "{\n  \"metadata\": {\"total_size\": 1},\n  \"weight_map\": {\n");
    for (int l = 0; l < LAYERS; l++)
        for (size_t i = 0; i < LENGTH(hf_tensors); i++) {
            if (!hf_tensors[i].in_layer && l > 0)
                continue;
            buf_printf(&b, "%s    \"", comma);
            if (hf_tensors[i].in_layer)
                buf_printf(&b, "model.layers.%d.", l);
            buf_printf(&b, "%s\": \"model-%d.safetensors\"", hf_tensors[i].name, l);
            comma = ",\n";
        }
    buf_puts(&b, "\n  }\n}\n");
    return b;
}

static Buf config(void)
{
    Buf b = {0};
    buf_printf(&b,
               "{\n  \"architectures\": [\"LlamaForCausalLM\"],\n  \"attention_bias\": false,\n"
               "  \"bos_token_id\": 1,\n  \"eos_token_id\": 2,\n  \"hidden_act\": \"silu\",\n"
               "  \"hidden_size\": %d,\n  \"intermediate_size\": %d,\n"
               "  \"max_position_embeddings\": %d,\n  \"mlp_bias\": false,\n"
               "  \"model_type\": \"llama\",\n  \"num_attention_heads\": %d,\n"
               "  \"num_hidden_layers\": %d,\n  \"num_key_value_heads\": %d,\n"
               "  \"head_dim\": %d,\n  \"rms_norm_eps\": 1e-05,\n  \"rope_scaling\": null,\n"
               "  \"rope_theta\": 10000.0,\n  \"tie_word_embeddings\": true,\n"
               "  \"torch_dtype\": \"float32\",\n  \"vocab_size\": %d\n}\n",
               DIM, HIDDEN, CONTEXT, HEADS, LAYERS, KV_HEADS, DIM / HEADS, VOCAB);
    return b;
}

static const char recipe[] =
    "# Every key that there is.\n"
    "name: tiny\nwindow: 16\nsinks: 2\nseed: 3\nfold: {norms: true}\ncalibrate:\n  tokens: 24\n"
    "prune-heads:\n  ratio: 0.0\n  scope: layer\nprune-neurons:\n  counts: [2, 3]\n"
    "quantize:\n  bits: 4\n  rounds: 3\n  tensors:\n    \"embed\": 6\n    \"*.attn.k\": ternary\n"
    "    \"layers.1.*\": 1\n    \"*.mlp.up\": int8\ntables: auto\n";

void write_inputs(const char *dir)
{
    const EmbeddedFile *target = embedded_find("targets/stm32h743.yaml");
    Buf b = version_0();
    store(dir, "v0.bin", &b);
    for (int version = 1; version <= 2; version++) {
        b = version_1_or_2(version);
        store(dir, version == 1 ? "v1.bin" : "v2.bin", &b);
    }
    store(dir, "tiny.gguf", (b = read_file("test/fuzz/corpus/gguf/f32.gguf"), &b));
    store(dir, "tokenizer.bin", (b = tokenizer_bin(), &b));
    store(dir, "scores.json", (b = tokenizer_scores(), &b));
    store(dir, "bytes.json", (b = tokenizer_bytes(), &b));
    store(dir, "config.json", (b = config(), &b));
    store(dir, "model.safetensors", (b = safetensors(0, LAYERS), &b));
    store(dir, "model-0.safetensors", (b = safetensors(0, 1), &b));
    store(dir, "model-1.safetensors", (b = safetensors(1, 2), &b));
    store(dir, "model.safetensors.index.json", (b = shard_index(), &b));
    b = safetensors(0, LAYERS);
    pack_zstd(&b);
    store(dir, "model.safetensors.zst", &b);
    buf_puts(&b, recipe);
    store(dir, "recipe.yaml", &b);
    buf_write(&b, target->data, target->size);
    store(dir, "target.yaml", &b);
}
