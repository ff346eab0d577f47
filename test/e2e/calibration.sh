#!/bin/sh
# A text to calibrate on that does not suit the model is said to; one that does is taken in silence.
. "$(dirname "$0")/lib.sh"

# warned TEXT WHAT: that compiling with it warns of this.
warned() {
    "$lmcc" compile -o "$work/out" --set quantize.method=weights --calib "$1" "$tales/model" >/dev/null 2>"$work/said"
    grep "^lmcc: warning: $1" "$work/said" | grep -q "$2"
}
silent() { ! warned "$1" .; }

compile "$tales/model" "$work/tales" --name tales &&
    "$lmcc" run -q -n 200 "$work/tales" "Once upon a time" >"$work/own" || fail "tales: does not run"
for i in 1 2 3 4 5 6 7 8; do cat "$work/own"; done >"$work/like.txt"
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "%c%s", 33 + i * 7919 % 90, i % 9 ? "" : "\n" }' >"$work/noise.txt"
echo "Once upon a time" >"$work/short.txt"
check "what the model writes is taken in silence" silent "$work/like.txt"
check "noise is not what it expects" warned "$work/noise.txt" "does not expect such a text"
check "one line shows too little" warned "$work/short.txt" "tokens, but tensor layers"

finish
