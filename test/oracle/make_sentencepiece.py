#!/usr/bin/env python3
"""Trains small SentencePiece models that lmcc reads, of both kinds, from a text, and makes
tokenizer.json files of one of them, with charsmaps of others.

    make_sentencepiece.py OUT_DIR TEXT

Needs python3-sentencepiece.  Training is deterministic with one thread.
"""
import base64
import json
import sys
from pathlib import Path

import sentencepiece

import charsmap
import make_tokenizers

COMMON = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False,
          "num_threads": 1, "hard_vocab_limit": False, "minloglevel": 2,
          "character_coverage": 0.999}
# What is not the default; split_by_whitespace false: pieces go across spaces.
MODELS = {
    "sp-bpe": {"model_type": "bpe", "vocab_size": 600, "byte_fallback": True},
    "sp-bpe-user": {"model_type": "bpe", "vocab_size": 560, "byte_fallback": True,
                    "add_dummy_prefix": False, "split_digits": True,
                    "user_defined_symbols": "<|a|>,<|ab|>,the,\u2581\u2581", "control_symbols": "[CLS]"},
    "sp-bpe-prefix": {"model_type": "bpe", "vocab_size": 560, "byte_fallback": True,
                      "user_defined_symbols": "<|ab|>,th"},
    "sp-unigram": {"model_type": "unigram", "vocab_size": 400},
    "sp-unigram-bytes": {"model_type": "unigram", "vocab_size": 620, "byte_fallback": True,
                         "split_by_whitespace": False, "bos_id": -1, "control_symbols": "[CLS]"},
    "sp-nmt": {"model_type": "unigram", "vocab_size": 400, "remove_extra_whitespaces": True,
               "normalization_rule_name": "nmt_nfkc"},
    "sp-nmt-spaces": {"model_type": "unigram", "vocab_size": 620, "byte_fallback": True,
                      "normalization_rule_name": "nmt_nfkc"},
    "sp-nfkc-bare": {"model_type": "unigram", "vocab_size": 400, "add_dummy_prefix": False,
                     "normalization_rule_name": "nfkc"},
    "sp-nfkc-bpe": {"model_type": "bpe", "vocab_size": 560, "byte_fallback": True,
                    "remove_extra_whitespaces": True, "normalization_rule_name": "nfkc",
                    "split_by_whitespace": False},
    "sp-cf-bpe": {"model_type": "bpe", "vocab_size": 560, "byte_fallback": True,
                  "add_dummy_prefix": False, "normalization_rule_name": "nmt_nfkc_cf"},
    "sp-squeeze": {"model_type": "unigram", "vocab_size": 620, "byte_fallback": True,
                   "remove_extra_whitespaces": True},
}


MARK = "\u2581"
STRIP = {"type": "Strip", "strip_left": False, "strip_right": True}
RUNS = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": MARK}
SPACE = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always", "split": True}
WORDS = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, SPACE]}
# Whose charsmap, what follows it, how words are cut.
PRECOMPILED = {"precompiled": ("sp-nfkc-bare", [], SPACE),
               "precompiled-runs": ("sp-nmt", [STRIP, RUNS], SPACE),
               "precompiled-words": ("sp-cf-bpe", [], WORDS)}


def precompiled(out):
    model = sentencepiece.SentencePieceProcessor(model_file=str(out / "sp-nmt-spaces.model"))
    ids = range(model.get_piece_size())
    unigram = {"type": "Unigram", "unk_id": model.unk_id(), "byte_fallback": True,
               "vocab": [[model.id_to_piece(i), model.get_score(i)] for i in ids]}
    for name, (source, steps, words) in PRECOMPILED.items():
        data = charsmap.of_model((out / f"{source}.model").read_bytes())
        first = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(data).decode()}
        config = make_tokenizers.file(
            unigram, make_tokenizers.added(len(ids)), pre_tokenizer=words, decoder=SPACE,
            normalizer={"type": "Sequence", "normalizers": [first, *steps]})
        (out / f"{name}.json").write_text(json.dumps(config, ensure_ascii=False), "utf-8")


def main(out, text):
    out.mkdir(parents=True, exist_ok=True)
    for name, options in MODELS.items():
        sentencepiece.SentencePieceTrainer.train(input=str(text), model_prefix=str(out / name),
                                                 **(COMMON | options))
        (out / f"{name}.vocab").unlink()
    precompiled(out)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
