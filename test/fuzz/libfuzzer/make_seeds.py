"""Writes the first inputs of the fuzzers but GGUF's: tiny random models and small tokenizers, one of
each form that a reader knows.

    make_seeds.py CORPUS_DIR
"""
import base64
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "test" / "oracle"))
import charsmap
import llama2c
import make_keyword
import safetensors
import to_hf

CONFIG = llama2c.Config(4, 4, 1, 2, 1, 6, 8)
MARK = "\u2581"
MAPPED = {"A": "a", "\t": " ", "\x01": "", MARK: " ", "\u00aa": "a", "e\u0301": "\u00e9",
          "e\u0301\u0300": "e", "\u1100\u1161": "\uac00"}


def weights(config=CONFIG):
    rng = np.random.default_rng(3)
    shapes = {name: shape for name, shape in config.shapes().items() if name != "head"}
    return {name: np.round(rng.standard_normal(shape), 2) for name, shape in shapes.items()}


def save(folder, name, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def save_json(folder, name, content):
    save(folder, name, json.dumps(content, ensure_ascii=False, separators=(",", ":")))


def checkpoints(out):
    w = weights()
    (out / "llama2c").mkdir(parents=True, exist_ok=True)
    for version in (0, 1, 2):
        llama2c.write(out / "llama2c" / f"v{version}.bin", CONFIG, w, version, 2)
    untied = w | {"head": w["embed"]}
    llama2c.write(out / "llama2c" / "untied.bin", CONFIG, untied, 0)


def folders(out):
    tensors = to_hf.hf_tensors(CONFIG, weights())
    (out / "safetensors").mkdir(parents=True, exist_ok=True)
    for kind, name in (("F32", "model"), ("F16", "f16"), ("BF16", "bf16")):
        safetensors.write(out / "safetensors" / f"{name}.safetensors", tensors, kind)
    save_json(out / "index", "index.json", {
        "metadata": {"total_size": 1}, "weight_map": {t: "shard.safetensors" for t in tensors}})
    zst = subprocess.run(["zstd", "-q", "-c", out / "safetensors" / "model.safetensors"],
                         check=True, stdout=subprocess.PIPE).stdout
    save(out / "zstd", "model.zst", zst)
    llama = to_hf.hf_config(CONFIG, True)
    save_json(out / "config", "config.json", llama)
    rope = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 4}
    save_json(out / "config", "rope.json", llama | {"rope_scaling": rope})
    for family, architecture, more in (
            ("mistral", "MistralForCausalLM", {"sliding_window": 4}),
            ("qwen2", "Qwen2ForCausalLM", {"use_sliding_window": False}),
            ("qwen3", "Qwen3ForCausalLM", {"head_dim": 2}),
            ("gemma", "GemmaForCausalLM", {"head_dim": 2, "hidden_act": "gelu_pytorch_tanh"})):
        save_json(out / "config", f"{family}.json",
                  llama | {"model_type": family, "architectures": [architecture]} | more)


def keywords(out):
    """A keyword transformer's configuration, its IR, and clips."""
    save_json(out / "config", "keyword.json", make_keyword.BASE | {
        "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "num_frames": 4, "patch_frames": 2,
        "num_bands": 3, "intermediate_size": 4, "id2label": {"0": "yes", "1": "no"}})
    save(out / "clips", "two.tsv", "yes\t1 2 3,4 -128 127 0 0 0 5 6 7\n0 0 0 0 0 0 0 0 0 0 0 0\n")
    ir = ROOT / "test" / "golden" / "in" / "keyword.ir"
    save(out / "ir", "keyword.ir", ir.read_text())


def added(*names):
    return [{"id": i, "content": s, "single_word": False, "lstrip": i == 1, "rstrip": False,
             "normalized": False, "special": i < 2} for i, s in enumerate(names)]


def json_tokenizers(out):
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    mark = {"type": "Replace", "pattern": {"String": " "}, "content": MARK}
    space = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always", "split": True}
    file = {"version": "1.0", "added_tokens": added("<s>", "<m>"), "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None}
    byte = {f"<0x{b:02X}>": b + 2 for b in range(256)}
    template = {"type": "TemplateProcessing", "single": [
        {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}
    forms = {
        "gpt2": {"pre_tokenizer": level | {"use_regex": True}, "decoder": level, "model": {
            "type": "BPE", "vocab": {"<s>": 0, "<m>": 1, "a": 2, "b": 3, "ab": 4, "\u0120": 5},
            "merges": ["a b"]}},
        "llama2": {"normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": MARK}, mark]}, "post_processor": template,
            "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"},
                                                         {"type": "Fuse"}]},
            "model": {"type": "BPE", "unk_token": "<s>", "byte_fallback": True, "vocab": {
                "<s>": 0, "<m>": 1, "a": 258, MARK: 259, MARK + "a": 260, **byte},
                "merges": [[MARK, "a"]]}},
        "unigram": {"pre_tokenizer": space, "model": {
            "type": "Unigram", "unk_id": 0, "vocab": [
                ["<s>", 0.0], ["<m>", 0.0], ["a", -1.5], [MARK, -2.0], [MARK + "a", -1.25]]}},
        "precompiled": {"normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled",
             "precompiled_charsmap": base64.b64encode(charsmap.build(MAPPED)).decode()},
            {"type": "Strip", "strip_left": False, "strip_right": True},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": MARK}]},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "WhitespaceSplit"}, space]}, "model": {
                "type": "Unigram", "unk_id": 0, "vocab": [
                    ["<s>", 0.0], ["<m>", 0.0], ["a", -1.5], [MARK, -2.0]]}},
        "nfkc": {"normalizer": {"type": "NFKC"}, "pre_tokenizer": level | {"use_regex": True},
                 "decoder": level, "model": {"type": "BPE", "vocab": {"<s>": 0, "<m>": 1, "a": 2},
                                             "merges": []}},
        "bert": {"normalizer": {"type": "BertNormalizer", "lowercase": True, "strip_accents": None},
                 "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": {
                     "type": "BertProcessing", "cls": ["<s>", 0], "sep": ["<m>", 1]},
                 "decoder": {"type": "WordPiece", "cleanup": True}, "model": {
                     "type": "WordPiece", "unk_token": "<s>", "max_input_chars_per_word": 9,
                     "vocab": {"<s>": 0, "<m>": 1, "a": 2, "##b": 3, "\u0416": 4}}}}
    for name, sections in forms.items():
        save_json(out / "tokenizer_json", f"{name}.json", file | sections)


