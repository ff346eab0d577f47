"""Reads and writes GGUF version 3 files with numpy, from the format's specification.

Header, metadata, tensor table, data; each tensor starts at a multiple of 32 bytes.  Quantized types
are blocks of elements with one F16 scale: PACK makes a block's bytes, UNPACK its values again.
"""
import struct

import numpy as np

import safetensors

ALIGNMENT = 32
VALUE_TYPES = {"u32": (4, "<I"), "i32": (5, "<i"), "f32": (6, "<f"), "bool": (7, "<?"),
               "u64": (10, "<Q"), "str": (8, None)}


def halves(scale):
    return scale.astype("<f2").view("u1").reshape(-1, 2)


def floats(raw):
    return np.ascontiguousarray(raw).view("<f2").astype(np.float64)


def ternary(x):
    """Codes 0..2 and the scale, the mean size, of each block."""
    scale = np.abs(x).mean(1, keepdims=True)
    return (np.clip(np.rint(x / np.where(scale > 0, scale, 1)), -1, 1) + 1).astype(int), scale


def pack_q8_0(x):
    scale = np.abs(x).max(1, keepdims=True) / 127
    codes = np.rint(x / np.where(scale > 0, scale, 1)).astype("i1")
    return np.concatenate((halves(scale), codes.view("u1")), 1)


def unpack_q8_0(b):
    return floats(b[:, :2]) * b[:, 2:].view("i1")


def pack_q4_0(x):
    scale = np.abs(x).max(1, keepdims=True) / 8
    codes = np.clip(np.rint(x / np.where(scale > 0, scale, 1)) + 8, 0, 15).astype("u1")
    return np.concatenate((halves(scale), codes[:, :16] | codes[:, 16:] << 4), 1)


def unpack_q4_0(b):
    codes = np.concatenate((b[:, 2:] & 15, b[:, 2:] >> 4), 1).astype(int)
    return floats(b[:, :2]) * (codes - 8)


# TQ1_0: runs of bytes with `digits` ternary digits each, as a fraction of 256 rounded up.
TQ1_RUNS = ((32, 5), (16, 5), (4, 4))


