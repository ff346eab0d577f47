#!/bin/sh
# Generated code is clean: no warning in any dialect, usable from C++, nothing undefined, nothing
# imported, every name its own, and two models in one program.
. "$(dirname "$0")/lib.sh"

strict="-Wall -Wextra -Wconversion -Wshadow -Wundef -Wdouble-promotion -Wcast-align -pedantic -Werror"

# One model of each kind: planes and ternary with a BPE tokenizer, int8 with scores, none at all and
# the longest name there may be.
compile "$tales/model" "$work/tales" --name tales --bits 3 --bits '*.mlp.*=1.6' \
    --bits '*.attn.v=1' --window 80 --sinks 2 || fail "tales: does not compile"
set -- tales
if need_models; then
    compile "$models/v0.bin" "$work/dot" --name dot --prune-neurons 0.2 --head-top 5 || fail "dot: no code"
    mkdir -p "$work/mute-model"
    cp "$models/v1_untied.bin" "$work/mute-model"
    compile "$work/mute-model/v1_untied.bin" "$work/long_model_names" --name long_model_names \
        --bits 2 || fail "long_model_names: no code"
    set -- tales dot long_model_names
else
    skip "models with other tokenizers: no numpy"
fi
names="$*"

# sources NAME: the library part; c_sources NAME: without weights that are assembled.
c_sources() { for part in "" _weights _tokenizer _selftest; do echo "$work/$1/$1$part.c"; done; }
sources() { c_sources "$1"; ls "$work/$1/$1_weights.S" 2>/dev/null; }
# objects CC FLAGS NAME: of the library part into $work/o, silently.
objects() {
    rm -rf "$work/o"
    mkdir -p "$work/o"
    for f in $(sources "$3"); do
        $1 $2 "-I$work/$3" -c -o "$work/o/$(basename "$f").o" "$f" || return 1
    done
}

for name in $names; do
    upper=$(echo "$name" | tr a-z A-Z)
    cat >"$work/$name-test.c" <<END
#include "$name.h"
#include <stdio.h>
static ${name}_t state;
typedef char memory_is_all[${upper}_STATE_BYTES >= ${upper}_MEMORY_BYTES + 16 &&
                           ${upper}_STATE_BYTES <= ${upper}_MEMORY_BYTES + 16 + ${upper}_STATE_ALIGN
                           ? 1 : -1];
int main(void)
{
    const int init = ${name}_init(&state), test = ${name}_selftest(&state);
    printf("%s, %s\n", ${name}_strerror(init), ${name}_strerror(test));
    return init != 0 || test != 0;
}
END
    for cc in gcc clang; do
        if ! have $cc; then
            skip "$name: no $cc"
            continue
        fi
        # With optimisation for the warnings that need it; the other dialects only parse.
        check "$name: $cc -std=c99 without a warning" objects $cc "-std=c99 -O1 $strict" $name
        for std in gnu11 c11; do
            check "$name: $cc -std=$std without a warning" $cc -std=$std $strict -fsyntax-only \
                $(c_sources $name) "$work/$name/${name}_bench.c"
        done
        check "$name: self-test under $cc's sanitizers" sh -c "$cc -std=c99 -O1 -g \
            -fsanitize=address,undefined -fno-sanitize-recover=all -I$work/$name \
            -o $work/$name-san $work/$name-test.c $(sources $name | tr '\n' ' ') && \
            $work/$name-san | grep -qx 'ok, ok'"
    done
    for cxx in g++ clang++; do
        if have $cxx; then
            echo "#include \"$name.h\"
int main() { static ${name}_t s; return ${name}_init(&s); }" >"$work/$name.cpp"
            check "$name: header in $cxx" $cxx -std=c++11 $strict -fsyntax-only -I"$work/$name" \
                "$work/$name.cpp"
        else
            skip "$name: no $cxx"
        fi
    done
done

# As for a core with its own kernels, by what armclang is made of.
if have clang; then
    compile "$tales/model" "$work/m4" --name m4 -t nrf52840 --bits 2 --bits '*.mlp.*=1.6' || fail "m4: does not compile"
    check "m4: clang for a Cortex-M4 without a warning" objects clang \
        "--target=arm-none-eabi -mcpu=cortex-m4 -mthumb -ffreestanding -std=c99 -O1 $strict" m4
fi

# Symbols. A switch may become a table and an assignment a call, but only to these two. At fixed
# addresses, as in a firmware: elsewhere a constant table of addresses is written once by the loader.
for name in $names; do
    objects ${CC:-cc} "-std=c99 -O2 -fno-pie" $name
    nm "$work"/o/*.o | awk 'NF == 3 && $2 ~ /[A-TV-Z]/ { print $3 }' | sort >"$work/exported"
    nm -u "$work"/o/*.o | awk '$1 == "U" { print $2 }' | sort -u | comm -23 - "$work/exported" |
        grep -vxE 'memcpy|memset' >"$work/imported"
    grep -v "^${name}_" "$work/exported" >"$work/foreign"
    cut -c 1-31 "$work/exported" | sort | uniq -d >"$work/alike"
    nm "$work"/o/*.o | awk 'NF == 3 && $2 ~ /[bBdDcC]/ && $3 !~ /^\./ { print $3 }' \
        >"$work/writable"
    for list in imported foreign alike writable; do
        if [ -s "$work/$list" ]; then
            fail "$name: symbols $list: $(tr '\n' ' ' <"$work/$list")"
        fi
    done
    [ $failures -gt 0 ] || ok "$name: $(wc -l <"$work/exported") external names, all its own;" \
        "imports memcpy and memset only; nothing writable"
done

# Two in one program, each with its own state; in one translation unit where headers allow it.
if [ "$names" != tales ]; then
    cat >"$work/two.c" <<'END'
#include "dot.h"
#include "long_model_names.h"
#include "tales.h"
static tales_t a;
static dot_t b;
static long_model_names_t c;
int main(void)
{
    return tales_init(&a) | dot_init(&b) | long_model_names_init(&c) | tales_selftest(&a) |
           dot_selftest(&b) | long_model_names_selftest(&c);
}
END
    check "three models in one program" ${CC:-cc} -std=c99 $strict -I"$work/tales" -I"$work/dot" \
        -I"$work/long_model_names" -o "$work/two" "$work/two.c" \
        $(for n in $names; do sources $n; done)
    check "three models in one program: self-tests" "$work/two"
    check "three models in one program, optimised as one" ${CC:-cc} -std=c99 -O2 -flto -ffunction-sections \
        -fdata-sections -Wl,--gc-sections -I"$work/tales" -I"$work/dot" -I"$work/long_model_names" -o "$work/two" \
        "$work/two.c" $(for n in $names; do sources $n; done) && check "its self-tests" "$work/two"
fi
finish
