"""Independent encoders in float64: BERT (arXiv 1810.04805), RoBERTa, DistilBERT and their heads, from the
papers and the documentation of their Hugging Face configurations alone.

    bert.py MODEL TOKENS.txt OUT.f32

Each line of TOKENS is a sequence of ids, of two texts with a | before those of type 1; for each, OUT gets what the head gives, as float32 rows: the
logits of the classes (1 row), of each token's labels (a row each), of the vocabulary at each token (a
row each), or the embedding of the sequence, of length 1 (1 row).
"""
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import safetensors

ERF = np.vectorize(math.erf)


def gelu(x):
    return x / 2 * (1 + ERF(x / math.sqrt(2)))


def gelu_tanh(x):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


ACTIVATIONS = {"gelu": gelu, "relu": lambda x: np.maximum(x, 0), "gelu_new": gelu_tanh,
               "gelu_pytorch_tanh": gelu_tanh}

# What each family calls the parts of a layer: linears and norms.
BERT_LAYER = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
              "o": "attention.output.dense", "attn_norm": "attention.output.LayerNorm",
              "up": "intermediate.dense", "down": "output.dense", "mlp_norm": "output.LayerNorm"}
DISTILBERT_LAYER = {"q": "attention.q_lin", "k": "attention.k_lin", "v": "attention.v_lin",
                    "o": "attention.out_lin", "attn_norm": "sa_layer_norm", "up": "ffn.lin1",
                    "down": "ffn.lin2", "mlp_norm": "output_layer_norm"}


@dataclass
class Encoder:
    config: dict
    tensors: dict
    prefix: str  # "bert."
    layers: str  # "encoder.layer."
    names: dict  # of a layer's parts
    eps: float
    first_position: int  # row of the position table that the first token adds
    head: str  # class, label, mask, embed
    pooling: str  # of embed: mean, first

    def tensor(self, name):
        return self.tensors[name]

    def linear(self, x, name):
        return x @ self.tensors[name + ".weight"].T + self.tensors[name + ".bias"]

    def norm(self, x, name):
        gamma, beta = (self.tensors.get(f"{name}.{new}", self.tensors.get(f"{name}.{old}"))
                       for new, old in (("weight", "gamma"), ("bias", "beta")))
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + self.eps) * gamma + beta

    def hidden(self, ids, second):
        """The last hidden states (len(ids), dim); tokens from `second` on are of type 1."""
        p = self.prefix + "embeddings."
        first = self.first_position
        x = (self.tensor(p + "word_embeddings.weight")[ids]
             + self.tensor(p + "position_embeddings.weight")[first:first + len(ids)])
        types = self.tensors.get(p + "token_type_embeddings.weight")
        if types is not None:
            x = x + types[np.minimum(np.arange(len(ids)) >= second, len(types) - 1)]
        x = self.norm(x, p + "LayerNorm")
        for i in range(self.config.get("num_hidden_layers") or self.config["n_layers"]):
            x = self.layer(x, {part: f"{self.prefix}{self.layers}{i}.{name}"
                               for part, name in self.names.items()})
        return x

    def layer(self, x, name):
        heads = self.config.get("num_attention_heads") or self.config["n_heads"]
        split = lambda part: self.linear(x, name[part]).reshape(len(x), heads, -1).swapaxes(0, 1)
        q, k, v = split("q"), split("k"), split("v")
        scores = q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (weights / weights.sum(-1, keepdims=True)) @ v
        mixed = mixed.swapaxes(0, 1).reshape(len(x), -1)
        x = self.norm(x + self.linear(mixed, name["o"]), name["attn_norm"])
        act = ACTIVATIONS[self.config.get("hidden_act") or self.config["activation"]]
        return self.norm(x + self.linear(act(self.linear(x, name["up"])), name["down"]),
                         name["mlp_norm"])

    def output(self, ids, second):
        x = self.hidden(np.asarray(ids, int), second)
        return getattr(self, "head_" + self.head)(x)

    def head_class(self, x):
        kind, first = self.config["model_type"], x[:1]
        if kind == "bert":
            first = np.tanh(self.linear(first, "bert.pooler.dense"))
        elif kind == "roberta":
            first = np.tanh(self.linear(first, "classifier.dense"))
            return self.linear(first, "classifier.out_proj")
        else:
            first = np.maximum(self.linear(first, "pre_classifier"), 0)
        return self.linear(first, "classifier")

    def head_label(self, x):
        return self.linear(x, "classifier")

    def head_mask(self, x):
        kind = self.config["model_type"]
        dense, norm, bias = {
            "bert": ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm",
                     "cls.predictions.bias"),
            "roberta": ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),
            "distilbert": ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias")}[kind]
        act = ACTIVATIONS[self.config.get("hidden_act") or self.config["activation"]]
        if kind == "roberta":
            act = gelu
        x = self.norm(act(self.linear(x, dense)), norm)
        words = self.tensors[self.prefix + "embeddings.word_embeddings.weight"]
        return x @ words.T + self.tensors[bias]

    def head_embed(self, x):
        pooled = x[:1] if self.pooling == "first" else x.mean(0, keepdims=True)
        return pooled / np.sqrt((pooled ** 2).sum())


HEADS = {"ForSequenceClassification": "class", "ForTokenClassification": "label",
         "ForMaskedLM": "mask", "Model": "embed"}


def head_of(architecture):
    for end, head in HEADS.items():
        if architecture.endswith(end):
            return head
    raise ValueError(f"{architecture}: no head of this reference")


def pooling_of(folder):
    path = folder / "1_Pooling" / "config.json"
    pooling = json.loads(path.read_text()) if path.exists() else {}
    return "first" if pooling.get("pooling_mode_cls_token") else "mean"


def load(folder):
    folder = Path(folder)
    c, t = json.loads((folder / "config.json").read_text()), safetensors.read(
        folder / "model.safetensors")
    kind = c["model_type"]
    prefix = f"{kind}." if any(name.startswith(f"{kind}.") for name in t) else ""
    distil = kind == "distilbert"
    return Encoder(c, t, prefix, "transformer.layer." if distil else "encoder.layer.",
                   DISTILBERT_LAYER if distil else BERT_LAYER,
                   1e-12 if distil else c["layer_norm_eps"],
                   c["pad_token_id"] + 1 if kind == "roberta" else 0,
                   head_of(c["architectures"][0]), pooling_of(folder))


def main(model, tokens, out):
    encoder = load(model)
    rows = []
    for line in Path(tokens).read_text().splitlines():
        first, _, other = line.partition("|")
        first, other = ([int(i) for i in part.split()] for part in (first, other))
        rows.append(encoder.output(first + other, len(first)))
    np.concatenate(rows).astype("<f4").tofile(out)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
