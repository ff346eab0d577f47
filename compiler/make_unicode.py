#!/usr/bin/env python3
"""Writes runtime_template/lm_unicode.h: letters and numbers of Unicode as sorted ranges.

`make tables` runs it; the Unicode version is the one of Python's unicodedata.
"""
import sys
import unicodedata

TOP = """/* Letters (L*) and numbers (N*) of Unicode {version}, written by
 * compiler/make_unicode.py: do not edit. Needs lm_text.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_UNICODE_H
#define LM_UNICODE_H

#define LM_CLASS_OTHER 0
#define LM_CLASS_LETTER 1
#define LM_CLASS_NUMBER 2
#define LM_CLASS_SPACE 3

/* Ranges in ascending order: low 16 bits of the first code point, and (length - 1) * 2, + 1 for
 * numbers. The ranges of plane p are those from lm_range_plane[p] on. */
"""

BOTTOM = """
/* The class of a code point of the tables: letter, number or other. */
LM_FUNCTION int32_t lm_range_class(uint32_t code)
{
    uint32_t low = lm_range_plane[code >> 16];
    uint32_t high = lm_range_plane[(code >> 16) + 1U];
    const uint32_t first = low;
    while (low < high) { /* ends at the first range that starts after the code point */
        const uint32_t mid = (low + high) >> 1;
        if (lm_range_start[mid] <= (code & 0xffffU)) {
            low = mid + 1U;
        } else {
            high = mid;
        }
    }
    if (low == first) {
        return LM_CLASS_OTHER;
    }
    {
        const uint32_t size = lm_range_size[low - 1U];
        if ((code & 0xffffU) - lm_range_start[low - 1U] > (size >> 1)) {
            return LM_CLASS_OTHER;
        }
        return (size & 1U) != 0U ? LM_CLASS_NUMBER : LM_CLASS_LETTER;
    }
}

/* Everything above U+10FFFF is `other`. */
LM_INLINE int32_t lm_class(uint32_t code)
{
    if (code < 0x80U) {
        if ((code | 0x20U) >= 'a' && (code | 0x20U) <= 'z') {
            return LM_CLASS_LETTER;
        }
        if (code >= '0' && code <= '9') {
            return LM_CLASS_NUMBER;
        }
        return lm_is_space(code) ? LM_CLASS_SPACE : LM_CLASS_OTHER;
    }
    if (code > 0x10FFFFU) {
        return LM_CLASS_OTHER;
    }
    return lm_is_space(code) ? LM_CLASS_SPACE : lm_range_class(code);
}

#endif
"""

LONGEST = 1 << 15


def ranges():
    """(first, length, is number) for every run above ASCII, cut at planes and after LONGEST."""
    found = []
    for code in range(0x80, 0x110000):
        major = unicodedata.category(chr(code))[0]
        if major not in "LN":
            continue
        first, length, number = found[-1] if found else (0, 0, False)
        joins = first + length == code and number == (major == "N") and length < LONGEST
        if joins and code & 0xFFFF:
            found[-1] = (first, length + 1, number)
        else:
            found.append((code, 1, major == "N"))
    return found


def print_table(name, what, values):
    print(f"\n/* {what} */\nstatic const uint16_t {name}[{len(values)}] = {{")
    for i in range(0, len(values), 12):
        print("    " + " ".join(f"{v}U," for v in values[i:i + 12]))
    print("};")


def main():
    found = ranges()
    print(TOP.format(version=unicodedata.unidata_version), end="")
    planes = [sum(first >> 16 < plane for first, _, _ in found) for plane in range(18)]
    print_table("lm_range_plane", "[plane], and the number of ranges last", planes)
    print_table("lm_range_start", "[range]", [first & 0xFFFF for first, _, _ in found])
    print_table("lm_range_size", "[range]", [(n - 1) * 2 + number for _, n, number in found])
    print(BOTTOM, end="")


if __name__ == "__main__":
    sys.exit(main())
