"""Trains the command classifier and writes it as an ordinary Hugging Face directory.

    train.py MODEL_DIR [--steps N]

A BertForSequenceClassification of two layers over the sentences of commands.py, with the tokenizer of
examples/intents.
"""
import argparse
import json
import math
import random
import struct
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from commands import CLASSES, far_talk, sentences
from tokenizer import pieces_of  # of examples/intents

TOKENIZER = Path(__file__).resolve().parent.parent / "intents" / "model" / "tokenizer.json"
DIM, LAYERS, HEADS, NEURONS, CONTEXT, EPS = 32, 2, 2, 64, 40, 1e-12
BATCH, PEAK_RATE, WARM_UP, SEED, TRAINING, HELD_OUT = 64, 3e-3, 100, 1, 60000, 2000


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
    def __init__(self, vocab):
        super().__init__()
        self.words, self.positions = nn.Embedding(vocab, DIM), nn.Embedding(CONTEXT, DIM)
        self.norm, self.drop = nn.LayerNorm(DIM, EPS), nn.Dropout(0.1)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.pooler, self.classifier = nn.Linear(DIM, DIM), nn.Linear(DIM, len(CLASSES))
        for p in (self.words.weight, self.positions.weight):
            nn.init.normal_(p, std=0.1)

    def forward(self, ids):
        """ids (batch, n), padded with 0. Logits of the classes."""
        mask = torch.where(ids == 0, -1e9, 0.0)[:, None, None, :]
        x = self.drop(self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]]))
        for layer in self.layers:
            x = layer(x, mask)
        return self.classifier(torch.tanh(self.pooler(x[:, 0])))


def encode(data, vocab, broken=None):
    """ids (n, CONTEXT) and classes (n)."""
    ids = np.zeros((len(data), CONTEXT), np.int64)
    for row, (_, words, _) in enumerate(data):
        t = [vocab["[CLS]"]] + [p for word in words for p in pieces_of(word, vocab, broken)]
        t = t[: CONTEXT - 1] + [vocab["[SEP]"]]
        ids[row, : len(t)] = t
    return torch.tensor(ids), torch.tensor([CLASSES.index(c) for c, _, _ in data])


@torch.no_grad()
def accuracy(model, ids, classes):
    model.eval()
    right = (model(ids).argmax(-1) == classes).float().mean().item()
    model.train()
    return right


def tensors(model):
    names = {"words": "embeddings.word_embeddings", "positions": "embeddings.position_embeddings",
             "norm": "embeddings.LayerNorm", "pooler": "pooler.dense"}
    parts = {"query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
             "out": "attention.output.dense", "norm1": "attention.output.LayerNorm",
             "up": "intermediate.dense", "down": "output.dense", "norm2": "output.LayerNorm"}
    all = {"bert.embeddings.token_type_embeddings.weight": torch.zeros(1, DIM)}
    for name, value in model.state_dict().items():
        head, _, rest = name.partition(".")
        if head == "layers":
            i, part, last = rest.split(".")
            all[f"bert.encoder.layer.{i}.{parts[part]}.{last}"] = value
        else:
            all[name if head == "classifier" else f"bert.{names[head]}.{rest}"] = value
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


def write(folder, model, vocab):
    config = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "vocab_size": vocab,
              "hidden_size": DIM, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
              "intermediate_size": NEURONS, "hidden_act": "gelu", "max_position_embeddings": CONTEXT,
              "type_vocab_size": 1, "layer_norm_eps": EPS, "pad_token_id": 0, "torch_dtype": "float16",
              "id2label": {str(i): s for i, s in enumerate(CLASSES)}, "label2id": {s: i for i, s in enumerate(CLASSES)}}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    write_safetensors(folder / "model.safetensors", tensors(model))


def train(model, ids, classes, held, steps):
    start = time.time()
    optimizer = torch.optim.AdamW(model.parameters(), PEAK_RATE, weight_decay=0.05)
    order = torch.Generator().manual_seed(SEED)
    for step in range(steps):
        rate = min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * step / steps)) * PEAK_RATE
        for group in optimizer.param_groups:
            group["lr"] = rate
        pick = torch.randint(len(ids), (BATCH,), generator=order)
        n = int((ids[pick] != 0).sum(1).max())
        loss = F.cross_entropy(model(ids[pick, :n]), classes[pick])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 250 == 0 or step + 1 == steps:
            print("step %d, loss %.4f, %.0f s; held out %.4f"
                  % (step + 1, loss, time.time() - start, accuracy(model, *held)), flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder", type=Path)
    p.add_argument("--steps", type=int, default=2500)
    o = p.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    o.folder.mkdir(exist_ok=True)
    vocab = json.loads(TOKENIZER.read_text())["model"]["vocab"]
    held = encode(sentences(HELD_OUT, SEED + 1, True), vocab)
    model = Bert(len(vocab))
    train(model, *encode(sentences(TRAINING, SEED), vocab, random.Random(SEED)), held, o.steps)
    for q in model.parameters():
        q.data = q.data.half().float()
    print("float16: held out %.4f, talk from elsewhere %.4f" % (accuracy(model, *held), accuracy(model, *encode(far_talk(), vocab))))
    print("parameters", sum(q.numel() for q in model.parameters()))
    write(o.folder, model, len(vocab))


if __name__ == "__main__":
    main()
