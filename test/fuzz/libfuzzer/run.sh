#!/bin/sh
# Builds the libFuzzer targets with the address and undefined-behaviour sanitizers and runs each from
# its kept corpus. RUNS: executions of each; SEED; J: processes; KEEP=1: adds what reaches new code to
# the kept corpus, reduced. Status 77 without clang or its fuzzer.
set -eu
cd "$(dirname "$0")/../../.."
B=${B:-build} RUNS=${RUNS:-20000} SEED=${SEED:-1}
work=$B/libfuzzer
mkdir -p "$work"
sources="compiler/import/*.c compiler/arena.c compiler/buf.c compiler/diag.c compiler/file.c
         compiler/model.c compiler/names.c compiler/number.c"
if ! echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return !d && n; }' |
    clang -fsanitize=fuzzer -x c - -o "$work/probe" 2>/dev/null; then
    echo "libFuzzer: SKIPPED (needs clang with libclang-rt)"
    exit 77
fi
failed=0
for target in gguf; do
    # shellcheck disable=SC2086
    clang -std=c11 -D_GNU_SOURCE -Iinclude -Icompiler -Icompiler/import -O1 -g -ffp-contract=off \
        -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o "$work/$target" \
        "test/fuzz/libfuzzer/$target.c" $sources -ljansson -lzstd -lxxhash -lm
    mkdir -p "$work/$target-corpus" "$work/crashes"
    "$work/$target" -runs="$RUNS" -seed="$SEED" -max_len=20000 -timeout=10 -rss_limit_mb=1024 \
        -dict=test/fuzz/libfuzzer/$target.dict -artifact_prefix="$work/crashes/" \
        -print_final_stats=1 "$work/$target-corpus" "test/fuzz/corpus/$target" \
        >"$work/$target.log" 2>&1 || failed=1
    [ $failed -eq 0 ] || tail -n 40 "$work/$target.log"
    sed -n "s/^stat::number_of_executed_units: */$target: executions /p" "$work/$target.log"
done
[ $failed -eq 0 ] && echo "libFuzzer: 1 passed, 0 failed"
