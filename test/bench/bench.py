#!/usr/bin/env python3
"""The benchmark: exact instruction counts on emulated cores, of every kernel and of whole tokens.

bench.py [--check | --record] [--quick] [--stories FILE.bin] [--json OUT]

Without a mode it prints the tables. --check compares with baseline.json beside this file and fails
when a row takes over 2 % more instructions; --record writes baseline.json and the tables of
docs/benchmarks.md. --quick: kernels on one core, tokens at 2 bits. FILE.bin is stories260K of
karpathy/tinyllamas on Hugging Face with tok512.bin beside it; its rows are left out without it.
Exit status 77: other tools than those that baseline.json was recorded with."""
import argparse
import concurrent.futures
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "../.."))
os.environ["LMCC_CACHE"] = ""  # none
BUILD = os.environ.get("B", os.path.join(ROOT, "build"))
LMCC = os.path.join(BUILD, "lmcc")
BASELINE = os.path.join(HERE, "baseline.json")
PAGE = os.path.join(ROOT, "docs/benchmarks.md")
BITS = ["1", "1.6", "2", "3", "4", "8"]
TARGETS = {"rp2040": "Cortex-M0+", "mps2-m3": "Cortex-M3", "nrf52840": "Cortex-M4F",
           "stm32h743": "Cortex-M7", "rp2350": "Cortex-M33", "corstone300": "Cortex-M55",
           "esp32c3": "RV32IMC"}
CORES = ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imc"]
CORE_OF = dict(zip(TARGETS, CORES))
TOOLS = [["arm-none-eabi-gcc", "--version"], ["riscv64-unknown-elf-gcc", "--version"],
         ["qemu-system-arm", "--version"]]
