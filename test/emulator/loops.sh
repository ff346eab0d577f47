#!/bin/sh
# loops.sh: the steps and loops that have variants for a core against the portable ones, on the
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

# The portable files, in the order in which they need one another.
files="lm_port.h lm_mul.h lm_add_sat.h lm_core.h lm_division.h lm_fixed.h lm_tables.h lm_functions.h
    lm_quantizer.h lm_factor.h lm_loops.h lm_raise.h lm_turn_left.h lm_turn.h lm_scores.h
    lm_numerator.h lm_softmax.h lm_mix.h lm_softmax_mix.h lm_static_loops.h lm_heads.h"

# What the emitter takes on a core in the places of portable files.
variants_of() {
    case $1 in
    thumb1) echo arm/lm_loops_thumb1.h arm/lm_raise_thumb1.h arm/lm_turn_thumb1.h \
        arm/lm_softmax_thumb1.h arm/lm_mix_thumb1.h arm/lm_softmax_mix_thumb1.h \
        arm/lm_heads_thumb1.h ;;
    thumb2) echo arm/lm_mul_thumb2.h arm/lm_core_thumb2.h lm_division_instruction.h ;;
    dsp) echo arm/lm_mul_dsp.h arm/lm_add_sat_dsp.h arm/lm_core_thumb2.h \
        lm_division_instruction.h arm/lm_loops_dsp.h arm/lm_turn_dsp.h arm/lm_scores_dsp.h \
        arm/lm_softmax_dsp.h arm/lm_mix_dsp.h arm/lm_static_loops_dsp.h ;;
    mve) echo arm/lm_mul_dsp.h arm/lm_add_sat_dsp.h arm/lm_core_thumb2.h \
        lm_division_instruction.h arm/lm_scores_mve.h arm/lm_numerator_mve.h \
        arm/lm_softmax_mve.h arm/lm_mix_mve.h ;;
    rv32) echo riscv/lm_mul_rv32.h lm_division_instruction.h riscv/lm_scores_rv32.h \
        riscv/lm_mix_rv32.h ;;
    esac
}

# includes VARIANTS...: these files as C, each variant in the place of the one that it is named
# after: arm/lm_mix_dsp.h of lm_mix.h. Fails where there is no such.
includes() {
    left=$#
    for file in $files; do
        for variant in "$@"; do
            name=${variant##*/}
            if [ "${name%_*}.h" = "$file" ]; then
                file=$variant
                left=$((left - 1))
                break
            fi
        done
        echo "#include \"$file\""
    done
    [ $left -eq 0 ]
}

# try BOARD CORE FLAGS...
try() {
    board=$1 core=$2
    shift 2
    variants=$(variants_of "$core")
    label="$board $core $*"
    tool=$(board_get "$board" compiler)
    emulator=$(board_get "$board" run | cut -d' ' -f1)
    if ! command -v "$tool" >/dev/null || ! command -v "$emulator" >/dev/null; then
        echo "$label: SKIPPED (needs $(board_get "$board" packages))"
        skipped=$((skipped + 1))
        return
    fi
    cflags=$(board_get "$board" cflags)
    include="-I$runtime -I$here -I$work -Wall -Wextra -Wconversion -Wshadow"
    # shellcheck disable=SC2086
    if includes >"$work/portable.h" && includes $variants >"$work/variant.h" &&
        "$tool" $cflags -std=c99 "$@" $include -DPREFIX=portable_ '-DFILES="portable.h"' \
            -c -o "$work/portable.o" "$here/loops.c" &&
        "$tool" $cflags -std=c99 "$@" $include -DPREFIX=variant_ '-DFILES="variant.h"' \
            -c -o "$work/variant.o" "$here/loops.c" &&
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
    try mps2-an385 thumb1 -mcpu=cortex-m0 $level
    try mps2-an385 thumb2 $level
    try mps2-an386 dsp $level
    try mps2-an500 dsp $level
    try mps3-an547 mve $level
    try rv32-virt rv32 -ffreestanding $level
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && { [ -z "${REQUIRE_ALL:-}" ] || [ $skipped -eq 0 ]; }
