#!/bin/sh
# run_board.sh BOARD ELF [PLUGIN.so[,ARGUMENT=VALUE]...]
# Runs a program on a board and returns its exit status; its output is on stdout, the plugin's on
# stderr. After BOARD_TIMEOUT seconds (60) the run is stopped and the status is 124.
set -eu
# shellcheck source=test/emulator/board_lib.sh
. "$(dirname "$0")/board_lib.sh"
if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "usage: run_board.sh BOARD ELF [PLUGIN.so[,ARGUMENT=VALUE]...]" >&2
    exit 2
fi
board=$1 elf=$2 plugin=${3-}
board_check "$board"

# Without a slash both would be searched for in the system's folders.
case $elf in */*) ;; *) elf=./$elf ;; esac
case $plugin in "" | */*) ;; *) plugin=./$plugin ;; esac
run=$(board_get "$board" run)
case "$plugin,$run" in
,*) ;;
*"{plugin}"*) ;;
*)
    echo "run_board.sh: $board: cannot load plugins" >&2
    exit 2
    ;;
esac
# Word by word, so that a path may contain spaces.
set --
for word in $run; do
    case $word in
    "{elf}") set -- "$@" "$elf" ;;
    "{plugin}") [ -z "$plugin" ] || set -- "$@" -plugin "$plugin" ;;
    *) set -- "$@" "$word" ;;
    esac
done
# QEMU's stdio device would swallow the caller's input.
exec timeout "${BOARD_TIMEOUT:-60}" "$@" </dev/null