def pack_tq1_0(x):
    codes, scale = ternary(x)
    parts, at = [], 0
    for n, digits in TQ1_RUNS:
        run = codes[:, at:at + n * digits].reshape(-1, digits, n)
        value = sum(run[:, k] * 3 ** (4 - k) for k in range(digits))
        parts.append(((value * 256 + 242) // 243).astype("u1"))
        at += n * digits
    return np.concatenate(parts + [halves(scale)], 1)


def unpack_tq1_0(b):
    out, at = [], 0
    for n, digits in TQ1_RUNS:
        left = b[:, at:at + n].astype(int)
        for _ in range(digits):
            left = left * 3
            out.append((left >> 8) - 1)
            left &= 255
        at += n
    return floats(b[:, 52:]) * np.concatenate(out, 1)


def pack_tq2_0(x):
    codes, scale = ternary(x)
    quads = codes.reshape(-1, 2, 4, 32)
    return np.concatenate((sum(quads[:, :, k] << 2 * k for k in range(4)).reshape(-1, 64)
                           .astype("u1"), halves(scale)), 1)


def unpack_tq2_0(b):
    quads = b[:, :64].astype(int).reshape(-1, 2, 1, 32)
    codes = quads >> np.arange(0, 8, 2).reshape(1, 1, 4, 1) & 3
    return floats(b[:, 64:]) * (codes.reshape(-1, 256) - 1)


# name: number, elements and bytes of a block
BLOCKS = {"Q4_0": (2, 32, 18), "Q8_0": (8, 32, 34), "TQ1_0": (34, 256, 54), "TQ2_0": (35, 256, 66)}
PACK = {"Q4_0": pack_q4_0, "Q8_0": pack_q8_0, "TQ1_0": pack_tq1_0, "TQ2_0": pack_tq2_0}
UNPACK = {"Q4_0": unpack_q4_0, "Q8_0": unpack_q8_0, "TQ1_0": unpack_tq1_0, "TQ2_0": unpack_tq2_0}
PLAIN = {"F32": 0, "F16": 1, "BF16": 30}
I2_S = 36


def pack_i2_s(x):
    """128 elements in 32 bytes, the first 32 in the highest bits; one float32 scale at the end."""
    codes, scale = ternary(x.reshape(1, -1))
    quads = codes.reshape(-1, 4, 32)
    data = sum(quads[:, k] << 6 - 2 * k for k in range(4)).astype("u1")
    return data.tobytes() + np.float32(scale).tobytes() + bytes(28)


def unpack_i2_s(raw):
    quads = raw[:-32].reshape(-1, 1, 32).astype(int)
    codes = quads >> np.arange(6, -1, -2).reshape(1, 4, 1) & 3
    return raw[-32:-28].view("<f4").astype(np.float64) * (codes.reshape(-1) - 1)


def encode(x, kind):
    """(type number, bytes)"""
    if kind in PLAIN:
        raw = safetensors.bf16_from_float(x) if kind == "BF16" else x.astype(
            safetensors.TYPES[kind])
        return PLAIN[kind], raw.tobytes()
    if kind == "I2_S":
        return I2_S, pack_i2_s(x)
    number, elements, size = BLOCKS[kind]
    blocks = PACK[kind](x.reshape(-1, elements))
    assert blocks.shape[1] == size
    return number, blocks.tobytes()


def decode(data, number, shape):
    n = int(np.prod(shape))
    for kind, code in PLAIN.items():
        if code == number:
            raw = np.frombuffer(data, safetensors.TYPES[kind], n)
            return safetensors.to_float64(raw, kind).reshape(shape)
    raw = np.frombuffer(data, "u1")
    if number == I2_S:
        return unpack_i2_s(raw[:n // 4 + 32]).reshape(shape)
    for kind, (code, elements, size) in BLOCKS.items():
        if code == number:
            return UNPACK[kind](raw[:n // elements * size].reshape(-1, size)).reshape(shape)
    raise ValueError(f"type {number}")


def text(s):
    raw = s if isinstance(s, bytes) else s.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(kind, v):
    return text(v) if kind == "str" else struct.pack(VALUE_TYPES[kind][1], v)


def entry(key, kind, v):
    """A key and its value; kind "[u32]" is an array."""
    if not kind.startswith("["):
        return text(key) + struct.pack("<I", VALUE_TYPES[kind][0]) + value(kind, v)
    kind = kind[1:-1]
    return (text(key) + struct.pack("<IIQ", 9, VALUE_TYPES[kind][0], len(v))
            + b"".join(value(kind, x) for x in v))


def write(path, keys, tensors):
    """keys: (name, kind, value); tensors: name -> (array, type)."""
    table, data = b"", b""
    for name, (x, kind) in tensors.items():
        number, raw = encode(np.ascontiguousarray(x), kind)
        dims = x.shape[::-1]
        table += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, number, len(data))
        data += raw + bytes(-len(raw) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    head += b"".join(entry(*k) for k in keys) + table
    path.write_bytes(head + bytes(-len(head) % ALIGNMENT) + data)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 4

    def take(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values[0] if len(values) == 1 else values

    def text(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n:self.at]

    def value(self, number):
        if number == 8:
            return self.text()
        if number == 9:
            element, n = self.take("IQ")
            return [self.value(element) for _ in range(n)]
        (form,) = (f for code, f in VALUE_TYPES.values() if code == number)
        return self.take(form[1:])


def read(path):
    """(metadata, name -> float64 array)"""
    r = Reader(path.read_bytes())
    version, n_tensors, n_keys = r.take("IQQ")
    assert version in (2, 3)
    keys, table, tensors = {}, [], {}
    for _ in range(n_keys):
        name = r.text().decode()
        keys[name] = r.value(r.take("I"))
    for _ in range(n_tensors):
        name, n = r.text().decode(), r.take("I")
        dims = [r.take("Q") for _ in range(n)]
        table.append((name, dims[::-1], *r.take("IQ")))
    start = r.at + -r.at % ALIGNMENT
    for name, shape, number, offset in table:
        tensors[name] = decode(r.data[start + offset:], number, shape)
    return keys, tensors
