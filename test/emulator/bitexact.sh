#!/bin/sh
# bitexact.sh: the same logits everywhere. Compiles models with lmcc for every kind of core and runs 64
# greedy steps of the generated code on this machine under several compilers and options, and on
# every emulated board whose tools are installed, each with the kernels of its core: each hash must
# be the one that the compiler recorded, and a prompt read at once must give what steps give. Code
# for a microcontroller must also run here, by the portable twins of its kernels. B: build folder;
# REQUIRE_ALL=1: a platform that cannot be run is a failure.
set -u
export LMCC_CACHE= # no cache
# shellcheck source=test/emulator/board_lib.sh
. "$(dirname "$0")/board_lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
lmcc=$(realpath "${B:-$root/build}/lmcc")
data=${LMCC_DATA:-$root/../shared/data}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# Two of these at a time, each with every other configuration.
if [ -z "${SHARD:-}" ]; then
    SHARD=0 "$0" >"$work/0" 2>&1 &
    SHARD=1 "$0" >"$work/1" 2>&1
    wait
    grep -hv ' skipped$' "$work/0" "$work/1"
    cat "$work/0" "$work/1" | awk '/ skipped$/ { p += $1; f += $3; s += $5; n++ }
        END { print p + 0 " passed, " f + 0 " failed, " s + 0 " skipped"; exit n < 2 || f > 0 || s > 0 && ENVIRON["REQUIRE_ALL"] != "" }'
    exit
fi
configs=0

# NAME TARGET BOARD COMPILER-OR-EMPTY FLAGS
platforms() {
    cat <<'LIST'
gcc-O0 host host gcc -O0
gcc-O2 stm32h743 host gcc -O2
gcc-O3-native corstone300 host gcc -O3 -march=native
clang-O2 rp2040 host clang -O2
cortex-m0 rp2040 mps2-an385 - -mcpu=cortex-m0 -mthumb -O2
cortex-m0-O0 rp2040 mps2-an385 - -mcpu=cortex-m0 -mthumb -O0
cortex-m3 mps2-m3 mps2-an385 - -mcpu=cortex-m3 -mthumb -O2
cortex-m4f nrf52840 mps2-an386 - -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -O2
cortex-m4f-Os nrf52840 mps2-an386 - -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -Os
cortex-m7 stm32h743 mps2-an500 - -mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16 -O2
cortex-m7-O0 stm32h743 mps2-an500 - -mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16 -O0
cortex-m33 rp2350 mps2-an505 - -mcpu=cortex-m33 -mthumb -O2
cortex-m55 corstone300 mps3-an547 - -mcpu=cortex-m55 -mthumb -mfloat-abi=hard -O3
cortex-m55-O0 corstone300 mps3-an547 - -mcpu=cortex-m55 -mthumb -mfloat-abi=hard -O0
rv32imc esp32c3 rv32-virt - -march=rv32imc -mabi=ilp32 -O2
xtensa-lx106 xtensa-sim xtensa-sim - -ffreestanding -mlongcalls -O2
big-endian bigendian linux-user - -O2
LIST
}

skip() { # NAME WHY
    echo "$1: SKIPPED ($2)"
    skipped=$((skipped + 1))
}

# run_host COMPILER FLAGS: without the board scripts, so that any compiler can be tried.
run_host() {
    compiler=$1
    shift
    # shellcheck disable=SC2086
    "$compiler" -std=c99 "$@" -I"$out" -I"$boards/common" -o "$work/prog" "$here/$main" \
        $sources "$boards/common/board_hosted.c" "$boards/common/print.c" && "$work/prog"
}

run_board() { # BOARD FLAGS
    board=$1 plugin=
    shift
    case "$board $*" in
    *cortex-m0*) plugin=$work/icount.so,strict-align=on ;;
    esac
    # shellcheck disable=SC2086
    "$here/build_board.sh" "$board" "$* -I$out" "$work/prog.elf" "$here/$main" $sources &&
        "$here/run_board.sh" "$board" "$work/prog.elf" ${plugin:+"$plugin"} 2>"$work/err"
}