def bin_tokenizer(out):
    pieces = [(0.0, b"<unk>"), (0.0, b"\n<s>\n"), (0.0, b"\n</s>\n")]
    pieces += [(0.0, f"<0x{b:02X}>".encode()) for b in range(256)]
    texts = [" ", "a", "b", "c", "ab", " a", " ab", "abc", "\u00e9", "e"]
    pieces += [(-float(i), t.encode()) for i, t in enumerate(texts)]
    pieces += [(-99.0, f"x{i}".encode()) for i in range(280 - len(pieces))]
    (out / "tokenizer_bin").mkdir(parents=True, exist_ok=True)
    llama2c.write_tokenizer(out / "tokenizer_bin" / "tokenizer.bin", pieces)


def varint(v):
    return (bytes([v & 0x7F | 0x80]) + varint(v >> 7)) if v > 0x7F else bytes([v])


def message(*fields):
    """(number, value): bytes, an int or a float."""
    out = b""
    for number, v in fields:
        if isinstance(v, bytes):
            out += varint(number << 3 | 2) + varint(len(v)) + v
        else:
            out += (varint(number << 3 | 5) + struct.pack("<f", v) if isinstance(v, float)
                    else varint(number << 3) + varint(v))
    return out


def sentencepiece(out):
    """tokenizer.model, of both kinds; types are 2 unknown, 3 control, 4 the user's, 6 a byte."""
    ends = [(b"<unk>", 0.0, 2), (b"<s>", 0.0, 3), (b"</s>", 0.0, 3)]
    texts = [(t.encode(), -1.0 - i / 2, 1)
             for i, t in enumerate(["\u2581", "a", "b", "c", "ab", "\u2581a", "\u2581ab", "\u00e9"])]
    byte = [(f"<0x{b:02X}>".encode(), 0.0, 6) for b in range(256)]
    same = (1, b"identity"), (3, 1), (4, 0), (5, 1)
    of = {"unigram": (1, ends + texts, same), "bpe": (2, ends + byte + texts + [(b"<|a|>", 0.0, 4)], same),
          "charsmap": (1, ends + texts, ((1, b"user"), (2, charsmap.build(MAPPED))))}
    for name, (kind, pieces, rules) in of.items():
        data = message(*[(1, message((1, s), (2, score), (3, what))) for s, score, what in pieces],
                       (2, message((3, kind), (35, kind - 1), (41, 1), (42, 2))),
                       (3, message(*rules)))
        save(out / "sentencepiece", f"{name}.model", data)


def texts(out):
    save(out / "recipe", "all.yaml", (
        "name: tiny\nwindow: 16\nsinks: 2\nseed: 3\nfold: {norms: true}\ncalibrate: {tokens: 24}\n"
        "prune-heads:\n  ratio: 0.0\n  scope: layer\nprune-neurons: {counts: [2, 3]}\n"
        "prune-vocab: {keep: [\"a b\"]}\nquantize:\n  bits: 4\n  tensors:\n    \"embed\": 6\n"
        "    \"*.attn.k\": ternary\ntables: auto\n"))
    save(out / "target", "stm32h743.yaml", (ROOT / "targets" / "stm32h743.yaml").read_text())
    lmcc = ROOT / "build" / "lmcc"
    for stage in ("fold", "quantize", "plan"):
        run = subprocess.run([lmcc, "compile", out / "llama2c" / "v0.bin", "-t", "rp2040", "-q",
                              "--bits", "2", "--set", "quantize.method=weights", "--window", "4",
                              f"--until={stage}", f"--dump={stage}"],
                             check=True, stdout=subprocess.PIPE)
        save(out / "ir", f"{stage}.ir", run.stdout)


def main(out):
    out = Path(out)
    for make in (checkpoints, folders, keywords, json_tokenizers, bin_tokenizer, sentencepiece,
                 texts):
        make(out)


if __name__ == "__main__":
    main(sys.argv[1])
