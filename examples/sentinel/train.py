"""Trains the small Llama of this example on a log of normal lines and writes it as an ordinary
Hugging Face directory.

    train.py MODEL_DIR [--steps N]

Each line is a document without its time stamp: <|bos|>, the message, <|eos|>. Model, tokenizer and file
formats are those of the tales example, in other sizes. Digits stay single tokens.
"""
import argparse
import math
import re
import sys
import time
from collections import Counter
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tales"))
import train as llama  # noqa: E402
import train_tokenizer as bpe  # noqa: E402
from books import sha256  # noqa: E402
from make_log import lines  # noqa: E402

llama.DIM, llama.LAYERS, llama.HEADS, llama.KV_HEADS, llama.HEAD_DIM = 64, 2, 4, 2, 16
llama.HIDDEN, llama.VOCAB, llama.CONTEXT = 160, 384, 64
BOS, EOS, CONTEXT = llama.BOS, llama.EOS, llama.CONTEXT
TRAIN_LINES, HELD_LINES, SEED = 30000, 1000, 1
BATCH, PEAK_RATE, WARM_UP, DECAY = 64, 4e-3, 50, 0.05
IGNORED = -100  # targets after the end of a line
WORDS = re.compile("'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\\sA-Za-z0-9]+|\\s+(?!\\S)|\\s+")


def make_tokenizer(messages, out):
    """As bpe.main of tales, of ASCII text, and no merge holds a digit."""
    chars = bpe.byte_chars()
    counts = Counter(w for m in messages for w in WORDS.findall(m))
    spelled = Counter({"".join(chars[b] for b in w.encode()): n for w, n in counts.items()
                       if not re.search("[0-9]", w)})
    vocab = {s: i for i, s in enumerate(bpe.SPECIALS + chars)}
    merges = bpe.train(spelled, llama.VOCAB - len(vocab), vocab)
    bpe.write(out, vocab, merges)
    encoder = bpe.Encoder(vocab, merges)
    encoder.pattern = WORDS
    return encoder


def messages(n, seed):
    return [line[9:] for _, line in lines("normal", n, seed)]


def batch_of(documents):
    """(inputs, targets), padded to the longest."""
    longest = max(map(len, documents)) + 1
    rows = [[BOS] + d + [EOS] + [IGNORED] * (longest - len(d) - 1) for d in documents]
    ids = torch.tensor(rows)
    return ids[:, :-1].clamp(min=0), ids[:, 1:]


def loss_of(model, documents):
    inputs, targets = batch_of(documents)
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


@torch.no_grad()
def held_out_loss(model, documents):
    return sum(loss_of(model, documents[i:i + 100]).item()
               for i in range(0, len(documents), 100)) * 100 / len(documents)


def train(model, documents, held, steps):
    groups = [{"params": [w for w in model.parameters() if w.dim() == 2], "weight_decay": DECAY},
              {"params": [w for w in model.parameters() if w.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    order, begin = torch.Generator().manual_seed(SEED), time.time()
    for step in range(1, steps + 1):
        cosine = 0.5 + 0.5 * math.cos(math.pi * step / steps)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * min(1.0, step / WARM_UP) * (0.02 + 0.98 * cosine)
        chosen = torch.randint(len(documents), (BATCH,), generator=order).tolist()
        loss = loss_of(model, [documents[i] for i in chosen])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 250 == 0 or step == steps:
            print(f"step {step} loss {loss.item():.4f} held-out {held_out_loss(model, held):.4f} "
                  f"{time.time() - begin:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--steps", type=int, default=3000)
    args = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    text = messages(TRAIN_LINES, SEED)
    encoder = make_tokenizer(text, args.model)
    documents = [encoder.encode(m) for m in text]
    held = [encoder.encode(m) for m in messages(HELD_LINES, SEED + 1)]
    model = llama.Llama()
    print(f"{sum(w.numel() for w in model.parameters())} parameters, "
          f"{sum(map(len, documents))} tokens, longest line {max(map(len, documents))}", flush=True)
    llama.write_configs(args.model)
    train(model, documents, held, args.steps)
    model.half().float()
    checkpoint = args.model / "model.safetensors"
    llama.write_safetensors(checkpoint, {k: v.half() for k, v in model.state_dict().items()})
    print(f"held-out perplexity of the float16 weights "
          f"{math.exp(held_out_loss(model, held)):.3f} a token")
    print(f"model.safetensors {checkpoint.stat().st_size} bytes sha256 {sha256(checkpoint)}")


if __name__ == "__main__":
    main()