# try CONFIG NAME BOARD COMPILER FLAGS...
try() {
    label="$1 $2" board=$3 compiler=$4
    shift 4
    if [ "$compiler" = - ]; then
        set -- "$board" "$@"
        tool=$(board_get "$board" compiler)
        emulator=$(board_get "$board" run | cut -d' ' -f1)
        if ! command -v "$tool" >/dev/null || ! command -v "$emulator" >/dev/null; then
            skip "$label" "needs $(board_get "$board" packages)"
            return
        fi
        hash=$(run_board "$@")
    elif ! command -v "$compiler" >/dev/null; then
        skip "$label" "needs $compiler"
        return
    else
        hash=$(run_host "$compiler" "$@")
    fi
    if [ "$hash" = "$golden" ]; then
        echo "$label: $hash ok"
        passed=$((passed + 1))
    else
        echo "$label: FAILED: $hash instead of $golden"
        failed=$((failed + 1))
    fi
}

# config NAME MODEL OPTIONS...: compiles the model for every target and tries it on every platform;
# false where another process does.
config() {
    configs=$((configs + 1))
    [ $((configs % 2)) -eq "$SHARD" ] || return 1
    name=$1 model=$2 golden=
    shift 2
    rm -rf "$work"/for-*
    platforms | grep -E "^(${only:-.*}) " >"$work/platforms"
    while read -r platform target board compiler flags <&3; do
        out=$work/for-$target
        if [ ! -d "$out" ] && ! "$lmcc" compile "$model" --name tiny -o "$out" -t "$target" \
            --set quantize.method=weights --flash 4M --ram 4M -q "$@"; then
            failed=$((failed + 1))
            continue
        fi
        hash=$(sed -n 's/.*"logits_xxh32": "\([0-9a-f]*\)".*/\1/p' "$out/tiny.json")
        golden=${golden:-$hash}
        if [ "$hash" != "$golden" ]; then
            echo "$name $target: FAILED: $hash, $golden for other targets"
            failed=$((failed + 1))
        fi
        sources=$(ls "$out/tiny.c" "$out"/tiny_[wts]*.[cS])
        case " $* " in
        *" --weights blob "*)
            sed 's/model_/tiny_/g' "$boards/common/blob.S" >"$out/blob.S"
            sources="$sources $out/blob.S"
            ;;
        esac
        main=hash_main.c
        ! grep -q TINY_HEAD_CLASS "$out/tiny.h" || main=hash_encoder.c
        # shellcheck disable=SC2086
        try "$name" "$platform" "$board" "$compiler" $flags
    done 3<"$work/platforms"
    return 0
}

${CC:-cc} -O2 -shared -fPIC -w -o "$work/icount.so" "$boards/common/icount.c" || exit 1
tales=$root/examples/tales/model
config tales "$tales" --recipe "$root/examples/tales/recipe.yaml"
config every-format "$tales" --bits 2 --bits '*.mlp.*=1.6' --bits '*.attn.v=1' --bits '*.1.*=3' \
    --bits '*.attn.o=8' --bits 'embed=5' --window 40 --sinks 4 --prune-heads 0.25 --prune-neurons 0.2 \
    --set prune-heads.method=magnitude --set prune-neurons.method=magnitude
config nibble-tables "$tales" --bits 3 --tables nibble --window 300
config top-head "$tales" --bits 2 --bits '*.mlp.*=8' --window 60 --head-top 40
config parts "$tales" --bits 2 --bits '*.mlp.*=1.6' --bits '*.attn.k=3' --window 40 --ram 34K &&
    ! grep -q '"op": "matvec-part"' "$work/for-rp2040/tiny.json" && {
    echo "parts: FAILED: tables are whole"
    failed=$((failed + 1))
}
config binary "$tales" --set activations=1 --bits 1 --bits '*.attn.o=2' --bits '*.mlp.down=4' \
    --bits '*.attn.v=1.6' --bits 'layers.1.*=3' --bits 'layers.2.mlp.*=8' --bits 'embed=4' --window 70
