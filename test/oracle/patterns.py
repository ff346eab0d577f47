"""Regular expressions with Unicode classes, for Python's `re`, which has none of them.

Letters (L*) and numbers (N*) are those of unicodedata, white space is White_Space.
"""
import re
import unicodedata
from functools import cache

SPACES = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"


@cache
def ranges(major):
    """The code points of a general category, as the inside of a character class."""
    found = []
    for code in range(0x110000):
        if unicodedata.category(chr(code))[0] == major:
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in found)


@cache
def compiled(pattern):
    """Replaces \\p{L}, \\p{N}, \\s and \\S, inside of [...] and outside."""
    classes = {"\\p{L}": ranges("L"), "\\p{N}": ranges("N"), "\\s": SPACES}
    out, inside, i = "", False, 0
    while i < len(pattern):
        name = next((c for c in classes if pattern.startswith(c, i)), None)
        if name:
            out += classes[name] if inside else f"[{classes[name]}]"
            i += len(name)
        elif pattern.startswith("\\S", i):
            out += f"[^{SPACES}]"
            i += 2
        elif pattern[i] == "\\":
            out += pattern[i:i + 2]
            i += 2
        else:
            inside = pattern[i] == "[" or (inside and pattern[i] != "]")
            out += pattern[i]
            i += 1
    return re.compile(out)


def isolated(pattern, text):
    """The matches, and what is between them."""
    parts, end = [], 0
    for match in compiled(pattern).finditer(text):
        parts += [text[end:match.start()], match.group()]
        end = match.end()
    return [p for p in parts + [text[end:]] if p]
