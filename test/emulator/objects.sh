#!/bin/sh
# objects.sh: what generated code promises about its object files. It compiles without a warning under
# every compiler at hand, as C and from C++; needs nothing but memcpy and memset;
# has no floating-point instruction and no variable data; every external name starts with the
# model's and differs from the others within 31 characters; two models run in one program under the
# sanitizers. B: build folder; REQUIRE_ALL=1: a missing tool is a failure.
set -u
export LMCC_CACHE= # no cache
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
lmcc=$(realpath "${B:-$root/build}/lmcc")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
warnings="-Wall -Wextra -Wconversion -Wshadow -pedantic -Werror"
parts="ant.c ant_weights.c ant_weights.S ant_tokenizer.c ant_selftest.c ant_bench.c"

# result LABEL STATUS: counts it, and shows what the check wrote where it failed.
result() {
    if [ "$2" -eq 0 ]; then
        echo "$1: ok"
        passed=$((passed + 1))
    else
        echo "$1: FAILED"
        head -n 20 "$work/log"
        failed=$((failed + 1))
    fi
}

# need LABEL COMMAND PACKAGE: false, and counted as skipped, where there is no such command.
need() {
    command -v "$2" >/dev/null && return 0
    echo "$1: SKIPPED (needs $3)"
    skipped=$((skipped + 1))
    return 1
}

# compile COMPILER FLAGS...: every generated source into $work/obj, without a warning.
compile() {
    rm -rf "$work/obj"
    mkdir "$work/obj"
    for part in $parts; do
        [ -f "$ant/$part" ] || continue # the assembled form is not of every model
        # shellcheck disable=SC2086
        (cd "$ant" && "$@" -std=c99 $warnings -I. -c -o "$work/obj/$part.o" "$part") || return 1
    done
}

