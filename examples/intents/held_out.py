"""Writes held-out sentences as a C header for accuracy.c: text, intent, the label of each word.

    held_out.py N > held_out.h
"""
import sys

from sentences import INTENTS, LABELS, sentences

made = sentences(int(sys.argv[1]), 2, True)
print("/* Held-out sentences: text, bytes, words, number of the intent, of each word's label. */")
print(f"#define N_INTENTS {len(INTENTS)}\n#define WORDS {max(len(words) for _, words, _ in made)}\n")
print("static const struct {\n    const char *text;\n    uint32_t bytes;\n    int32_t n;\n"
      "    int8_t intent, words[WORDS];\n} held_out[] = {")
for intent, words, tags in made:
    text, numbers = " ".join(words), ", ".join(str(LABELS.index(t)) for t in tags)
    print(f'    {{"{text}", {len(text)}, {len(words)}, {LABELS.index(intent)}, {{{numbers}}}}},')
print("};")
