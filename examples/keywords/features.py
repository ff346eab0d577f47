"""The integer front end of `lmcc frontend`, built for this machine and called from Python: training sees the
very numbers that the device computes."""
import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

BANDS, WINDOW, HOP = 40, 480, 320
FRAMES = 48  # of the model: 480 + 47 * 320 samples, 0.97 s
SAMPLES = WINDOW + (FRAMES - 1) * HOP


class FrontEnd:
    def __init__(self):
        lmcc = os.environ.get("LMCC", str(Path(__file__).resolve().parents[2] / "build" / "lmcc"))
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([lmcc, "frontend", "-q", "-o", folder + "/mic", "--bands", str(BANDS),
                            "--window-ms", "30", "--hop-ms", "20"], check=True)
            subprocess.run([os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", "-o", folder + "/mic.so",
                            folder + "/mic/mic.c"], check=True)
            self.lib = ctypes.CDLL(folder + "/mic.so")
        self.state = ctypes.create_string_buffer(8192)

    def frames(self, samples):
        """int16 samples -> (frames, BANDS) int8"""
        samples = np.ascontiguousarray(samples, np.int16)
        at, n = ctypes.c_void_p(samples.ctypes.data), ctypes.c_uint32(len(samples))
        frame, out = (ctypes.c_int16 * BANDS)(), []
        row = np.zeros(BANDS, np.int8)
        self.lib.mic_reset(self.state)
        while self.lib.mic_feed(self.state, ctypes.byref(at), ctypes.byref(n), frame) == 1:
            self.lib.mic_bytes(frame, row.ctypes.data_as(ctypes.c_void_p))
            out.append(row.copy())
        return np.array(out)
