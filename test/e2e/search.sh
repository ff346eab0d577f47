#!/bin/sh
# lmcc compile with limits: the recipe that is found keeps them, compiles to the same bytes without
# searching, and is the same at any thread count; where nothing fits, what is said to fit does.
. "$(dirname "$0")/lib.sh"

need_models || {
    skip "search: no numpy for the models"
    finish
}
model=$models/v0.bin
# number KEY: the first one in the manifest.
number() { sed -n "s/.*\"$1\": \([0-9][0-9.]*\).*/\1/p" "$work/found/model.json" | head -n 1; }

# Quick: few widths, few rounds.
set -- -t stm32h743 --bits 4 --set quantize.rounds=2 --set quantize.method=weights \
    --set prune-heads.method=magnitude --set prune-neurons.method=magnitude
"$lmcc" compile "$model" "$@" --max-loss 60% -o "$work/found" >"$work/curve" 2>"$work/log" ||
    fail "--max-loss 60%: $(cat "$work/log")"
check "the curve has one chosen point" test "$(grep -c '^->' "$work/curve")" -eq 1
loss=$(sed -n 's/^->.* +*\(-*[0-9.]*\) %.*/\1/p' "$work/curve")
check "its loss, $loss %, is measured and at most 60 %" \
    awk -v l="${loss:-100}" 'BEGIN { exit !(l <= 60) }'
check "the manifest has the curve" grep -q '"curve": \[' "$work/found/model.json"
have_jsonschema && check "the manifest is what its schema says" valid_manifest "$work/found/model.json"
"$lmcc" compile -q "$model" -t stm32h743 --recipe "$work/found/model.json" -o "$work/again" ||
    fail "--recipe manifest: does not compile"
check "its recipe compiles to the same files without a search" diff -r -x '*.json' -x '*.html' \
    "$work/found" "$work/again"
OMP_NUM_THREADS=3 "$lmcc" compile -q "$model" "$@" --max-loss 60% -o "$work/threads"
OMP_NUM_THREADS=1 "$lmcc" compile -q "$model" "$@" --max-loss 60% -o "$work/thread"
check "one thread and three find the same" diff -r "$work/threads" "$work/thread"

# Limits of everything: the least loss within them.
flash=$(($(number weights) + 16384 + 2000))
"$lmcc" compile "$model" "$@" --search --flash $flash --ram 24K -o "$work/found" >"$work/curve" ||
    fail "--flash $flash --ram 24K: exit status not 0"
weights=$(number weights)
state=$(number state)
check "weights of $weights bytes keep within $flash with code" test $((weights + 16384)) -le $flash
check "a state of $state bytes keeps within 24K with stack" test $((state + 2048)) -le 24576

# Nothing fits; each way out that is named is one.
if "$lmcc" compile "$model" "$@" --flash $flash --max-loss 0.001% -o "$work/none" 2>"$work/refusal"; then
    fail "--max-loss 0.001%: fits"
fi
check "nothing is left behind" test ! -e "$work/none"
check "it says what would fit" grep -q 'nothing fits .*--max-loss [0-9.]*% would fit' "$work/refusal"
more=$(sed -n 's/.*\(--max-loss [0-9.]*%\) would fit.*/\1/p' "$work/refusal")
check "and that does: $more" "$lmcc" compile -q "$model" "$@" --flash $flash $more -o "$work/some"
finish
