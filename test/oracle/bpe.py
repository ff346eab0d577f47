"""Independent tokenizers: llama2.c's score-based one, and those of tokenizer.json.

Each class has encode(text as bytes) -> ids without special tokens added, decode(ids) -> bytes, and
bos.  A byte that is not UTF-8 is a character of its own, a surrogate as Python escapes such bytes.
 Letters (L*) and numbers (N*) of GPT-2's pattern come from Python's unicodedata.
"""
import base64
import json
import re
import unicodedata
from pathlib import Path

import charsmap
import llama2c
import patterns
import unigram
import wordpiece

CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
SPACES = {*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
          0x205F, 0x3000}


FORMS = ("NFC", "NFD", "NFKC", "NFKD")


class ScoredTokenizer:
    """llama2.c's tokenizer.bin: joins the pair whose joined piece has the highest score."""

    def __init__(self, path):
        pieces = llama2c.read_tokenizer(Path(path))
        self.scores = [score for score, _ in pieces]
        self.pieces = [piece for _, piece in pieces]
        self.ids = {}
        for i, piece in enumerate(self.pieces):
            self.ids.setdefault(piece, i)
        self.bos, self.bert, self.has_form, self.normalizes = 1, None, False, False

    def encode(self, text):
        ids = []
        for char in utf8_chars(b" " + text if text else b""):
            ids += [self.ids[char]] if char in self.ids else [byte + 3 for byte in char]
        while True:
            joined = [self.ids.get(self.pieces[a] + self.pieces[b]) for a, b in zip(ids, ids[1:])]
            known = [i for i, piece in enumerate(joined) if piece is not None]
            if not known:
                return ids
            at = max(known, key=lambda i: (self.scores[joined[i]], -i))
            ids[at:at + 2] = [joined[at]]

    def decode(self, ids):
        """A space that begins the text is the one that encode put there."""
        out = b""
        for i in ids:
            if i >= 259:
                out += self.pieces[i]
            elif i >= 3:
                out += bytes([i - 3])
        return out.removeprefix(b" ")


def utf8_chars(text):
    """Characters, and each byte that is not UTF-8 by itself.  (run.c of llama2.c hangs up to three stray
    continuation bytes on the character before them, which then has no piece and goes out in bytes.)"""
    return [c.encode("utf-8", "surrogateescape") for c in text.decode("utf-8", "surrogateescape")]


def kind(char):
    if ord(char) in SPACES:
        return "space"
    major = unicodedata.category(char)[0]
    return major if major in "LN" else "other"


def gpt2_split(text):
    """The matches of GPT2_PATTERN, found by hand: each starts where the last one ended."""
    kinds, words, i = [kind(c) for c in text], [], 0
    while i < len(text):
        short = next((s for s in CONTRACTIONS if text.startswith(s, i)), None)
        start = i + 1 if text[i] == " " and i + 1 < len(text) else i
        if short:
            end = i + len(short)
        elif kinds[start] != "space":
            end = run_end(kinds, start)
        else:
            end = run_end(kinds, i)
            if end < len(text) and end - i > 1:
                end -= 1  # the last space of several belongs to the word that follows
        words.append(text[i:end])
        i = end
    return words


def run_end(kinds, start):
    end = start
    while end < len(kinds) and kinds[end] == kinds[start]:
        end += 1
    return end


def byte_to_char():
    """Printable Latin-1 bytes stand for themselves, the others for U+0100, U+0101 ..."""
    table, spare = [], 0x100
    for b in range(256):
        printable = 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or 0xAE <= b
        table.append(chr(b) if printable else chr(spare))
        spare += not printable
    return table


def parts(component, plural):
    """The list of a tokenizer.json component, which is null, one, or a Sequence of several."""
    if component is None:
        return []
    return component[plural] if component["type"] == "Sequence" else [component]


