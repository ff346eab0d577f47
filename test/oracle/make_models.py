"""Writes small random models in every layout that the importers read, with matching tokenizers.

    make_models.py OUT_DIR

The weights depend on the seed alone.  The llama2.c files, v0.gguf and OUT_DIR/hf_base hold the same
model, as far as their formats can.  Sizes are odd on purpose: no side of a tensor is a multiple of 16.
"""
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

import bitnet
import llama2c
import make_encoders
import make_keyword
import safetensors
import to_gguf
import to_hf
from bpe import byte_to_char, gpt2_split
from llama import HF_LAYER

SEED, VOCAB, CONTEXT = 20, 397, 96
TEXT = """Once upon a time a small brown fox lived under the old oak tree. Every morning the fox
looked at the river and said, "What a fine day it is!" The other animals liked the fox, because
the fox told them stories. "Tell us one about the moon," said the hedgehog, and the fox began:
there was a moon that wanted to see the world, so it came down the hill one night. It walked and
walked until it met a child who wasn't asleep. They'll say it couldn't have been; I'm sure it was.
The child and the moon talked about the sea, the stars, and 12 or 345 other things. Then the moon
went home, and the child slept. The animals were quiet for a while, then they all went to bed."""

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}

BITNET = {"model_type": "bitnet", "architectures": ["BitNetForCausalLM"], "hidden_act": "relu2",
          "rope_theta": 500000.0, "head_dim": 12}

# name -> tokenizer kind, dtype, shards, and what differs from hf_base's config
HF_MODELS = {
    "hf_f16": ("bytes", "F16", 1, {"torch_dtype": "float16"}),
    "hf_bf16": ("bytes", "BF16", 1, {"torch_dtype": "bfloat16"}),
    "hf_shards": ("scores", "F32", 3, {"tie_word_embeddings": False}),
    "hf_head_dim": ("bytes", "F32", 1, {"head_dim": 14, "rope_theta": 50000.0,
                                        "rms_norm_eps": 1e-06}),
    "hf_one_kv": ("scores", "BF16", 2, {"num_key_value_heads": 1, "tie_word_embeddings": False,
                                        "torch_dtype": "bfloat16"}),
    "hf_bias": ("bytes", "F32", 1, {"attention_bias": True, "mlp_bias": True}),
    "hf_v5": ("bytes", "F16", 1, {"dtype": "float16", "torch_dtype": None, "rope_theta": None,
                                  "rope_parameters": {"rope_type": "default",
                                                      "rope_theta": 50000.0}}),
    "hf_binary": ("bytes", "F32", 1, {"activation_bits": 1}),
    "hf_llama3": ("bytes", "F32", 1, {"rope_theta": 500000.0, "rope_scaling": LLAMA3,
                                      "head_dim": 24}),
    "hf_linear": ("bytes", "F32", 1, {"rope_scaling": {"type": "linear", "factor": 2.5}}),
    "hf_mistral": ("scores", "F32", 1, {"model_type": "mistral", "sliding_window": 24,
                                        "architectures": ["MistralForCausalLM"], "head_dim": 14,
                                        "tie_word_embeddings": False}),
    "hf_qwen2": ("bytes", "F32", 1, {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"],
                                     "use_sliding_window": False, "sliding_window": 32,
                                     "max_window_layers": 3, "rope_theta": 1000000.0}),
    "hf_qwen3": ("bytes", "BF16", 1, {"model_type": "qwen3",
                                      "architectures": ["Qwen3ForCausalLM"], "head_dim": 14,
                                      "attention_bias": True, "torch_dtype": "bfloat16",
                                      "rope_theta": 1000000.0, "rms_norm_eps": 1e-06}),
    "hf_gemma": ("scores", "F32", 1, {"model_type": "gemma", "architectures": ["GemmaForCausalLM"],
                                      "hidden_act": "gelu_pytorch_tanh", "head_dim": 14,
                                      "num_key_value_heads": 1, "rms_norm_eps": 1e-06}),
    "hf_bitnet": ("bytes", "F32", 1, BITNET | {"quantization_config": {
        "quant_method": "bitnet", "linear_class": "autobitlinear",
        "quantization_mode": "offline", "modules_to_not_convert": None}}),
    "hf_bitnet_online": ("bytes", "BF16", 1, BITNET | {"quantization_config": {
        "quant_method": "bitnet", "linear_class": "autobitlinear",
        "quantization_mode": "online"}}),
    "hf_bitlinear": ("bytes", "F16", 1, {"rms_norm_eps": 1e-05, "quantization_config": {
        "quant_method": "bitnet", "linear_class": "bitlinear",
        "quantization_mode": "offline", "use_rms_norm": False}}),
    # every part at once that a family may have
    "hf_all": ("bytes", "F32", 1, {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"],
                                   "attention_bias": True, "mlp_bias": True, "head_dim": 24,
                                   "rope_theta": 500000.0, "rope_scaling": LLAMA3,
                                   "tie_word_embeddings": False}),
}

