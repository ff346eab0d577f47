#!/bin/sh
# Unit tests and mutations once more, built with the address and undefined-behaviour sanitizers.
set -u
cd "$(dirname "$0")/.."
out=${B:-build}/sanitized
build() {
    # -w: sanitizers make GCC warn about what it no longer sees through.
    make -s --no-print-directory -j2 "B=$out" WARN=-w \
        OPT="-O1 -fsanitize=address,undefined -fno-sanitize-recover=all" "$@"
}
build units all || exit 1
passed=0 failed=0
for t in "$out"/unit/test_*; do
    case $t in *.d) continue ;; esac
    if "$t" >"$out/log.txt" 2>&1; then
        passed=$((passed + 1))
    else
        cat "$out/log.txt"
        echo "FAILED: $t"
        failed=$((failed + 1))
    fi
done
if CFLAGS="-w -fsanitize=address,undefined -fno-sanitize-recover=all" B=$out N=${N:-600} \
    SEED=100000 test/fuzz/run.sh; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
