/* Printable names of the model's enums: dumps, recipes, manifests and messages use these. */
#include "model.h"

#include <string.h>

const char *const norm_names[NORM_KINDS] = {[NORM_RMS] = "rms", [NORM_LAYER] = "layer"};
const char *const position_names[POSITION_KINDS] = {
    [POSITION_ROPE] = "rope", [POSITION_LEARNED] = "learned", [POSITION_NONE] = "none"};
const char *const activation_names[ACTIVATIONS] = {[ACT_SILU] = "silu",
                                                   [ACT_GELU_TANH] = "gelu-tanh",
                                                   [ACT_GELU] = "gelu",
                                                   [ACT_RELU] = "relu",
                                                   [ACT_RELU2] = "relu2"};
const char *const dense_names[DENSE_ACTIVATIONS] = {[DENSE_TANH] = "tanh",
                                                    [DENSE_RELU] = "relu",
                                                    [DENSE_GELU] = "gelu",
                                                    [DENSE_GELU_TANH] = "gelu-tanh"};
const char *const head_names[HEAD_KINDS] = {[HEAD_NEXT] = "next",
                                            [HEAD_CLASS] = "class",
                                            [HEAD_LABEL] = "label",
                                            [HEAD_MASK] = "mask",
                                            [HEAD_EMBED] = "embed"};
const char *const pooling_names[POOLINGS] = {[POOL_FIRST] = "first", [POOL_MEAN] = "mean"};

const char *const format_names[FORMATS] = {
    [FORMAT_FLOAT] = "float",
    [FORMAT_PLANES] = "planes",
    [FORMAT_TERNARY] = "ternary",
    [FORMAT_INT8] = "int8",
};

const char *const tokenizer_names[TOKENIZER_KINDS] = {
    [TOKENIZER_SPM] = "spm",
    [TOKENIZER_BYTE_LEVEL] = "byte-level",
    [TOKENIZER_UNIGRAM] = "unigram",
    [TOKENIZER_WORDPIECE] = "wordpiece",
};

const char *const pattern_names[PATTERNS] = {
    [PATTERN_GPT2] = "gpt2",
    [PATTERN_DIGITS] = "digits",
    [PATTERN_LLAMA3] = "llama3",
    [PATTERN_QWEN2] = "qwen2",
};

const char *const form_names[NORMAL_FORMS] = {
    [NORMAL_NONE] = "none", [NORMAL_NFC] = "nfc",   [NORMAL_NFD] = "nfd",
    [NORMAL_NFKC] = "nfkc", [NORMAL_NFKD] = "nfkd", [NORMAL_CHARSMAP] = "charsmap",
};

const char *const piece_names[PIECE_KINDS] = {
    [PIECE_NORMAL] = "normal",
    [PIECE_BYTE] = "byte",
    [PIECE_CONTROL] = "control",
};

const char *const role_names[ROLES] = {
    [ROLE_Q] = "attn.q",      [ROLE_K] = "attn.k",  [ROLE_V] = "attn.v",      [ROLE_O] = "attn.o",
    [ROLE_GATE] = "mlp.gate", [ROLE_UP] = "mlp.up", [ROLE_DOWN] = "mlp.down",
};

int find_name(const char *const *names, int n, const char *s)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], s))
            return i;
    return -1;
}
