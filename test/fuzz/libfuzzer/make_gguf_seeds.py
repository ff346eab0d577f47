"""Writes the first inputs of the GGUF fuzzer: one tiny random model for each format of its matrices,
alternately with a tokenizer of scores and of merges.

    make_gguf_seeds.py OUT_DIR
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "oracle"))
import gguf
import llama2c
import to_gguf

NAME = "tokenizer.ggml."
PIECES = [(0.0, b"<unk>"), (0.0, b"<s>"), (0.0, b"</s>")]
PIECES += [(0.0, f"<0x{b:02X}>".encode()) for b in range(256)]
PIECES += [(-float(i), p) for i, p in enumerate((b"ab", b" ab", b"abc", b"a", b"b", b"c", b" "))]
TOKENS = ["<s>", "</s>", "a", "b", "\u0120", "\u00e4", "ab", "\u0120ab"]


def byte_level_keys():
    return [(NAME + "model", "str", "gpt2"), (NAME + "pre", "str", "gpt-2"),
            (NAME + "tokens", "[str]", TOKENS),
            (NAME + "token_type", "[i32]", [3, 3] + [1] * (len(TOKENS) - 3) + [4]),
            (NAME + "merges", "[str]", ["a b"]), (NAME + "bos_token_id", "u32", 0),
            (NAME + "eos_token_id", "u32", 1)]


def shapes(vocab, dim):
    """Heads of 2 and 2 neurons, so that long rows do not make large files."""
    return {"embed": (vocab, dim), "final_norm": (dim,), "att_norm": (1, dim),
            "ffn_norm": (1, dim), "wq": (1, 4, dim), "wk": (1, 2, dim), "wv": (1, 2, dim),
            "wo": (1, dim, 4), "w1": (1, 2, dim), "w2": (1, dim, 2), "w3": (1, 2, dim)}


def main(out):
    # the inputs of a row: those of one block
    sizes = {"F32": 8, "F16": 8, "BF16": 8, "Q8_0": 32, "Q4_0": 32, "TQ1_0": 256, "TQ2_0": 256,
             "I2_S": 128}
    for i, (kind, dim) in enumerate(sizes.items()):
        scores = kind in ("F32", "Q8_0")
        vocab = len(PIECES) if scores else len(TOKENS)
        config = llama2c.Config(dim, 2, 1, 2, 1, vocab, 16)
        rng = np.random.default_rng(i)
        w = {name: (0.5 * rng.standard_normal(shape)).astype(np.float32)
             for name, shape in shapes(vocab, dim).items()}
        tensors = {name: (x, "F32" if "output" in name or "down" in name else given)
                   for name, (x, given) in to_gguf.tensors(config, w, kind).items()}
        keys = [k for k in to_gguf.model_keys(config) if "rope.dimension" not in k[0]]
        keys += [("llama.attention.key_length", "u32", 2)]
        keys += to_gguf.tokenizer_keys(PIECES) if scores else byte_level_keys()
        gguf.write(Path(out) / f"{kind.lower()}.gguf", keys, tensors)


if __name__ == "__main__":
    main(sys.argv[1])
