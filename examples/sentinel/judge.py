"""How well scores tell anomalies from normal lines: those that a board printed, and those of the float
model (PyTorch).

    judge.py MODEL_DIR LABELED_LOG [PRINTED]

LABELED_LOG: as make_log.py mixed writes it. PRINTED: what main.c prints for the same lines.
"""
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tales"))
import train_tokenizer as bpe  # noqa: E402


def load(path):
    from importlib import util
    spec = util.spec_from_file_location("sentinel_train", Path(__file__).with_name("train.py"))
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    raw = (path / "model.safetensors").read_bytes()
    n = int.from_bytes(raw[:8], "little")
    model = module.llama.Llama()
    tensors = {}
    for name, t in json.loads(raw[8:8 + n]).items():
        if name != "__metadata__":
            begin, end = t["data_offsets"]
            data = np.frombuffer(raw[8 + n + begin:8 + n + end], "<f2").astype(np.float32)
            tensors[name[len("model."):]] = torch.from_numpy(data.reshape(t["shape"]))
    model.load_state_dict(tensors)
    return module, model


@torch.no_grad()
def float_scores(path, messages):
    """Bits a token, the end of the line included."""
    module, model = load(path)
    tokenizer = json.loads((path / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    encoder = bpe.Encoder(tokenizer["vocab"], [m.split(" ") for m in tokenizer["merges"]])
    encoder.pattern = module.WORDS
    scores = []
    for message in messages:
        inputs, targets = module.batch_of([encoder.encode(message)])
        logs = model(inputs)[0].log_softmax(-1)
        scores.append(-logs[torch.arange(len(targets[0])), targets[0]].mean().item() / np.log(2))
    return np.array(scores)


def auc(scores, bad):
    """The chance that an anomaly scores above a normal line, ties half (Mann and Whitney 1947)."""
    low, high = np.sort(scores[~bad]), scores[bad]
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return below.sum() / (2 * len(low) * len(high))


def report(name, scores, labels):
    bad = labels != "-"
    by_kind = " ".join(f"{k} {auc(scores[(labels == k) | ~bad], (labels == k)[(labels == k) | ~bad]):.3f}"
                       for k in sorted(set(labels[bad])))
    limit = np.quantile(scores[~bad], 0.99)
    print(f"{name}: ROC-AUC {auc(scores, bad):.4f}; of 100 anomalies {100 * (scores[bad] > limit).mean():.0f} "
          f"above {limit:.3f} bits, as one normal line of 100 is; AUC by kind: {by_kind}")


def main(model, log, printed=None):
    rows = [line.split("\t", 1) for line in Path(log).read_text().splitlines()]
    labels, messages = np.array([r[0] for r in rows]), [r[1][9:] for r in rows]
    scores = float_scores(Path(model), messages)
    print(f"{len(rows)} lines, {(labels != '-').sum()} anomalies")
    report("float model", scores, labels)
    if printed:
        device = np.array([float(line.split(" ", 1)[0]) for line in Path(printed).read_text().splitlines()
                           if "\t" in line])
        if len(device) != len(rows):
            sys.exit(f"{printed}: {len(device)} scores for {len(rows)} lines")
        report("device", device, labels)
        print(f"largest difference {np.abs(device - scores).max():.4f} bits a token, correlation "
              f"{np.corrcoef(device, scores)[0, 1]:.6f}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
