"""Trains the small Llama of this example and writes it as an ordinary Hugging Face directory.

    train.py BOOKS.txt MODEL_DIR [--steps N]        (train_tokenizer.py has filled MODEL_DIR first)

Windows start at sentence starts and are led by <|bos|>.  The last 5 % of the text is held out; the
weights with the best held-out loss, rounded to float16, are kept.
"""
import argparse
import json
import math
import re
import struct
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from books import paragraphs, sha256
from train_tokenizer import Encoder

DIM, LAYERS, HEADS, KV_HEADS, HEAD_DIM, HIDDEN, VOCAB, CONTEXT = 128, 4, 8, 4, 16, 288, 1024, 256
THETA, EPS, BOS, EOS = 10000.0, 1e-5, 0, 1
BATCH, PEAK_RATE, WARM_UP, DECAY, SEED = 8, 3e-3, 100, 0.1, 1


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(DIM))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS) * self.weight


def rotate(x, cos, sin):  # x (batch, heads, time, head_dim); pairs are (i, i + head_dim / 2)
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(DIM, HEADS * HEAD_DIM, bias=False)
        self.k_proj = nn.Linear(DIM, KV_HEADS * HEAD_DIM, bias=False)
        self.v_proj = nn.Linear(DIM, KV_HEADS * HEAD_DIM, bias=False)
        self.o_proj = nn.Linear(HEADS * HEAD_DIM, DIM, bias=False)

    def forward(self, x, cos, sin, mask):
        batch, time_steps, _ = x.shape
        split = lambda y: y.view(batch, time_steps, -1, HEAD_DIM).transpose(1, 2)
        q = rotate(split(self.q_proj(x)), cos, sin) / math.sqrt(HEAD_DIM)
        k = rotate(split(self.k_proj(x)), cos, sin).repeat_interleave(HEADS // KV_HEADS, 1)
        v = split(self.v_proj(x)).repeat_interleave(HEADS // KV_HEADS, 1)
        weights = (q @ k.transpose(2, 3) + mask).softmax(-1)
        return self.o_proj((weights @ v).transpose(1, 2).reshape(batch, time_steps, -1))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj = nn.Linear(DIM, HIDDEN, bias=False)
        self.up_proj = nn.Linear(DIM, HIDDEN, bias=False)
        self.down_proj = nn.Linear(HIDDEN, DIM, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm, self.self_attn = Norm(), Attention()
        self.post_attention_layernorm, self.mlp = Norm(), Mlp()

    def forward(self, x, *rope_and_mask):
        x = x + self.self_attn(self.input_layernorm(x), *rope_and_mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):  # attribute names are those of the checkpoint, less the prefix "model."
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCAB, DIM)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = Norm()
        for name, w in self.named_parameters():
            if w.dim() == 2:
                last = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(w, std=0.05 / math.sqrt(2 * LAYERS) if last else 0.05)

    def forward(self, ids):  # (batch, time) -> logits (batch, time, VOCAB)
        n = ids.shape[1]
        rates = THETA ** (-torch.arange(0, HEAD_DIM, 2).double() / HEAD_DIM)
        angles = torch.outer(torch.arange(n).double(), rates)
        mask = torch.full((n, n), -math.inf).triu(1)
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, angles.cos().float(), angles.sin().float(), mask)
        return F.linear(self.norm(x), self.embed_tokens.weight)


def token_loss(model, windows):
    return F.cross_entropy(model(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())


@torch.no_grad()
def held_out_loss(model, held):  # mean over consecutive windows, each led by <|bos|>
    windows = held.view(-1, CONTEXT)
    windows = torch.cat((torch.full((len(windows), 1), BOS), windows), 1)
    return sum(token_loss(model, w[None]).item() for w in windows) / len(windows)


def sentence_starts(ids, vocab):
    """Indices of the tokens that begin a paragraph or follow the end of a sentence."""
    ends = {i for s, i in vocab.items() if re.fullmatch('\u010a|.*[.!?]"?', s)}
    spaced = {i for s, i in vocab.items() if s.startswith("\u0120")}
    return [i for i in range(1, len(ids)) if ids[i - 1] == vocab["\u010a"]
            or (ids[i - 1] in ends and ids[i] in spaced)]


def train(model, data, starts, held, args):
    matrices = [w for w in model.parameters() if w.dim() == 2]
    norms = [w for w in model.parameters() if w.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": DECAY},
                                   {"params": norms, "weight_decay": 0.0}], betas=(0.9, 0.98))
    rng = np.random.default_rng(SEED)
    starts = starts[starts + CONTEXT <= len(data)]
    best, best_weights, begin = math.inf, None, time.time()
    for step in range(1, args.steps + 1):
        cosine = 0.5 + 0.5 * math.cos(math.pi * step / args.steps)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * min(1.0, step / WARM_UP) * (0.02 + 0.98 * cosine)
        rows = rng.choice(starts, BATCH)[:, None] + np.arange(CONTEXT)
        windows = torch.cat((torch.full((BATCH, 1), BOS), data[torch.from_numpy(rows)]), 1)
        loss = token_loss(model, windows)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % args.every == 0 or step == args.steps:
            held_loss = held_out_loss(model, held)
            print(f"step {step} loss {loss.item():.4f} held-out {held_loss:.4f} "
                  f"{time.time() - begin:.0f} s", flush=True)
            if held_loss < best:
                best = held_loss
                best_weights = {k: v.half() for k, v in model.state_dict().items()}
                write_safetensors(args.model / "model.safetensors", best_weights)
    model.load_state_dict(best_weights)


def write_safetensors(path, tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, t in sorted(tensors.items()):
        raw = t.numpy().astype("<f2").tobytes()
        header["model." + name] = {"dtype": "F16", "shape": list(t.shape),
                                   "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)


def write_configs(path):
    config = {
        "architectures": ["LlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
        "bos_token_id": BOS, "eos_token_id": EOS, "head_dim": HEAD_DIM, "hidden_act": "silu",
        "hidden_size": DIM, "initializer_range": 0.05, "intermediate_size": HIDDEN,
        "max_position_embeddings": CONTEXT, "mlp_bias": False, "model_type": "llama",
        "num_attention_heads": HEADS, "num_hidden_layers": LAYERS,
        "num_key_value_heads": KV_HEADS, "pretraining_tp": 1, "rms_norm_eps": EPS,
        "rope_scaling": None, "rope_theta": THETA, "tie_word_embeddings": True,
        "torch_dtype": "float16", "transformers_version": "4.46.0", "use_cache": True,
        "vocab_size": VOCAB}
    generation = {"_from_model_config": True, "bos_token_id": BOS, "eos_token_id": EOS,
                  "transformers_version": "4.46.0"}
    for name, content in (("config.json", config), ("generation_config.json", generation)):
        (path / name).write_text(json.dumps(content, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("books")
    parser.add_argument("model", type=Path)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--every", type=int, default=250, help="steps between held-out losses")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)

    bpe = json.loads((args.model / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    encoder = Encoder(bpe["vocab"], [m.split(" ") for m in bpe["merges"]])
    ids = encoder.encode("\n".join(paragraphs(args.books)))
    n_train = len(ids) * 95 // 100
    n_held = (len(ids) - n_train) // CONTEXT * CONTEXT
    starts = np.array(sentence_starts(ids[:n_train], bpe["vocab"]))
    data, held = torch.tensor(ids[:n_train]), torch.tensor(ids[n_train:][:n_held])
    model = Llama()
    print(f"{sum(w.numel() for w in model.parameters())} parameters, {len(data)} training and "
          f"{len(held)} held-out tokens, {len(starts)} sentence starts, seed {SEED}", flush=True)
    write_configs(args.model)
    train(model, data, starts, held, args)
    checkpoint = args.model / "model.safetensors"
    print(f"held-out perplexity of the float16 weights "
          f"{math.exp(held_out_loss(model, held)):.3f} over {len(held)} tokens")
    print(f"model.safetensors {checkpoint.stat().st_size} bytes sha256 {sha256(checkpoint)}")


if __name__ == "__main__":
    main()