# Of these there is a GGUF file of the same weights too.
GGUF_FAMILIES = ["qwen2", "qwen3", "gemma", "llama3", "linear", "bias"]

# Families with sizes of their own: model_type -> the whole config, and what a second model changes.
GPT = {"bos_token_id": 1, "eos_token_id": 2, "vocab_size": VOCAB, "torch_dtype": "float32"}
GPT_MODELS = {
    "hf_gpt2": GPT | {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 44,
                      "n_layer": 3, "n_head": 2, "n_positions": CONTEXT, "n_inner": None,
                      "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05,
                      "scale_attn_by_inverse_layer_idx": True},
    "hf_gpt2_bare": GPT | {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"],
                           "n_embd": 45, "n_layer": 2, "n_head": 3, "n_positions": CONTEXT,
                           "n_inner": 58, "activation_function": "relu",
                           "layer_norm_epsilon": 1e-06, "scale_attn_weights": False,
                           "tie_word_embeddings": False},
    "hf_gpt_neo": GPT | {"model_type": "gpt_neo", "architectures": ["GPTNeoForCausalLM"],
                         "hidden_size": 40, "num_layers": 4, "num_heads": 4,
                         "intermediate_size": None, "max_position_embeddings": CONTEXT,
                         "attention_types": [[["global", "local"], 2]], "window_size": 21,
                         "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05},
    "hf_neox": GPT | {"model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"],
                      "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 3,
                      "intermediate_size": 90, "max_position_embeddings": CONTEXT,
                      "rotary_pct": 0.25, "rotary_emb_base": 10000, "hidden_act": "gelu",
                      "layer_norm_eps": 1e-05, "use_parallel_residual": True,
                      "tie_word_embeddings": False},
    "hf_neox_serial": GPT | {"model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"],
                             "hidden_size": 44, "num_hidden_layers": 2, "num_attention_heads": 2,
                             "intermediate_size": 70, "max_position_embeddings": CONTEXT,
                             "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0,
                                                 "partial_rotary_factor": 1.0},
                             "hidden_act": "relu2", "layer_norm_eps": 1e-06,
                             "use_parallel_residual": False, "tie_word_embeddings": False,
                             "attention_bias": False},
    "hf_phi": GPT | {"model_type": "phi", "architectures": ["PhiForCausalLM"], "hidden_size": 52,
                     "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 99,
                     "max_position_embeddings": CONTEXT, "partial_rotary_factor": 0.4,
                     "rope_theta": 10000.0, "hidden_act": "gelu_new", "layer_norm_eps": 1e-05,
                     "tie_word_embeddings": False, "qk_layernorm": False},
}

GGUF_TYPES = ["F16", "BF16", "Q8_0", "Q4_0", "TQ1_0", "TQ2_0", "I2_S"]


def random_weights(rng, config, tied):
    """float32 values, scaled so that each layer matters and the logits spread over a few units."""
    weights = {}
    for name, shape in config.shapes().items():
        x = rng.standard_normal(shape)
        if "norm" in name:
            x = 1 + 0.2 * x
        elif name not in ("embed", "head"):
            x = x / np.sqrt(shape[-1])
        else:
            x = x * 0.4
        weights[name] = x.astype(np.float32)
    if tied:
        del weights["head"]
    return weights


def join(symbols, pair):
    out = []
    for s in symbols:
        out.append(s)
        if tuple(out[-2:]) == pair:
            out[-2:] = [pair[0] + pair[1]]
    return out


