#!/bin/sh
# loops.sh: the steps and loops that have variants for a core (lm_core.h, lm_loops.h,
# lm_attention_loops.h, lm_heads.h, lm_static_loops.h) against the portable ones, on the
# boards of these cores. REQUIRE_ALL=1: a missing tool is a failure.
set -u
export LMCC_CACHE= # no cache
# shellcheck source=test/emulator/board_lib.sh
. "$(dirname "$0")/board_lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
runtime=$(cd "$here/../../runtime_template" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# try BOARD CORE LOOPS ATTENTION HEADS STATIC FLAGS...
try() {
    board=$1 core=$2 loops=$3 attention=$4 heads=$5 static=$6
    shift 6
    label="$board $core $loops $attention $heads $static $*"
    tool=$(board_get "$board" compiler)
    emulator=$(board_get "$board" run | cut -d' ' -f1)
    if ! command -v "$tool" >/dev/null || ! command -v "$emulator" >/dev/null; then
        echo "$label: SKIPPED (needs $(board_get "$board" packages))"
        skipped=$((skipped + 1))
        return
    fi
    cflags=$(board_get "$board" cflags)
    include="-I$runtime -I$here -Wall -Wextra -Wconversion -Wshadow"
    # shellcheck disable=SC2086
    if "$tool" $cflags -std=c99 "$@" $include -DPREFIX=portable_ '-DCORE="lm_core.h"' \
        '-DLOOPS="lm_loops.h"' '-DATTENTION="lm_attention_loops.h"' '-DHEADS="lm_heads.h"' \
        '-DSTATIC="lm_static_loops.h"' -c -o "$work/portable.o" "$here/loops.c" &&
        "$tool" $cflags -std=c99 "$@" $include -DPREFIX=variant_ "-DCORE=\"$core\"" \
            "-DLOOPS=\"$loops\"" "-DATTENTION=\"$attention\"" "-DHEADS=\"$heads\"" "-DSTATIC=\"$static\"" -c -o "$work/variant.o" "$here/loops.c" &&
        "$here/build_board.sh" "$board" "$cflags $* $include" "$work/loops.elf" \
            "$here/loops_main.c" "$work/portable.o" "$work/variant.o" &&
        [ "$("$here/run_board.sh" "$board" "$work/loops.elf")" = equal ]; then
        echo "$label: ok"
        passed=$((passed + 1))
    else
        echo "$label: FAILED"
        failed=$((failed + 1))
    fi
}

for level in -O0 -O2 -Os; do
    try mps2-an385 lm_core.h arm/lm_loops_thumb1.h arm/lm_attention_loops_thumb1.h arm/lm_heads_thumb1.h lm_static_loops.h -mcpu=cortex-m0 $level
    try mps2-an385 arm/lm_core_thumb2.h lm_loops.h lm_attention_loops.h lm_heads.h lm_static_loops.h $level
    try mps2-an386 arm/lm_core_thumb2.h arm/lm_loops_dsp.h arm/lm_attention_loops_dsp.h lm_heads.h \
        arm/lm_static_loops_dsp.h $level
    try mps2-an500 arm/lm_core_thumb2.h arm/lm_loops_dsp.h arm/lm_attention_loops_dsp.h lm_heads.h \
        arm/lm_static_loops_dsp.h $level
    try mps3-an547 arm/lm_core_thumb2.h lm_loops.h arm/lm_attention_loops_mve.h lm_heads.h lm_static_loops.h $level
    try rv32-virt riscv/lm_core_rv32.h lm_loops.h riscv/lm_attention_loops_rv32.h lm_heads.h lm_static_loops.h -ffreestanding $level
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && { [ -z "${REQUIRE_ALL:-}" ] || [ $skipped -eq 0 ]; }
