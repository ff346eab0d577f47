"""Trains the keyword transformer of this example and writes config.json and model.safetensors.

    train.py WORDS.npz MODEL_DIR [--steps N] [--stop N] [--start MODEL.pt] [--rate PEAK]

speech.py has made WORDS.npz. The weights as they are, every 250 steps and at the end, are in MODEL_DIR.pt; --start
goes on from these with a schedule of its own, and --stop ends a run before its schedule does.

After the Keyword Transformer (Berg, O'Connor and Cruz 2021, arXiv 2104.00769): patches of whole frames, a
class token, learned positions, post-norm encoder blocks; accuracy is counted on voices never heard (held), and
on these in an accent never heard (accent).
"""
import argparse
import copy
import json
import math
import struct
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from features import BANDS, FRAMES, HOP, SAMPLES, FrontEnd
from speech import CLASSES, place, recording

DIM, LAYERS, HEADS, NEURONS, PATCH, EPS = 64, 3, 4, 128, 4, 1e-12
BATCH, PEAK_RATE, WARM_UP, STEPS, SEED, COPIES = 64, 2e-3, 200, 8000, 1, 2
MARGIN = 8  # frames on either side of a clip for training, to move and stretch it in
AVERAGE = 0.998  # of the weights that are kept, a step


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(DIM, DIM) for _ in range(4))
        self.up, self.down = nn.Linear(DIM, NEURONS), nn.Linear(NEURONS, DIM)
        self.norm1, self.norm2 = nn.LayerNorm(DIM, EPS), nn.LayerNorm(DIM, EPS)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        b, n, _ = x.shape
        split = lambda y: y.view(b, n, HEADS, -1).transpose(1, 2)
        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        w = (q @ k.transpose(2, 3) / (DIM // HEADS) ** 0.5).softmax(-1)
        x = self.norm1(x + self.drop(self.out((w @ v).transpose(1, 2).reshape(b, n, DIM))))
        return self.norm2(x + self.drop(self.down(F.gelu(self.up(x)))))


class Keywords(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(BANDS))
        self.register_buffer("scale", torch.ones(BANDS))
        self.patch = nn.Linear(PATCH * BANDS, DIM)
        self.first = nn.Parameter(torch.randn(DIM) * 0.1)
        self.positions = nn.Parameter(torch.randn(1 + FRAMES // PATCH, DIM) * 0.1)
        self.norm = nn.LayerNorm(DIM, EPS)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.classifier = nn.Linear(DIM, len(CLASSES))

    def forward(self, frames):  # (batch, FRAMES, BANDS), bytes
        x = self.patch(((frames.float() - self.mean) * self.scale).view(len(frames), -1, PATCH * BANDS))
        x = torch.cat((self.first.expand(len(x), 1, DIM), x), 1)
        x = self.norm(x + self.positions)
        for layer in self.layers:
            x = layer(x)
        return self.classifier(x[:, 0])


def words(store, name):
    ends, kinds, samples = (store[f"{name}_{k}"] for k in ("ends", "kinds", "samples"))
    return [(samples[a:b], k) for a, b, k in zip(np.r_[0, ends[:-1]], ends, kinds)]


def clips(store, name, seed, copies, front, most=None):
    """Each word in `copies` places, and a tenth as many clips of noise, or `most` of these evenly spaced. Frames,
    classes."""
    r = np.random.default_rng(seed)
    jobs = [job for job in words(store, name) for _ in range(copies)]
    jobs += [(None, 0)] * (len(jobs) // 10)
    sounds = [place(r, w, SAMPLES) for w, _ in jobs]
    few = range(len(jobs)) if most is None else np.arange(most) * len(jobs) // most
    frames = np.array([front.frames(sounds[i]) for i in few])
    return torch.tensor(frames), torch.tensor(np.array([jobs[i][1] for i in few])).long()


def wide_clips(store, seed, copies, front):
    """The same of longer clips with the word in their middle. Frames, classes, and by how many frames a word may
    move without leaving the model's window."""
    r = np.random.default_rng(seed)
    jobs = [job for job in words(store, "train") for _ in range(copies)]
    jobs += [(None, 0)] * (len(jobs) // 10)
    frames, slack = [], []
    for word, _ in jobs:
        n = 0 if word is None else min(len(word), SAMPLES)
        side = (SAMPLES + 2 * MARGIN * HOP - n) // 2
        frames.append(front.frames(place(r, word, SAMPLES + 2 * MARGIN * HOP, side)))
        slack.append((SAMPLES - n) / 2 / HOP)
    return (torch.tensor(np.array(frames)), torch.tensor(np.array([k for _, k in jobs])).long(),
            torch.tensor(slack).float())


@torch.no_grad()
def predict(model, frames):
    model.eval()
    out = torch.cat([model(frames[i : i + 256]).softmax(-1) for i in range(0, len(frames), 256)])
    model.train()
    return out


def augment(frames, slack):
    """A window of a long clip: moved, faster or slower, of a shorter or longer vocal tract (Jaitly and Hinton 2013),
    louder or softer, a band or a moment missing (Park et al. 2019, arXiv 1904.08779)."""
    n, long = len(frames), frames.shape[1]
    draw = lambda a, b: torch.empty(n, 1, 1).uniform_(a, b)
    speed, tract = draw(0.85, 1.18), draw(-0.14, 0.14).exp()
    room = (slack.view(n, 1, 1) / speed.clamp(min=1)).clamp(max=MARGIN + FRAMES / 2)
    t = (torch.arange(FRAMES).view(1, -1, 1) - (FRAMES - 1) / 2) * speed + draw(-1, 1) * room + (long - 1) / 2
    b = torch.arange(BANDS).view(1, 1, -1) * tract + draw(-0.8, 0.8)
    grid = torch.stack((b.expand(n, FRAMES, BANDS) * 2 / (BANDS - 1) - 1,
                        t.expand(n, FRAMES, BANDS) * 2 / (long - 1) - 1), -1)
    x = F.grid_sample(frames.float().unsqueeze(1), grid, padding_mode="border", align_corners=True).squeeze(1)
    x = x + torch.randn(n, 1, 1) * 10 + torch.randn(n, 1, 1) * torch.linspace(-6, 6, BANDS)
    mean = x.mean((1, 2), keepdim=True)
    at, to = torch.arange(FRAMES).view(1, -1, 1), torch.arange(BANDS).view(1, 1, -1)
    first, low = torch.randint(FRAMES, (n, 1, 1)), torch.randint(BANDS, (n, 1, 1))
    gone = (at >= first) & (at < first + torch.randint(8, (n, 1, 1)))
    gone = gone | (to >= low) & (to < low + torch.randint(8, (n, 1, 1)))
    return torch.where(gone & (torch.rand(n, 1, 1) < 0.6), mean, x).clamp(-128, 127).round()


def tensors(model):
    parts = {"query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
             "out": "attention.output.dense", "norm1": "attention.output.LayerNorm",
             "up": "intermediate.dense", "down": "output.dense", "norm2": "output.LayerNorm"}
    plain = {"patch.weight": "embeddings.patch.weight", "patch.bias": "embeddings.patch.bias",
             "first": "embeddings.class_token", "positions": "embeddings.position_embeddings.weight",
             "norm.weight": "embeddings.LayerNorm.weight", "norm.bias": "embeddings.LayerNorm.bias",
             "classifier.weight": "classifier.weight", "classifier.bias": "classifier.bias"}
    all = {}
    state = model.state_dict()
    mean, scale = state.pop("mean").repeat(PATCH), state.pop("scale").repeat(PATCH)
    state["patch.weight"] = state["patch.weight"] * scale  # reads bytes as they are
    state["patch.bias"] = state["patch.bias"] - state["patch.weight"] @ mean
    for name, value in state.items():
        if name in plain:
            all[plain[name]] = value
        else:
            _, i, part, last = name.split(".")
            all[f"encoder.layer.{i}.{parts[part]}.{last}"] = value
    return all


def write(folder, model):
    labels = {str(i): s for i, s in enumerate(CLASSES)}
    config = {"model_type": "keyword_transformer", "architectures": ["KeywordTransformerForAudioClassification"],
              "num_bands": BANDS, "num_frames": FRAMES, "patch_frames": PATCH, "hidden_size": DIM,
              "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": NEURONS,
              "hidden_act": "gelu", "layer_norm_eps": EPS, "torch_dtype": "float16",
              "id2label": labels, "label2id": {s: int(i) for i, s in labels.items()}}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    header, at, data = {}, 0, b""
    for name, value in sorted(tensors(model).items()):
        raw = value.to(torch.float16).numpy().tobytes()
        header[name] = {"dtype": "F16", "shape": list(value.shape), "data_offsets": [at, at + len(raw)]}
        at, data = at + len(raw), data + raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def listen(model, front, seconds, threshold=0.85, every=8):
    """A long recording: windows every `every` frames; the mean of the last two decides. A keyword counts as heard
    when it is reported within a second of its end. Keywords, heard, wrong ones, false alarms, hours."""
    samples, marks = recording(seconds, 5)
    frames = front.frames(samples)
    at = np.arange(0, len(frames) - FRAMES, every)
    p = predict(model, torch.tensor(np.stack([frames[i : i + FRAMES] for i in at]))).numpy()
    mean = (p + np.r_[p[:1], p[:-1]]) / 2
    alarms, quiet = [], -1
    for i, row in zip(at, mean):
        best = int(row.argmax())
        end = (i + FRAMES) * 320
        if best > 1 and row[best] > threshold and end > quiet:
            alarms.append((end, best))
            quiet = end + 16000 * 3 // 4
    heard, used = 0, set()
    for first, last, kind in marks:
        hits = [j for j, (t, k) in enumerate(alarms) if k == kind and first < t < last + 16000 and j not in used]
        heard += bool(hits)
        used |= set(hits[:1])
    wrong = sum(1 for j, (t, _) in enumerate(alarms) if j not in used
                and any(first < t < last + 16000 for first, last, _ in marks))
    return len(marks), heard, wrong, len(alarms) - len(used) - wrong, len(samples) / 16000 / 3600


def right(model, frames, kinds):
    """How many in a hundred."""
    return 100 * float((predict(model, frames).argmax(-1) == kinds).float().mean())


def report(model, front, sets):
    for name, (frames, kinds) in sets.items():
        print("float16, %s: %.2f %% of %d clips" % (name, right(model, frames, kinds), len(kinds)))
        for i, word in enumerate(CLASSES):
            mine = kinds == i
            print("  %-8s %4d clips, %.1f %%" % (word, mine.sum(), right(model, frames[mine], kinds[mine])))
    print("parameters", sum(q.numel() for q in model.parameters()))
    print("%d keywords, %d heard, %d taken for another, %d false alarms in %.3f hours"
          % listen(model, front, 900))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("words", type=Path)
    p.add_argument("folder", type=Path)
    p.add_argument("--steps", type=int, default=STEPS, help="of the schedule: the learning rate ends at 0")
    p.add_argument("--stop", type=int, help="after so many of them")
    p.add_argument("--start", type=Path)
    p.add_argument("--rate", type=float, default=PEAK_RATE)
    o = p.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    o.folder.mkdir(exist_ok=True)
    front, store, start = FrontEnd(), np.load(o.words), time.time()
    frames, kinds, slack = wide_clips(store, SEED, COPIES, front)
    sets = {name: clips(store, name, SEED + 1, 2, front) for name in ("held", "accent")}
    print(len(frames), "clips for training, %.0f s" % (time.time() - start), flush=True)
    model = Keywords()
    model.mean, model.scale = frames.float().mean((0, 1)), 1 / frames.float().std((0, 1))
    if o.start:
        model.load_state_dict(torch.load(o.start))
    kept, last = copy.deepcopy(model), o.stop or o.steps
    optimizer = torch.optim.AdamW(model.parameters(), o.rate, weight_decay=0.05)
    for step in range(last):
        rate = min((step + 1) / WARM_UP, (1 + math.cos(math.pi * step / o.steps)) / 2) * o.rate
        for group in optimizer.param_groups:
            group["lr"] = rate
        pick = torch.randint(len(frames), (BATCH,))
        loss = F.cross_entropy(model(augment(frames[pick], slack[pick])), kinds[pick], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        keep = min(AVERAGE, (step + 1) / (step + 10))
        with torch.no_grad():
            for q, p in zip(kept.parameters(), model.parameters()):
                q.lerp_(p, 1 - keep)
        if (step + 1) % 250 == 0 or step + 1 == last:
            print("step %d, loss %.4f, %.0f s, held %.2f, accent %.2f"
                  % (step + 1, loss, time.time() - start, *(right(kept, *s) for s in sets.values())), flush=True)
            torch.save(kept.state_dict(), o.folder.with_suffix(".pt"))
    for q in kept.parameters():
        q.data = q.data.half().float()
    write(o.folder, kept)
    report(kept, front, sets)


if __name__ == "__main__":
    main()
