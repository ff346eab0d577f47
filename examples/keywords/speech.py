"""Synthetic speech by espeak-ng (Debian: espeak-ng), seeded: single words by many voices, and long recordings
to look for false alarms in. A voice is a variant of espeak-ng's (its timbre) with an accent; whole variants are held
out, and one accent.

    speech.py OUT.npz       speaks every word once with each voice: a few minutes
"""
import random
import subprocess
import sys

import numpy as np

RATE, ESPEAK_RATE = 16000, 22050
KEYWORDS = "yes no up down left right on off stop go".split()
UNKNOWN = ("house seven water marvin happy three bird tree wow cat table window number music garden kitchen "
           "zero one two four five six eight nine backward follow learn visual morning river yellow people "
           "another letter mother answer sentence great think say help low line before turn cause mean "
           "differ move boy old too same tell does set want air well also play small end put home read "
           "hand port large spell add even land here must big high such why ask men change went light kind "
           "off-course nowhere upper downtown lefty rightly stopping goat yesterday").split()
UNKNOWN_HELD = ("sheila bed dog forward elephant coffee building summer doctor pencil orange planet "
                "fire between country earth eye father head under story saw few night").split()
CLASSES = ["silence", "unknown", *KEYWORDS]

SETS = ["train", "held", "accent"]
ACCENTS = ["en-gb", "en-us", "en-gb-x-gbclan", "en-gb-x-rp", "en-029", "en-us-nyc", "en-gb-x-gbcwmd"]
ACCENT_HELD = "en-gb-scotland"
VARIANTS = ("m1 m2 m3 m4 m5 m7 f1 f2 f4 f5 klatt klatt2 klatt4 Andy Annie belinda benjamin caleb croak "
            "david edward grandpa iven iven3 Jacky john linda max Michael pablo paul quincy rob robert "
            "steph steph3 travis zac Gene Hugo Mario Lee Denis anika").split()
VARIANTS_HELD = "m6 m8 f3 Alicia Andrea grandma victor steph2 iven2 Mike".split()


