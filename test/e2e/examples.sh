#!/bin/sh
# The examples' programs from a copy of their folders, with nothing but a generated package and a C
# compiler; what sentinel, intents, keywords and orchestra print is what is expected of them.
. "$(dirname "$0")/lib.sh"

flags="-std=c99 -O2 -Wall -Wextra -Wconversion -Wshadow -pedantic -Werror"

# copy NAME: the folder without its model.
copy() {
    mkdir -p "$work/$1" && cp "$root/examples/$1"/*.* "$root/examples/$1/Makefile" "$work/$1"
}

compile_as_said "$root/examples/sentinel/model" "$work/sentinel-package" \
    --recipe "$root/examples/sentinel/recipe.yaml" || fail "sentinel does not compile"
copy sentinel
check "sentinel: a copy builds and prints what is expected" make -C "$work/sentinel" \
    ROOT=/nowhere G="$work/sentinel-package" B="$work/sentinel-out" CFLAGS="$flags"

mkdir -p "$work/intents-out"
compile_as_said "$root/examples/intents/model" "$work/intents-out/intents" \
    --recipe "$root/examples/intents/recipe.yaml" --calib "$root/examples/intents/calib.txt" || fail "intents does not compile"
copy intents
check "intents: a copy builds and prints what is expected" make -C "$work/intents" check \
    LMCC=/nowhere B="$work/intents-out"

mkdir -p "$work/keywords-out"
compile_as_said "$root/examples/keywords/model" "$work/keywords-out/keywords" \
    --recipe "$root/examples/keywords/recipe.yaml" --calib "$root/examples/keywords/calib.tsv" ||
    fail "keywords does not compile"
check "keywords: its front end" "$lmcc" frontend -q -o "$work/keywords-out/mic" --name mic --bands 40 \
    --window-ms 30 --hop-ms 20
copy keywords
check "keywords: a copy builds and hears what is expected" make -C "$work/keywords" check \
    LMCC=/nowhere B="$work/keywords-out" CFLAGS="$flags"

mkdir -p "$work/orchestra-out/host"
cp -r "$work/keywords-out/mic" "$work/orchestra-out"
cp -r "$work/keywords-out/keywords" "$work/orchestra-out/host"
compile_as_said "$root/examples/orchestra/model" "$work/orchestra-out/host/command" \
    --recipe "$root/examples/orchestra/recipe.yaml" --calib "$root/examples/intents/calib.txt" \
    --tokenizer "$root/examples/intents/model/tokenizer.json" || fail "orchestra's classifier does not compile"
compile_as_said "$root/examples/intents/model" "$work/orchestra-out/host/slots" --name slots \
    --recipe "$root/examples/intents/recipe.yaml" --calib "$root/examples/intents/calib.txt" || fail "orchestra's labeller does not compile"
copy orchestra
check "orchestra: a copy builds, three models take turns and print what is expected" make -C "$work/orchestra" \
    check LMCC=/nowhere B="$work/orchestra-out" CFLAGS="$flags"
if have clang; then
    rm "$work/orchestra-out/orchestra-demo"
    check "orchestra: the same by clang" make -C "$work/orchestra" check CC=clang LMCC=/nowhere \
        B="$work/orchestra-out" CFLAGS="$flags"
else
    skip "orchestra: no clang"
fi
check "orchestra: a copy builds that reads commands from stdin" make -C "$work/orchestra" \
    "$work/orchestra-out/orchestra-talk" LMCC=/nowhere B="$work/orchestra-out" CFLAGS="$flags"
printf 'lights off in the hall\nwho wrote hamlet\n\n%0120d\n' 7 | tr 0 ! | "$work/orchestra-out/orchestra-talk" >"$work/said"
check "orchestra: a command of stdin is understood" grep -q '> lights_off' "$work/said"
check "orchestra: talk is handed over" grep -q 'to the bigger model, bytes: 16; here it is none' "$work/said"
check "orchestra: an empty command is handed over" grep -q 'to the bigger model, bytes: 0;' "$work/said"
check "orchestra: so is one that is too long" grep -q 'to the bigger model, bytes: 120, too long' "$work/said"

compile_as_said "$tales/model" "$work/tales-package" --recipe "$tales/recipe.yaml" --set quantize.method=weights --extras options ||
    fail "tales does not compile"
copy tales
check "tales: a copy builds" make -C "$work/tales" ROOT=/nowhere G="$work/tales-package" \
    B="$work/tales-out" CFLAGS="$flags"
printf '{"max_tokens": 5}\nDorothy\n{"tokens": 5}\nquit\n' | "$work/tales-out/chat" >"$work/said"
check "tales: goes on with a line" grep -q '> Dorothy..' "$work/said"
check "tales: refuses what is no option" grep -q '^> not understood' "$work/said"
finish