SHAPES = ["64x64", "172x64", "64x172", "256x256", "512x512"]
SLACK = 1.02


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)}: status {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def versions():
    try:
        return [run(*t).splitlines()[0] for t in TOOLS]
    except FileNotFoundError as missing:
        print(f"bench: {missing.filename} is missing")
        sys.exit(77)


def kernels(core):
    """Rows "kernel CORE NAME SHAPE PLANES" of one core."""
    rows = {}
    for line in run("sh", os.path.join(HERE, "kernels.sh"), core).splitlines():
        label, name, shape, planes, per_mac, loads, stores, n = line.split()
        scale = int(n) / float(per_mac)
        rows[f"kernel {label} {name} {shape} {planes}"] = {
            "instructions": int(n), "loads": round(float(loads) * scale),
            "stores": round(float(stores) * scale), "per_mac": float(per_mac)}
    return rows


def token(model, name, bits, target):
    """One row "token NAME BITS TARGET": the whole of it, from lmcc bench."""
    with tempfile.TemporaryDirectory() as out:
        package = os.path.join(out, name)
        run(LMCC, "compile", model, "-t", target, "--bits", bits, "--name", name.lower(), "-o",
            package, "-q", "--flash", "4M", "--ram", "2M", "--set", "quantize.method=weights")
        found = json.loads(run(LMCC, "bench", package, "--profile", "--json"))
    row = {k: found[k] for k in ("code", "state", "kv_cache", "largest_live", "weights", "regions",
                                 "prefill_64", "sample", "not_of_matrices", "estimated_cycles")}
    row["instructions"] = found["token"]["instructions"]
    row["loads"] = found["token"]["loads"]
    row["stores"] = found["token"]["stores"]
    return {f"token {name} {bits} {target}": row}


def naive_token(rows, target):
    """stories260K with every matrix product done by the naive loop for 2-bit codes, all else as it is:
    5 layers of q, k, v, o, gate, up, down, and the head. The loop's count depends on no data."""
    count = lambda shape: rows[f"kernel {CORE_OF[target]} naive_2bit {shape} 2"]["instructions"]
    layer = 2 * count("64x64") + 2 * count("32x64") + 2 * count("172x64") + count("64x172")
    own = rows[f"token stories260K 2 {target}"]
    return 5 * layer + count("512x64") + own["not_of_matrices"]


def measure(o):
    jobs = []
    models = [("tales", os.path.join(ROOT, "examples/tales/model"))]
    if o.stories:
        models.append(("stories260K", o.stories))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for core in ["cortex-m4"] if o.quick else CORES:
            jobs.append(pool.submit(kernels, core))
        for name, model in models:
            for bits in ["2"] if o.quick else BITS:
                for target in TARGETS:
                    jobs.append(pool.submit(token, model, name, bits, target))
    rows = {}
    for job in jobs:
        rows.update(job.result())
    if o.stories and not o.quick:
        for target in TARGETS:
            rows[f"naive stories260K 2 {target}"] = {"instructions": naive_token(rows, target)}
    return rows


def kernel_table(rows):
    out = ["| core | kernel | planes | " + " | ".join(SHAPES) + " |",
           "|---|---|---|" + "---|" * len(SHAPES)]
    names = {}
    for key in rows:
        kind, *rest = key.split()
        if kind == "kernel" and not rest[1].startswith("lm_table"):
            names.setdefault((rest[0], rest[1], rest[3]), {})[rest[2]] = rows[key]["per_mac"]
    for (core, name, planes), shapes in names.items():
        if "256x256" in shapes:
            cells = [f"{shapes[s]:.3f}" if s in shapes else "" for s in SHAPES]
            out.append(f"| {core} | {name} | {planes if planes != '0' else ''} | "
                       + " | ".join(cells) + " |")
    return out


def token_tables(rows):
    out = []
    for name in ("stories260K", "tales"):
        if not any(k.startswith(f"token {name} ") for k in rows):
            continue
        out += ["", f"Instructions a token of {name}, mean of 64, by bits a weight:", "",
                "| core | " + " | ".join(BITS) + " |", "|---|" + "---|" * len(BITS)]
        for target, core in TARGETS.items():
            cells = [f"{rows[f'token {name} {b} {target}']['instructions']:,.0f}"
                     if f"token {name} {b} {target}" in rows else "" for b in BITS]
            out.append(f"| {core} ({target}) | " + " | ".join(cells) + " |")
        out += ["", f"{name} at 2 bits:", "",
                "| core | loads | stores | not of a matrix | prefill of 64 against steps | code, bytes"
                " | RAM / (cache + largest live set) | cycles, estimate | weights read |",
                "|---|---|---|---|---|---|---|---|---|"]
        for target, core in TARGETS.items():
            r = rows[f"token {name} 2 {target}"]
            prefill = r["prefill_64"] / (64 * r["instructions"]) - 1
            read = ", ".join(f"{v:,} from {k}" for k, v in r["regions"].items())
            out.append(f"| {core} | {r['loads']:,.0f} | {r['stores']:,.0f} | "
                       f"{100 * r['not_of_matrices'] / r['instructions']:.1f} % | {100 * prefill:+.1f} % | "
                       f"{r['code']:,} | {r['state'] / (r['kv_cache'] + r['largest_live']):.3f} | "
                       f"{r['estimated_cycles']:,} | {read} |")
    if any(k.startswith("naive ") for k in rows):
        out += ["", "Against naive loops, a whole token of stories260K at 2 bits:", "",
                "| core | naive | lmcc | fewer |", "|---|---|---|---|"]
        for target, core in TARGETS.items():
            naive = rows[f"naive stories260K 2 {target}"]["instructions"]
            own = rows[f"token stories260K 2 {target}"]["instructions"]
            out.append(f"| {core} | {naive:,.0f} | {own:,.0f} | {100 * (1 - own / naive):.1f} % |")
    return out


def record(rows, tools):
    with open(BASELINE, "w") as f:
        json.dump({"tools": tools, "rows": rows}, f, indent=0, sort_keys=True)
        f.write("\n")
    with open(PAGE) as f:
        page = f.read()
    head = [f"Recorded {datetime.date.today()} with:", ""] + [f"* {t}" for t in tools]
    tables = "\n".join(head + ["", "Instructions a multiply-accumulate:", ""] + kernel_table(rows)
                       + token_tables(rows))
    page = re.sub(r"(<!-- tables -->\n).*(<!-- end -->)", lambda m: m[1] + tables + "\n" + m[2], page,
                  flags=re.S)
    with open(PAGE, "w") as f:
        f.write(page)


def check(rows, tools, quick, stories):
    with open(BASELINE) as f:
        known = json.load(f)
    if known["tools"] != tools:
        print("bench: recorded with other tools, nothing to compare:\n  "
              + "\n  ".join(f"{a} | {b}" for a, b in zip(known["tools"], tools)))
        return 77
    failures = 0
    for key, old in sorted(known["rows"].items()):
        if key not in rows:
            if not quick and (stories or "stories260K" not in key):
                print(f"bench: {key}: recorded, but no longer measured")
                failures += 1
            continue
        for what in ("instructions", "prefill_64", "code"):
            if what in old and rows[key][what] > SLACK * old[what]:
                print(f"bench: {key}: {what}: {rows[key][what]:,.0f}, {old[what]:,.0f} recorded: "
                      f"{100 * (rows[key][what] / old[what] - 1):+.1f} %")
                failures += 1
    better = sum(1 for k, r in rows.items()
                 if k in known["rows"] and r["instructions"] < known["rows"][k]["instructions"] / SLACK)
    if better:
        print(f"bench: {better} rows are over 2 % better than recorded (make bench-record)")
    print(f"{len(rows) - failures} passed, {failures} failed, 0 skipped")
    return 1 if failures else 0


def main():
    p = argparse.ArgumentParser()
    for flag in ("--check", "--record", "--quick"):
        p.add_argument(flag, action="store_true")
    p.add_argument("--stories", default=os.environ.get("STORIES", ""))
    p.add_argument("--json", default="")
    o = p.parse_args()
    tools = versions()
    rows = measure(o)
    if o.json:
        with open(o.json, "w") as f:
            json.dump({"tools": tools, "rows": rows}, f, indent=1, sort_keys=True)
    if o.record:
        record(rows, tools)
    if o.check:
        sys.exit(check(rows, tools, o.quick, o.stories))
    if not o.quick:
        print("\n".join(kernel_table(rows) + token_tables(rows)))


main()
