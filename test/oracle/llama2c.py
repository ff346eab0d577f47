"""Reads and writes llama2.c checkpoints: version 0 (no magic), 1 (F32) and 2 (int8 groups).

Weights are a dict: embed, final_norm, head (absent when tied), and per layer (leading axis)
att_norm, ffn_norm, wq, wk, wv, wo, w1, w2, w3.
"""
import struct
from dataclasses import dataclass

import numpy as np

MAGIC = 0x616B3432
V0_ORDER = "embed att_norm wq wk wv wo ffn_norm w1 w2 w3 final_norm".split()
NORMS = "att_norm ffn_norm final_norm".split()
MATRICES = "embed wq wk wv wo w1 w2 w3".split()


@dataclass
class Config:
    dim: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    vocab: int
    context: int

    def numbers(self):
        return [self.dim, self.hidden, self.layers, self.heads, self.kv_heads, self.vocab,
                self.context]

    def shapes(self):
        d, h, n = self.dim, self.hidden, self.layers
        kv = self.dim // self.heads * self.kv_heads
        return {"embed": (self.vocab, d), "final_norm": (d,), "head": (self.vocab, d),
                "att_norm": (n, d), "ffn_norm": (n, d), "wq": (n, d, d), "wk": (n, kv, d),
                "wv": (n, kv, d), "wo": (n, d, d), "w1": (n, h, d), "w2": (n, d, h),
                "w3": (n, h, d)}


class Reader:
    def __init__(self, data, at):
        self.data, self.at = data, at

    def take(self, shape, dtype="<f4"):
        n = int(np.prod(shape))
        x = np.frombuffer(self.data, dtype, n, self.at)
        self.at += x.nbytes
        return x.reshape(shape).astype(np.float64)

    def take_groups(self, shape, size):
        """One tensor: int8 codes, then one F32 scale per group of `size` consecutive codes."""
        codes = self.take(shape, "i1").reshape(-1, size)
        return (codes * self.take((len(codes), 1))).reshape(shape)


def read(path):
    """(Config, weights)"""
    data = path.read_bytes()
    magic, version = struct.unpack_from("<Ii", data)
    if magic != MAGIC:
        config = Config(*struct.unpack_from("<7i", data))
        tied, config.vocab = config.vocab > 0, abs(config.vocab)
        reader, shapes = Reader(data, 28), config.shapes()
        weights = {name: reader.take(shapes[name]) for name in V0_ORDER}
        reader.take((2, config.context, config.dim // config.heads // 2))  # cos and sin tables
        if not tied:
            weights["head"] = reader.take(shapes["head"])
    else:
        config = Config(*struct.unpack_from("<7i", data, 8))
        (tied,) = struct.unpack_from("<B", data, 36)
        reader, shapes = Reader(data, 256), config.shapes()
        weights = {name: reader.take(shapes[name]) for name in NORMS}
        names = MATRICES + ([] if tied else ["head"])
        if version == 1:
            weights |= {name: reader.take(shapes[name]) for name in names}
        elif version == 2:
            (size,) = struct.unpack_from("<i", data, 37)
            for name in names:
                shape = shapes[name]
                count = shape[0] if len(shape) == 3 else 1  # a tensor per layer
                parts = [reader.take_groups(shape[-2:], size) for _ in range(count)]
                weights[name] = np.stack(parts).reshape(shape)
        else:
            raise ValueError(f"{path}: version {version}: only 0, 1 and 2 are known")
    assert reader.at == len(data), f"{path}: {len(data) - reader.at} bytes too many"
    return config, weights


def rope_tables(config):
    half = config.dim // config.heads // 2
    rates = 10000.0 ** (-np.arange(half) / half)
    angles = np.outer(np.arange(config.context), rates)
    return np.cos(angles), np.sin(angles)


def groups(x, size):
    x = np.asarray(x).astype("<f4").reshape(-1, size)
    scale = np.abs(x).max(1, keepdims=True) / np.float32(127)
    codes = np.round(x / np.where(scale > 0, scale, 1)).astype("i1")
    return codes.tobytes() + scale.astype("<f4").tobytes()


def write(path, config, weights, version, group_size=0):
    f32 = lambda x: np.asarray(x).astype("<f4").tobytes()
    numbers, tied = config.numbers(), "head" not in weights
    names = MATRICES + ([] if tied else ["head"])
    if version == 0:
        numbers[5] = config.vocab if tied else -config.vocab
        parts = [struct.pack("<7i", *numbers)] + [f32(weights[name]) for name in V0_ORDER]
        parts += [f32(table) for table in rope_tables(config)]
        parts += [] if tied else [f32(weights["head"])]
    else:
        head = struct.pack("<Ii7iB", MAGIC, version, *numbers, tied)
        head += struct.pack("<i", group_size) if version == 2 else b""
        parts = [head.ljust(256, b"\0")] + [f32(weights[name]) for name in NORMS]
        for name in names:
            tensors = weights[name] if weights[name].ndim == 3 else [weights[name]]
            parts += [f32(x) if version == 1 else groups(x, group_size) for x in tensors]
    path.write_bytes(b"".join(parts))


def read_tokenizer(path):
    """[(score, piece as bytes)]"""
    data, at, pieces = path.read_bytes(), 4, []
    while at < len(data):
        score, n = struct.unpack_from("<fi", data, at)
        pieces.append((score, data[at + 8:at + 8 + n]))
        at += 8 + n
    return pieces


def write_tokenizer(path, pieces):
    parts = [struct.pack("<i", max(len(p) for _, p in pieces))]
    parts += [struct.pack("<fi", score, len(p)) + p for score, p in pieces]
    path.write_bytes(b"".join(parts))
