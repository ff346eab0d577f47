"""Trains a byte-level BPE tokenizer and writes it as an ordinary Hugging Face tokenizer.json.

    train_tokenizer.py BOOKS.txt OUT_DIR [VOCAB]

Ids: 0 <|bos|>, 1 <|eos|>, 2..257 the bytes, then one id per merge.  Each merge joins the pair that
is most frequent inside the words of GPT-2's pre-tokenizer; ties go to the pair of lowest ids.
"""
import json
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

from books import paragraphs

SPECIALS = ["<|bos|>", "<|eos|>"]


def char_class(major):
    """Regex class body of \\p{L} or \\p{N}, which the re module does not know."""
    ranges, start = [], None
    for c in range(sys.maxunicode + 2):
        member = c <= sys.maxunicode and unicodedata.category(chr(c))[0] == major
        if member and start is None:
            start = c
        elif not member and start is not None:
            ranges.append(f"\\U{start:08x}-\\U{c - 1:08x}")
            start = None
    return "".join(ranges)


def gpt2_pattern():
    letter, number = char_class("L"), char_class("N")
    space = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    return re.compile(f"'s|'t|'re|'ve|'m|'ll|'d| ?[{letter}]+| ?[{number}]+"
                      f"| ?[^{space}{letter}{number}]+|[{space}]+(?![^{space}])|[{space}]+")


def byte_chars():
    """GPT-2's printable stand-in for each byte: itself, or U+0100 and up for the unprintable."""
    own = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(0x100, 0x200))
    return [chr(b) if b in own else chr(next(spare)) for b in range(256)]


def merge_pair(word, pair):
    """The word (tuple of symbols) with each occurrence of the pair joined."""
    out, i = [], 0
    while i < len(word):
        if word[i:i + 2] == pair:
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def train(word_counts, n_merges, ids):
    """ids: symbol -> id, extended here.  Returns the merges in order of rank."""
    words = [[tuple(w), n] for w, n in sorted(word_counts.items())]
    pairs, where = Counter(), defaultdict(set)
    for i, (w, n) in enumerate(words):
        for p in zip(w, w[1:]):
            pairs[p] += n
            where[p].add(i)
    merges = []
    while len(merges) < n_merges:
        best = max(pairs, key=lambda p: (pairs[p], -ids[p[0]], -ids[p[1]]))
        merges.append(best)
        ids[best[0] + best[1]] = len(ids)
        for i in where.pop(best):
            old, n = words[i]
            new = words[i][0] = merge_pair(old, best)
            for p in zip(old, old[1:]):
                pairs[p] -= n
            for p in zip(new, new[1:]):
                pairs[p] += n
                where[p].add(i)
        del pairs[best]
    return merges


class Encoder:
    def __init__(self, vocab, merges):
        self.vocab, self.chars, self.pattern = vocab, byte_chars(), gpt2_pattern()
        self.rank = {tuple(m): r for r, m in enumerate(merges)}
        self.known = {}

    def encode(self, text):
        ids = []
        for piece in self.pattern.findall(text):
            if piece not in self.known:
                self.known[piece] = self.encode_word(piece)
            ids += self.known[piece]
        return ids

    def encode_word(self, piece):
        word = tuple(self.chars[b] for b in piece.encode())
        while len(word) > 1:
            best = min(zip(word, word[1:]), key=lambda p: self.rank.get(p, len(self.rank)))
            if best not in self.rank:
                break
            word = merge_pair(word, best)
        return [self.vocab[s] for s in word]


def tokenizer_json(vocab, merges):
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                  "use_regex": True}
    bos = {"SpecialToken": {"id": SPECIALS[0], "type_id": 0}}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": i, "content": s, "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False, "special": True}
                         for i, s in enumerate(SPECIALS)],
        "normalizer": None, "pre_tokenizer": byte_level,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [bos, {"Sequence": {"id": "A", "type_id": 0}},
                     {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {SPECIALS[0]: {"id": SPECIALS[0], "ids": [0],
                                             "tokens": [SPECIALS[0]]}}},
        "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": vocab, "merges": [f"{a} {b}" for a, b in merges]},
    }


def write(out_dir, vocab, merges):
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in (
            ("tokenizer.json", tokenizer_json(vocab, merges)),
            ("tokenizer_config.json", {
                "add_bos_token": True, "add_eos_token": False, "add_prefix_space": False,
                "bos_token": SPECIALS[0], "clean_up_tokenization_spaces": False,
                "eos_token": SPECIALS[1], "model_max_length": 256,
                "tokenizer_class": "PreTrainedTokenizerFast", "unk_token": None})):
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (out / name).write_text(text, encoding="utf-8")


def main(books, out_dir, vocab_size=1024):
    chars = byte_chars()
    counts = Counter(gpt2_pattern().findall("\n".join(paragraphs(books))))
    spelled = Counter({"".join(chars[b] for b in w.encode()): n for w, n in counts.items()})
    vocab = {s: i for i, s in enumerate(SPECIALS + chars)}
    merges = train(spelled, int(vocab_size) - len(vocab), vocab)
    write(out_dir, vocab, merges)
    print(f"{len(vocab)} tokens, {len(merges)} merges, {len(counts)} distinct words")


if __name__ == "__main__":
    main(*sys.argv[1:])
