"""Clips for the compiler and for accuracy.c.

    clips.py table WORDS.npz SET N      N clips of a set, train, held or accent, a line each: class, tab, bytes of the frames
    clips.py header WORDS.npz SET N     N clips as C, those that train.py counts where N is all
    clips.py sample WORDS.npz OUT.wav   a few words of a held-out voice, for main.c
    clips.py recording SECONDS OUT.wav  a long recording; what is said in it, a line each, to stdout
    clips.py score SAID HEARD SECONDS   what main.c heard in it, against what was said
"""
import sys
import wave

import numpy as np

from features import FrontEnd
from speech import CLASSES, RATE, noise, recording


def some_clips(store, name, n):
    from train import SEED, clips
    frames, kinds = clips(store, name, SEED + 1, 2, FrontEnd(), n)
    return frames.numpy().reshape(len(frames), -1), kinds.numpy()


def table(store, name, n):
    for row, kind in zip(*some_clips(store, name, n)):
        print(CLASSES[kind] + "\t" + " ".join(map(str, row)))


def header(store, name, n):
    frames, kinds = some_clips(store, name, n)
    print("#include <stdint.h>\n#define CLIPS", len(frames))
    print(f"static const int8_t clip_classes[CLIPS] = {{{', '.join(map(str, kinds))}}};")
    print(f"static const int8_t clips[CLIPS][{frames.shape[1]}] = {{")
    for row in frames:
        print("{" + ",".join(map(str, row)) + "},")
    print("};")


def write_wav(path, samples):
    with wave.open(path, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(RATE)
        f.writeframes(np.asarray(samples, "<i2").tobytes())


def sample(store, path):
    """Words of the fourth held-out voice: some are keywords, one is not."""
    ends, samples = store["held_ends"], store["held_samples"]
    starts = np.r_[0, ends[:-1]]
    pause = np.zeros(RATE * 7 // 10)
    parts, r = [pause], np.random.default_rng(1)
    for word in (0, 6, 11, 8, 5):  # yes, on, one that is unknown, stop, right
        parts += [samples[starts[48 + word] : ends[48 + word]] * 0.4, pause]
    x = np.concatenate(parts)
    write_wav(path, np.clip(np.round(x + noise(r, len(x)) * 60), -32768, 32767))


def score(said, heard, seconds):
    """A keyword is heard when it is reported from its start to a second after its end; another one in that time is
    one taken for it; all else are false alarms."""
    marks = [(float(a), float(b), k) for a, b, k in (line.split() for line in open(said))]
    alarms = [(float(t), k) for t, _, k in (line.split() for line in open(heard))]
    used, hits, wrong = set(), 0, 0
    for first, last, kind in marks:
        mine = [i for i, (t, k) in enumerate(alarms) if i not in used and first < t < last + 1 and k == kind]
        hits += bool(mine)
        used |= set(mine[:1])
    for i, (t, _) in enumerate(alarms):
        wrong += i not in used and any(first < t < last + 1 for first, last, _ in marks)
    false = len(alarms) - hits - wrong
    print("%d keywords said, %d heard, %d taken for another, %d false alarms, %.1f an hour"
          % (len(marks), hits, wrong, false, false * 3600 / seconds))


def main(what, *rest):
    if what == "score":
        score(rest[0], rest[1], int(rest[2]))
        return
    if what == "recording":
        samples, marks = recording(int(rest[0]), 6)  # listen.h was chosen on that of train.py, 5
        write_wav(rest[1], samples)
        for first, last, kind in marks:
            print("%.2f %.2f %s" % (first / RATE, last / RATE, CLASSES[kind]))
        return
    store = np.load(rest[0])
    {"table": lambda: table(store, rest[1], int(rest[2])), "header": lambda: header(store, rest[1], int(rest[2])),
     "sample": lambda: sample(store, rest[1])}[what]()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
