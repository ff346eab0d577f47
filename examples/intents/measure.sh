#!/bin/sh
# measure.sh TARGET [OPTIONS of lmcc compile]: compiles the model for a target, runs accuracy.c on the target's
# emulated board over SENTENCES (400) held-out ones, and prints accuracy, instructions a sentence and bytes, for each of
# some thresholds of its exits (in units of 2^-15; 40000: every layer is run).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
lmcc=${LMCC:-$root/build/lmcc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
target=$1 n=${SENTENCES:-400}
shift
case $target in
rp2040) board=mps2-an385 flags="-mcpu=cortex-m0 -mthumb" ;;
nrf52840) board=mps2-an386 flags="-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16" ;;
stm32h743) board=mps2-an500 flags="-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16" ;;
*) echo "measure.sh: $target: rp2040, nrf52840 or stm32h743" >&2 && exit 2 ;;
esac
"$lmcc" compile -q "${MODEL:-$here/model}" -t "$target" --recipe "$here/recipe.yaml" --calib "${CALIB:-$here/calib.txt}" -o "$work/out" "$@"
${PYTHON:-python3} -B "$here/held_out.py" "$n" >"$work/held_out.h"
${CC:-cc} -O2 -shared -fPIC -w -o "$work/icount.so" "$root/targets/boards/common/icount.c"
"$root/test/emulator/build_board.sh" "$board" "$flags -I$work/out -I$work" "$work/prog.elf" \
    "$here/accuracy.c" "$work/out/intents.c" "$work"/out/intents_weights.[cS] "$work/out/intents_tokenizer.c"
echo "$target $*"
BOARD_TIMEOUT=3000 "$root/test/emulator/run_board.sh" "$board" "$work/prog.elf" "$work/icount.so" 2>"$work/counts" >"$work/printed"
sed -n "s/^icount: \([0-9]*\) .*/\1 $n/p" "$work/counts" | awk '{ printf ", instructions a sentence %.0f\n", $1 / $2 }' |
    paste -d '\0' "$work/printed" -
arm-none-eabi-size -A "$work/prog.elf" | awk '/^\.(text|rodata|data|ARM)/ { flash += $2 } END { print "flash, all of the program: " flash }'
sed -n 's/^#define INTENTS_WEIGHT_BYTES \([0-9]*\).*/of it weights and tables: \1/p; s/^#define INTENTS_MEMORY_BYTES \([0-9]*\).*/RAM, state: \1/p' \
    "$work/out/intents.h"
