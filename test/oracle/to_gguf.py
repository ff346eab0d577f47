"""Converts a llama2.c checkpoint and tokenizer into a GGUF file of the same weights.

    to_gguf.py MODEL.bin TOKENIZER.bin OUT.gguf [TYPE]

TYPE is how matrices are stored, F32 by default; norms are F32.  Rows of wq and wk keep their order:
rotary pairs are (2i, 2i + 1) in both formats.
"""
import sys
from pathlib import Path

import gguf
import llama2c
from llama import GGUF_LAYER
from to_hf import SPECIALS, hf_piece, is_plain

NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6


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


def convert(model, tokenizer, out, kind="F32"):
    write(out, *llama2c.read(Path(model)), llama2c.read_tokenizer(Path(tokenizer)), kind)


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    convert(*sys.argv[1:])
