#!/bin/sh
# frontend.sh: a generated front end gives the same frames everywhere, needs nothing but memcpy and
# memset, and has no floating point. Prints the instructions of a frame. B: build folder;
# REQUIRE_ALL=1: a missing tool is a failure.
set -u
# shellcheck source=test/emulator/board_lib.sh
. "$(dirname "$0")/board_lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
lmcc=$(realpath "${B:-$here/../../build}/lmcc")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# verdict LABEL STATUS [FIGURE]
verdict() {
    if [ "$2" -eq 0 ]; then
        echo "$1: ok${3:+, $3}"
        passed=$((passed + 1))
    else
        echo "$1: FAILED"
        head -n 12 "$work/err"
        failed=$((failed + 1))
    fi
}

# plain NM OBJECT: imports and names.
plain() {
    bad=$("$1" -u "$2" | awk '$1 == "U" && $2 !~ /^(memcpy|memset|_GLOBAL_OFFSET_TABLE_)$/ { print $2 }') &&
        [ -z "$bad" ] || { echo "imports: $bad" && return 1; }
    bad=$("$1" -g "$2" | awk 'NF == 3 && $3 !~ /^mic_/ { print $3 }') && [ -z "$bad" ] ||
        { echo "not its names: $bad" && return 1; }
    bad=$("$1" "$2" | awk 'NF == 3 && $2 ~ /^[bBcCdDsS]$/ { print $3 }') && [ -z "$bad" ] ||
        { echo "variable data: $bad" && return 1; }
}

# try LABEL BOARD FLAGS...: the self-test on a board, the objects, the instructions of a frame.
try() {
    label=$1 board=$2
    shift 2
    tool=$(board_get "$board" compiler)
    if ! command -v "$tool" >/dev/null || ! command -v "$(board_get "$board" run | cut -d' ' -f1)" >/dev/null; then
        echo "$label: SKIPPED (needs $(board_get "$board" packages))"
        skipped=$((skipped + 1))
        return
    fi
    plugin=$work/icount.so
    case $label in cortex-m0) plugin=$plugin,strict-align=on ;; esac
    case $board in linux-user | xtensa-sim) plugin= ;; esac
    {
        # shellcheck disable=SC2086
        "$tool" $(board_get "$board" cflags) "$@" -std=c99 -ffreestanding -Wall -Wextra -Wconversion \
            -Wshadow -pedantic -Werror -c -o "$work/mic.o" "$work/mic/mic.c" &&
            plain "${tool%gcc}nm" "$work/mic.o" &&
            "$here/build_board.sh" "$board" "$* -I$work/mic" "$work/prog.elf" "$here/frontend_main.c" \
                "$work/mic/mic.c" &&
            hash=$("$here/run_board.sh" "$board" "$work/prog.elf" ${plugin:+"$plugin"} 2>"$work/counts") &&
            [ "$hash" = "$golden" ]
    } >"$work/err" 2>&1
    verdict "$label" $? "$(sed -n 's/^icount: \([0-9]*\) .*/\1 instructions a frame/p' "$work/counts" 2>/dev/null)"
}

"$lmcc" frontend -q -o "$work/mic" || exit 1
golden=$(sed -n 's/^#define MIC_GOLDEN_HASH 0x\([0-9a-f]*\)U$/\1/p' "$work/mic/mic.c")
${CC:-cc} -O2 -shared -fPIC -w -o "$work/icount.so" "$boards/common/icount.c" || exit 1
for compiler in "gcc -O0" "gcc -O3 -march=native" "clang -O2" "clang -fsanitize=address,undefined"; do
    command -v "${compiler%% *}" >/dev/null || continue
    # shellcheck disable=SC2086
    hash=$($compiler -std=c99 -I"$work/mic" -I"$boards/common" -o "$work/prog" "$here/frontend_main.c" \
        "$work/mic/mic.c" "$boards/common/board_hosted.c" "$boards/common/print.c" 2>"$work/err" &&
        "$work/prog" 2>>"$work/err")
    [ "$hash" = "$golden" ]
    verdict "$compiler" $?
done
try cortex-m0 mps2-an385 -mcpu=cortex-m0 -mthumb -O2
try cortex-m3 mps2-an385 -mcpu=cortex-m3 -mthumb -O2
try cortex-m4f mps2-an386 -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -O2
try cortex-m4f-Os mps2-an386 -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -Os
try cortex-m7 mps2-an500 -mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16 -O2
try cortex-m33 mps2-an505 -mcpu=cortex-m33 -mthumb -O2
try cortex-m55 mps3-an547 -mcpu=cortex-m55 -mthumb -mfloat-abi=hard -O3
try rv32imc rv32-virt -march=rv32imc -mabi=ilp32 -O2
try xtensa-lx106 xtensa-sim -ffreestanding -mlongcalls -O2
try big-endian linux-user -O2
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && { [ -z "${REQUIRE_ALL:-}" ] || [ $skipped -eq 0 ]; }
