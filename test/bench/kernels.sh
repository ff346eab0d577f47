#!/bin/sh
# kernels.sh [BOARD [CFLAGS]]...: instructions, loads and stores per multiply-accumulate of every matvec
# kernel on every shape, counted on the emulated boards, each result compared with a scalar
# reference. CFLAGS replace the board's own core flags; without arguments every core that there is a
# kernel for. Prints "board kernel shape planes insn/MAC loads/MAC stores/MAC instructions"; a
# lm_table_* line counts per column. WORK: a folder for what is built.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
emulator=$root/test/emulator
work=${WORK:-$(mktemp -d)}
mkdir -p "$work"
[ -n "${WORK-}" ] || trap 'rm -rf "$work"' EXIT
warnings="-Wall -Wextra -Wconversion -Wshadow -pedantic -Werror"

${CC:-cc} -O2 -shared -fPIC -o "$work/icount.so" "$root/targets/boards/common/icount.c"

# bench LABEL BOARD CFLAGS STRICT
bench() {
    label=$1 board=$2 cflags=$3 plugin=$work/icount.so${4:+,strict-align=on}
    [ -n "$cflags" ] || cflags=$(sed -n 's/^cflags: "\(.*\)"/\1/p' "$root/targets/boards/$board/board.yaml")
    "$emulator/build_board.sh" "$board" "$cflags" "$work/$label.elf" "$here/kernels_main.c" \
        "$here/kernels_naive.c" $warnings -I"$root/runtime_template"
    status=0
    "$emulator/run_board.sh" "$board" "$work/$label.elf" "$plugin" \
        >"$work/$label.out" 2>"$work/$label.counts" || status=$?
    grep -v "^WRONG\|^kernels:" "$work/$label.out" | paste -d ' ' - "$work/$label.counts" |
        awk -v board="$label" 'NF == 9 { printf "%s %s %dx%d %d %.3f %.3f %.3f %d\n", board, $1, $2,
            $3, $4, $7 / $5, $8 / $5, $9 / $5, $7 }' | tee "$work/$label.table"
    grep "^WRONG\|unaligned" "$work/$label.out" "$work/$label.counts" >&2 || true
    if [ $status -ne 0 ]; then
        echo "kernels.sh: $label: status $status" >&2
        failed=1
    fi
}

failed=0
if [ $# -eq 0 ]; then
    bench cortex-m0 mps2-an385 "-mcpu=cortex-m0 -mthumb" strict
    bench cortex-m3 mps2-an385 "" ""
    bench cortex-m4 mps2-an386 "" ""
    bench cortex-m7 mps2-an500 "" ""
    bench cortex-m33 mps2-an505 "" ""
    bench cortex-m55 mps3-an547 "" ""
    bench rv32imc rv32-virt "" strict
    exit $failed
fi
bench "$1" "$1" "${2-}" "${3-}"
exit $failed