def train_bpe(words, n):
    """n merges, the most frequent pair first, ties in alphabetical order."""
    words, merges = [list(w) for w in words], []
    while len(merges) < n:
        pairs = Counter(p for w in words for p in zip(w, w[1:]))
        merges.append(min(pairs, key=lambda p: (-pairs[p], p)))
        words = [join(w, merges[-1]) for w in words]
    return merges


def scored_pieces():
    """A tokenizer.bin of VOCAB pieces: specials, bytes, merged pieces by score, then characters."""
    words = [" " + w for w in TEXT.split()]
    chars = sorted(set("".join(words)))
    pieces = [(0.0, s) for s in ("<unk>", "\n<s>\n", "\n</s>\n")]
    pieces += [(0.0, f"<0x{b:02X}>") for b in range(256)]
    merges = train_bpe(words, VOCAB - len(pieces) - len(chars))
    pieces += [(-float(i), a + b) for i, (a, b) in enumerate(merges)]
    pieces += [(-float(len(merges) + i), c) for i, c in enumerate(chars)]
    return [(score, piece.encode()) for score, piece in pieces]


def byte_level_tokenizer():
    """The same specials as the scored one, so that bos is 1 and eos is 2 in every model."""
    chars = byte_to_char()
    words = ["".join(chars[b] for b in w.encode()) for w in gpt2_split(TEXT)]
    merges = train_bpe(words, VOCAB - len(to_hf.SPECIALS) - len(chars))
    tokens = to_hf.SPECIALS + chars + [a + b for a, b in merges]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
             "use_regex": True}
    content = to_hf.hf_tokenizer([])
    content |= {"normalizer": None, "pre_tokenizer": level, "decoder": level}
    content["model"] |= {"unk_token": None, "fuse_unk": False, "byte_fallback": False,
                         "vocab": {s: i for i, s in enumerate(tokens)},
                         "merges": [list(m) for m in merges]}  # the newer of the two spellings
    return content


def hf_shapes(c):
    dim, hidden, heads = c["hidden_size"], c["intermediate_size"], c["num_attention_heads"]
    head_dim = c.get("head_dim") or dim // heads
    q, kv = heads * head_dim, c["num_key_value_heads"] * head_dim
    shapes = {"wq": (q, dim), "wk": (kv, dim), "wv": (kv, dim), "wo": (dim, q),
              "w1": (hidden, dim), "w2": (dim, hidden), "w3": (hidden, dim),
              "att_norm": (dim,), "ffn_norm": (dim,)}
    return {HF_LAYER[name]: shape for name, shape in shapes.items()}


def has_bias(c, name):
    if "attn" in name:
        return c["attention_bias"] or (c["model_type"] == "qwen2" and "o_proj" not in name)
    return c["mlp_bias"]


def put_weight(tensors, prefix, w, c):
    how = c.get("quantization_config", {})
    if how.get("quantization_mode") != "offline":
        tensors[prefix + "weight"] = w
        return
    codes, size = bitnet.ternary(w)
    tensors[prefix + "weight"] = bitnet.pack(codes)
    by = size if how["linear_class"] == "autobitlinear" else 1 / size
    tensors[prefix + "weight_scale"] = np.array([by], np.float32)


