"""Compares the runtime's encoder with the independent one of bpe.py.

    check_tokenizers.py ENCODE_LINES TOKENIZER VOCAB [TEXT ...]

ENCODE_LINES is the program built from test/unit/encode_lines.c.  Checked are the lines of each
TEXT, the same text in pieces of several lines, and made-up strings of Unicode.  Ends with status 1
at the first difference.
"""
import json
import random
import subprocess
import sys
from pathlib import Path

import bpe

MOST_LINES = 4000
ALPHABETS = [
    "abcdefgh   '",
    " \t\n\r\u00a0\u2003\u3000a1.",
    "'s 't 're 've 'm 'll 'd I'll we've",
    "0123456789\u0663\u00bd\u2167 x,.-!",
    "\u00e9\u00df\u0416\u4e2d\u6587\U0001d400\U0001f600\U00020000 e\u0301\u0300'",
    "".join(map(chr, range(0, 0x180))),
]


def texts_of(path):
    """Lines, and pieces that hold line ends."""
    lines = Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
    step = max(1, len(lines) // MOST_LINES)
    pieces = ["\n".join(lines[i:i + 4])[:1500] for i in range(0, len(lines), 40 * step)]
    return [line[:3000] for line in lines[::step]] + pieces


def made_up(rng):
    texts = ["", " ", "  ", "\n", " a", "  a", "a ", "a  ", "\u2003", "'", "''s", " 's"]
    for _ in range(3000):
        alphabet = rng.choice(ALPHABETS)
        texts.append("".join(rng.choice(alphabet) for _ in range(rng.randrange(40))))
    for _ in range(1000):
        codes = (rng.randrange(rng.choice([0x80, 0x800, 0x3000, 0x10000, 0x110000]))
                 for _ in range(rng.randrange(20)))
        texts.append("".join(chr(c) for c in codes if not 0xD800 <= c < 0xE000))
    return texts


def main(program, tokenizer, vocab, *paths):
    texts = [t for path in paths for t in texts_of(path)] + made_up(random.Random(1))
    texts = [t for t in texts if "\u2581" not in t]  # its own mark of a space
    lines = "".join(json.dumps(t) + "\n" for t in texts)
    run = subprocess.run([program, tokenizer, vocab, "--json"], input=lines.encode(),
                         stdout=subprocess.PIPE, check=True)
    got = [[int(w) for w in line.split()] for line in run.stdout.decode().split("\n")[:-1]]
    if len(got) != len(texts):
        sys.exit(f"{program}: {len(got)} answers to {len(texts)} texts")
    oracle = bpe.load(tokenizer)
    for text, ids in zip(texts, got):
        expected = oracle.encode(text.encode())
        if ids != expected:
            sys.exit(f"{tokenizer}: {text!r}:\n  expected {expected}\n  got      {ids}")
    print(f"{tokenizer}: {len(texts)} texts, {sum(map(len, got))} tokens, all equal")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
