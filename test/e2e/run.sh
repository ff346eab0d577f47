#!/bin/sh
# Every end-to-end test, one script for each property; ends with a count. B: build folder;
# LMCC_DATA: where stories260K is; REQUIRE_ALL=1: a missing tool is a failure.
set -u
cd "$(dirname "$0")" || exit 1
B=$(realpath "${B:-../../build}") && export B || exit 1
WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
export WORK
export OMP_WAIT_POLICY=passive # two scripts at a time: waiting threads must not take a core

# Two at a time, printed in order. The first makes the models that the others use.
run() {
    for script; do
        echo "== $script" >"$WORK/$script.log"
        ./$script.sh >>"$WORK/$script.log" 2>&1 || grep -q '^FAIL ' "$WORK/$script.log" ||
            echo "FAIL  $script.sh ended early" >>"$WORK/$script.log"
    done
}
run reference
run clean perplexity &
run cli api calibration top packages diff install wiki deterministic routes search families
wait
for script in reference routes families perplexity deterministic clean api calibration top packages diff \
    install wiki search cli; do
    cat "$WORK/$script.log"
done | tee "$WORK/all"

passed=$(grep -c '^ok ' "$WORK/all")
failed=$(grep -c '^FAIL ' "$WORK/all")
skipped=$(grep -c '^SKIP ' "$WORK/all")
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
