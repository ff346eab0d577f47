"""An independent Keyword Transformer in float64, from the paper (Berg, O'Connor and Cruz 2021, arXiv 2104.00769) and
the layout that docs/formats.md states.

    keyword_transformer.py MODEL CLIPS.txt OUT.f32

Each line of CLIPS is a clip: the bytes of its frames; for each, OUT gets the logits of the classes as float32.
"""
import json
import sys
from pathlib import Path

import numpy as np

import safetensors
from bert import ACTIVATIONS


def logits(config, t, clip):
    dim, heads = config["hidden_size"], config["num_attention_heads"]
    act = ACTIVATIONS[config["hidden_act"]]
    linear = lambda x, name: x @ t[name + ".weight"].T + t[name + ".bias"]

    def norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + config["layer_norm_eps"])
        return x * t[name + ".weight"] + t[name + ".bias"]

    def attention(x, at):
        q, k, v = (linear(x, f"{at}attention.self.{part}").reshape(-1, heads, dim // heads)
                   for part in ("query", "key", "value"))
        scores = np.einsum("ihd,jhd->hij", q, k) / np.sqrt(dim // heads)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = np.einsum("hij,jhd->ihd", weights / weights.sum(-1, keepdims=True), v)
        return linear(mixed.reshape(-1, dim), f"{at}attention.output.dense")

    mlp = lambda x, at: linear(act(linear(x, f"{at}intermediate.dense")), f"{at}output.dense")
    patches = np.reshape(clip, (-1, config["patch_frames"] * config["num_bands"]))
    x = np.concatenate((t["embeddings.class_token"][None], linear(patches, "embeddings.patch")))
    x = x + t["embeddings.position_embeddings.weight"]
    first = config.get("norm_first", False)
    x = x if first else norm(x, "embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{i}."
        if first:
            x = x + attention(norm(x, at + "layernorm_before"), at)
            x = x + mlp(norm(x, at + "layernorm_after"), at)
        else:
            x = norm(x + attention(x, at), at + "attention.output.LayerNorm")
            x = norm(x + mlp(x, at), at + "output.LayerNorm")
    x = norm(x, "layernorm") if first else x
    return linear(x[0], "classifier")


def main(model, clips, out):
    config = json.loads((Path(model) / "config.json").read_text())
    t = safetensors.read(Path(model) / "model.safetensors")
    rows = [logits(config, t, [int(v) for v in line.split()])
            for line in Path(clips).read_text().splitlines()]
    np.array(rows).astype("<f4").tofile(out)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
