#!/usr/bin/env python3
"""Writes compiler/kernel_costs.c from the table that kernels.sh prints on standard input: for every
kernel on every core, instructions, loads and stores as a linear function of its shape, fitted by
relative least squares. Prints the largest error of each fit to standard error."""
import re
import sys

import numpy as np

CORES = {"cortex-m0": "CORE_V6M", "cortex-m3": "CORE_V7M", "cortex-m4": "CORE_V7EM",
         "cortex-m55": "CORE_MVE", "rv32imc": "CORE_RV32"}
# What a core's better kernels leave nothing to do.
SUPERSEDED = {"cortex-m55": ("_thumb2", "_dsp")}
SUFFIX = r"(_thumb1|_thumb2|_dsp|_mve|_rv32)?"
HEAD = """/* What each kernel costs on each class of cores: instructions, loads and stores as linear functions
 * of its shape. Written by test/bench/fit_costs.py from exact counts (test/bench/kernels.sh). */
#include "kernel_costs.h"

/* kernel, core, a matvec: {a call, a row, a plane of a row, a step of a lane} of instructions, loads
 * and stores; its table: {a call, a group of inputs} likewise. */
const KernelCost kernel_costs[] = {
"""


def inputs_of(name):
    return 5 if "trit" in name or "ternary" in name else 1 if "int8" in name else 8


def features(name, rows, cols, planes):
    steps = -(-cols // inputs_of(name))
    return [1, rows, rows * planes, rows * max(planes, 1) * steps]


def table_features(name, cols):
    return [1, -(-cols // inputs_of(name))]


def solve(x, y):
    """Relative least squares without negative coefficients."""
    x, y = np.array(x, float), np.array(y, float)
    w = 1 / np.maximum(y, 1)
    used = [i for i in range(x.shape[1]) if x[:, i].any()]
    while True:
        a, *_ = np.linalg.lstsq(x[:, used] * w[:, None], y * w, rcond=None)
        if (a >= 0).all():
            break
        used.remove(used[int(np.argmin(a))])
    out = np.zeros(x.shape[1])
    out[used] = a
    return out, float(np.max(np.abs(x @ out - y) * w))


def table_of(kernel):
    m = re.fullmatch(r"lm_(planes|ternary)_(byte|nibble|xnor)" + SUFFIX, kernel)
    if not m:
        return None
    form = {"byte": "byte", "nibble": "nibble", "xnor": "bits"}[m[2]]
    return "lm_table_" + ("trit" if m[1] == "ternary" else form) + (m[3] or "")


def read(lines):
    """(core, function) -> list of (rows, cols, planes, (instructions, loads, stores))."""
    runs = {}
    for line in lines:
        core, name, shape, planes, _, loads, stores, n = line.split()
        if core not in CORES or name.startswith("naive") or "pair" in name or \
                name.endswith(SUPERSEDED.get(core, ("?",))):
            continue
        rows, cols = map(int, shape.split("x"))
        per = rows * cols if "table" not in name else cols
        counts = (int(n), float(loads) * per, float(stores) * per)
        runs.setdefault((core, name), []).append((rows, cols, int(planes), counts))
    return runs


def braces(rows):
    return "{" + ", ".join("{" + ", ".join(f"{v:.4g}" for v in r) + "}" for r in rows) + "}"


def main():
    runs = read(sys.stdin)
    print(HEAD, end="")
    for (core, name), samples in sorted(runs.items()):
        if name.startswith("lm_table"):
            continue
        table = table_of(name)
        table_runs = runs.get((core, table)) or runs.get((core, re.sub(SUFFIX + "$", "", table or "")))
        build = np.zeros((3, 2))
        if table:
            for k in range(3):
                build[k], _ = solve([table_features(name, s[1]) for s in table_runs],
                                    [s[3][k] for s in table_runs])
        x = [features(name, *s[:3]) for s in samples]
        fits, errors = [], []
        for k in range(3):
            own = [max(s[3][k] - build[k] @ table_features(name, s[1]), 0) for s in samples]
            a, _ = solve(x, own)
            fits.append(a)
            total = np.array([s[3][k] for s in samples])
            fit = np.array(x) @ a + np.array([build[k] @ table_features(name, s[1]) for s in samples])
            errors.append(float(np.max(np.abs(fit - total) / np.maximum(total, 1))))
        kernel = name[3:].replace("_", "-")
        print(f'    {{"{kernel}", {CORES[core]}, {braces(fits)}, {braces(build)}}},')
        print(f"{core} {kernel}: largest error {100 * errors[0]:.1f} % of instructions, "
              f"{100 * errors[1]:.1f} % of loads", file=sys.stderr)
    print('    {.kernel = NULL},\n};')


main()
