"""An audio front end in float64 by numpy's FFT, against the generated integer one.

    frontend.py LIB.so [--name mic --rate 16000 --window-ms 30 ...]     as `lmcc frontend` was told

Prints for each signal the largest difference in octaves of power, over the bands that are at most so
many octaves below the loudest one of their frame (BOUNDS); fails where one exceeds its bound.
"""
import argparse
import ctypes
import sys

import numpy as np

BOUNDS = ((6, 0.005), (15, 0.015), (24, 0.05))  # octaves below, error allowed

def mel(hz):
    return 2595 * np.log10(1 + np.asarray(hz, float) / 700)


class Reference:
    def __init__(self, o):
        self.window, self.hop = o.rate * o.window_ms // 1000, o.rate * o.hop_ms // 1000
        self.points = max(64, 1 << (self.window - 1).bit_length())
        self.hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(self.window) + 0.5) / self.window)
        centres = np.linspace(mel(o.low_hz), mel(o.high_hz), o.bands + 2)
        bins = mel(np.arange(self.points // 2 + 1) * o.rate / self.points)
        rise = (bins - centres[:-2, None]) / (centres[1:-1] - centres[:-2])[:, None]
        fall = (centres[2:, None] - bins) / (centres[2:] - centres[1:-1])[:, None]
        self.triangles = np.maximum(0, np.minimum(rise, fall))
        self.triangles[:, [0, -1]] = 0  # neither 0 Hz nor half the rate

    def frames(self, x):
        n = 1 + (len(x) - self.window) // self.hop
        cut = np.stack([x[i * self.hop : i * self.hop + self.window] for i in range(n)])
        power = np.abs(np.fft.rfft(cut * self.hann, self.points)) ** 2
        return np.log2(np.maximum(1, power @ self.triangles.T))


def device_frames(lib, o, x, part):
    state = ctypes.create_string_buffer(65536)
    getattr(lib, o.name + "_reset")(state)
    feed = getattr(lib, o.name + "_feed")
    out, frame = [], (ctypes.c_int16 * o.bands)()
    for i in range(0, len(x), part):
        piece = np.ascontiguousarray(x[i : i + part], np.int16)
        at, n = ctypes.c_void_p(piece.ctypes.data), ctypes.c_uint32(len(piece))
        while feed(state, ctypes.byref(at), ctypes.byref(n), frame) == 1:
            out.append(np.array(frame))
        assert n.value == 0
    return np.array(out)


def signals(rate, high_hz):
    r = np.random.default_rng(1)
    t = np.arange(rate * 2) / rate
    cut = lambda x: np.clip(np.round(x), -32768, 32767)
    yield "noise, full scale", cut(r.normal(0, 12000, len(t)))
    yield "noise, 40 dB lower", cut(r.normal(0, 120, len(t)))
    yield "noise of a few units", cut(r.normal(0, 1.5, len(t)))
    yield "square wave, clipped", np.where(np.sin(2 * np.pi * 440 * t) > 0, 32767, -32768)
    chirp = np.sin(2 * np.pi * (100 + 0.9 * high_hz * t / 4) * t)
    yield "chirp and soft noise", cut(20000 * chirp + r.normal(0, 3, len(t)))
    voice = sum(np.sin(2 * np.pi * 130 * k * t + k * k) / k for k in range(1, 40))
    yield "voice-like", cut(6000 * voice * (1 + np.sin(9 * t)) + r.normal(0, 2, len(t)))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("library")
    p.add_argument("--name", default="mic")
    for key, value in (("rate", 16000), ("window-ms", 30), ("hop-ms", 20), ("bands", 40),
                       ("low-hz", 60), ("high-hz", 7600)):
        p.add_argument("--" + key, type=int, default=value)
    o = p.parse_args()
    lib, reference, bad = ctypes.CDLL(o.library), Reference(o), 0
    for name, x in signals(o.rate, o.high_hz):
        want, got = reference.frames(x), device_frames(lib, o, x, 777)
        assert (device_frames(lib, o, x, 64) == got).all(), "parts of another size: other frames"
        assert want.shape == got.shape, (want.shape, got.shape)
        error, below = np.abs(got / 256 - want), want.max(1, keepdims=True) - want
        text = []
        for octaves, bound in BOUNDS:
            largest = error[below <= octaves].max()
            bad += largest > bound
            text.append(f"{largest:.4f}{' TOO FAR OFF' if largest > bound else ''}")
        print(f"{name}: {len(want)} frames, largest errors {', '.join(text)}")
    sys.exit(int(bad > 0))


main()
