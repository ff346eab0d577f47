"""The training text as paragraphs: undoes the hard line wrap of the plain-text books.

The file marks no paragraphs, it only wraps at about 66 columns.  A line that ends a sentence and
was broken although the next line's first word still had room ends a paragraph.  At the seams of
the file's own blocks a line is interrupted and begun again ("looked at theDorothy's merry voice
... looked at the"); the interrupted copy is dropped.  Typographic quotes become ASCII ones.
"""
import hashlib

WRAP = 64  # a word that ends by this column would have been put on the same line
SENTENCE_END = tuple(".!?:\"')-\u2014")
ASCII_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'",
                              "\u00a0": " ", "\u2026": "..."})


def drop_interrupted(line):
    """X + Y, where Y begins with X again -> Y.  Short X (under 8 characters) are left alone."""
    for n in range(len(line) // 2, 7, -1):
        if line.startswith(line[:n], n):
            return line[n:]
    return line


def paragraphs(path):
    """The list of paragraphs of the file, each one line of text."""
    lines = open(path, encoding="utf-8").read().translate(ASCII_QUOTES).split("\n")
    lines = [" ".join(drop_interrupted(line).split()) for line in lines]
    done, current = [], []
    for line, following in zip(lines, lines[1:] + [""]):
        current.append(line)
        had_room = len(line) + 1 + len(following.split(" ")[0]) <= WRAP
        if had_room and line.endswith(SENTENCE_END):
            done.append(" ".join(current))
            current = []
    return [p for p in done + [" ".join(current)] if p]


def sha256(path):
    return hashlib.sha256(open(path, "rb").read()).hexdigest()
