"""Compares the runtime's encoder with the independent one of bpe.py.

    check_tokenizers.py [--count N] [--seed S] [--write FILE] ENCODE_LINES TOKENIZER [TEXT ...]

ENCODE_LINES is the program built from test/unit/encode_lines.c.  Checked are the lines of each
TEXT, the same text in pieces of several lines, and made-up strings, N in all: Unicode, bytes that
are not UTF-8, added tokens, long runs of spaces.  Ends with status 1 at the first difference.
--write FILE writes the texts that are UTF-8, a JSON string a line, and what the encoder gave, for
judge.js to compare with.
"""
import argparse
import json
import random
import subprocess
import sys
import unicodedata
from pathlib import Path

import bpe
import wordpiece

ALPHABETS = [
    "abcdefgh   '",
    " \t\n\r\u00a0\u2003\u3000a1.",
    "'s 't 're 've 'm 'll 'd I'll WE'VE 'S 'RE don\u2019t '\u017f",
    "0123456789\u0663\u00bd\u2167 x,.-!\r\n",
    "\u00e9\u00df\u0416\u4e2d\u6587\U0001d400\U0001f600\U00020000 e\u0301\u0300'",
    "".join(map(chr, range(0, 0x180))),
    "\ud55c\uad6d\uc5b4\u3042\u30a2\u0e01\u0e33 \u0928\u092e\u0938\u094d\u0924\u0947",
    "\U0001f468\u200d\U0001f469\U0001f3fd\u2764\ufe0f\u20e3 \U0001f1e9\U0001f1ea#1",
    "\u2581 a\u0130\u0131\u1e9e\u212a\u0390\u1f80\ufb01\u00ad\u200b\ufeff\u0000\u001b",
]
# What a charsmap maps: compatibility forms, marks that compose, Hangul letters, controls, spaces.
MAPPED = [
    "A\u030ae\u0301\u0340E\u0323\u0302\u1e9b\u0345\u03b1\u0313\u0301\U0001d6c2\u0390",
    "\u1100\u1161\u11a8\u3131\u314f\uffa1\uffc2\u11aa\uac00\uff76\uff9e\u30ab\u3099",
    "a \u00a0\u3000\u2581\t\r\n\x01\x7f\u200b\u00a8\u2003\u00ad",
    "\ufb01\u00bd\u2167\u33a5\ufdfa\u212b\u1d2c\u2460\uff21\u00aa\u0301",
]
TOKENS = ["<|a|>", "<|ab|>", "<|abc", "<|ab", "<mask>", " <mask>  ", "<|ab|>\n \t", "[SEP]",
          "<unk>", "<s>", "<0x41>", "##a", "[CLS]"]


def texts_of(path, most):
    """Lines, and pieces that hold line ends."""
    lines = Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
    step = max(1, len(lines) // most)
    pieces = ["\n".join(lines[i:i + 4])[:1500] for i in range(0, len(lines), 40 * step)]
    return [line[:3000] for line in lines[::step]] + pieces


def random_code(rng):
    code = rng.randrange(rng.choice([0x80, 0x250, 0x800, 0x3000, 0x10000, 0x110000]))
    return " " if 0xD800 <= code < 0xE000 else chr(code)


def random_words(rng, alphabets):
    return "".join(rng.choice(rng.choice(alphabets)) for _ in range(rng.randrange(12)))


def made_up(rng, alphabets):
    choice = rng.randrange(8)
    if choice < 3:
        alphabet = rng.choice(alphabets)
        return "".join(rng.choice(alphabet) for _ in range(rng.randrange(40)))
    if choice == 3:
        return "".join(random_code(rng) for _ in range(rng.randrange(20)))
    if choice == 4:
        return "".join(rng.choice(TOKENS) if rng.randrange(2) else random_words(rng, alphabets)
                       for _ in range(rng.randrange(8)))
    if choice == 5:
        return rng.choice("a \u4e2d\u0301") * rng.randrange(130) + random_words(rng, alphabets)
    if choice == 6:
        words = " ".join(random_words(rng, alphabets) for _ in range(6))
        return words.replace("a", " " * rng.randrange(9))
    return (random_words(rng, alphabets) + rng.choice(["", " ", "\n", "  ", "'"]) +
            random_words(rng, alphabets))


def broken(rng, text):
    """Bytes that are not UTF-8: some replaced, the end cut off."""
    data = bytearray(text)[:rng.randrange(200)]
    for _ in range(rng.randrange(1, 4)):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def usable(oracle, text):
    """BERT's categories are of Unicode 8.0, normalization forms of 9.0: the oracle knows those that
    never changed; a kind of regular expression's those of Unicode's version here."""
    if isinstance(oracle, bpe.SentencePiece):  # it reads U+FFFD where a byte is malformed
        return oracle.normalizes or not any(0xDC80 <= ord(c) < 0xDD00 for c in text)
    if oracle.bert or oracle.has_form or oracle.normalizes:
        return all(wordpiece.stable(c) or 0xDC80 <= ord(c) < 0xDD00 for c in text)
    return all(unicodedata.category(c) != "Cn" for c in text)


def make_texts(args, oracle):
    rng = random.Random(args.seed)
    fixed = ["", " ", "  ", "\n", " a", "  a", "a ", "a  ", "\u2003", "'", "''s", " 's"] + TOKENS
    from_files = [t for path in args.text for t in texts_of(path, args.count // 4)]
    texts = [t for t in fixed + from_files[:args.count * 2 // 3] if usable(oracle, t)]
    data = [t.encode() for t in texts]
    alphabets = ALPHABETS + (MAPPED if oracle.normalizes else [])
    while len(data) < args.count:
        text = made_up(rng, alphabets).encode()
        text = text if rng.randrange(5) else broken(rng, text)
        if usable(oracle, text.decode(errors="surrogateescape")):
            data.append(text)
    return data


def vocab_size(path):
    if Path(path).suffix == ".model":
        return bpe.load(path).size()
    if Path(path).suffix != ".json":
        return 512
    config = json.loads(Path(path).read_text(encoding="utf-8"))
    added = [t["id"] + 1 for t in config.get("added_tokens", [])]
    return max([len(config["model"]["vocab"]), *added])


def run_encoder(args, texts):
    lines = "".join(t.hex() + "\n" for t in texts)
    command = [args.program, args.tokenizer, str(vocab_size(args.tokenizer)), "--hex"]
    run = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=True)
    got = [[int(w) for w in line.split()] for line in run.stdout.decode().split("\n")[:-1]]
    if len(got) != len(texts):
        sys.exit(f"{args.program}: {len(got)} answers to {len(texts)} texts")
    return got


def write(path, texts, got):
    with open(path, "w", encoding="utf-8") as out:
        for text, ids in zip(texts, got):
            try:
                out.write(json.dumps([text.decode(), ids]) + "\n")
            except UnicodeDecodeError:
                continue


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=4000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--write")
    for name in ("program", "tokenizer"):
        options.add_argument(name)
    options.add_argument("text", nargs="*")
    args = options.parse_args()
    oracle = bpe.load(args.tokenizer)
    texts = make_texts(args, oracle)
    got = run_encoder(args, texts)
    if args.write:
        write(args.write, texts, got)
    for text, ids in zip(texts, got):
        expected = oracle.encode(text)
        if ids != expected:
            sys.exit(f"{args.tokenizer}: {text!r}:\n  expected {expected}\n  got      {ids}")
    print(f"{Path(args.tokenizer).name}: {len(texts)} texts, {sum(map(len, got))} tokens, all equal")


if __name__ == "__main__":
    main()
