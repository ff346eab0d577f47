"""Command line of the independent reference.

    run_oracle.py logits MODEL TOKENS.txt OUT.f32     one row of float32 logits per token
    run_oracle.py greedy MODEL N [ID ...]             N ids after the prompt (default: bos)
    run_oracle.py encode TOKENIZER [--bos] [--json]   stdin lines (JSON strings) -> ids, a line each
    run_oracle.py decode TOKENIZER                    stdin lines of ids -> text, a line each
    run_oracle.py perplexity MODEL TOKENIZER TEXT     each line a document: bos and its tokens

MODEL is a llama2.c .bin or a Hugging Face folder.  Without numpy the exit status is 77 (skip).
"""
import json
import math
import sys
from pathlib import Path

try:
    import numpy as np

    import bpe
    import llama
except ImportError as missing:
    print(f"run_oracle.py: skipped: {missing}", file=sys.stderr)
    sys.exit(77)


def print_logits(model, tokens, out):
    ids = [int(word) for word in Path(tokens).read_text().split()]
    llama.load(model).logits(ids).astype("<f4").tofile(out)


def print_greedy(model, n, *prompt):
    m = llama.load(model)
    print(*m.greedy([int(i) for i in prompt] or [m.bos], int(n)))


def print_encoded(tokenizer, *options):
    t = bpe.load(tokenizer)
    for line in sys.stdin.buffer:
        line = line.removesuffix(b"\n")
        text = json.loads(line).encode() if "--json" in options else line
        print(*([t.bos] if "--bos" in options else []) + t.encode(text))


def print_decoded(tokenizer):
    t = bpe.load(tokenizer)
    for line in sys.stdin:
        sys.stdout.buffer.write(t.decode([int(word) for word in line.split()]) + b"\n")


def print_perplexity(model, tokenizer, text):
    m, t = llama.load(model), bpe.load(tokenizer)
    loss = count = 0
    for line in Path(text).read_bytes().split(b"\n"):
        ids = ([m.bos] + t.encode(line))[:m.context]
        if line:
            loss, count = loss + m.loss(ids), count + len(ids) - 1
    print(f"perplexity {math.exp(loss / count):.6f} over {count} tokens")


COMMANDS = {"logits": print_logits, "greedy": print_greedy, "encode": print_encoded,
            "decode": print_decoded, "perplexity": print_perplexity}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
