"""A checkpoint of any size with random weights, to measure what compiling takes: llama's layout, bf16, in
shards of safetensors that are written a tensor at a time.
    make_large.py OUT DIM LAYERS HIDDEN VOCAB [SHARDS]"""
import json
import pathlib
import struct
import sys

import numpy as np

HEADS = 12


def shapes(dim, layers, hidden, vocab):
    yield "model.embed_tokens.weight", (vocab, dim)
    for i in range(layers):
        at = f"model.layers.{i}."
        for part in "qkvo":
            yield f"{at}self_attn.{part}_proj.weight", (dim, dim)
        for part, shape in ("gate", (hidden, dim)), ("up", (hidden, dim)), ("down", (dim, hidden)):
            yield f"{at}mlp.{part}_proj.weight", shape
        for part in "input", "post_attention":
            yield f"{at}{part}_layernorm.weight", (dim,)
    yield "model.norm.weight", (dim,)


def values(rng, shape):
    """bf16: the upper half of a float32."""
    if len(shape) == 1:
        v = np.ones(shape, np.float32)
    else:
        v = rng.standard_normal(shape, np.float32) / np.float32(np.sqrt(shape[1]))
    return (v.view(np.uint32) >> 16).astype("<u2")


def write_shard(path, tensors, rng):
    header, at = {}, 0
    for name, shape in tensors:
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors:
            f.write(values(rng, shape).tobytes())


def main():
    out = pathlib.Path(sys.argv[1])
    dim, layers, hidden, vocab, shards = [*map(int, sys.argv[2:]), 3][:5]
    out.mkdir(parents=True, exist_ok=True)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": dim,
              "intermediate_size": hidden, "num_hidden_layers": layers, "num_attention_heads": HEADS,
              "num_key_value_heads": HEADS, "vocab_size": vocab, "max_position_embeddings": 256,
              "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True,
              "hidden_act": "silu", "torch_dtype": "bfloat16"}
    (out / "config.json").write_text(json.dumps(config, indent=1))
    rng = np.random.default_rng(1)
    tensors = list(shapes(dim, layers, hidden, vocab))
    index = {}
    for i in range(shards):
        name = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        mine = tensors[i * len(tensors) // shards:(i + 1) * len(tensors) // shards]
        write_shard(out / name, mine, rng)
        index.update({tensor: name for tensor, _ in mine})
    total = sum(2 * int(np.prod(shape)) for _, shape in tensors)
    (out / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": index}, indent=1))
    print(f"{total // 2} parameters")


main()