def random_hf_tensors(rng, c):
    normal = lambda shape, scale: (scale * rng.standard_normal(shape)).astype(np.float32)
    dim, gemma = c["hidden_size"], c["model_type"] == "gemma"
    tensors = {"model.embed_tokens.weight": normal((VOCAB, dim), 0.4)}
    one = 0 if gemma else 1  # gemma's norms are stored less one
    for i in range(c["num_hidden_layers"]):
        for name, shape in hf_shapes(c).items():
            prefix = f"model.layers.{i}.{name}."
            if len(shape) == 1:
                tensors[prefix + "weight"] = one + normal(shape, 0.2)
                continue
            put_weight(tensors, prefix, normal(shape, shape[1] ** -0.5), c)
            if has_bias(c, name):
                tensors[prefix + "bias"] = normal(shape[:1], 0.3)
        if c["model_type"] == "bitnet":
            q = c["num_attention_heads"] * c["head_dim"]
            for name, n in (("self_attn.attn_sub_norm", q),
                            ("mlp.ffn_sub_norm", c["intermediate_size"])):
                tensors[f"model.layers.{i}.{name}.weight"] = 1 + normal((n,), 0.2)
        for name in ("q_norm", "k_norm") if c["model_type"] == "qwen3" else ():
            shape = (c.get("head_dim") or dim // c["num_attention_heads"],)
            tensors[f"model.layers.{i}.self_attn.{name}.weight"] = 1 + normal(shape, 0.2)
    tensors["model.norm.weight"] = one + normal((dim,), 0.2)
    if not c["tie_word_embeddings"]:
        tensors["lm_head.weight"] = normal((VOCAB, dim), 0.4)
    return tensors


def gpt_linears(c):
    """For each linear of a layer: name, inputs, outputs, whether it has a bias."""
    dim = c.get("n_embd") or c["hidden_size"]
    inner = c.get("n_inner") or c.get("intermediate_size") or 4 * dim
    if c["model_type"] == "gpt2":
        return [("attn.c_attn", dim, 3 * dim, True), ("attn.c_proj", dim, dim, True),
                ("mlp.c_fc", dim, inner, True), ("mlp.c_proj", inner, dim, True)]
    if c["model_type"] == "gpt_neo":
        return [(f"attn.attention.{n}_proj", dim, dim, n == "out") for n in ("q", "k", "v", "out")
                ] + [("mlp.c_fc", dim, inner, True), ("mlp.c_proj", inner, dim, True)]
    if c["model_type"] == "gpt_neox":
        bias = c.get("attention_bias", True)
        return [("attention.query_key_value", dim, 3 * dim, bias),
                ("attention.dense", dim, dim, bias), ("mlp.dense_h_to_4h", dim, inner, True),
                ("mlp.dense_4h_to_h", inner, dim, True)]
    return [(f"self_attn.{n}", dim, dim, True) for n in ("q_proj", "k_proj", "v_proj", "dense")
            ] + [("mlp.fc1", dim, inner, True), ("mlp.fc2", inner, dim, True)]


def random_gpt_tensors(rng, c, bare):
    normal = lambda shape, scale: (scale * rng.standard_normal(shape)).astype(np.float32)
    family = c["model_type"]
    dim = c.get("n_embd") or c["hidden_size"]
    prefix = {"gpt_neox": "gpt_neox.", "phi": "model."}.get(family, "" if bare else "transformer.")
    embed = {"gpt_neox": "embed_in", "phi": "embed_tokens"}.get(family, "wte")
    tensors = {f"{prefix}{embed}.weight": normal((VOCAB, dim), 0.4)}
    learned = family in ("gpt2", "gpt_neo")
    if learned:
        tensors[prefix + "wpe.weight"] = normal((CONTEXT, dim), 0.2)
    norms = ["ln_1", "ln_2"] if learned else ["input_layernorm"]
    norms += ["post_attention_layernorm"] if family == "gpt_neox" else []
    final = {"gpt_neox": "final_layer_norm", "phi": "final_layernorm"}.get(family, "ln_f")
    layers = [f"{prefix}{'h' if learned else 'layers'}.{i}."
              for i in range(c.get("n_layer") or c.get("num_layers") or c["num_hidden_layers"])]
    for name in [p + n for p in layers for n in norms] + [prefix + final]:
        tensors[name + ".weight"] = 1 + normal((dim,), 0.2)
        tensors[name + ".bias"] = normal((dim,), 0.2)
    for p in layers:
        for name, cols, rows, bias in gpt_linears(c):
            # scores that are not divided by sqrt(head size) would pick one token each
            size = 0.5 if family == "gpt_neo" and ("q_proj" in name or "k_proj" in name) else 1
            shape = (cols, rows) if family == "gpt2" else (rows, cols)
            tensors[p + name + ".weight"] = normal(shape, size * cols ** -0.5)
            if bias:
                tensors[p + name + ".bias"] = normal((rows,), 0.3)
        if learned:  # masks that old files store
            mask = p + ("attn." if family == "gpt2" else "attn.attention.")
            tensors[mask + "bias"] = np.tril(np.ones((1, 1, CONTEXT, CONTEXT), np.float32))
            tensors[mask + "masked_bias"] = np.array(-1e9, np.float32)
    if not c.get("tie_word_embeddings", learned):
        head = "embed_out" if family == "gpt_neox" else "lm_head"
        tensors[head + ".weight"] = normal((VOCAB, dim), 0.4)
        if family == "phi":
            tensors[head + ".bias"] = normal((VOCAB,), 0.3)
    return tensors


def write_gpt(out, name):
    config = GPT_MODELS[name]
    folder = out / name
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng([SEED, 100 + list(GPT_MODELS).index(name)])
    write_shards(folder, random_gpt_tensors(rng, config, "bare" in name), "F32", 1)
    to_hf.write_json(folder / "config.json", config)
    to_hf.write_json(folder / "tokenizer.json", byte_level_tokenizer())


def write_shards(folder, tensors, dtype, n):
    if n == 1:
        safetensors.write(folder / "model.safetensors", tensors, dtype)
        return
    weight_map = {}
    for shard in range(n):
        file = f"model-{shard + 1:05d}-of-{n:05d}.safetensors"
        part = dict(list(tensors.items())[shard::n])
        safetensors.write(folder / file, part, dtype)
        weight_map |= {name: file for name in part}
    size = sum(x.size * (4 if dtype == "F32" else 2) for x in tensors.values())
    to_hf.write_json(folder / "model.safetensors.index.json",
                     {"metadata": {"total_size": size}, "weight_map": weight_map})


def write_hf(out, name, base):
    tokenizer, dtype, shards, changes = HF_MODELS[name]
    config = {k: v for k, v in (base | changes).items() if v is not None}
    folder = out / name
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng([SEED, list(HF_MODELS).index(name)])
    tensors = random_hf_tensors(rng, config)
    if name == "hf_v5":  # what old files store, read by nothing
        tensors["model.rotary_emb.inv_freq"] = np.ones(5, np.float32)
    write_shards(folder, tensors, dtype, shards)
    to_hf.write_json(folder / "config.json", config)
    bytes_or_scores = {"bytes": byte_level_tokenizer,
                       "scores": lambda: to_hf.hf_tokenizer(scored_pieces())}
    to_hf.write_json(folder / "tokenizer.json", bytes_or_scores[tokenizer]())


def main(out):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    config = llama2c.Config(40, 44, 3, 4, 2, VOCAB, CONTEXT)
    llama2c.write_tokenizer(out / "tokenizer.bin", scored_pieces())
    tied = random_weights(np.random.default_rng(SEED), config, True)
    untied = random_weights(np.random.default_rng(SEED + 1), config, False)
    for version, group_size in ((0, 0), (1, 0), (2, 8)):  # 44 % 8: groups straddle rows of w2
        llama2c.write(out / f"v{version}.bin", config, tied, version, group_size)
        llama2c.write(out / f"v{version}_untied.bin", config, untied, version, group_size)
    to_hf.convert(out / "v0.bin", out / "tokenizer.bin", out / "hf_base")
    for version in ("v0", "v0_untied"):
        to_gguf.convert(out / f"{version}.bin", out / "tokenizer.bin", out / f"{version}.gguf")
    wide = llama2c.Config(256, 256, 1, 8, 4, VOCAB, CONTEXT)  # whole blocks of every type
    for i, kind in enumerate(GGUF_TYPES):
        weights = random_weights(np.random.default_rng([SEED, i]), wide, i % 2)
        to_gguf.write(out / f"{kind.lower()}.gguf", wide, weights, scored_pieces(), kind)
    base = json.loads((out / "hf_base" / "config.json").read_text())
    for name in HF_MODELS:
        write_hf(out, name, base)
    for name in GGUF_FAMILIES:
        to_gguf.from_hf(out / f"hf_{name}", out / f"of_{name}.gguf", scored_pieces())
    for name in GPT_MODELS:
        write_gpt(out, name)
    for name in make_keyword.KEYWORDS:
        make_keyword.write(out, name, SEED, to_hf.write_json)
    for name in make_encoders.ENCODERS:
        make_encoders.write(out, name, TEXT, SEED, to_hf.write_json)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
