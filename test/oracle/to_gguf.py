"""Converts a llama2.c checkpoint and tokenizer into a GGUF file of the same weights.

    to_gguf.py MODEL.bin TOKENIZER.bin OUT.gguf [TYPE]

TYPE is how matrices are stored, F32 by default; norms are F32.  Rows of wq and wk keep their order:
rotary pairs are (2i, 2i + 1) in both formats.
"""
import json
import sys
from pathlib import Path

import gguf
import llama2c
from llama import GGUF_LAYER, HF_LAYER, read_tensors, rope_rates, scale_llama3
from to_hf import SPECIALS, hf_piece, is_plain

NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
CONTEXT = 96


def model_keys(c):
    return [("general.architecture", "str", "llama"), ("general.name", "str", "test"),
            ("llama.context_length", "u32", c.context), ("llama.embedding_length", "u32", c.dim),
            ("llama.block_count", "u32", c.layers), ("llama.feed_forward_length", "u32", c.hidden),
            ("llama.attention.head_count", "u32", c.heads),
            ("llama.attention.head_count_kv", "u32", c.kv_heads),
            ("llama.attention.layer_norm_rms_epsilon", "f32", 1e-5),
            ("llama.rope.dimension_count", "u32", c.dim // c.heads),
            ("llama.rope.freq_base", "f32", 10000.0), ("llama.vocab_size", "u32", c.vocab)]


def token_kind(i, piece):
    if i < len(SPECIALS):
        return CONTROL if i else UNKNOWN
    return NORMAL if is_plain(i, piece) else BYTE


def tokenizer_keys(pieces):
    tokens = [hf_piece(i, piece) for i, (_, piece) in enumerate(pieces)]
    name = "tokenizer.ggml."
    return [(name + "model", "str", "llama"), (name + "tokens", "[str]", tokens),
            (name + "scores", "[f32]", [score for score, _ in pieces]),
            (name + "token_type", "[i32]", [token_kind(i, t) for i, t in enumerate(tokens)]),
            (name + "bos_token_id", "u32", 1), (name + "eos_token_id", "u32", 2),
            (name + "unknown_token_id", "u32", 0), (name + "add_bos_token", "bool", True)]


def tensors(config, w, kind):
    out = {"token_embd.weight": (w["embed"], kind)}
    for i in range(config.layers):
        for name, short in GGUF_LAYER.items():
            out[f"blk.{i}.{short}.weight"] = (w[name][i], "F32" if "norm" in name else kind)
    out["output_norm.weight"] = (w["final_norm"], "F32")
    if "head" in w:
        out["output.weight"] = (w["head"], kind)
    return out


def write(out, config, w, pieces, kind="F32"):
    gguf.write(Path(out), model_keys(config) + tokenizer_keys(pieces), tensors(config, w, kind))


def from_hf(folder, out, pieces):
    """The same model from a Hugging Face folder: rows of q and k of llama's heads are put so that
    rotary pairs are (2i, 2i + 1), gemma's norms are stored whole, Llama 3.1's factors in a tensor."""
    c, t = json.loads((folder / "config.json").read_text()), read_tensors(folder)
    arch, heads = c["model_type"], c["num_attention_heads"]
    head_dim = c.get("head_dim") or c["hidden_size"] // heads
    rope = c.get("rope_scaling") or {}
    key = lambda name, kind, v: (f"{arch}.{name}", kind, v)
    keys = [("general.architecture", "str", arch), key("context_length", "u32", CONTEXT),
            key("embedding_length", "u32", c["hidden_size"]),
            key("block_count", "u32", c["num_hidden_layers"]),
            key("feed_forward_length", "u32", c["intermediate_size"]),
            key("attention.head_count", "u32", heads),
            key("attention.head_count_kv", "u32", c.get("num_key_value_heads") or heads),
            key("attention.key_length", "u32", head_dim),
            key("attention.value_length", "u32", head_dim),
            key("attention.layer_norm_rms_epsilon", "f32", c["rms_norm_eps"]),
            key("rope.freq_base", "f32", float(c.get("rope_theta", 10000.0)))]
    if rope.get("type") == "linear":
        keys += [key("rope.scaling.type", "str", "linear"),
                 key("rope.scaling.factor", "f32", rope["factor"])]
    norm = lambda x: (x + (arch == "gemma"), "F32")

    def interleaved(x, name):
        if arch != "llama" or name not in ("attn_q", "attn_k"):
            return x
        rows = x.reshape(-1, 2, head_dim // 2, *x.shape[1:])
        return rows.swapaxes(1, 2).reshape(x.shape)

    out_t = {"token_embd.weight": (t["model.embed_tokens.weight"], "F32")}
    if rope.get("rope_type") == "llama3":
        rates = rope_rates(head_dim, float(c["rope_theta"]))
        out_t["rope_freqs.weight"] = (rates / scale_llama3(rates, rope), "F32")
    for i in range(c["num_hidden_layers"]):
        for name, short in GGUF_LAYER.items():
            for part in ("weight", "bias"):
                x = t.get(f"model.layers.{i}.{HF_LAYER[name]}.{part}")
                if x is not None:
                    out_t[f"blk.{i}.{short}.{part}"] = (
                        norm(x) if "norm" in name else (interleaved(x, short), "F32"))
        for name in ("q_norm", "k_norm"):
            x = t.get(f"model.layers.{i}.self_attn.{name}.weight")
            if x is not None:
                out_t[f"blk.{i}.attn_{name}.weight"] = (x, "F32")
    out_t["output_norm.weight"] = norm(t["model.norm.weight"])
    if "lm_head.weight" in t:
        out_t["output.weight"] = (t["lm_head.weight"], "F32")
    gguf.write(out, keys + tokenizer_keys(pieces), out_t)


def convert(model, tokenizer, out, kind="F32"):
    write(out, *llama2c.read(Path(model)), llama2c.read_tokenizer(Path(tokenizer)), kind)


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    convert(*sys.argv[1:])