class HfTokenizer:
    """tokenizer.json: a BPE model, byte-level or with byte fallback, Unigram or WordPiece."""

    def __init__(self, path):
        self.json = json.loads(Path(path).read_text(encoding="utf-8"))
        model = self.model = self.json["model"]
        self.unigram = unigram.Unigram(model) if model["type"] == "Unigram" else None
        self.bert = wordpiece.WordPiece(self.json) if model["type"] == "WordPiece" else None
        steps = parts(self.json.get("normalizer"), "normalizers")
        self.has_form = any(step["type"] in FORMS for step in steps)
        maps = [s["precompiled_charsmap"] for s in steps if s["type"] == "Precompiled"]
        self.map = charsmap.Precompiled(base64.b64decode(maps[0])) if maps else None
        self.normalizes = bool(maps)
        self.vocab = self.unigram.ids if self.unigram else model["vocab"]
        self.rank = {}
        if model["type"] == "BPE":
            pairs = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m)
                     for m in model["merges"]]
            self.rank = {pair: rank for rank, pair in enumerate(pairs)}
        self.added = self.json.get("added_tokens", [])
        self.special = {t["content"]: t["id"] for t in self.added}
        self.tokens = {i: s for s, i in (self.vocab | self.special).items()}
        self.chars = byte_to_char()
        self.bos = self.first_special()

    def first_special(self):
        for post in parts(self.json.get("post_processor"), "processors"):
            if post["type"] == "TemplateProcessing" and "SpecialToken" in post["single"][0]:
                return self.special[post["single"][0]["SpecialToken"]["id"]]
        return None

    def encode(self, text):
        """Added tokens that are not `normalized` come out first, the others once the rest is."""
        ids, first = [], True
        for token, raw in self.cut(text.decode("utf-8", "surrogateescape"), False):
            for found, part in [(token, raw)] if token else self.cut(self.normalize(raw), True):
                ids += [found["id"]] if found else self.encode_part(part, first)
                first = False
        return ids

    def encode_part(self, text, first):
        if self.bert:
            return self.bert.encode(text)
        words = self.pre_tokenize(text, first)
        encode = self.unigram.encode_word if self.unigram else self.encode_word
        return [i for word in words for i in encode(word)]

    def cut(self, text, normalized):
        """(token or None, text): the leftmost, and of those that start there the longest."""
        tokens = [(self.normalize(t["content"]) if normalized else t["content"], t)
                  for t in self.added if t["normalized"] == normalized]
        tokens.sort(key=lambda pair: -len(pair[0]))
        parts, start, i = [], 0, 0
        while i < len(text):
            hit = next(((s, t) for s, t in tokens if text.startswith(s, i)), None)
            if hit is None:
                i += 1
                continue
            before, end = i, i + len(hit[0])
            while hit[1]["lstrip"] and before > start and text[before - 1] in wordpiece.SPACE:
                before -= 1
            while hit[1]["rstrip"] and end < len(text) and text[end] in wordpiece.SPACE:
                end += 1
            parts += [(None, text[start:before]), (hit[1], text[before:end])]
            start = i = end
        return [p for p in parts + [(None, text[start:])] if p[1]]

    def normalize(self, text):
        for step in parts(self.json.get("normalizer"), "normalizers"):
            if step["type"] == "BertNormalizer":
                continue  # encode_part does it
            if step["type"] in FORMS:
                text = unicodedata.normalize(step["type"], text)
            elif step["type"] == "Precompiled":
                text = self.map.normalize(text)
            elif step["type"] == "Strip":  # at the end
                text = text.rstrip("".join(wordpiece.SPACE))
            elif step["type"] == "Replace" and "Regex" in step["pattern"]:
                text = re.sub(step["pattern"]["Regex"], step["content"], text)
            elif step["type"] == "Prepend":
                text = step["prepend"] + text if text else text
            elif step["type"] == "Replace":
                text = text.replace(step["pattern"]["String"], step["content"])
            else:
                raise ValueError(f"normalizer {step['type']}: not known")
        return text

    def pre_tokenize(self, text, first):
        words = [text]
        for step in parts(self.json.get("pre_tokenizer"), "pretokenizers"):
            if step["type"] == "ByteLevel":
                words = [w for word in words for w in self.byte_level(word, step)]
            elif step["type"] == "WhitespaceSplit":
                spaces = "[" + "".join(wordpiece.SPACE) + "]+"
                words = [w for word in words for w in re.split(spaces, word) if w]
            elif step["type"] == "Metaspace":
                words = [w for word in words for w in metaspace(word, step, first)]
            elif step["type"] == "Split" and step["behavior"] == "Isolated":
                regex = step["pattern"]["Regex"]
                words = [w for word in words for w in patterns.isolated(regex, word)]
            elif step["type"] == "Digits" and step["individual_digits"]:
                words = [w for word in words for w in patterns.isolated("\\p{N}", word)]
            else:
                raise ValueError(f"pre_tokenizer {step['type']}: not known")
        return words

    def byte_level(self, text, step):
        if step["add_prefix_space"] and not text.startswith(" "):
            text = " " + text
        words = gpt2_split(text) if step.get("use_regex", True) else [text]
        return ["".join(self.chars[b] for b in word.encode(errors="surrogateescape")) for word in words]

    def encode_word(self, word):
        if self.model.get("ignore_merges") and word in self.vocab:
            return [self.vocab[word]]
        symbols = []
        for char in word:
            symbols += self.symbols_of(char, symbols)
        while True:
            ranks = [self.rank.get(pair, len(self.rank)) for pair in zip(symbols, symbols[1:])]
            if not ranks or min(ranks) == len(self.rank):
                return [self.vocab[s] for s in symbols]
            at = ranks.index(min(ranks))
            symbols[at:at + 2] = [symbols[at] + symbols[at + 1]]

    def symbols_of(self, char, before):
        if char in self.vocab:
            return [char]
        as_bytes = [f"<0x{b:02X}>" for b in char.encode(errors="surrogateescape")]
        if self.model.get("byte_fallback") and all(b in self.vocab for b in as_bytes):
            return as_bytes
        unknown = self.model.get("unk_token")
        fused = self.model.get("fuse_unk") and before[-1:] == [unknown]
        return [] if unknown is None or fused else [unknown]

    def decode(self, ids):
        """Special tokens are left out."""
        text = [self.tokens[i] for i in ids if self.tokens[i] not in self.special]
        steps = parts(self.json.get("decoder"), "decoders")
        if any(s["type"] == "ByteLevel" for s in steps):
            byte = {c: b for b, c in enumerate(self.chars)}
            return bytes(byte[c] for token in text for c in token)
        out = b""
        for token in text:
            is_byte = len(token) == 6 and token.startswith("<0x") and token.endswith(">")
            out += bytes([int(token[3:5], 16)]) if is_byte else token.encode()
        out = out.replace("\u2581".encode(), b" ")
        strips = any(s["type"] in ("Strip", "Metaspace") for s in steps)
        return out.removeprefix(b" ") if strips else out


