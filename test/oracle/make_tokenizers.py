"""Makes one small tokenizer.json of each kind that lmcc reads, from a text and made-up words.

    make_tokenizers.py OUT_DIR MERGES TEXT ...

The words of other scripts are random: merges and pieces must come from there too.
"""
import json
import math
import random
import struct
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import bpe
import patterns
import wordpiece

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
MARK = "\u2581"
SCRIPTS = ["абвгдежзийклмн", "αβγδεζηθικλ", "中文字日本語の", "한국어글자", "éèüñçàöß", "אבגדהו",
           "ابتثجح", "नमस्तेका", "😀👍🏽🎉", "ʼªº½²Ⅷ", "e\u0301a\u0308o\u0302"]
TOKENS = ["<|a|>", "<|ab|>", "<|abc", "<mask>", "[SEP]"]


def corpus(paths):
    rng = random.Random(5)
    text = "".join(Path(p).read_text(encoding="utf-8") for p in paths)
    for _ in range(400):
        script = rng.choice(SCRIPTS)
        words = ("".join(rng.choice(script) for _ in range(rng.randrange(1, 4))) for _ in range(5))
        text += rng.choice([" ", "  ", "\n\n", "!\n", "'", "12 "]).join(words)
    return text


def train(words, merges):
    """Pairs in the order in which they were merged; words: Counter of tuples of symbols."""
    words, order = dict(words), []
    while len(order) < merges:
        pairs = Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        best = max(pairs, key=lambda p: (pairs[p], p))
        order.append(best)
        joined = {}
        for word, n in words.items():
            out, i = [], 0
            while i < len(word):
                step = 2 if word[i:i + 2] == best else 1
                out.append("".join(word[i:i + step]))
                i += step
            joined[tuple(out)] = joined.get(tuple(out), 0) + n
        words = joined
    return order


def added(first, normalized=()):
    flags = {"<mask>": {"lstrip": True}, "<|ab|>": {"rstrip": True}}
    return [{"id": first + i, "content": s, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": s in normalized, "special": s != "<|abc"} | flags.get(s, {})
            for i, s in enumerate(TOKENS)]


def file(model, tokens, **sections):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens,
            "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None,
            **sections, "model": model}


def byte_level(text, merges):
    chars = bpe.byte_to_char()
    words = Counter(w for p in (GPT2, LLAMA3) for w in patterns.isolated(p, text))
    spelled = Counter({tuple(chars[b] for b in w.encode()): n for w, n in words.items()})
    order = train(Counter(dict(spelled.most_common(1500))), merges)
    vocab = {s: i for i, s in enumerate(chars + ["".join(p) for p in order])}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}

    def split(regex):
        return {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False},
            level | {"use_regex": False}]}
    digits = {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True}, level | {"use_regex": True}]}
    steps = {"gpt2": level | {"use_regex": True, "add_prefix_space": True}, "digits": digits,
             "llama3": split(LLAMA3), "qwen2": split(QWEN2)}
    forms = {"nfc": split(QWEN2), "nfd": steps["gpt2"], "nfkc": split(LLAMA3), "nfkd": digits}
    for name, step in (steps | forms).items():
        model = {"type": "BPE", "dropout": None, "unk_token": None, "fuse_unk": False,
                 "continuing_subword_prefix": None, "end_of_word_suffix": None,
                 "byte_fallback": False, "ignore_merges": name == "llama3", "vocab": vocab,
                 "merges": [" ".join(p) for p in order]}
        tokens = added(len(vocab), ["<|abc"] if name in forms else ())
        form = {"type": name.upper()} if name in forms else None
        yield name, file(model, tokens, normalizer=form, pre_tokenizer=step, decoder=level)


def marked_words(text):
    return Counter(MARK + w for line in text.split("\n") for w in line.split(" "))


def byte_pieces():
    return [f"<0x{b:02X}>" for b in range(256)]


