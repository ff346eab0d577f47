"""Converts a llama2.c checkpoint and tokenizer into a Hugging Face folder of the same weights.

    to_hf.py MODEL.bin TOKENIZER.bin OUT_DIR

Rows of wq and wk move from interleaved RoPE pairs (2i, 2i + 1) to half-split ones (i, i + half).
Scores become merges: every way to cut a piece into two pieces, in order of the piece's score.
"""
import json
import re
import sys
from pathlib import Path

import numpy as np

import llama2c
import safetensors
from llama import HF_LAYER

SPECIALS = ["<unk>", "<s>", "</s>"]


def half_split(w, heads):
    """w (heads * head_dim, dim) -> the even rows of each head, then its odd rows."""
    rows, dim = w.shape
    pairs = w.reshape(heads, rows // heads // 2, 2, dim)
    return pairs.transpose(0, 2, 1, 3).reshape(rows, dim)


def hf_tensors(config, w):
    tensors = {"model.embed_tokens.weight": w["embed"]}
    for i in range(config.layers):
        for name, hf in HF_LAYER.items():
            x = w[name][i]
            if name in ("wq", "wk"):
                x = half_split(x, config.heads if name == "wq" else config.kv_heads)
            tensors[f"model.layers.{i}.{hf}.weight"] = x
    tensors["model.norm.weight"] = w["final_norm"]
    if "head" in w:
        tensors["lm_head.weight"] = w["head"]
    return tensors


def hf_config(config, tied, dtype="float32"):
    return {
        "architectures": ["LlamaForCausalLM"], "attention_bias": False, "bos_token_id": 1,
        "eos_token_id": 2, "hidden_act": "silu", "hidden_size": config.dim,
        "intermediate_size": config.hidden, "max_position_embeddings": config.context,
        "mlp_bias": False, "model_type": "llama", "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers, "num_key_value_heads": config.kv_heads,
        "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 10000.0,
        "tie_word_embeddings": tied, "torch_dtype": dtype, "vocab_size": config.vocab}


def hf_piece(i, piece):
    if i < len(SPECIALS):
        return SPECIALS[i]
    return piece.decode("utf-8").replace(" ", "\u2581")


def is_plain(i, piece):
    return i >= len(SPECIALS) and not re.fullmatch("<0x[0-9A-F]{2}>", piece)


def scores_to_merges(vocab, scores):
    merges = []
    plain = {p for p, i in vocab.items() if is_plain(i, p)}
    for piece in sorted(plain, key=lambda p: (-scores[vocab[p]], vocab[p])):
        cuts = [(piece[:n], piece[n:]) for n in range(1, len(piece))]
        merges += [cut for cut in cuts if plain.issuperset(cut)]
    return merges


def hf_tokenizer(pieces):
    vocab = {}
    for i, (_, piece) in enumerate(pieces):
        vocab.setdefault(hf_piece(i, piece), i)
    merges = scores_to_merges(vocab, [score for score, _ in pieces])
    bos, first, second = ({"SpecialToken": {"id": "<s>", "type_id": 0}},
                          {"Sequence": {"id": "A", "type_id": 0}},
                          {"Sequence": {"id": "B", "type_id": 1}})
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": i, "content": s, "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False, "special": True}
                         for i, s in enumerate(SPECIALS)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing", "single": [bos, first], "pair": [bos, first, second],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>",
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": vocab, "merges": [f"{a} {b}" for a, b in merges]}}


def write_json(path, content):
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def convert(model, tokenizer, folder):
    config, weights = llama2c.read(Path(model))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = hf_tensors(config, weights)
    safetensors.write(folder / "model.safetensors", tensors, "F32")
    write_json(folder / "config.json", hf_config(config, "head" not in weights))
    write_json(folder / "tokenizer.json", hf_tokenizer(llama2c.read_tokenizer(Path(tokenizer))))
    write_json(folder / "tokenizer_config.json",
               {"add_bos_token": True, "add_eos_token": False, "bos_token": "<s>",
                "clean_up_tokenization_spaces": False, "eos_token": "</s>", "legacy": True,
                "tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>"})
    assert all(np.isfinite(x).all() for x in tensors.values())


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    convert(*sys.argv[1:])
