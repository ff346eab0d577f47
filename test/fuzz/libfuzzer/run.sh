#!/bin/sh
# Builds the readers with the address and undefined-behaviour sanitizers and runs libFuzzer on each
# from its kept corpus. TARGETS: which (all); RUNS: executions of each (20000), or SECONDS_EACH;
# SEED; KEEP=1: adds what reaches new code to the kept corpus, reduced, where it is at most 4 KiB.
# Status 77 without clang or its fuzzer.
set -eu
cd "$(dirname "$0")/../../.."
B=${B:-build} RUNS=${RUNS:-20000} SEED=${SEED:-1}
[ -z "${SECONDS_EACH:-}" ] || RUNS=-1
work=$B/libfuzzer
mkdir -p "$work/objects" "$work/crashes"
if ! echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return !d && n; }' |
    clang -fsanitize=fuzzer -x c - -o "$work/probe" 2>/dev/null; then
    echo "libFuzzer: SKIPPED (needs clang with libclang-rt)"
    exit 77
fi
# What stands between a file and what it becomes; the rest is of the library as it is.
sources="compiler/frames.c compiler/import/*.c compiler/ir_*.c compiler/tokenizer_*.c compiler/verify*.c
         compiler/arena.c compiler/buf.c compiler/diag.c compiler/model.c compiler/names.c
         compiler/node.c compiler/number.c compiler/recipe.c compiler/target.c compiler/yaml.c"
sanitize=address,undefined
objects=
for source in test/fuzz/libfuzzer/*.c $sources; do
    object=$work/objects/$(echo "$source" | tr / _).o
    clang -std=c11 -D_GNU_SOURCE -Iinclude -Icompiler -Icompiler/import -O1 -gline-tables-only \
        -ffp-contract=off -fsanitize=fuzzer-no-link,$sanitize -fno-sanitize-recover=all \
        -c -o "$object" "$source"
    objects="$objects $object"
done
# shellcheck disable=SC2086
clang -fsanitize=fuzzer,$sanitize -o "$work/readers" $objects "$B/liblmcc.a" \
    -lyaml -ljansson -lzstd -lxxhash -lm -lgomp
# The words of the readers, for all of them.
grep -hoE '"[A-Za-z][A-Za-z0-9_.-]{2,40}"' $sources | sort -u >"$work/words.dict"
cat test/fuzz/libfuzzer/gguf.dict >>"$work/words.dict"

passed=0 failed=0
for target in ${TARGETS:-$(ls test/fuzz/corpus)}; do
    ln -f "$work/readers" "$work/$target"
    found=$work/$target-corpus
    mkdir -p "$found"
    if "$work/$target" -runs="$RUNS" -max_total_time="${SECONDS_EACH:-0}" -seed="$SEED" \
        -max_len=20000 -timeout=10 -rss_limit_mb=1024 -dict="$work/words.dict" \
        -artifact_prefix="$work/crashes/$target-" -print_final_stats=1 \
        "$found" "test/fuzz/corpus/$target" >"$work/$target.log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        tail -n 40 "$work/$target.log"
    fi
    sed -n "s/^stat::number_of_executed_units: */$target: executions /p" "$work/$target.log"
    if [ -n "${KEEP:-}" ]; then
        mkdir -p "$work/small"
        find "$found" -size -9 -exec ln -f {} "$work/small" \;
        "$work/$target" -merge=1 "test/fuzz/corpus/$target" "$work/small" >>"$work/$target.log" 2>&1
        rm -r "$work/small"
    fi
done
echo "libFuzzer: $passed passed, $failed failed"
[ $failed -eq 0 ]
