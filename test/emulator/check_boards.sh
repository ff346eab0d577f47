#!/bin/sh
# check_boards.sh [BOARD...]: the self-check of every board whose toolchain is installed, or of those
# named: hello.c passes and the plugin counts it exactly, fault.c is caught. Prints a line per board;
# fails if a board fails.
set -eu
# shellcheck source=test/emulator/board_lib.sh
. "$(dirname "$0")/board_lib.sh"
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# check_counts: what the plugin printed is what hello.c expects, and the profile adds up to it.
check_counts() {
    expected=$(sed -n 's/^expect //p' "$work/out")
    counted=$(cat "$work/err")
    profiled=$(awk '{ n += $2 } END { print n }' "$work/profile")
    if [ "$counted" != "$expected" ]; then
        echo "expected \"$expected\", counted \"$counted\""
        return 1
    fi
    case $expected in
    "icount: $profiled "*) ;;
    *)
        echo "expected \"$expected\", the profile adds up to $profiled"
        return 1
        ;;
    esac
}

# expect_status STATUS COMMAND...: its output goes to $work/out and $work/err.
expect_status() {
    wanted=$1
    shift
    status=0
    "$@" >"$work/out" 2>"$work/err" || status=$?
    if [ "$status" -ne "$wanted" ]; then
        echo "status $status instead of $wanted: $*"
        cat "$work/out" "$work/err"
        return 1
    fi
}

# check_board BOARD CFLAGS: prints what is wrong, nothing when all is well. "|| return" throughout,
# because a caller's condition switches set -e off.
check_board() {
    board=$1 cflags=$2 plugin=
    case $board in
    microbit) small=-DSMALL ;;
    *) small= ;;
    esac
    expect_status 0 "$here/build_board.sh" "$board" "$cflags" "$work/hello.elf" "$here/hello.c" \
        -Wall -Wextra -Wconversion -Wshadow -pedantic -Werror ${small:+"$small"} || return 1
    case $(board_get "$board" run) in
    *"{plugin}"*) plugin=$work/icount.so,pcprof=$work/profile ;;
    esac
    BOARD_TIMEOUT=10 expect_status 42 "$here/run_board.sh" "$board" "$work/hello.elf" \
        ${plugin:+"$plugin"} || return 1
    grep -q '^hello: ok$' "$work/out" || { echo "no \"hello: ok\"" && return 1; }
    [ -z "$plugin" ] || check_counts || return 1
    [ -n "$(board_get "$board" linker)" ] || return 0 # an operating system's own faults
    expect_status 0 "$here/build_board.sh" "$board" "$cflags" "$work/fault.elf" "$here/fault.c" ||
        return 1
    BOARD_TIMEOUT=10 expect_status 99 "$here/run_board.sh" "$board" "$work/fault.elf" || return 1
    grep -q '^FAULT$' "$work/out" || { echo "no \"FAULT\"" && return 1; }
}

# The Cortex-M3 allows an unaligned access; the plugin's strict-align=on must not.
check_strict_align() {
    board=mps2-an385
    expect_status 0 "$here/build_board.sh" "$board" "" "$work/odd.elf" "$here/fault.c" -DUNALIGNED ||
        return 1
    expect_status 0 "$here/run_board.sh" "$board" "$work/odd.elf" "$work/icount.so" || return 1
    expect_status 99 "$here/run_board.sh" "$board" "$work/odd.elf" \
        "$work/icount.so,strict-align=on" || return 1
    grep -q 'unaligned access of 4 bytes' "$work/err"
}

# report LABEL BOARD COMMAND...: runs the check if the board's tools are there.
report() {
    label=$1 needs=$2
    shift 2
    emulator=$(board_get "$needs" run)
    emulator=${emulator%% *}
    [ "$emulator" != "{elf}" ] || emulator=true
    if ! command -v "$(board_get "$needs" compiler)" >/dev/null || ! command -v "$emulator" >/dev/null
    then
        echo "board $label: SKIPPED (missing one of: $(board_get "$needs" packages))"
    elif message=$("$@"); then
        echo "board $label: ok"
    else
        echo "board $label: FAILED: $message"
        failed=1
    fi
}

${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wconversion -Wshadow -pedantic -Werror \
    -shared -fPIC -o "$work/icount.so" "$boards/common/icount.c"
if [ $# -eq 0 ]; then
    for file in "$boards"/*/board.yaml; do
        set -- "$@" "$(basename "$(dirname "$file")")"
    done
    report "mps2-an385 (Cortex-M0 image)" mps2-an385 check_board mps2-an385 "-mcpu=cortex-m0 -mthumb"
    report "mps2-an385 (strict alignment)" mps2-an385 check_strict_align
    report "xtensa-sim (literals in .text)" xtensa-sim \
        check_board xtensa-sim "-mlongcalls -mtext-section-literals"
fi
for name in "$@"; do
    board_check "$name"
    report "$name" "$name" check_board "$name" ""
done
exit $failed
