#!/bin/sh
# measure.sh TARGET WORDS.npz [OPTIONS of lmcc compile]: compiles the model for a target, runs accuracy.c on the
# target's emulated board over CLIPS clips (60 at the default) of a SET of voices (held, or accent), and prints
# accuracy, bytes and the instructions of the first clip. SECONDS_HEARD=N: also what the same code hears in a
# recording of so many seconds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
lmcc=${LMCC:-$root/build/lmcc} python=${PYTHON:-python3} clips=${CLIPS:-60} set=${SET:-held} seconds=${SECONDS_HEARD:-0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
target=$1 words=$2
shift 2
case $target in
rp2040) board=mps2-an385 flags="-mcpu=cortex-m0 -mthumb" ;;
nrf52840) board=mps2-an386 flags="-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16" ;;
stm32h743) board=mps2-an500 flags="-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16" ;;
*) echo "measure.sh: $target: rp2040, nrf52840 or stm32h743" >&2 && exit 2 ;;
esac
"$lmcc" compile -q "${MODEL:-$here/model}" -t "$target" --recipe "$here/recipe.yaml" --calib "$here/calib.tsv" \
    -o "$work/keywords" "$@"
"$lmcc" frontend -q -o "$work/mic" --name mic --bands 40 --window-ms 30 --hop-ms 20
export LMCC="$lmcc"
"$python" -B "$here/clips.py" header "$words" "$set" "$clips" >"$work/clips.h"
sources="$work/keywords/keywords.c $work/keywords/keywords_selftest.c $(ls "$work"/keywords/keywords_weights.[cS])"
echo "$target, $set: $*"
# shellcheck disable=SC2086
{
    ${CC:-cc} -O2 -shared -fPIC -w -o "$work/icount.so" "$root/targets/boards/common/icount.c"
    "$root/test/emulator/build_board.sh" "$board" "$flags -I$work/keywords -I$work" "$work/prog.elf" \
        "$here/accuracy.c" $sources
}
BOARD_TIMEOUT=600 "$root/test/emulator/run_board.sh" "$board" "$work/prog.elf" "$work/icount.so" 2>"$work/counts"
sed -n 's/^icount: \([0-9]*\) .*/instructions of a clip: \1/p' "$work/counts"
sed -n 's/^#define KEYWORDS_WEIGHT_BYTES \([0-9]*\).*/flash, weights and tables: \1/p; s/^#define KEYWORDS_MEMORY_BYTES \([0-9]*\).*/RAM, state: \1/p' \
    "$work/keywords/keywords.h"
arm-none-eabi-size -A "$work/prog.elf" | awk -v clips="$clips" '/^\.(text|rodata|data|ARM)/ { flash += $2 }
    END { print "flash, all of the program but the clips: " flash - clips * 1921 }'
[ "$seconds" -gt 0 ] || exit 0
"$python" -B "$here/clips.py" recording "$seconds" "$work/long.wav" >"$work/said"
"$lmcc" compile -q "${MODEL:-$here/model}" --recipe "$here/recipe.yaml" --calib "$here/calib.tsv" \
    -o "$work/host" "$@"
${CC:-cc} -std=c99 -O2 -I"$work/host" -I"$work/mic" -o "$work/demo" "$here/main.c" "$here/listen.c" \
    "$work/mic/mic.c" "$work/host/keywords.c" "$work"/host/keywords_weights.[cS]
"$work/demo" "$work/long.wav" >"$work/heard"
"$python" -B "$here/clips.py" score "$work/said" "$work/heard" "$seconds"
