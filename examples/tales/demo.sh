#!/bin/sh
# demo.sh LMCC OUT: compiles the model for this machine and for a Cortex-M7, builds both, runs both
# (the M7 in QEMU) and compares what they write.
set -eu
here=$(dirname "$0")
root=$here/../..
lmcc=$1 out=$2
mkdir -p "$out"

build() { # BOARD FLAGS DIR ELF
    set -- "$1" "$2 -I$3" "$4" "$here/main.c" "$3/tales.c" "$3"/tales_[wts]*.[cS]
    "$root/test/emulator/build_board.sh" "$@"
}

echo "== Compiling examples/tales for this machine and for an STM32H743 (Cortex-M7)"
"$lmcc" compile "$here/model" --recipe "$here/recipe.yaml" -t host -o "$out/host"
"$lmcc" compile "$here/model" --recipe "$here/recipe.yaml" -t stm32h743 -o "$out/m7"
build host "-O2" "$out/host" "$out/tales-host"
build mps2-an500 "-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16 -O2" "$out/m7" \
    "$out/tales-m7.elf"
"$root/test/emulator/run_board.sh" host "$out/tales-host" >"$out/host.txt"
"$root/test/emulator/run_board.sh" mps2-an500 "$out/tales-m7.elf" >"$out/m7.txt"

printf '\n== What both wrote\n'
cat "$out/host.txt"
if ! cmp "$out/host.txt" "$out/m7.txt"; then
    echo "demo: the Cortex-M7 wrote something else" >&2
    exit 1
fi
echo "(this machine and the emulated Cortex-M7: the same $(wc -c <"$out/m7.txt") bytes)"

printf '\n== On the Cortex-M7\n'
"$lmcc" bench "$out/m7"
