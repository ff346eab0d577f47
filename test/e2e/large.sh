#!/bin/sh
# What compiling takes of memory: a random checkpoint of 10 million parameters in shards of bf16 by parameter,
# and with REQUIRE_ALL one of 100 million, under 2 GB.
. "$(dirname "$0")/lib.sh"

# Floats as read and as they were before any pass, codes, packed codes, the files of the checkpoint.
BYTES_A_PARAMETER=16
BYTES_BESIDE=16000000
MOST=2000000000

have_numpy || { skip "large checkpoint: no numpy"; finish; }
cat >"$work/peak.py" <<'END'
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss * 1024, round(used.ru_utime + used.ru_stime))
sys.exit(status)
END

# large DIM LAYERS NEURONS VOCAB: of a Llama.
large() {
    rm -rf "$work/large" "$work/out"
    parameters=$("$PYTHON" -B "$here/../oracle/make_large.py" "$work/large" "$@" | cut -d' ' -f1)
    used=$("$PYTHON" -B "$work/peak.py" "$lmcc" compile -q "$work/large" -o "$work/out" --name large --bits 2 \
        --set quantize.method=weights --weights blob --package none) || used="0 0"
    peak=${used% *} seconds=${used#* }
    limit=$((parameters * BYTES_A_PARAMETER + BYTES_BESIDE))
    [ $limit -le $MOST ] || limit=$MOST
    if [ "$peak" -gt 0 ] && [ "$peak" -le $limit ]; then
        ok "$parameters parameters: $peak bytes at the peak, $seconds s of CPU"
    else
        fail "$parameters parameters: $peak bytes at the peak, limit $limit"
    fi
}
large 576 3 1024 4096
if [ -n "$REQUIRE_ALL" ]; then
    large 768 12 2048 20000
else
    echo "SKIP  100 million parameters: with make test-all"
fi
finish
