#!/usr/bin/env python3
"""Writes compiler/unicode_data.c: what BERT's normalizer and the normalization forms ask of Unicode,
whole, for the host.

`make tables` runs it.  Categories are those of Unicode 8.0, which the reference implementation of
tokenizer.json has for them; which characters were there then is Perl's knowledge.  Its normalization
forms are those of Unicode 9.0.  Decompositions and lower case are of Python's unicodedata.
"""
import subprocess
import sys
import unicodedata

TOP = """/* Categories of Unicode 8.0, normalization forms of 9.0, decompositions and lower case of Unicode
 * {version}, written by compiler/make_unicode_host.py: do not edit. */
#include "unicode_data.h"
"""

PRESENT = r'for (0..0x10FFFF) {print "$_\n" if ($_ < 0xD800 || $_ > 0xDFFF) && chr =~ /\p{In=%s}/}'
# Categories that changed after 8.0.
THEN = {0x1734: "Mn", 0x1885: "Lo", 0x1886: "Lo", 0xA9BD: "Mc", 0x111C9: "Po", 0x166D: "Po"}


def category(code):
    return THEN.get(code) or unicodedata.category(chr(code))


def ranges(codes):
    found = []
    for code in codes:
        if found and found[-1][1] + 1 == code:
            found[-1][1] = code
        else:
            found.append([code, code])
    return [end for pair in found for end in pair]


def decompositions(codes):
    """(code, first, second or 0): canonical, one step."""
    for code in codes:
        parts = unicodedata.decomposition(chr(code)).split()
        if parts and not parts[0].startswith("<"):
            yield from (code, int(parts[0], 16), int(parts[1], 16) if len(parts) > 1 else 0)


def classes(codes):
    """(first, last, canonical combining class)"""
    found = []
    for code in codes:
        kind = unicodedata.combining(chr(code))
        if kind and found and found[-1][1:] == [code - 1, kind]:
            found[-1][1] = code
        elif kind:
            found.append([code, code, kind])
    return [v for r in found for v in r]


def compatibility(codes):
    """(code, n, n characters): all the way, where that is not what is canonical."""
    for code in codes:
        apart = unicodedata.normalize("NFKD", chr(code))
        if apart != unicodedata.normalize("NFD", chr(code)):
            yield from (code, len(apart), *map(ord, apart))


def compositions(codes):
    """(first, second, composed)"""
    pairs = []
    for code in codes:
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            pair = [int(p, 16) for p in parts]
            if unicodedata.normalize("NFC", "".join(map(chr, pair))) == chr(code):
                pairs.append([*pair, code])
    return [v for p in sorted(pairs) for v in p]


def present(version):
    run = subprocess.run(["perl", "-e", PRESENT % version], stdout=subprocess.PIPE, check=True)
    return [int(line) for line in run.stdout.split()]


def lower_case():
    """(code, first, second or 0)"""
    for code in range(0x110000):
        lower = [ord(c) for c in chr(code).lower()]
        if lower != [code]:
            yield from (code, lower[0], lower[1] if len(lower) > 1 else 0)


def print_table(name, values):
    values = list(values)
    print(f"\nconst uint32_t {name}[] = {{")
    for i in range(0, len(values), 12):
        print("    " + " ".join(f"0x{v:X}," if v > 9 else f"{v}," for v in values[i:i + 12]))
    print(f"}};\nconst int n_{name} = {len(values)};")


def main():
    then, forms = present("8.0"), present("9.0")
    print(TOP.format(version=unicodedata.unidata_version), end="")
    print_table("unicode_marks", ranges(c for c in then if category(c) == "Mn"))
    print_table("unicode_controls", ranges(c for c in then if category(c) in ("Cc", "Cf", "Co")))
    print_table("unicode_punctuation", ranges(c for c in then if category(c)[0] == "P"))
    print_table("unicode_decompositions", decompositions(then))
    print_table("unicode_lower", lower_case())
    print_table("unicode_classes", classes(forms))
    print_table("unicode_compatibility", compatibility(forms))
    print_table("unicode_compositions", compositions(forms))


if __name__ == "__main__":
    sys.exit(main())
