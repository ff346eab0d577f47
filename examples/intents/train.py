"""Trains the tiny BERT of this example and writes it as an ordinary Hugging Face directory.

    train.py MODEL_DIR [--steps N]

One head for intent and slots: the label of [CLS] is the intent, that of every other token its slot, so
BertForTokenClassification holds both. Held-out sentences have other templates and other words. Each layer
but the last has such a head too, an exit: all of them are trained at once (deep supervision, Lee and others,
arXiv 1409.5185).
"""
import argparse
import json
import math
import random
import re
import struct
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sentences import INTENTS, LABELS, sentences
from tokenizer import as_json, learn, pieces_of

DIM, LAYERS, HEADS, NEURONS, VOCAB, CONTEXT = 64, 4, 4, 128, 640, 40
BATCH, PEAK_RATE, WARM_UP, SEED, TRAINING, HELD_OUT, EPS = 64, 2e-3, 200, 1, 60000, 2000, 1e-12
N_INTENTS = len(INTENTS)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(DIM, DIM) for _ in range(4))
        self.up, self.down = nn.Linear(DIM, NEURONS), nn.Linear(NEURONS, DIM)
        self.norm1, self.norm2 = nn.LayerNorm(DIM, EPS), nn.LayerNorm(DIM, EPS)
        self.drop = nn.Dropout(0.1)

    def forward(self, x, mask):
        b, n, _ = x.shape
        split = lambda y: y.view(b, n, HEADS, -1).transpose(1, 2)
        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        w = (q @ k.transpose(2, 3) / (DIM // HEADS) ** 0.5 + mask).softmax(-1)
        x = self.norm1(x + self.drop(self.out((w @ v).transpose(1, 2).reshape(b, n, DIM))))
        return self.norm2(x + self.drop(self.down(F.gelu(self.up(x)))))


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.positions = nn.Embedding(VOCAB, DIM), nn.Embedding(CONTEXT, DIM)
        self.norm, self.drop = nn.LayerNorm(DIM, EPS), nn.Dropout(0.1)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.classifier = nn.Linear(DIM, len(LABELS))
        self.exits = nn.ModuleList(nn.Linear(DIM, len(LABELS)) for _ in range(LAYERS - 1))
        for p in (self.words.weight, self.positions.weight):
            nn.init.normal_(p, std=0.1)

    def forward(self, ids):
        """ids (batch, n), padded with 0. Logits after each layer."""
        mask = torch.where(ids == 0, -1e9, 0.0)[:, None, None, :]
        x = self.drop(self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]]))
        given = []
        for layer, head in zip(self.layers, [*self.exits, self.classifier]):
            x = layer(x, mask)
            given.append(head(x))
        return given


def encode(data, vocab, broken=None):
    """ids and labels (n, CONTEXT), -100 for padding; which pieces are the first of a word: these are scored, as
    everywhere, but all are trained, for an exit is taken when it is sure of every token."""
    ids = np.zeros((len(data), CONTEXT), np.int64)
    labels = np.full((len(data), CONTEXT), -100)
    first = np.zeros((len(data), CONTEXT), bool)
    for row, (intent, words, tags) in enumerate(data):
        t, l = [vocab["[CLS]"]], [LABELS.index(intent)]
        for word, tag in zip(words, tags):
            pieces = pieces_of(word, vocab, broken)
            t += pieces
            goes_on = LABELS.index("I" + tag[1:] if tag[0] == "B" else tag)
            l += [LABELS.index(tag)] + [goes_on] * (len(pieces) - 1)
            first[row, min(len(l) - len(pieces), CONTEXT - 1)] = True
        t, l = t[: CONTEXT - 1] + [vocab["[SEP]"]], l[: CONTEXT - 1] + [LABELS.index("O")]
        ids[row, : len(t)], labels[row, : len(l)] = t, l
    return torch.tensor(ids), torch.tensor(labels), torch.tensor(first)


def spans(labels):
    """(first, one past the last, slot) of each slot in a row of labels."""
    found, start, slot = [], 0, None
    for i, l in enumerate([*labels, LABELS.index("O")]):
        name = LABELS[l] if l >= N_INTENTS else "O"
        if slot and name != "I-" + slot:
            found.append((start, i, slot))
            slot = None
        if name != "O" and slot is None:
            start, slot = i, name[2:]
    return set(found)


