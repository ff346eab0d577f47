#!/bin/sh
# The float reference against an independent implementation in numpy: logits to 1e-4 over a
# sequence, and the same 200 tokens when the most likely one is always taken.
. "$(dirname "$0")/lib.sh"

oracle="$PYTHON $root/test/oracle/run_oracle.py"
build_dump dump_logits

# compare NAME MODEL [SAME]: 90 tokens that do not repeat soon, all below 397. SAME: another file of
# the same weights, which numpy reads.
compare() {
    tokens=$(awk 'BEGIN { for (i = 0; i < 90; i++) print 1 + (i * i * 7 + i * 31) % 390 }')
    d=
    echo $tokens >"$work/tokens"
    $oracle logits "${3:-$2}" "$work/tokens" "$work/oracle.f32" &&
        "$dump" reference "$2" "$work/ours.f32" $tokens &&
        d=$("$PYTHON" "$here/max_difference.py" "$work/oracle.f32" "$work/ours.f32" 1e-4) &&
        ok "$1: 90 rows of logits, largest difference $d" || fail "$1: logits: ${d:-no result}"
    $oracle greedy "${3:-$2}" 200 1 >"$work/oracle.txt"
    "$dump" greedy "$2" 200 1 >"$work/ours.txt"
    check "$1: 200 greedy tokens" cmp "$work/oracle.txt" "$work/ours.txt"
}

if ! need_models; then
    skip "float reference: no numpy"
    finish
fi
for m in "$models"/*.bin "$models"/*.gguf "$models"/hf_*; do
    case $m in
    */tokenizer.bin) continue ;;
    *) compare "$(basename "$m")" "$m" ;;
    esac
done
for m in "$models"/of_*.gguf; do
    name=$(basename "$m" .gguf)
    compare "$name and hf_${name#of_}" "$m" "$models/hf_${name#of_}"
done
compare tales "$tales/model"
if have_stories; then
    cp "$stories" "$stories_tokenizer" "$work"
    compare stories260K "$work/stories260K.bin"
else
    skip_data "stories260K: not here"
fi
finish
