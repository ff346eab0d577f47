"""Reads and writes safetensors files with numpy: u64 header length, JSON header, raw data."""
import json
import struct

import numpy as np

TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "U8": "u1"}


def bf16_from_float(x):
    """Nearest bfloat16, ties to even, as its 16 bits."""
    bits = np.ascontiguousarray(x, "<f4").view("<u4").astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2")


def to_float64(raw, dtype):
    if dtype == "BF16":
        raw = (raw.astype("<u4") << 16).view("<f4")
    return raw.astype(np.float64)


def read(path):
    """name -> float64 array."""
    data = path.read_bytes()
    (n,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8:8 + n]), data[8 + n:]
    header.pop("__metadata__", None)
    tensors = {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        raw = np.frombuffer(body[begin:end], TYPES[t["dtype"]]).reshape(t["shape"])
        tensors[name] = to_float64(raw, t["dtype"])
    return tensors


def write(path, tensors, dtype):
    """tensors: name -> array, written in this order; one of bytes stays one."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, x in tensors.items():
        kind = "U8" if x.dtype == np.uint8 else dtype
        raw = bf16_from_float(x) if kind == "BF16" else np.asarray(x).astype(TYPES[kind])
        header[name] = {"dtype": kind, "shape": list(x.shape),
                        "data_offsets": [len(data), len(data) + raw.nbytes]}
        data += raw.tobytes()
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)
