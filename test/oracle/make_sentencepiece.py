#!/usr/bin/env python3
"""Trains small SentencePiece models that lmcc reads, of both kinds, from a text.

    make_sentencepiece.py OUT_DIR TEXT

Needs python3-sentencepiece.  Training is deterministic with one thread.
"""
import sys
from pathlib import Path

import sentencepiece

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


def main(out, text):
    out.mkdir(parents=True, exist_ok=True)
    for name, options in MODELS.items():
        sentencepiece.SentencePieceTrainer.train(input=str(text), model_prefix=str(out / name),
                                                 **(COMMON | options))
        (out / f"{name}.vocab").unlink()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