config static "$tales" --set quantize.activations=static --bits 2 --bits '*.mlp.*=1.6' \
    --bits '*.attn.v=8' --window 60 --sinks 4
if [ -f "$data/stories260K.bin" ]; then
    config stories260K "$data/stories260K.bin" --tokenizer "$data/tok512.bin"
elif [ "$SHARD" = 0 ]; then
    skip stories260K "no $data/stories260K.bin"
    [ -n "${REQUIRE_ALL:-}" ] && skipped=$((skipped - 1))
fi
# The other forms of the weights, a core of each kind; those before are mostly assembled.
only='gcc-O2|clang-O2|cortex-m0|cortex-m7|cortex-m55|rv32imc|xtensa-lx106|big-endian'
config blob "$tales" --bits 2 --bits '*.mlp.*=1.6' --bits '*.attn.v=8' --window 60 --weights blob
config arrays "$tales" --bits 2 --bits '*.mlp.*=1.6' --bits '*.attn.v=8' --window 60 --weights c
# The families' own ops, a core of each kind: biases, norms of q and k, GELU, a sliding window,
# LayerNorm, learned positions, windows of some layers.
python=${PYTHON:-/usr/bin/python3}
only='gcc-O2|cortex-m0|cortex-m4f|cortex-m55|rv32imc|big-endian'
if "$python" -c 'import numpy' 2>/dev/null; then
    "$python" -B "$root/test/oracle/make_models.py" "$work/models" || exit 1
    config all-parts "$work/models/hf_all" --bits 2 --bits '*.attn.*=4'
    config gemma "$work/models/hf_gemma" --bits 4 --bits '*.mlp.*=1.6'
    config mistral "$work/models/hf_mistral" --bits 8 --sinks 2
    config qwen2 "$work/models/hf_qwen2" --bits 3
    config bert-class "$work/models/enc_bert_class" --bits 2 --bits '*.mlp.*=1.6' --bits 'dense=8'
    config bert-label "$work/models/enc_bert_label" --bits 8 --set classify.threshold=0.5 \
        --set classify.fallback=bad --set 'classify.first=so so'
    config bert-exits "$work/models/enc_bert_exits" --bits 2 --set exits.threshold=0.45
    config roberta-exit "$work/models/enc_roberta_exit" --bits 8 --set exits.threshold=0.6
    config roberta-mask "$work/models/enc_roberta_mask" --bits 4 --window 30
    config distilbert "$work/models/enc_distilbert_class" --bits 3 --set classify.threshold=0.9 \
        --set classify.fallback=2
    config keyword "$work/models/enc_keyword" --bits 2 --bits '*.mlp.*=1.6' --bits 'embed=8'
    config keyword-first "$work/models/enc_keyword_first" --bits 8 --bits 'patch=3'
    config minilm "$work/models/enc_minilm" --bits 2 --window 20 --ram 20K
    config gpt2 "$work/models/hf_gpt2" --bits 2 --bits 'positions=4'
    config gpt-neo "$work/models/hf_gpt_neo" --bits 3 --window 40
    config neox "$work/models/hf_neox" --bits 8 --bits '*.mlp.*=1.6'
    config phi "$work/models/hf_phi" --bits 4
    config bitnet "$work/models/hf_bitnet" --bits 2
    config i2-s "$work/models/i2_s.gguf" --bits 2 --window 24
    config relu "$work/models/hf_gpt2_bare" --bits 2 --set activations=1
    config static-parts "$work/models/hf_all" --bits 3 --set quantize.activations=static
    config static-bitnet "$work/models/hf_bitnet" --bits 2 --set quantize.activations=static
    config static-bert "$work/models/enc_bert_class" --bits 2 --set quantize.activations=static
elif [ "$SHARD" = 0 ]; then
    skip families "no numpy"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && { [ -z "${REQUIRE_ALL:-}" ] || [ $skipped -eq 0 ]; }
