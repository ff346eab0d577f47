"""Sentences against a grammar, by a parser that shares nothing with the compiler's: the notation of
docs/formats.md is read into closures that give every position where a match may end.

    grammar.py GRAMMAR < SENTENCES        each ended by a NUL; exit status 1 when one is none
"""
import functools
import re
import sys

TOKEN = re.compile(r'\s+|#[^\n]*|(?P<name>[A-Za-z][A-Za-z0-9_-]*)|(?P<is>::=)'
                   r'|"(?P<text>(?:[^"\\]|\\.)*)"|\[(?P<neg>\^?)(?P<set>(?:[^\]\\]|\\.)*)\]'
                   r'|\{\s*(?P<m>\d+)\s*(?P<comma>,?)\s*(?P<n>\d*)\s*\}|(?P<op>[()|*+?.])')
CHAR = re.compile(r"\\x(..)|\\u(....)|\\U(.{8})|\\(.)|(.)", re.S)
PLAIN = {"n": "\n", "r": "\r", "t": "\t"}


def chars(s):
    """(character, was it escaped) of what stands in quotes or brackets."""
    return [(chr(int(m[1] or m[2] or m[3], 16)), True) if m[1] or m[2] or m[3]
            else (PLAIN.get(m[4], m[4]), True) if m[4] else (m[5], False)
            for m in CHAR.finditer(s)]


def literal(s):
    return lambda text, at: {at + len(s)} if text.startswith(s, at) else set()


def char_class(spec, negated):
    listed, ranges, i = chars(spec), [], 0
    while i < len(listed):
        low = high = listed[i][0]
        if i + 2 < len(listed) and listed[i + 1] == ("-", False):
            high, i = listed[i + 2][0], i + 2
        ranges.append((low, high))
        i += 1

    def match(text, at):
        if at == len(text):
            return set()
        inside = any(low <= text[at] <= high for low, high in ranges)
        return {at + 1} if inside != negated else set()
    return match


def sequence(parts):
    def match(text, at):
        ends = {at}
        for part in parts:
            ends = {e for start in ends for e in part(text, start)}
        return ends
    return match


def choice(parts):
    return lambda text, at: {e for part in parts for e in part(text, at)}


def repeat(part, least, most):
    def match(text, at):
        ends, now, count = set() if least else {at}, {at}, 0
        while now and (most is None or count < most):
            now = {e for start in now for e in part(text, start)}
            count += 1
            if count >= least:
                now -= ends
                ends |= now
        return ends
    return match


class Reader:
    def __init__(self, source):
        self.rules, self.tokens, at = {}, [], 0
        while at < len(source):
            m = TOKEN.match(source, at)
            if not m:
                raise SyntaxError(source[at:at + 20])
            at = m.end()
            if m.lastgroup:
                self.tokens.append(m)
        self.at = 0
        while self.at < len(self.tokens):
            name = self.tokens[self.at]["name"]
            self.at += 2
            self.rules[name] = self.alternatives()

    def peek(self, group):
        return self.at < len(self.tokens) and self.tokens[self.at][group]

    def alternatives(self):
        parts = [self.items()]
        while self.peek("op") == "|":
            self.at += 1
            parts.append(self.items())
        return choice(parts)

    def items(self):
        parts = []
        while self.at < len(self.tokens):
            m = self.tokens[self.at]
            begins_rule = m["name"] and self.at + 1 < len(self.tokens) and self.tokens[self.at + 1]["is"]
            if begins_rule or m["op"] in ("|", ")"):
                break
            self.at += 1
            parts.append(self.suffixes(self.item(m)))
        return sequence(parts)

    def item(self, m):
        if m["name"]:
            return functools.partial(lambda name, text, at: self.rules[name](text, at), m["name"])
        if m["text"] is not None:
            return literal("".join(c for c, _ in chars(m["text"])))
        if m["set"] is not None:
            return char_class(m["set"], bool(m["neg"]))
        if m["op"] == ".":
            return lambda text, at: {at + 1} if at < len(text) else set()
        inner = self.alternatives()
        self.at += 1
        return inner

    def suffixes(self, part):
        bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        while self.at < len(self.tokens):
            m = self.tokens[self.at]
            if m["op"] in bounds:
                part = repeat(part, *bounds[m["op"]])
            elif m["m"]:
                most = int(m["n"]) if m["n"] else None if m["comma"] else int(m["m"])
                part = repeat(part, int(m["m"]), most)
            else:
                break
            self.at += 1
        return part


def matcher(source):
    """The whole text of a sentence -> bool."""
    if re.search(r"^\s*root\s*::=", source, re.M):
        root = Reader(source).rules["root"]
        return lambda s: len(s) in root(s, 0)
    phrases = set(source.split("\n")) - {""}
    return lambda s: s in phrases


def main(path):
    with open(path, encoding="utf-8") as f:
        match = matcher(f.read())
    sentences = sys.stdin.buffer.read().split(b"\0")[:-1]
    distinct = sorted(set(sentences))
    wrong = [s for s in distinct if not match(s.decode("utf-8"))]
    for s in wrong[:10]:
        print(f"not a sentence: {s!r}")
    print(f"{len(sentences)} sentences, {len(distinct)} distinct, {len(wrong)} wrong")
    return 1 if wrong or not sentences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