def marked_bpe(text, merges):
    words = Counter(dict(marked_words(text).most_common(1500)))
    words.update({MARK * 4: 50, MARK * 2 + "a": 9})
    order = train(Counter({tuple(w): n for w, n in words.items()}), merges)
    chars = sorted({c for w in words for c in w})
    pieces = ["<unk>", *byte_pieces(), *chars, *("".join(p) for p in order)]
    vocab = {s: i for i, s in enumerate(dict.fromkeys(pieces))}
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "fuse_unk": True,
             "continuing_subword_prefix": None, "end_of_word_suffix": None, "byte_fallback": True,
             "ignore_merges": False, "vocab": vocab, "merges": [list(p) for p in order]}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": MARK}
    prepend = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": MARK}, replace]}
    decoder = {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": MARK}, "content": " "}, {"type": "ByteFallback"},
        {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    forms = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, replace]}
    yield "llama2-nfkc", file(model, added(len(vocab)), normalizer=forms, decoder=decoder)
    yield "llama2", file(model, added(len(vocab), ["[SEP]"]), normalizer=prepend, decoder=decoder)
    for scheme, split in (("first", False), ("always", True), ("never", True)):
        step = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": scheme, "split": split}
        yield "metaspace-" + scheme, file(model, added(len(vocab)), pre_tokenizer=step,
                                          decoder=decoder)


def substrings(words, n, longest=9):
    found = Counter()
    for word, count in words.items():
        for i in range(len(word)):
            for k in range(1, min(longest, len(word) - i) + 1):
                found[word[i:i + k]] += count * k
    return [s for s, _ in sorted(found.items(), key=lambda p: (-p[1], p[0]))[:n]], found


def float32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def unigrams(text, merges):
    words = marked_words(text)
    words.update({"aaaaaa": 40, MARK * 3: 20})
    pieces, counts = substrings(words, 2 * merges)
    total = sum(counts.values())
    scores = {s: math.log(counts[s] / total) for s in dict.fromkeys([MARK, *pieces])}
    rounds = {"unigram": float32, "unigram-double": lambda x: x,
              "unigram-ties": lambda x: float(round(x))}
    for name, rounded in rounds.items():
        special = [["<unk>", 0.0], ["<s>", 0.0]]
        if name == "unigram-double":
            special += [[b, -20.0] for b in byte_pieces()]
        vocab = special + [[s, rounded(x)] for s, x in scores.items()]
        step = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always",
                "split": name != "unigram-ties"}
        model = {"type": "Unigram", "unk_id": 0, "byte_fallback": len(special) > 2, "vocab": vocab}
        yield name, file(model, added(len(vocab)), pre_tokenizer=step,
                         decoder={"type": "Metaspace", "replacement": MARK,
                                  "prepend_scheme": "always", "split": True})


def wordpieces(text, merges):
    for name, lower in (("uncased", True), ("cased", False)):
        rules = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                 "strip_accents": None, "lowercase": lower}
        split = wordpiece.WordPiece({"normalizer": rules, "model": {
            "vocab": {"?": 0}, "unk_token": "?", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100}})
        words = Counter(split.words(split.normalize(text + " ".join(SCRIPTS))))
        pieces, _ = substrings(words, merges)
        chars = sorted({c for w in words for c in w if unicodedata.category(c) != "Cn"})[5:]
        most = [w for w, _ in words.most_common(merges)]
        starts = [w[:k] for w in most for k in (2, 4) if len(w) >= k]
        pieces = ["[PAD]", "[UNK]", "[CLS]", *chars, *starts, *("##" + s for s in pieces + chars)]
        vocab = {s: i for i, s in enumerate(dict.fromkeys(pieces))}
        model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                 "max_input_chars_per_word": 100 if lower else 20, "vocab": vocab}
        tokens = [{**t, "normalized": False} for t in added(len(vocab))]
        yield name, file(model, tokens, normalizer=rules,
                         pre_tokenizer={"type": "BertPreTokenizer"},
                         decoder={"type": "WordPiece", "prefix": "##", "cleanup": True})


def main(out, merges, *paths):
    text, out = corpus(paths), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for make in (byte_level, marked_bpe, unigrams, wordpieces):
        for name, config in make(text, int(merges)):
            (out / f"{name}.json").write_text(json.dumps(config, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
