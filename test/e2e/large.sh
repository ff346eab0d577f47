#!/bin/sh
# What compiling takes of memory, by parameter: a random checkpoint of 10 million in shards of bf16. One of
# 100 million needs as much for each: `make_large.py DIR 768 12 2048 20000` writes it.
. "$(dirname "$0")/lib.sh"

# Floats as read and as they were before any pass, codes, packed codes, the files of the checkpoint.
BYTES_A_PARAMETER=16
BYTES_BESIDE=16000000

[ -n "$REQUIRE_ALL" ] || { echo "SKIP  large checkpoint: with make test-all"; exit 0; }
have_numpy || { skip "large checkpoint: no numpy"; finish; }
parameters=$("$PYTHON" -B "$here/../oracle/make_large.py" "$work/large" 576 3 1024 4096 | cut -d' ' -f1)
cat >"$work/peak.py" <<'END'
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(status)
END
peak=$("$PYTHON" -B "$work/peak.py" "$lmcc" compile -q "$work/large" -o "$work/out" --name large --bits 2 \
    --set quantize.method=weights --weights blob --package none) ||
    peak=0
if [ "${peak:-0}" -gt 0 ] && [ "$peak" -le $((parameters * BYTES_A_PARAMETER + BYTES_BESIDE)) ]; then
    ok "$parameters parameters: $peak bytes at the peak"
else
    fail "$parameters parameters: $peak bytes at the peak, limit $BYTES_A_PARAMETER each and $BYTES_BESIDE"
fi
finish
