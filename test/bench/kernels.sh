#!/bin/sh
# kernels.sh [CORE]...: instructions, loads and stores per multiply-accumulate of every matvec kernel
# on every shape, counted on the emulated boards, each result compared with a scalar reference;
# without arguments on every core that there is a kernel for but rv32imc_zba. Prints "board kernel
# shape planes insn/MAC loads/MAC stores/MAC instructions"; a lm_table_* line counts per column, a
# _pair_ line the products of both inputs. WORK: a folder for what is built. PARTS=1: kernels with
# tables of some columns at a time instead, "KERNEL/COLUMNS", and those with tables of all.
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
        "$here/kernels_naive.c" $warnings -I"$root/runtime_template" ${PARTS:+-DPARTS}
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

# The cores that there are kernels for, by name.
core() {
    case $1 in
    cortex-m0) bench cortex-m0 mps2-an385 "-mcpu=cortex-m0 -mthumb" strict ;;
    cortex-m3) bench cortex-m3 mps2-an385 "" "" ;;
    cortex-m4) bench cortex-m4 mps2-an386 "" "" ;;
    cortex-m7) bench cortex-m7 mps2-an500 "" "" ;;
    cortex-m33) bench cortex-m33 mps2-an505 "" "" ;;
    cortex-m55) bench cortex-m55 mps3-an547 "" "" ;;
    rv32imc) bench rv32imc rv32-virt "" strict ;;
    rv32imc_zba) bench rv32imc_zba rv32-virt "-march=rv32imc_zba -mabi=ilp32" strict ;;
    *)
        echo "kernels.sh: $1: no such core" >&2
        exit 2
        ;;
    esac
}

failed=0
[ $# -gt 0 ] || set -- cortex-m0 cortex-m3 cortex-m4 cortex-m7 cortex-m33 cortex-m55 rv32imc
for name; do
    core "$name"
done
exit $failed
