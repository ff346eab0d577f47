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

# Two at a time, printed in order. reference.sh makes the models that the others use.
cat >"$WORK/one" <<'ONE'
echo "== $1" >"$WORK/$1.log"
./"$1" >>"$WORK/$1.log" 2>&1 || grep -q '^FAIL ' "$WORK/$1.log" ||
    echo "FAIL  $1 ended early" >>"$WORK/$1.log"
ONE
others=$(ls ./*.sh | sed 's|^\./||' | grep -vxE 'run\.sh|lib\.sh|reference\.sh')
sh "$WORK/one" reference.sh
echo "$others" | xargs -P 2 -n 1 sh "$WORK/one"
for script in reference.sh $others; do
    cat "$WORK/$script.log"
done | tee "$WORK/all"

passed=$(grep -c '^ok ' "$WORK/all")
failed=$(grep -c '^FAIL ' "$WORK/all")
skipped=$(grep -c '^SKIP ' "$WORK/all")
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
