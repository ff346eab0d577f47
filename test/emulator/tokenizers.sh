#!/bin/sh
# tokenizers.sh: every kind of tokenizer on an emulated Cortex-M0, which has no divide, no 64-bit
# product and no unaligned access: the tokens of texts, whole and in parts, are those that the host
# and the independent implementation give; nothing but memcpy and memset is imported.
# B: build folder; REQUIRE_ALL=1: a missing tool is a failure.
set -u
export LMCC_CACHE= # no cache
# shellcheck source=test/emulator/board_lib.sh
. "$(dirname "$0")/board_lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
B=$(realpath "${B:-$root/build}")
python=${PYTHON:-/usr/bin/python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kinds="gpt2 llama3 llama2 metaspace-first unigram unigram-double uncased cased nfc nfkd llama2-nfkc"
passed=0 failed=0
for tool in arm-none-eabi-gcc qemu-system-arm "$python"; do
    command -v "$tool" >/dev/null || {
        echo "tokenizers: SKIPPED (needs $tool)"
        exit 77
    }
done
"$python" -c 'import numpy' 2>/dev/null || {
    echo "tokenizers: SKIPPED (needs python3-numpy)"
    exit 77
}

${CC:-cc} -O2 -shared -fPIC -w -o "$work/icount.so" "$boards/common/icount.c" || exit 1
${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -I"$root/include" -fopenmp -o "$work/encode_lines" \
    "$root/test/unit/encode_lines.c" "$B/liblmcc.a" -lyaml -ljansson -lzstd -lxxhash -lm -ldl || exit 1
"$python" -B "$root/test/oracle/make_tokenizers.py" "$work/tokenizers" 120 "$root/docs/formats.md" || exit 1
sentencepiece=
if "$python" -c 'import sentencepiece' 2>/dev/null; then
    "$python" -B "$root/test/oracle/make_sentencepiece.py" "$work/tokenizers" "$root/docs/formats.md" || exit 1
    echo '{"add_bos_token": false}' >"$work/tokenizers/tokenizer_config.json" # the cases have none
    sentencepiece="sp-bpe-user.model sp-unigram.model sp-nmt.model sp-cf-bpe.model
        precompiled.json precompiled-runs.json precompiled-words.json"
fi

# kind NAME: the example's model, whose vocabulary is as large, with this tokenizer.
kind() {
    out=$work/$1 flags="-mcpu=cortex-m0 -mthumb -O2"
    "$python" -B "$root/test/oracle/check_tokenizers.py" --count 80 --write "$work/cases.txt" \
        "$work/encode_lines" "$work/tokenizers/$1" || return 1
    "$B/lmcc" compile -q --set quantize.method=weights "$root/examples/tales/model" --tokenizer "$work/tokenizers/$1" \
        --name tiny -t rp2040 --bits 2 --window 32 -o "$out" || return 1
    "$python" -B "$here/token_cases.py" "$work/cases.txt" >"$out/cases.h" || return 1
    # shellcheck disable=SC2086
    arm-none-eabi-gcc -std=c99 -Wall -Wextra -Wconversion -Wshadow -pedantic -Werror $flags -c \
        -o "$work/tokenizer.o" "$out/tiny_tokenizer.c" || return 1
    imports=$(arm-none-eabi-nm -u "$work/tokenizer.o" | awk '{ print $2 }' |
        grep -Evx 'memcpy|memset|tiny_.*')
    [ -z "$imports" ] || { echo "imports: $imports" && return 1; }
    "$here/build_board.sh" mps2-an385 "$flags -I$out" "$work/prog.elf" "$here/tokenizers_main.c" \
        "$out/tiny.c" "$out"/tiny_[wts]*.[cS] &&
        "$here/run_board.sh" mps2-an385 "$work/prog.elf" "$work/icount.so,strict-align=on"
}

for name in $kinds $sentencepiece; do
    case $name in *.model | *.json) ;; *) name=$name.json ;; esac
    if kind "$name" >"$work/log" 2>&1; then
        echo "$name: $(grep 'tokens equal' "$work/log") ok"
        passed=$((passed + 1))
    else
        echo "$name: FAILED"
        tail -n 20 "$work/log"
        failed=$((failed + 1))
    fi
done
echo "tokenizers: $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
