"""Texts and their tokens as C arrays: reads what check_tokenizers.py --write wrote.

    token_cases.py FILE > cases.h
"""
import json
import sys


def array(kind, name, values):
    print(f"static const {kind} {name}[] = {{")
    for i in range(0, len(values), 16):
        print("    " + "".join(f"{v}, " for v in values[i:i + 16]).rstrip())
    print("};")


texts, ids, ends = [], [], []
for line in open(sys.argv[1], encoding="utf-8"):
    text, tokens = json.loads(line)
    if len(text.encode()) < 200:
        texts += text.encode()
        ids += tokens
        ends += [len(texts), len(ids)]
array("unsigned char", "texts", texts + [0])
array("int32_t", "ids", ids + [0])
array("uint32_t", "ends", ends)
