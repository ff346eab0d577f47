#!/bin/sh
# Every end-to-end test, one script for each property; ends with a count. B: build folder; SHARED:
# where stories260K is; REQUIRE_ALL=1: a missing tool is a failure.
set -u
cd "$(dirname "$0")" || exit 1
export B="$(realpath "${B:-../../build}")"
WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
export WORK

for script in reference routes perplexity deterministic clean api cli; do
    echo "== $script"
    ./$script.sh 2>&1 || echo "FAIL  $script.sh ended with status $?"
done | tee "$WORK/all"

passed=$(grep -c '^ok ' "$WORK/all")
failed=$(grep -c '^FAIL ' "$WORK/all")
skipped=$(grep -c '^SKIP ' "$WORK/all")
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
