"""SentencePiece's precompiled charsmap: written, read from a model, and applied as the Precompiled of
tokenizer.json does, by grapheme clusters (UAX #29).

A double-array trie as Darts-clone lays it out: a unit has a label in its low 8 bits, bit 8 where a
string ends, and above bit 10 what its place is combined with to give its children's.
"""
import re
import struct
import unicodedata

LEAF = 1 << 31
LATE = {0x9BE, 0x9D7, 0xB3E, 0xB57, 0xBBE, 0xBD7, 0xCC2, 0xCD5, 0xCD6, 0xD3E, 0xD57, 0xDCF, 0xDDF,
        0x1B35, 0x302E, 0x302F, 0xFF9E, 0xFF9F, 0x200C, *range(0x1F3FB, 0x1F400)}
SPACING = {0xE33, 0xEB3}
NOT_SPACING = {0x102B, 0x102C, 0x1038, 0x1062, 0x1063, 0x1064, 0x1067, 0x1068, 0x1069, 0x106A, 0x106B,
               0x106C, 0x106D, 0x1083, 0x1087, 0x1088, 0x1089, 0x108A, 0x108B, 0x108C, 0x108F}
PREPEND = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x8E2, 0x890, 0x891, 0xD4E, 0x110BD}


def build(pairs):
    """The bytes of a charsmap, from strings and what they become."""
    tree, strings = {}, b""
    for before, after in pairs.items():
        node = tree
        for byte in before.encode():
            node = node.setdefault(byte, {})
        node[0] = LEAF | len(strings)
        strings += after.encode() + b"\0"
    units, taken, bases = {0: 0}, {0}, set()

    def place(at, node):
        labels = sorted(node)
        base = next(b for b in range(1, 1 << 21)
                    if b not in bases and not any(b ^ label in taken for label in labels))
        bases.add(base)
        taken.update(base ^ label for label in labels)
        units[at] |= (at ^ base) << 10 | (0 in node) << 8
        for label in labels:
            units[base ^ label] = node[label] if label == 0 else label
        for label in labels[0 in node:]:
            place(base ^ label, node[label])

    place(0, tree)
    trie = b"".join(struct.pack("<I", units.get(i, LEAF)) for i in range(max(units) + 1))
    return struct.pack("<I", len(trie)) + trie + strings


def fields(data):
    """(number, value) of a protocol buffer's message."""
    i = 0

    def varint():
        nonlocal i
        value = shift = 0
        while True:
            byte = data[i]
            i += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while i < len(data):
        tag = varint()
        size = {0: 0, 1: 8, 2: -1, 5: 4}[tag & 7]
        if size == 0:
            yield tag >> 3, varint()
            continue
        size = varint() if size < 0 else size
        yield tag >> 3, data[i:i + size]
        i += size


def of_model(data):
    """The charsmap in a tokenizer.model's bytes."""
    return dict(fields(dict(fields(data))[3])).get(2, b"")


def kind(char):
    code, category = ord(char), unicodedata.category(char)
    if code in PREPEND:
        return "prepend"
    if code == 0x200D:
        return "joiner"
    if category in ("Mn", "Me") or code in LATE:
        return "extend"
    if (category == "Mc" or code in SPACING) and code not in NOT_SPACING:
        return "spacing"
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return "control"
    if 0x1F1E6 <= code <= 0x1F1FF:
        return "regional"
    if 0x1100 <= code < 0x1160 or 0xA960 <= code <= 0xA97C:
        return "L"
    if 0x1160 <= code < 0x11A8 or 0xD7B0 <= code <= 0xD7C6 or (
            0xAC00 <= code <= 0xD7A3 and (code - 0xAC00) % 28 == 0):
        return "V"
    if 0x11A8 <= code < 0x1200 or 0xD7CB <= code <= 0xD7FB or 0xAC00 <= code <= 0xD7A3:
        return "T"
    if 0x1F300 <= code <= 0x1FAFF or code in (0xA9, 0xAE, 0x2122, 0x2139, 0x24C2, 0x3297, 0x3299) or (
            0x2600 <= code <= 0x27BF):
        return "picture"
    return "other"


def joins(before, text, i):
    """Whether the character at i goes on with the cluster before it."""
    last, here = kind(before[-1]), kind(text[i])
    if (last, here) == ("control", "control"):
        return before[-1] == "\r" and text[i] == "\n"
    if "control" in (last, here):
        return False
    if here in ("extend", "joiner", "spacing") or last == "prepend":
        return True
    if last == "L":
        return here in "LV" or "\uac00" <= text[i] <= "\ud7a3"
    if last in "VT":
        return here == "T" or (here == last == "V" and not "\uac00" <= text[i] <= "\ud7a3")
    if here == "regional":
        return len(re.search("[\U0001f1e6-\U0001f1ff]*$", before)[0]) % 2 == 1
    kinds = [kind(c) for c in before]
    if here == "picture" and kinds[-1] == "joiner":
        while kinds[-2:-1] == ["extend"]:
            del kinds[-2]
        return kinds[-2:-1] == ["picture"]
    return False


def clusters(text):
    found = []
    for i, char in enumerate(text):
        if found and joins(found[-1], text, i):
            found[-1] += char
        else:
            found.append(char)
    return found


class Precompiled:
    def __init__(self, data):
        size = struct.unpack_from("<I", data)[0]
        self.units = struct.unpack_from(f"<{size // 4}I", data, 4)
        self.strings = data[4 + size:]

    def children(self, at):
        unit = self.units[at]
        return at ^ (unit >> 10) << ((unit & 1 << 9) >> 6)

    def shortest(self, text):
        """What the shortest string that the text begins with becomes, or None."""
        base = self.children(0)
        for byte in text.encode(errors="surrogateescape"):
            at = base ^ byte
            if byte == 0 or at >= len(self.units) or self.units[at] & (LEAF | 0xFF) != byte:
                return None
            base = self.children(at)
            if self.units[at] & 0x100:
                start = self.units[base] & ~LEAF
                return self.strings[start:self.strings.index(b"\0", start)].decode()
        return None

    def normalize(self, text):
        out = ""
        for cluster in clusters(text):
            short = len(cluster.encode(errors="surrogateescape")) < 6
            whole = self.shortest(cluster) if short else None
            if whole is None:
                for char in cluster:
                    one = self.shortest(char)
                    out += char if one is None else one
            else:
                out += whole
        return out
