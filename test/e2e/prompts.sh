#!/bin/sh
# Prompts that are compiled in: a hit gives the same bytes as reading them, with and without the
# pairs of tokens and sinks; what they cost is counted; what does not fit is refused.
. "$(dirname "$0")/lib.sh"

cc=${CC:-cc}
strict="-Wall -Wextra -Wconversion -Wshadow -pedantic -Werror"
sanitized="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
cat >"$work/common.yaml" <<'END'
prompts: ["The old king looked at the river and said", "Dorothy", "The old king looked"]
END
sources() { for part in "" _weights _tokenizer _selftest; do echo "$work/$1/$1$part.c"; done; }
probe="int reads[2]; static inline void probe(int i, int layer) { reads[i] += layer < 0; }"

# pair WHAT OPTIONS...: the model with and without the table.
pair() {
    kind=$1
    shift
    rm -rf "$work/plain" "$work/known"
    compile "$tales/model" "$work/plain" --name plain "$@" || fail "$kind: plain: does not compile"
    compile "$tales/model" "$work/known" --name known --recipe "$work/common.yaml" "$@" ||
        fail "$kind: known: does not compile"
    echo "extern $probe" >"$work/probe.h"
    # shellcheck disable=SC2046,SC2086
    check "$kind: both build" $cc -std=c99 $strict $sanitized -include "$work/probe.h" \
        '-DPLAIN_PROBE(l,x,n)=probe(0,(l))' '-DKNOWN_PROBE(l,x,n)=probe(1,(l))' \
        -I"$work/plain" -I"$work/known" -o "$work/prompts" "$here/prompts.c" $(sources plain) $(sources known) &&
        check "$kind: the same logits and text, fewer tokens read" "$work/prompts"
}
pair "4 bits" --bits 4 --window 48
pair "3 bits, sinks, one token at a time" --bits 3 --window 40 --sinks 3 --batch 1
pair "for Cortex-M55" --bits 4 --window 48 -t corstone300
check "lmcc verify" "$lmcc" verify "$work/known"
check "what they cost is in the manifest" grep -q '"prompts": {"flash": [0-9]*, "tokens"' "$work/known/known.json"
"$lmcc" compile -q "$tales/model" -o "$work/manifest" --recipe "$work/known/known.json" -t corstone300
check "the manifest compiles to the same" diff -r "$work/known" "$work/manifest"

refuse() {
    message=$1
    shift
    if compile "$tales/model" "$work/refused" "$@" 2>"$work/said"; then
        fail "compiles: $*"
    else
        check "refused: $message" grep -q "$message" "$work/said"
    fi
}
refuse "tokens: from 2 to the window's 4" --window 4 --recipe "$work/common.yaml"
number() { sed -n "s/.*\"$1\": {*\"*[a-z]*\"*:* *\([0-9]*\).*/\1/p" "$work/known/known.json" | head -n 1; }
limit=$(($(number sizes) + $(number prompts) + 16383))
refuse "bytes for 3 prompts" --bits 4 --window 48 -t corstone300 --flash $limit --recipe "$work/common.yaml"
finish
