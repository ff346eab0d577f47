#!/bin/sh
# The generated interface from a C program, under sanitizers; and damaged weights, which init refuses.
. "$(dirname "$0")/lib.sh"

cc=${CC:-cc}
build() { # DIR OUT FLAGS
    $cc -std=c99 -Wall -Wextra $3 -I"$1" -o "$2" "$here/api.c" "$1/tales.c" "$1/tales_weights.c" \
        "$1/tales_tokenizer.c" "$1/tales_selftest.c" -lm
}
sanitized="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"

compile "$tales/model" "$work/tales" --name tales --bits 4 --window 40 --sinks 2 ||
    fail "tales: does not compile"
check "tales and api.c build" build "$work/tales" "$work/api" "$sanitized" && {
    "$work/api" >"$work/out" 2>&1 || fail "api.c: exit status not 0"
    cat "$work/out"
    failures=$((failures + $(grep -c '^FAIL' "$work/out")))
}

# damage FILE: a copy of the folder with one digit of the first array in FILE changed.
damage() {
    rm -rf "$work/damaged"
    cp -r "$work/tales" "$work/damaged"
    awk '!done && /^ *[0-9][0-9]*U?,/ {
             d = substr($0, match($0, /[0-9]/), 1)
             sub(/[0-9]/, d == 1 ? 2 : 1)
             done = 1
         } { print }' "$work/tales/$1" >"$work/damaged/$1"
    cmp -s "$work/tales/$1" "$work/damaged/$1" && return 1
    build "$work/damaged" "$work/api-damaged" -O0 && "$work/api-damaged" damaged
}
check "one damaged weight: init refuses" damage tales_weights.c
check "one damaged tokenizer entry: init refuses" damage tales_tokenizer.c
if "$lmcc" verify "$work/damaged" >"$work/verify" 2>&1; then
    fail "lmcc verify passes a damaged folder"
else
    ok "lmcc verify refuses it too"
fi
finish
