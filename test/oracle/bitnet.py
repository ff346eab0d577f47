"""BitNet b1.58 weights as Hugging Face stores them, from the layout's description: float64 weights of a
linear, whichever way the checkpoint holds them.

Packed, row r of the uint8 matrix holds rows r, r + n/4, r + n/2 and r + 3n/4 of the n rows, lowest bits
first, each as code = weight + 1.  A "bitlinear" divides its result by weight_scale, an
"autobitlinear" multiplies.  An online one keeps floats, which become round(W / mean|W|) * mean|W|.
"""
import numpy as np


def pack(ternary):
    parts = np.split(ternary.astype(np.uint8) + np.uint8(1), 4)
    return (parts[0] | parts[1] << 2 | parts[2] << 4 | parts[3] << 6).astype(np.uint8)


def unpack(packed):
    packed = packed.astype(np.uint8)
    return np.concatenate([(packed >> s & 3).astype(float) - 1 for s in (0, 2, 4, 6)])


def ternary(w):
    size = max(np.abs(w).mean(), 1e-5)
    return np.clip(np.round(w / size), -1, 1), size


def weight(tensors, name, how):
    """how: quantization_config, or None."""
    w = tensors[name + ".weight"]
    if not how:
        return w
    if how.get("quantization_mode") == "online":
        codes, size = ternary(w)
        return codes * size
    scale = tensors[name + ".weight_scale"]
    return unpack(w) * (scale if how["linear_class"] == "autobitlinear" else 1 / scale)
