"""Trains the Llama of this example on WikiText-2's validation text and books, and writes it as an
ordinary Hugging Face directory.

    train.py WIKITEXT2_VALID.txt BOOKS.txt MODEL_DIR TEXT_DIR [--steps N]

The first 90 % of the WikiText lines go to TEXT_DIR/train.txt, the rest to TEXT_DIR/held-out.txt and are
never trained on; the weights with the best held-out loss, rounded to float16, are kept. Model, tokenizer and file formats are those of the
tales example, in other sizes and with dropout.
"""
import argparse
import math
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tales"))
import train as llama  # noqa: E402
import train_tokenizer as bpe  # noqa: E402
from books import paragraphs, sha256  # noqa: E402

llama.DIM, llama.LAYERS, llama.HEADS, llama.KV_HEADS, llama.HEAD_DIM = 160, 5, 10, 5, 16
llama.HIDDEN, llama.VOCAB, llama.CONTEXT = 432, 1024, 256
CONTEXT, BOS = llama.CONTEXT, llama.BOS
BATCH, PEAK_RATE, WARM_UP, DECAY, DROPOUT, SEED = 8, 2.5e-3, 200, 0.1, 0.1, 1
PATIENCE = 3  # held-out losses in a row that are no better: training stops
WIKI_SHARE = 0.6  # of the windows


class Layer(llama.Layer):
    def forward(self, x, *rope_and_mask):
        x = x + F.dropout(self.self_attn(self.input_layernorm(x), *rope_and_mask), DROPOUT, self.training)
        return x + F.dropout(self.mlp(self.post_attention_layernorm(x)), DROPOUT, self.training)


llama.Layer = Layer


def split(path):
    """The lines that are not blank, as they are; the last 10 % of their bytes apart."""
    lines = [s for s in Path(path).read_text(encoding="utf-8").split("\n") if s.strip()]
    limit, used, n = sum(map(len, lines)) * 9 // 10, 0, 0
    while used < limit:
        used += len(lines[n])
        n += 1
    return lines[:n], lines[n:]


def make_tokenizer(text, out):
    """As bpe.main, of a text instead of a file of books."""
    chars = bpe.byte_chars()
    counts = Counter(bpe.gpt2_pattern().findall(text))
    spelled = Counter({"".join(chars[b] for b in w.encode()): n for w, n in counts.items()})
    vocab = {s: i for i, s in enumerate(bpe.SPECIALS + chars)}
    merges = bpe.train(spelled, llama.VOCAB - len(vocab), vocab)
    bpe.write(out, vocab, merges)
    return bpe.Encoder(vocab, merges)


class Source:
    """Lines as one stream of tokens, and where windows may start: at a line, <|bos|> before it."""

    def __init__(self, encoder, lines):
        ids, starts = [], []
        for line in lines:
            starts.append(len(ids))
            ids += encoder.encode(line + "\n")
        self.ids = torch.tensor(ids)
        self.starts = np.array([s for s in starts if s + CONTEXT <= len(ids)])

    def windows(self, rng, n):
        rows = rng.choice(self.starts, n)[:, None] + np.arange(CONTEXT)
        return torch.cat((torch.full((n, 1), BOS), self.ids[torch.from_numpy(rows)]), 1)


def documents(encoder, lines):
    """Each line by itself, in pieces of at most CONTEXT tokens led by <|bos|>."""
    for line in lines:
        ids = encoder.encode(line)
        for at in range(0, len(ids), CONTEXT - 1):
            yield torch.tensor([[BOS] + ids[at:at + CONTEXT - 1]])


@torch.no_grad()
def held_out_loss(model, held):
    model.eval()
    total = tokens = 0
    for d in held:
        if d.shape[1] > 1:
            total += llama.token_loss(model, d).item() * (d.shape[1] - 1)
            tokens += d.shape[1] - 1
    model.train()
    return total / tokens, tokens


def train(model, wiki, books, held, args):
    groups = [{"params": [w for w in model.parameters() if w.dim() == 2], "weight_decay": DECAY},
              {"params": [w for w in model.parameters() if w.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    rng = np.random.default_rng(SEED)
    best, best_step, begin = math.inf, 0, time.time()
    for step in range(1, args.steps + 1):
        cosine = 0.5 + 0.5 * math.cos(math.pi * step / args.steps)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * min(1.0, step / WARM_UP) * (0.02 + 0.98 * cosine)
        n_wiki = int(rng.binomial(BATCH, WIKI_SHARE))
        windows = torch.cat([s.windows(rng, n) for s, n in ((wiki, n_wiki), (books, BATCH - n_wiki)) if n])
        loss = llama.token_loss(model, windows)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % args.every == 0 or step == args.steps:
            held_loss, _ = held_out_loss(model, held)
            print(f"step {step} loss {loss.item():.4f} held-out {held_loss:.4f} "
                  f"perplexity {math.exp(held_loss):.3f} {time.time() - begin:.0f} s", flush=True)
            if held_loss < best:
                best, best_step = held_loss, step
                weights = {k: v.half() for k, v in model.state_dict().items()}
                llama.write_safetensors(args.model / "model.safetensors", weights)
            elif step - best_step >= PATIENCE * args.every:
                break


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wikitext")
    parser.add_argument("books")
    parser.add_argument("model", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--every", type=int, default=250, help="steps between held-out losses")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)

    lines, held_lines = split(args.wikitext)
    args.text.mkdir(parents=True, exist_ok=True)
    for name, part in (("train.txt", lines), ("held-out.txt", held_lines)):
        (args.text / name).write_text("\n".join(part) + "\n", encoding="utf-8")
    book_lines = paragraphs(args.books)
    encoder = make_tokenizer("\n".join(lines + book_lines), args.model)
    wiki, books = Source(encoder, lines), Source(encoder, book_lines)
    held = list(documents(encoder, held_lines))
    model = llama.Llama()
    print(f"{sum(w.numel() for w in model.parameters())} parameters, {len(wiki.ids)} tokens of WikiText, "
          f"{len(books.ids)} of books, {len(held_lines)} lines held out, seed {SEED}", flush=True)
    llama.write_configs(args.model)
    train(model, wiki, books, held, args)
    checkpoint = args.model / "model.safetensors"
    print(f"model.safetensors {checkpoint.stat().st_size} bytes sha256 {sha256(checkpoint)}")


if __name__ == "__main__":
    main()