@torch.no_grad()
def score(model, ids, labels, first, depth=-1):
    """Intent accuracy, slot F1, sentences with both right."""
    model.eval()
    out = model(ids)[depth]
    intent = out[:, 0, :N_INTENTS].argmax(-1) == labels[:, 0]
    tags = (out[..., N_INTENTS:].argmax(-1) + N_INTENTS).tolist()
    hit = said = there = whole = 0
    for row, right in enumerate(intent.tolist()):
        words = first[row].nonzero()[:, 0].tolist()
        a, b = spans([tags[row][i] for i in words]), spans(labels[row][words].tolist())
        hit, said, there, whole = hit + len(a & b), said + len(a), there + len(b), whole + (right and a == b)
    model.train()
    return intent.float().mean().item(), 2 * hit / max(1, said + there), whole / len(ids)


def tensors(model):
    names = {"words.weight": "embeddings.word_embeddings.weight",
             "positions.weight": "embeddings.position_embeddings.weight",
             "norm": "embeddings.LayerNorm"}
    parts = {"query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
             "out": "attention.output.dense", "norm1": "attention.output.LayerNorm",
             "up": "intermediate.dense", "down": "output.dense", "norm2": "output.LayerNorm"}
    all = {"bert.embeddings.token_type_embeddings.weight": torch.zeros(1, DIM)}
    for name, value in model.state_dict().items():
        head, _, rest = name.partition(".")
        if head == "layers":
            i, part, last = rest.split(".")
            all[f"bert.encoder.layer.{i}.{parts[part]}.{last}"] = value
        elif head in ("classifier", "exits"):
            all[re.sub(r"exits\.(\d+)\.", r"exits.\1.classifier.", name)] = value
        else:
            all["bert." + (names.get(name) or f"{names[head]}.{rest}")] = value
    return all


def write_safetensors(path, all):
    header, at, data = {}, 0, b""
    for name in sorted(all):
        raw = all[name].to(torch.float16).numpy().tobytes()
        header[name] = {"dtype": "F16", "shape": list(all[name].shape), "data_offsets": [at, at + len(raw)]}
        at, data = at + len(raw), data + raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write(folder, model, pieces):
    labels = {str(i): s for i, s in enumerate(LABELS)}
    config = {"architectures": ["BertForTokenClassification"], "model_type": "bert", "vocab_size": VOCAB,
              "hidden_size": DIM, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
              "intermediate_size": NEURONS, "hidden_act": "gelu", "max_position_embeddings": CONTEXT,
              "type_vocab_size": 1, "layer_norm_eps": EPS, "pad_token_id": 0, "torch_dtype": "float16",
              "id2label": labels, "label2id": {s: int(i) for i, s in labels.items()}}
    save = lambda name, what: (folder / name).write_text(json.dumps(what, indent=1) + "\n")
    save("config.json", config)
    save("tokenizer.json", as_json(pieces))
    write_safetensors(folder / "model.safetensors", tensors(model))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder", type=Path)
    p.add_argument("--steps", type=int, default=3000)
    o = p.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    o.folder.mkdir(exist_ok=True)
    data = sentences(TRAINING, SEED)
    counts = Counter(w for _, words, _ in data for w in words)
    counts = {w: n for w, n in counts.items() if n >= 8}
    pieces = learn(counts, VOCAB)
    vocab = {s: i for i, s in enumerate(pieces)}
    assert len(pieces) == VOCAB, len(pieces)
    ids, labels, _ = encode(data, vocab, random.Random(SEED))
    held = encode(sentences(HELD_OUT, SEED + 1, True), vocab)
    model, start = Bert(), time.time()
    optimizer = torch.optim.AdamW(model.parameters(), PEAK_RATE, weight_decay=0.05)
    order = torch.Generator().manual_seed(SEED)
    for step in range(o.steps):
        rate = min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * step / o.steps)) * PEAK_RATE
        for group in optimizer.param_groups:
            group["lr"] = rate
        pick = torch.randint(len(ids), (BATCH,), generator=order)
        n = int((ids[pick] != 0).sum(1).max())
        out, want = model(ids[pick, :n]), labels[pick, :n]
        one = lambda y: (F.cross_entropy(y[:, 0], want[:, 0])
                         + F.cross_entropy(y[:, 1:].flatten(0, 1), want[:, 1:].flatten()))
        loss = one(out[-1]) + sum(0.5 * one(y) for y in out[:-1])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 300 == 0 or step + 1 == o.steps:
            print("step %d, loss %.4f, %.0f s; held out: intents %.4f, slot F1 %.4f, both %.4f"
                  % (step + 1, loss, time.time() - start, *score(model, *held)), flush=True)
    for q in model.parameters():
        q.data = q.data.half().float()
    for i in range(LAYERS):
        print("float16, %d layers: intents %.4f, slot F1 %.4f, both %.4f" % (i + 1, *score(model, *held, i)))
    print("parameters", sum(q.numel() for q in model.parameters()))
    write(o.folder, model, pieces)


main()
