"""Small random keyword transformers in the layout that docs/formats.md states: called by make_models.py."""
import numpy as np

import safetensors

LABELS = ["silence", "unknown", "yes", "no"]
BASE = {"model_type": "keyword_transformer", "architectures": ["KeywordTransformerForAudioClassification"],
        "num_bands": 7, "num_frames": 24, "patch_frames": 3, "hidden_size": 40, "num_hidden_layers": 3,
        "num_attention_heads": 4, "intermediate_size": 52, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
        "torch_dtype": "float32", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}

# name -> what differs
KEYWORDS = {
    "enc_keyword": {},
    "enc_keyword_first": {"norm_first": True, "hidden_act": "relu", "patch_frames": 1, "num_bands": 9},
}


def tensors_of(rng, c):
    dim, neurons, first = c["hidden_size"], c["intermediate_size"], c.get("norm_first", False)
    normal = lambda scale, *shape: (scale * rng.standard_normal(shape)).astype(np.float32)
    linear = lambda name, rows, cols: {f"{name}.weight": normal(cols ** -0.5, rows, cols),
                                       f"{name}.bias": normal(0.3, rows)}
    norm = lambda name: {f"{name}.weight": 1 + normal(0.2, dim), f"{name}.bias": normal(0.2, dim)}
    patch = linear("embeddings.patch", dim, c["patch_frames"] * c["num_bands"])
    patch["embeddings.patch.weight"] /= 64  # bytes are large
    t = patch | {"embeddings.class_token": normal(0.5, dim),
                 "embeddings.position_embeddings.weight": normal(
                     0.4, 1 + c["num_frames"] // c["patch_frames"], dim)}
    t |= norm("layernorm" if first else "embeddings.LayerNorm") | linear("classifier", len(LABELS), dim)
    for i in range(c["num_hidden_layers"]):
        at = f"encoder.layer.{i}."
        for part in ("attention.self.query", "attention.self.key", "attention.self.value",
                     "attention.output.dense"):
            t |= linear(at + part, dim, dim)
        t |= linear(at + "intermediate.dense", neurons, dim) | linear(at + "output.dense", dim, neurons)
        for name in (("layernorm_before", "layernorm_after") if first
                     else ("attention.output.LayerNorm", "output.LayerNorm")):
            t |= norm(at + name)
    return t


def write(out, name, seed, write_json):
    config = BASE | KEYWORDS[name] | {"id2label": {str(i): s for i, s in enumerate(LABELS)}}
    folder = out / name
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng([seed, 9, list(KEYWORDS).index(name)])
    safetensors.write(folder / "model.safetensors", tensors_of(rng, config), "F32")
    write_json(folder / "config.json", config)
