"""BERT's tokenizer from its published rules: normalizer, words, the longest pieces from the left.

Categories are unicodedata's; the reference implementation has those of Unicode 8.0, so texts to
compare with are made of characters that `stable` accepts.
"""
import unicodedata

SPACE = {chr(c) for c in (*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028,
                          0x2029, 0x202F, 0x205F, 0x3000)}
CJK = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
       (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]


def stable(char):
    """Whether the character has its category since Unicode 3.2."""
    return unicodedata.category(char) == unicodedata.ucd_3_2_0.category(char) != "Cn"


def is_punctuation(char):
    ascii_symbol = char.isascii() and char.isprintable() and not char.isalnum() and char != " "
    return ascii_symbol or unicodedata.category(char)[0] == "P"


class WordPiece:
    def __init__(self, config):
        model, rules = config["model"], config["normalizer"]
        self.vocab, self.unk = model["vocab"], model["vocab"][model["unk_token"]]
        self.prefix = model["continuing_subword_prefix"]
        self.most = model["max_input_chars_per_word"]
        self.clean, self.cjk = rules["clean_text"], rules["handle_chinese_chars"]
        self.lower = rules["lowercase"]
        strip = rules.get("strip_accents")
        self.strip = self.lower if strip is None else strip

    def normalize(self, text):
        if self.clean:
            kept = (c for c in text if c in "\t\n\r" or (
                c not in "\0\ufffd" and unicodedata.category(c)[0] != "C"))
            text = "".join(" " if c in SPACE else c for c in kept)
        if self.cjk:
            text = "".join(f" {c} " if any(a <= ord(c) <= b for a, b in CJK) else c for c in text)
        if self.strip:
            text = "".join(c for c in unicodedata.normalize("NFD", text)
                           if unicodedata.category(c) != "Mn")
        return "".join(c.lower() for c in text) if self.lower else text

    def words(self, text):
        word = ""
        for char in text:
            if char not in SPACE and not is_punctuation(char):
                word += char
                continue
            if word:
                yield word
            word = ""
            if char not in SPACE:
                yield char
        if word:
            yield word

    def encode(self, text):
        return [i for word in self.words(self.normalize(text)) for i in self.encode_word(word)]

    def encode_word(self, word):
        ids, start = [], 0
        while start < len(word) and len(word) <= self.most:
            end = len(word)
            while end > start and self.piece(word, start, end) not in self.vocab:
                end -= 1
            if end == start:
                break
            ids.append(self.vocab[self.piece(word, start, end)])
            start = end
        return ids if start == len(word) else [self.unk]

    def piece(self, word, start, end):
        return (self.prefix if start else "") + word[start:end]