def speak(text, voice, pitch, speed):
    """int16 at 16 kHz, silence cut off at both ends."""
    wav = subprocess.run(["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "--stdout", text],
                         check=True, capture_output=True).stdout
    x = np.frombuffer(wav[44 : len(wav) // 2 * 2], np.int16).astype(float)
    n = len(x) * RATE // ESPEAK_RATE
    x = np.fft.irfft(np.fft.rfft(x)[: n // 2 + 1], n) * n / len(x)
    loud = np.flatnonzero(np.abs(x) > 300)
    x = x[loud[0] : loud[-1] + 1] if len(loud) else x[:0]
    return np.clip(np.round(x), -32768, 32767).astype(np.int16)


def voices(name, r):
    """voice, pitch, speed of a set: `train`: its variants in every accent but the Scottish one; `held`: variants
    never heard, each in four of these accents; `accent`: the same variants in the accent never heard."""
    if name == "train":
        pairs = [(a, v) for v in VARIANTS for a in ACCENTS]
    elif name == "held":
        pairs = [(a, v) for v in VARIANTS_HELD for a in r.sample(ACCENTS, 4)]
    else:
        pairs = [(ACCENT_HELD, v) for v in VARIANTS_HELD]
    for accent, variant in pairs:
        yield f"{accent}+{variant}", r.randrange(20, 81), r.randrange(120, 200)


def all_words(name):
    """(samples, class) of each word of each voice of a set; of the words that are no keywords two in three of the
    sets that are not trained on were never heard."""
    r = random.Random(1 + SETS.index(name))
    for voice, pitch, speed in voices(name, r):
        others = r.sample(UNKNOWN, 10) if name == "train" else r.sample(UNKNOWN_HELD, 4) + r.sample(UNKNOWN, 2)
        for word in KEYWORDS + others:
            kind = CLASSES.index(word) if word in KEYWORDS else 1
            yield speak(word, voice, pitch + r.randrange(-8, 9), speed + r.randrange(-15, 16)), kind


def noise(r, n):
    """One of several kinds, about 1 in size: white, brown, pink, hum, babble of tones, near silence."""
    kind = r.integers(6)
    white = r.normal(0, 1, n)
    if kind == 1:
        x = np.cumsum(white)
        x = x - np.convolve(x, np.ones(400) / 400, "same")
    elif kind == 2:
        f = np.fft.rfft(white)
        x = np.fft.irfft(f / np.sqrt(1 + np.arange(len(f))), n)
    elif kind == 3:
        t = np.arange(n) / RATE
        base = r.uniform(45, 130)
        x = sum(r.normal() * np.sin(2 * np.pi * (base * k * t + r.random())) for k in range(1, 9)) + 0.1 * white
    elif kind == 4:
        t = np.arange(n) / RATE
        x = sum(np.sin(2 * np.pi * (r.uniform(100, 4000) * t + r.random())) * (1 + np.sin(2 * np.pi * r.uniform(0.5, 6) * t))
                for _ in range(5)) + 0.3 * white
    else:
        x = white * (0.02 if kind == 5 else 1)
    return x / max(1e-9, np.abs(x).std()) * (0.03 if kind == 5 else 1)


def place(r, word, n, at=None):
    """A word somewhere in n samples, or from sample `at` on, at some loudness, with noise 5 to 40 dB below it; of a
    word that is longer than n the middle. word None: noise alone."""
    out = np.zeros(n)
    level = 10 ** r.uniform(2.6, 4.1)  # the largest sample
    below = 10 ** (-r.uniform(5, 40) / 20)
    if word is None:
        return np.clip(np.round(noise(r, n) * 10 ** r.uniform(0, 3.3)), -32768, 32767).astype(np.int16)
    x = word.astype(float) / max(1, np.abs(word).max())
    if r.random() < 0.3:  # a room: a few echoes
        for _ in range(3):
            late = int(r.integers(200, 2400))
            x = x + np.pad(x, (late, 0))[: len(x)] * r.uniform(0, 0.35)
    if len(x) > n:
        x = x[(len(x) - n) // 2 :][:n]
    at = int(r.integers(0, n - len(x) + 1)) if at is None else min(at, n - len(x))
    out[at : at + len(x)] = x
    power = np.sqrt((x**2).mean())
    return np.clip(np.round((out + noise(r, n) * power * below) * level), -32768, 32767).astype(np.int16)


def recording(seconds, seed):
    """A long recording: words of held-out voices in accents that were heard, most of them no keywords, pauses and
    noise. Samples, and (first sample, last sample, class) of each keyword in it."""
    r, g = random.Random(seed), np.random.default_rng(seed)
    known = list(voices("held", r))
    parts, marks, at = [], [], 0
    hum = noise(g, RATE * 10)
    while at < seconds * RATE:
        voice, pitch, speed = r.choice(known)
        pause = np.zeros(r.randrange(RATE // 2, RATE * 2))
        is_key = r.random() < 0.3
        word = r.choice(KEYWORDS if is_key else UNKNOWN_HELD + UNKNOWN)
        x = speak(word, voice, pitch, speed) * r.uniform(0.1, 0.5)
        if is_key:
            marks.append((at + len(pause), at + len(pause) + len(x), CLASSES.index(word)))
        parts += [pause, x]
        at += len(pause) + len(x)
    x = np.concatenate(parts)
    loud = 10 ** (np.repeat(g.uniform(0.3, 2.3, len(x) // RATE + 1), RATE)[: len(x)])
    x = x + np.resize(hum, len(x)) * loud
    return np.clip(np.round(x), -32768, 32767).astype(np.int16), marks


def main():
    store = {}
    for name in SETS:
        words = [(x, k) for x, k in all_words(name) if len(x)]
        store[name + "_ends"] = np.cumsum([len(x) for x, _ in words])
        store[name + "_kinds"] = np.array([k for _, k in words], np.uint8)
        store[name + "_samples"] = np.concatenate([x for x, _ in words])
        print(name, len(words), "words", len(store[name + "_samples"]) // RATE, "s", flush=True)
    np.savez(sys.argv[1], **store)


if __name__ == "__main__":
    main()
