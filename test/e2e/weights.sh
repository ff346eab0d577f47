#!/bin/sh
# The three forms of the weights: the same code and logits; what a blob that does not fit is refused
# with; and a byte of them, or a constant of a kernel, that was changed is always noticed.
. "$(dirname "$0")/lib.sh"

for form in c asm blob; do
    for target in host stm32h743 bigendian; do
        compile "$tales/model" "$work/$form-$target" --name tales --bits 2 --bits '*.attn.v=1.6' \
            --window 64 -t $target --weights $form || fail "$form, $target: does not compile"
        check "$form, $target: verify" "$lmcc" verify "$work/$form-$target"
    done
done
same_code() {
    for f in tales.h tales.c tales_kernels.h tales_config.h tales_tokenizer.c tales_selftest.c; do
        cmp "$work/c-stm32h743/$f" "$work/asm-stm32h743/$f" || return 1
    done
}
check "arrays and assembler: the same code" same_code
check "assembler and blob: the same file" \
    cmp "$work/asm-stm32h743/tales_weights.bin" "$work/blob-stm32h743/tales_weights.bin"
default() { # BITS FILE-THAT-MUST-BE-THERE
    compile "$tales/model" "$work/default" --name tales --bits "$1" --weights auto --package none &&
        ls "$work/default" >"$work/list" && grep -qx "$2" "$work/list"
}
check "by default: assembled above 100 KB" default 2 tales_weights.S
default_small() {
    compile "$models/v0.bin" "$work/small" --name small --bits 2 --weights auto && [ ! -e "$work/small/small_weights.bin" ]
}
if need_models; then check "by default: C up to 100 KB" default_small; else skip "small model: no numpy"; fi

# On an emulated core, counted: the assembler costs nothing.
count() {
    "$lmcc" bench "$work/$1-stm32h743" >"$work/$1.count" 2>"$work/$1.err" || return 1
    sed -n 's/.*a token, mean of 64  *\([0-9,]*\) .*/\1/p' "$work/$1.count"
}
if have arm-none-eabi-gcc && have qemu-system-arm; then
    c=$(count c) asm=$(count asm) blob=$(count blob)
    if [ -n "$blob" ] && [ -n "$c" ] && [ "$c" = "$asm" ]; then
        ok "Cortex-M7: instructions a token: $c from arrays, $asm assembled, $blob from a blob"
    else
        fail "Cortex-M7: instructions a token: $c, $asm, $blob: $(cat "$work"/*.err)"
    fi
else
    skip "instruction counts: no arm-none-eabi-gcc, qemu-system-arm"
fi

# A blob that does not fit.
compile "$tales/model" "$work/other" --name tales --bits 2 --bits '*.attn.v=1.6' --window 64 \
    --bits '*.attn.k=1.6' --weights blob
refusals() {
    dir=$work/blob-host
    ${CC:-cc} -std=c99 -O1 -g -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=all \
        -I"$dir" -o "$work/bind" "$here/weights.c" "$dir"/tales.c "$dir"/tales_[wts]*.c &&
        ASAN_OPTIONS=detect_leaks=0 "$work/bind" "$dir/tales_weights.bin" "$work/other/tales_weights.bin" \
            "$work/blob-bigendian/tales_weights.bin"
}
check "a blob that does not fit, is cut short, misaligned or damaged" refusals

# noticed WHAT FOLDER FILE COMMAND...: after the command has changed FILE in a copy of the folder, lmcc
# verify and the package's own self-test both fail.
noticed() {
    what=$1 from=$2 file=$3
    shift 3
    rm -rf "$work/edited"
    cp -r "$from" "$work/edited"
    "$@" "$work/edited/$file"
    cmp -s "$from/$file" "$work/edited/$file" && { fail "$what: nothing was changed"; return; }
    "$lmcc" verify "$work/edited" >"$work/verify" 2>&1 && fail "$what: lmcc verify passes"
    if make -s -f "$work/edited/tales.mk" tales-check >"$work/check" 2>&1; then
        fail "$what: the self-test passes"
    elif grep -q '^tales: ' "$work/check"; then
        ok "$what: lmcc verify and the self-test fail: $(sed -n 's/^tales: //p' "$work/check")"
    else
        fail "$what: no self-test: $(tail -n 3 "$work/check")"
    fi
}
# edit PATTERN NEW FILE: the first match of a regular expression; flip OFFSET FILE: a bit of a byte.
edit() {
    "$PYTHON" -c 'import re, sys
pattern, new, path = sys.argv[1:]
text = open(path).read()
open(path, "w").write(re.sub(pattern, new, text, count=1, flags=re.S))' "$@"
}
flip() {
    "$PYTHON" -c 'import sys
at, path = int(sys.argv[1]), sys.argv[2]
data = bytearray(open(path, "rb").read())
data[at] ^= 1
open(path, "wb").write(data)' "$@"
}
noticed "assembled, a byte" "$work/asm-host" tales_weights.bin flip -9
noticed "blob, a byte" "$work/blob-host" tales_weights.bin flip -4000
noticed "blob, a byte of its table" "$work/blob-host" tales_weights.bin flip 40
noticed "one weight of an array" "$work/c-host" tales_weights.c \
    edit '(l2_q_codes\[\d+\] = \{.*? )(\d)' '\g<1>1\2'
for table in 'lm_inverse' 'lm_exp2_fine' 'lm_silu_table' 'lm_sine_table'; do
    noticed "an entry of $table" "$work/c-host" tales_kernels.h \
        edit "($table\\[\\d+\\] = \\{\\s*\\d+U, )(\\d+)" '\g<1>7'
done
noticed "a constant of a kernel" "$work/c-host" tales_kernels.h edit '33027U' '33028U'
noticed "a call's constant" "$work/c-host" tales.c edit '(\d+)( \* 65536)' '7\2'
noticed "the hash that is expected" "$work/c-host" tales_selftest.c \
    edit '(GOLDEN_HASH 0x.*?)[0-8](.*?U)' '\g<1>9\2'
finish
