#!/bin/sh
# lmcc frontend: generated front ends against numpy's FFT in float64, for several shapes, under the
# sanitizer; shapes that cannot be; the same bytes twice.
. "$(dirname "$0")/lib.sh"

# against NAME OPTIONS...: as `lmcc frontend` takes them.
against() {
    label=$1
    shift
    if ! "$lmcc" frontend -q -o "$work/$label" "$@" ||
        ! ${CC:-cc} -O2 -fsanitize=undefined -fno-sanitize-recover=all -shared -fPIC -Wall -Wextra \
            -Wconversion -Wshadow -pedantic -Werror -std=c99 -o "$work/$label.so" "$work/$label/mic.c"; then
        fail "frontend $label: does not compile"
        return
    fi
    check "frontend $label: within its bounds of float64" \
        "$PYTHON" -B "$root/test/oracle/frontend.py" "$work/$label.so" "$@"
}

refused() { # WHAT OPTIONS...
    what=$1
    shift
    if "$lmcc" frontend -o "$work/refused" "$@" 2>"$work/err"; then
        fail "frontend $*: accepted"
    elif grep -q "^lmcc: frontend: $what: " "$work/err" && [ ! -d "$work/refused" ]; then
        ok "frontend $*: refused"
    else
        fail "frontend $*: $(cat "$work/err")"
    fi
}

if have_numpy; then
    against default
    against fine --rate 8000 --window-ms 25 --hop-ms 10 --bands 20 --high-hz 3800
    against wide --rate 48000 --window-ms 20 --hop-ms 7 --bands 24 --high-hz 12000
    against gaps --window-ms 64 --hop-ms 70 --bands 64 --low-hz 100
    against odd --rate 11025 --window-ms 25 --bands 32 --high-hz 5000
else
    skip "frontend: no numpy"
fi
refused bands --bands 100 --rate 8000 --window-ms 10 --high-hz 3900
refused bands --bands 0
refused bands --bands 1 --window-ms 60
refused window-ms --rate 48000 --window-ms 30 --high-hz 8000
refused high-hz --high-hz 9000
refused low-hz --low-hz 7
refused rate --rate 4000000000
"$lmcc" frontend -q -o "$work/first" --name ear
"$lmcc" frontend -q -o "$work/second" --name ear
check "frontend: the same files twice" diff -r "$work/first" "$work/second"
finish
