"""Tests the reference against itself: what must agree although it was computed in two ways.

    check_oracle.py MODELS_DIR [STORIES.bin TOKENIZER.bin]      (make_models.py wrote MODELS_DIR)

With a trained llama2.c model as well, its Hugging Face conversion must give the same logits.
"""
import random
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np

    import bpe
    import llama
    import to_hf
except ImportError as missing:
    print(f"check_oracle.py: skipped: {missing}", file=sys.stderr)
    sys.exit(77)

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "tales"
TEXTS = ["", " ", "a", "Once upon a time, there was a fox.", "  two  spaces ",
         "caf\u00e9 \u2014 na\u00efve", "tabs\tand\nlines\n\n", "12 345th 6x7",
         "it's I'll WE'LL don't", "\U0001f98a fox \u4e2d\u6587", "\u00bd\u00b2\u2168 \u0301a",
         "...!?\"' 's"]


def expect(what, difference, limit):
    print(f"{what}: {difference:.3g} (limit {limit:g})")
    if not difference <= limit:
        sys.exit(f"check_oracle.py: {what}: FAILED")


def same_logits(what, a, b, limit):
    tokens = np.random.default_rng(3).integers(3, min(len(a.embed), len(b.embed)), 60)
    expect(what, np.abs(a.logits(tokens) - b.logits(tokens)).max(), limit)


def check_models(models):
    for tied in ("", "_untied"):
        v0, v1, v2 = (llama.load(models / f"v{n}{tied}.bin") for n in range(3))
        same_logits(f"v0 and v1{tied}", v0, v1, 0)
        same_logits(f"v0 and v2{tied}, which is int8", v0, v2, 0.5)
    same_logits("v0 and hf_base", llama.load(models / "v0.bin"), llama.load(models / "hf_base"),
                1e-12)
    for path in sorted(models.glob("hf_*")):
        model = llama.load(path)
        whole = model.logits(range(3, 43))
        model.reset()
        pieces = [model.forward(range(a, b)) for a, b in ((3, 4), (4, 20), (20, 43))]
        expect(f"{path.name} fed in pieces", np.abs(whole - np.concatenate(pieces)).max(), 1e-12)


def random_texts(seed, n):
    rng = random.Random(seed)
    return ["".join(rng.choices("abeht  .,'\n\t0\u00e9\u4e2d\u00bd\u2003", k=rng.randrange(40)))
            for _ in range(n)]


def check_tokenizer(name, tokenizer, known_as=None):
    """decode undoes encode; a second tokenizer, if given, gives the same ids."""
    texts = [t.encode() for t in TEXTS + random_texts(5, 300)]
    lost = sum(tokenizer.decode(tokenizer.encode(t)) != t for t in texts)
    expect(f"{name}: texts that decode(encode) changes", lost, 0)
    if known_as:
        other = sum(tokenizer.encode(t) != known_as(t) for t in texts)
        expect(f"{name}: texts with other ids than its twin's", other, 0)


def check_trained(stories, tokenizer):
    with tempfile.TemporaryDirectory() as folder:
        to_hf.convert(stories, tokenizer, folder)
        same_logits("trained model and its conversion", llama.load(stories), llama.load(folder),
                    1e-9)
        check_tokenizer("trained tokenizer", bpe.load(tokenizer), bpe.load(folder).encode)


def check_example():
    """The example's own encoder (the re module) and, where torch is, its own model."""
    sys.path.insert(0, str(EXAMPLE))
    import train_tokenizer
    tokenizer = bpe.load(EXAMPLE / "model")
    merges = [m.split(" ") for m in tokenizer.model["merges"]]
    encoder = train_tokenizer.Encoder(tokenizer.vocab, merges)
    check_tokenizer("example's tokenizer", tokenizer, lambda t: encoder.encode(t.decode()))
    try:
        import torch
        import train
    except ImportError:
        print("example's torch model: skipped: no torch")
        return
    reference, model = llama.load(EXAMPLE / "model"), train.Llama()
    tensors = llama.safetensors.read(EXAMPLE / "model" / "model.safetensors")
    model.load_state_dict({k.removeprefix("model."): torch.tensor(v) for k, v in tensors.items()})
    tokens = [0] + tokenizer.encode(TEXTS[3].encode() * 8)
    with torch.no_grad():
        logits = model(torch.tensor([tokens]))[0].numpy()
    expect("example's torch model", np.abs(logits - reference.logits(tokens)).max(), 1e-3)


def main(models, stories=None, tokenizer=None):
    models = Path(models)
    check_models(models)
    check_tokenizer("scores", bpe.load(models / "tokenizer.bin"),
                    bpe.load(models / "hf_base").encode)
    for path in sorted(models.glob("hf_*")):
        check_tokenizer(path.name, bpe.load(path))
    if stories:
        check_trained(stories, tokenizer)
    if (EXAMPLE / "model" / "model.safetensors").exists():
        check_example()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
