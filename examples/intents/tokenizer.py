"""WordPiece: learned by merging the most frequent pair of neighbouring pieces, written as tokenizer.json.
Words are cut into the longest pieces from the left, as BERT does."""
from collections import Counter

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def learn(counts, size):
    """counts: word -> how often. Pieces, in the order of their ids."""
    words = {w: [w[0]] + ["##" + c for c in w[1:]] for w in counts}
    letters = "abcdefghijklmnopqrstuvwxyz0123456789'"
    pieces = SPECIAL + list(letters) + ["##" + c for c in letters]
    while len(pieces) < size:
        pairs = Counter()
        for w, parts in words.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += counts[w]
        if not pairs:
            break
        a, b = min(pairs, key=lambda p: (-pairs[p], p))
        whole = a + b[2:]
        pieces.append(whole)
        for w, parts in words.items():
            i = 0
            while i + 1 < len(parts):
                if parts[i] == a and parts[i + 1] == b:
                    parts[i : i + 2] = [whole]
                i += 1
    return list(dict.fromkeys(pieces))


def pieces_of(word, vocab, broken=None):
    """broken: a random number generator that now and then cuts a word into smaller pieces than need be."""
    short = 1 + broken.randrange(4) if broken and broken.random() < 0.1 else len(word)
    ids, start = [], 0
    while start < len(word):
        end = min(len(word), start + short)
        while end > start and ("##" if start else "") + word[start:end] not in vocab:
            end -= 1
        if end == start:
            return [vocab["[UNK]"]]
        ids.append(vocab[("##" if start else "") + word[start:end]])
        start = end
    return ids


def as_json(pieces):
    vocab = {p: i for i, p in enumerate(pieces)}
    special = lambda s: {"id": vocab[s], "content": s, "single_word": False, "lstrip": False,
                         "rstrip": False, "normalized": False, "special": True}
    token = lambda s: {"SpecialToken": {"id": s, "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [special(s) for s in SPECIAL],
            "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                           "strip_accents": None, "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing", "single": [token("[CLS]"), text, token("[SEP]")],
                "pair": [token("[CLS]"), text, token("[SEP]")],
                "special_tokens": {s: {"id": s, "ids": [vocab[s]], "tokens": [s]}
                                   for s in ("[CLS]", "[SEP]")}},
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": False},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": 64, "vocab": vocab}}
