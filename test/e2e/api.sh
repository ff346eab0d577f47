#!/bin/sh
# The generated interface from a C program, under sanitizers; damaged weights, which init refuses;
# damaged manifests, which are not believed.
. "$(dirname "$0")/lib.sh"

cc=${CC:-cc}
build() { # DIR OUT FLAGS
    $cc -std=c99 -Wall -Wextra $3 -I"$1" -o "$2" "$here/api.c" "$1/tales.c" "$1/tales_weights.c" \
        "$1/tales_tokenizer.c" "$1/tales_selftest.c" -lm
}
sanitized="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"

compile "$tales/model" "$work/tales" --name tales --bits 4 --window 40 --sinks 2 --weights c ||
    fail "tales: does not compile"
check "tales and api.c build" build "$work/tales" "$work/api" "$sanitized" && {
    "$work/api" >"$work/out" 2>&1 || fail "api.c: exit status not 0"
    cat "$work/out"
    failures=$((failures + $(grep -c '^FAIL' "$work/out")))
}

# What is compiled in around every prompt is read as if it were typed.
wrapped() {
    compile "$tales/model" "$work/wrapped" --name tales --bits 4 --window 40 --sinks 2 \
        --weights c --set "prompt.prefix=Once upon" --set "prompt.suffix= the end." &&
        "$lmcc" run -q -n 40 "$work/wrapped" " a king" >"$work/in" &&
        "$lmcc" run -q -n 40 "$work/tales" "Once upon a king the end." >"$work/out" &&
        [ -s "$work/in" ] && cmp "$work/in" "$work/out"
}
check "prompt.prefix and prompt.suffix" wrapped

# Every array, made writable for this, with its first and its last byte changed in turn.
damage() {
    for part in weights tokenizer; do
        $cc -std=c99 -Dconst= -w -c -o "$work/$part.o" "$work/tales/tales_$part.c" || return 1
    done
    nm -S "$work/weights.o" "$work/tokenizer.o" | awk '
        BEGIN { print "#include \"tales.h\"\n#include <stdio.h>\nstatic tales_t state;" }
        $3 == "D" || $3 == "B" {
            print "extern unsigned char " $4 "[];"
            rows = rows "{\"" $4 "\", " $4 ", 0x" $2 "},\n"
        }
        END { print "static const struct { const char *name; unsigned char *at; unsigned long n; }"
              print "arrays[] = {\n" rows "};" }' >"$work/damage.c"
    cat >>"$work/damage.c" <<'END'
int main(void)
{
    int missed = 0, n = sizeof arrays / sizeof arrays[0];
    for (int i = 0; i < n; i++)
        for (int end = 0; end < 2; end++) {
            unsigned char *byte = arrays[i].at + (end ? arrays[i].n - 1 : 0);
            *byte ^= 1;
            if (tales_init(&state) != TALES_E_WEIGHTS)
                missed++, printf("byte %d of %s\n", (int)(byte - arrays[i].at), arrays[i].name);
            *byte ^= 1;
        }
    return missed || n < 20 || tales_init(&state) != TALES_OK;
}
END
    $cc -std=c99 -O1 -w -I"$work/tales" -o "$work/damage" "$work/damage.c" "$work/weights.o" \
        "$work/tokenizer.o" "$work/tales/tales.c" && "$work/damage"
}
check "one bit damaged, in every array at either end: init refuses" damage

cp -r "$work/tales" "$work/damaged"
sed '/^ *[0-9][0-9]*U*,/s/[0-9]/1/' "$work/tales/tales_weights.c" >"$work/damaged/tales_weights.c"
cmp -s "$work/tales/tales_weights.c" "$work/damaged/tales_weights.c" && fail "nothing was damaged"
if "$lmcc" verify "$work/damaged" >"$work/verify" 2>&1; then
    fail "lmcc verify passes a damaged folder"
else
    ok "lmcc verify refuses it too"
fi

# manifest EDIT STATUS: lmcc verify, with the manifest changed by a sed command.
manifest() {
    cp -r "$work/tales" "$work/edited"
    sed "$1" "$work/tales/tales.json" >"$work/edited/tales.json"
    cmp -s "$work/tales/tales.json" "$work/edited/tales.json" && fail "manifest, $1: no change"
    "$lmcc" verify "$work/edited" >"$work/verify" 2>&1
    status=$?
    if [ $status -eq "$2" ]; then
        ok "manifest, $1: status $status"
    else
        fail "manifest, $1: status $status, expected $2: $(tail -n 2 "$work/verify")"
    fi
    rm -rf "$work/edited"
}
manifest 's/"files": {/"files": [1], "x": {/' 1
manifest 's/"tokens": \[/"tokens": [99999, /' 1
manifest 's/"vocab": [0-9]*/"vocab": 2000000/' 0
manifest 's/"name": "tales"/"name": "..\/tales"/' 1
manifest '$d' 1
finish
