#!/bin/sh
# A head that keeps the largest logits only: the same tokens as with all of them, from C under
# sanitizers; what lmcc verify and lmcc eval make of such code.
. "$(dirname "$0")/lib.sh"

cc=${CC:-cc}
strict="-Wall -Wextra -Wconversion -Wshadow -pedantic -Werror"
sanitized="-O2 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
sources() { ls "$work/$1/$1.c" "$work/$1/$1"_[wts]*.[cS]; }

# pair WHAT OPTIONS...: both heads.
pair() {
    kind=$1
    shift
    rm -rf "$work/full" "$work/best"
    compile "$tales/model" "$work/full" --name full "$@" || fail "$kind: full: does not compile"
    compile "$tales/model" "$work/best" --name best --head-top 40 "$@" ||
        fail "$kind: best: does not compile"
    # shellcheck disable=SC2046,SC2086
    check "$kind: both build" $cc -std=c99 $strict $sanitized -I"$work/full" -I"$work/best" \
        -o "$work/top" "$here/top.c" $(sources full) $(sources best) &&
        check "$kind: the same largest logits, draws and text" "$work/top"
    check "$kind: lmcc verify" "$lmcc" verify "$work/best"
}
pair "3 bits" --bits 3 --window 60 --tables nibble
pair "6 bits, a row a block, for Cortex-M55" --bits 6 --window 60 --sinks 2 -t corstone300
pair "ternary" --bits 1.6 --window 60
pair "int8" --bits 8 --window 60

"$lmcc" compile -q "$tales/model" -o "$work/manifest" --recipe "$work/best/best.json"
check "the manifest compiles to the same" diff -r "$work/best" "$work/manifest"

# The figures are those of the program, whatever it keeps.
head -c 3000 "$tales/README.md" >"$work/text"
for n in 0 7; do
    "$lmcc" eval "$tales/model" "$work/text" --bits 4 --window 64 --head-top $n >"$work/eval-$n" ||
        fail "lmcc eval, --head-top $n"
done
check "lmcc eval MODEL: the same figures" cmp "$work/eval-0" "$work/eval-7"
if "$lmcc" eval "$work/best" "$work/text" >"$work/refusal" 2>&1; then
    fail "lmcc eval DIR: takes code that has no logits"
else
    check "lmcc eval DIR says why not" grep -q 'head.top: 40: perplexity needs all logits' "$work/refusal"
fi
finish
