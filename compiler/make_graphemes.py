#!/usr/bin/env python3
"""Writes runtime_template/lm_grapheme_table.h: what the rules of grapheme clusters (UAX #29) ask of
characters.

`make tables` runs it.  The properties are Perl's, of Unicode 14.0; what changed until 17.0 and can
tell in clusters of less than six bytes is named here, and so are the consonants of conjuncts, which
have their rule since 15.1.
"""
import subprocess
import sys

TOP = """/* What characters are to the rules of grapheme clusters (UAX #29), Unicode 14.0 and what
 * of 17.0 tells in a charsmap, written by compiler/make_graphemes.py: do not edit. Needs lm_port.h.
 * SPDX-License-Identifier: 0BSD */
#ifndef LM_GRAPHEME_TABLE_H
#define LM_GRAPHEME_TABLE_H
"""

# In the order of their numbers; a character is of the last one that holds.
KINDS = [
    ("CONTROL", r"\p{GCB=Control}"), ("CR", r"\p{GCB=CR}"), ("LF", r"\p{GCB=LF}"),
    ("EXTEND", r"\p{GCB=Extend}"), ("ZWJ", r"\p{GCB=ZWJ}"), ("SPACING", r"\p{GCB=SpacingMark}"),
    ("PREPEND", r"\p{GCB=Prepend}"), ("REGIONAL", r"\p{GCB=Regional_Indicator}"),
    ("PICTURE", r"\p{ExtPict}"), ("L", r"\p{GCB=L}"), ("V", r"\p{GCB=V}"), ("T", r"\p{GCB=T}"),
    ("CONSONANT", r"(?=\p{InSC=Consonant})[\p{Sc=Deva}\p{Sc=Beng}\p{Sc=Gujr}\p{Sc=Orya}\p{Sc=Telu}"
                  r"\p{Sc=Mlym}]"),
    ("LINKER", r"[\x{94D}\x{9CD}\x{ACD}\x{B4D}\x{C4D}\x{D4D}]"),
    ("APART", r"\x{200C}"),  # extends, but no conjunct
]
LATER = {0x0CF3: "SPACING"} | dict.fromkeys(
    [0x0ECE, 0x0897, *range(0x1ACF, 0x1ADE), *range(0x1AE0, 0x1AEC)], "EXTEND") | dict.fromkeys(
        [0x113D1, 0x11F02], "PREPEND")
NO_LONGER = [0x11A3A]


def members(pattern):
    program = r'for (0..0x10FFFF) {print "$_\n" if ($_ < 0xD800 || $_ > 0xDFFF) && chr =~ /^%s$/}'
    run = subprocess.run(["perl", "-e", program % pattern], stdout=subprocess.PIPE, check=True)
    return map(int, run.stdout.split())


def ranges(kinds):
    found = []
    for code in sorted(kinds):
        last = found[-1] if found else None
        if last and last[2] == kinds[code] and last[0] + last[1] == code and code & 0xFFFF and \
                last[1] < 4096:
            last[1] += 1
        else:
            found.append([code, 1, kinds[code]])
    return found


def print_table(name, values):
    print(f"\nstatic const uint16_t {name}[{len(values)}] = {{")
    for i in range(0, len(values), 12):
        print("    " + " ".join(f"{v}U," for v in values[i:i + 12]))
    print("};")


def main():
    numbers = {name: i + 1 for i, (name, _) in enumerate(KINDS)}
    kinds = {}
    for name, pattern in KINDS:
        kinds.update(dict.fromkeys(members(pattern), numbers[name]))
    kinds.update({code: numbers[name] for code, name in LATER.items()})
    kinds = {code: kind for code, kind in kinds.items() if code not in NO_LONGER}
    found = ranges(kinds)
    print(TOP, end="")
    print("\n#define LM_GRAPHEME_OTHER 0U")
    for name, number in numbers.items():
        print(f"#define LM_GRAPHEME_{name} {number}U")
    print("\n/* Ranges in ascending order: where those of each plane begin, low 16 bits of the first"
          "\n * character, (length - 1) * 16 + kind. */")
    planes = [sum(first >> 16 < plane for first, _, _ in found) for plane in range(18)]
    print_table("lm_grapheme_plane", planes)
    print_table("lm_grapheme_start", [first & 0xFFFF for first, _, _ in found])
    print_table("lm_grapheme_size", [(n - 1) * 16 + kind for _, n, kind in found])
    print("\n#endif")


if __name__ == "__main__":
    sys.exit(main())
