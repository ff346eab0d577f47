"""Writes held-out sentences as a C header for accuracy.c: text, intent, and a letter for each word's tag.

    held_out.py N > held_out.h
"""
import sys

from sentences import LABELS, sentences

print("/* Held-out sentences: text, bytes, number of the intent, of each word's label. */")
print("static const struct {\n    const char *text;\n    uint32_t bytes;\n    int16_t intent;\n    int8_t words[24];\n} held_out[] = {")
for intent, words, tags in sentences(int(sys.argv[1]), 2, True):
    numbers = ", ".join(str(LABELS.index(t)) for t in tags)
    print(f'    {{"{" ".join(words)}", {len(" ".join(words))}, {LABELS.index(intent)}, {{{numbers}}}}},')
print("};")
