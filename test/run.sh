#!/bin/sh
# Runs every suite and ends with a count. B: build folder; PYTHON: the interpreter with numpy;
# REQUIRE_ALL=1: a skipped suite or platform is a failure. A suite skips with status 77.
set -u
export LMCC_CACHE= # no cache
cd "$(dirname "$0")/.."
B=$(realpath -m "${B:-build}") PYTHON=${PYTHON:-/usr/bin/python3} REQUIRE_ALL=${REQUIRE_ALL:-}
export B PYTHON REQUIRE_ALL
export OMP_WAIT_POLICY=passive # suites run beside one another: waiting threads must not take a core
log=$B/test-log
passed=0 failed=0 skipped=0
mkdir -p "$log"

# suite NAME COMMAND...: quiet when it passes, but for its last lines; in full when it fails.
suite() {
    name=$1
    shift
    "$@" >"$log/$name.txt" 2>&1
    case $? in
    0) passed=$((passed + 1)) verdict=ok ;;
    77) skipped=$((skipped + 1)) verdict=SKIPPED ;;
    *) failed=$((failed + 1)) verdict=FAILED ;;
    esac
    if [ $verdict = FAILED ]; then
        cat "$log/$name.txt"
    else
        grep -E '^\[  (PASSED|SKIPPED)|SKIPPED|passed, ' "$log/$name.txt"
    fi
    echo "$verdict: $name"
}

# Unit tests: one line of cmocka's for each.
make -s --no-print-directory "B=$B" units || exit 1
for t in "$B"/unit/test_*; do
    case $t in *.d) continue ;; esac
    suite "$(basename "$t")" "$t"
done
suite golden test/golden/run.sh
suite oracle test/oracle/run.sh
suite end-to-end test/e2e/run.sh
suite mutations test/fuzz/run.sh
if [ -n "$REQUIRE_ALL" ]; then
    suite libfuzzer env SECONDS_EACH=5 test/fuzz/libfuzzer/run.sh # a minute for all readers
else
    suite libfuzzer env RUNS=4000 test/fuzz/libfuzzer/run.sh
fi
suite boards test/emulator/check_boards.sh
suite bit-exact test/emulator/bitexact.sh
suite firmware test/emulator/firmware.sh
suite loops test/emulator/loops.sh
suite frontend test/emulator/frontend.sh
suite tokenizers test/emulator/tokenizers.sh
suite objects test/emulator/objects.sh
suite misra test/misra.sh
if [ -n "$REQUIRE_ALL" ]; then
    suite sanitizers test/sanitize.sh
    suite benchmark "$PYTHON" -B test/bench/bench.py --check
else
    suite benchmark "$PYTHON" -B test/bench/bench.py --check --quick
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && { [ -z "$REQUIRE_ALL" ] || [ $skipped -eq 0 ]; }
