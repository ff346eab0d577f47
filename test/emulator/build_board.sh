#!/bin/sh
# build_board.sh BOARD CFLAGS OUT.elf SOURCE...
# Compiles and links sources for a board with its start-up files. CFLAGS selects the core and adds
# include paths and the like; when empty, the board's own flags select the core.
set -eu
# shellcheck source=test/emulator/board_lib.sh
. "$(dirname "$0")/board_lib.sh"
if [ $# -lt 4 ]; then
    echo "usage: build_board.sh BOARD CFLAGS OUT.elf SOURCE..." >&2
    exit 2
fi
board=$1 cflags=$2 out=$3
shift 3
board_check "$board"

[ -n "$cflags" ] || cflags=$(board_get "$board" cflags)
script=$(board_get "$board" linker)
for source in $(board_get "$board" sources); do
    set -- "$@" "$boards/$source"
done
if [ -n "$script" ]; then
    # -L: board.ld includes common/sections.ld. No libc, so no hosted assumptions either.
    set -- -ffreestanding "-L$boards" "-T$boards/$script" "$@"
fi
# shellcheck disable=SC2046,SC2086
exec $(board_get "$board" compiler) -std=c11 -O2 -ffunction-sections -fdata-sections \
    "-I$boards/common" $cflags $(board_get "$board" link_flags) -o "$out" "$@" \
    $(board_get "$board" libs)