# check_names NM: of the objects in $work/obj. Nothing is imported but memcpy and memset: no helper of
# the compiler's own library either (division, 64-bit products), for not every toolchain has them.
check_names() {
    "$1" -g "$work"/obj/*.o | awk 'NF == 3 { print $3 }' | sort -u >"$work/defined"
    "$1" -u "$work"/obj/*.o | awk '$1 == "U" { print $2 }' | sort -u >"$work/undefined"
    bad=$(grep -Evx "memcpy|memset|_GLOBAL_OFFSET_TABLE_|ant_.*" "$work/undefined") && echo "imports: $bad" && return 1
    bad=$(grep -v '^ant_' "$work/defined") && echo "not the model's names: $bad" && return 1
    bad=$(cut -c1-31 "$work/defined" | uniq -d) && [ -n "$bad" ] &&
        echo "the same in 31 characters: $bad" && return 1
    bad=$("$1" "$work"/obj/*.o | awk 'NF == 3 && $2 ~ /^[bBcCdDsS]$/ { print $3 }')
    [ -z "$bad" ] || { echo "variable data: $bad" && return 1; }
}

# check_integer OBJDUMP: no floating-point instruction of Arm (vadd.f32, vcvt.s32.f64) or RISC-V.
check_integer() {
    "$1" -d --no-show-raw-insn "$work"/obj/*.o |
        awk '$2 ~ /\.f(16|32|64)/ || $2 ~ /^f[a-z]+\.(s|d|w|x)/ || $2 ~ /^c\.f(l|s)w/ || $2 ~ /^fl[wd]$|^fs[wd]$/' \
            >"$work/floats"
    [ ! -s "$work/floats" ] || { head "$work/floats" && return 1; }
}

# cross LABEL TOOLS PACKAGE TARGET FLAGS...: one cross compiler's objects; TOOLS is its prefix.
cross() {
    label=$1 tools=$2
    need "$label" "${tools}gcc" "$3" || return
    ant=$work/ant-$4
    shift 4
    { compile "${tools}gcc" "$@" && check_names "${tools}nm" && check_integer "${tools}objdump"; } \
        >"$work/log" 2>&1
    result "$label" $?
}

# host LABEL COMPILER PACKAGE FLAGS...
host() {
    label=$1 compiler=$2
    need "$label" "$compiler" "$3" || return
    shift 3
    { compile "$compiler" "$@" && check_names nm; } >"$work/log" 2>&1
    result "$label" $?
}

# cplusplus COMPILER PACKAGE: the objects are those of the last host compiler.
cplusplus() {
    need "from C++, $1" "$1" "$2" || return
    # shellcheck disable=SC2086
    { compile cc -O1 && "$1" -std=c++11 $warnings -I"$ant" -o "$work/include" "$here/include.cpp" \
        "$work"/obj/*.o && "$work/include"; } >"$work/log" 2>&1
    result "from C++, $1" $?
}

# sanitized COMPILER PACKAGE
sanitized() {
    need "two models, $1, sanitized" "$1" "$2" || return
    # shellcheck disable=SC2086
    { "$1" -std=c11 -g -O1 $warnings -fsanitize=address,undefined -fno-sanitize-recover=all \
        -I"$ant" -I"$work/bee" -o "$work/two" "$here/two_models.c" "$ant/ant.c" \
        "$ant"/ant_[wts]*.[cS] "$work/bee/bee.c" "$work"/bee/bee_[wts]*.[cS] && "$work/two"; } \
        >"$work/log" 2>&1
    result "two models, $1, sanitized" $?
}

# A model with every weight format, sinks and pruned layers, and a plain one that keeps the largest logits only.
model=$root/examples/tales/model
for target in host rp2040 nrf52840 corstone300 esp32c3; do
    "$lmcc" compile "$model" -q -t $target --set quantize.method=weights --name ant -o "$work/ant-$target" --bits 2 \
        --bits '*.mlp.*=1.6' --bits '*.attn.v=1' --bits '*.1.*=3' --bits '*.attn.o=8' --bits embed=5 \
        --window 40 --sinks 4 --prune-heads 0.25 --prune-neurons 0.2 \
        --grammar "$root/test/e2e/grammars/command.gbnf" || exit 1
done
# The ops of families that differ: LayerNorm, learned positions, an MLP without a gate, a head's bias.
"$lmcc" compile "$root/test/golden/in/gpt.ir" -q -t rp2040 --set quantize.method=weights --name ant \
    -o "$work/ant-gpt" --bits 3 --bits '*.mlp.*=1.6' --bits positions=8 || exit 1
ant=$work/ant-gpt
host gcc-O2-gpt gcc gcc -fno-pie -O2
host clang-O2-gpt clang clang -fno-pie -O2
# An encoder's, where numpy makes one.
python=${PYTHON:-/usr/bin/python3}
if "$python" -c 'import numpy' 2>/dev/null; then
    "$python" -B "$root/test/oracle/make_models.py" "$work/models" >/dev/null || exit 1
    "$lmcc" compile "$work/models/enc_bert_class" -q -t rp2040 --set quantize.method=weights \
        --name ant -o "$work/ant-bert" --bits 3 --bits '*.mlp.*=1.6' --bits dense=8 || exit 1
    ant=$work/ant-bert
    host gcc-O2-bert gcc gcc -fno-pie -O2
    host clang-O2-bert clang clang -fno-pie -O2
    "$lmcc" compile "$work/models/enc_bert_exits" -q -t rp2040 --set quantize.method=weights \
        --name ant -o "$work/ant-exits" --bits 3 --set exits=0.5 --set classify.threshold=0.5 \
        --set classify.fallback=bad || exit 1
    ant=$work/ant-exits
    host gcc-O2-exits gcc gcc -fno-pie -O2
    host clang-O2-exits clang clang -fno-pie -O2
    cross cortex-m0-exits arm-none-eabi- gcc-arm-none-eabi exits -mcpu=cortex-m0 -mthumb -O2
    cross cortex-m0-bert arm-none-eabi- gcc-arm-none-eabi bert -mcpu=cortex-m0 -mthumb -O2
fi
ant=$work/ant-host
"$lmcc" compile "$model" -q --set quantize.method=weights --name bee -o "$work/bee" --bits 4 --tables nibble --head-top 40 || exit 1

host gcc-O2 gcc gcc -fno-pie -O2
host gcc-O0 gcc gcc -fno-pie -O0
host clang-O2 clang clang -fno-pie -O2
cplusplus g++ g++
cplusplus clang++ clang
arm="arm-none-eabi-"
cross cortex-m0 $arm gcc-arm-none-eabi rp2040 -mcpu=cortex-m0 -mthumb -O2
cross cortex-m0-gpt $arm gcc-arm-none-eabi gpt -mcpu=cortex-m0 -mthumb -O2
cross cortex-m4 $arm gcc-arm-none-eabi nrf52840 -mcpu=cortex-m4 -mthumb -O2
cross cortex-m4f $arm gcc-arm-none-eabi nrf52840 -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -O2
cross cortex-m55 $arm gcc-arm-none-eabi corstone300 -mcpu=cortex-m55 -mthumb -mfloat-abi=hard -O3
riscv="riscv64-unknown-elf-"
cross rv32imc $riscv gcc-riscv64-unknown-elf esp32c3 -march=rv32imc -mabi=ilp32 -ffreestanding -O2
cross rv32imafc $riscv gcc-riscv64-unknown-elf esp32c3 -march=rv32imafc -mabi=ilp32f -ffreestanding -O2
cross xtensa-lx106 xtensa-lx106-elf- gcc-xtensa-lx106 host -mlongcalls -ffreestanding -O2
ant=$work/ant-host
sanitized gcc gcc
sanitized clang "clang libclang-rt-14-dev"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && { [ -z "${REQUIRE_ALL:-}" ] || [ $skipped -eq 0 ]; }