def metaspace(text, step, first):
    mark = step["replacement"]
    scheme = step.get("prepend_scheme", "always" if step.get("add_prefix_space", True) else "never")
    text = text.replace(" ", mark)
    if (scheme == "always" or (scheme == "first" and first)) and not text.startswith(mark):
        text = mark + text
    if not step.get("split", True):
        return [text]
    head, *tail = text.split(mark)
    return ([head] if head else []) + [mark + word for word in tail]


class SentencePiece:
    """tokenizer.model by SentencePiece itself (python3-sentencepiece)."""

    def __init__(self, path):
        import sentencepiece
        self.model = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self.bos, self.bert, self.has_form = self.model.bos_id(), None, False
        same = (("\ufb01", "fi"), (" a ", "a"))
        self.normalizes = any(self.model.encode(a) == self.model.encode(b) for a, b in same)

    def encode(self, text):
        return self.model.encode(text)

    def size(self):
        return self.model.get_piece_size()


def load(path):
    if str(path).endswith(".model"):
        return SentencePiece(path)
    """tokenizer.bin, tokenizer.json, or a folder that holds one of them."""
    path = Path(path)
    if path.is_dir():
        path = path / "tokenizer.json"
    return HfTokenizer(path) if path.suffix == ".json" else ScoredTokenizer(path)
