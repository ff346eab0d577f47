#!/bin/sh
# The generated interface under the sanitizers: errors, sampling, text, prefill, damaged weights.
. "$(dirname "$0")/lib.sh"
"$lmcc" compile "$tales" --recipe "$root/examples/tales/recipe.yaml" --window 40 --sinks 4 -q -o "$work/t" || exit 1
parts="$work/t/tales.c $work/t/tales_tokenizer.c $work/t/tales_selftest.c"
build() { # OUT WEIGHTS.c
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c99 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I"$work/t" -o "$1" \
        "$here/api_main.c" $parts "$2"
}
build "$work/api" "$work/t/tales_weights.c" || exit 1
check "the interface, 5 windows of steps included" "$work/api"
awk '!done && /^    [0-9]/ { sub(/[0-9]+U/, ($1 + 1) % 256 "U"); done = 1 } { print }' \
    "$work/t/tales_weights.c" >"$work/damaged.c"
cmp -s "$work/damaged.c" "$work/t/tales_weights.c" && exit 1
build "$work/broken" "$work/damaged.c" || exit 1
check "one changed weight is noticed by init" "$work/broken" damaged
cp -r "$work/t" "$work/edited" && cp "$work/damaged.c" "$work/edited/tales_weights.c"
refused() { ! "$lmcc" verify "$work/edited"; }
check "and by lmcc verify" refused
check "lmcc verify" "$lmcc" verify "$work/t"
exit $failed
