#!/bin/sh
# tokenizers.sh: every kind of tokenizer over COUNT texts each (100000): corpora, made-up strings and
# bytes that are not UTF-8, against the implementation beside this file; where TOKENIZERS names a
# node_modules folder with Hugging Face's `tokenizers` (npm install tokenizers), against that too.
# B: build folder; KINDS: of which kinds (all); LMCC_DATA (../shared/data): where texts are.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
python=${PYTHON:-/usr/bin/python3} B=${B:-$root/build} count=${COUNT:-100000}
data=${LMCC_DATA:-$root/../shared/data}
"$python" -c 'import numpy' 2>/dev/null || {
    echo "tokenizers-all: SKIPPED (needs python3-numpy)"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -I"$root/include" -fopenmp -o "$work/encode_lines" \
    "$root/test/unit/encode_lines.c" "$B/liblmcc.a" -lyaml -ljansson -lzstd -lxxhash -lm -ldl
"$python" -B "$here/make_tokenizers.py" "$work/made" 400 "$root/docs/formats.md"
set -- "$root/README.md" "$root/docs/formats.md"
for text in tinystories_dev wikitext2_valid books; do
    [ ! -f "$data/$text.txt" ] || set -- "$@" "$data/$text.txt"
done
! "$python" -c 'import sentencepiece' 2>/dev/null ||
    "$python" -B "$here/make_sentencepiece.py" "$work/made" "$root/docs/formats.md"
passed=0 failed=0
for tokenizer in "$work"/made/*.json "$work"/made/*.model "$root/examples/tales/model/tokenizer.json" "$data/tok512.bin"; do
    name=$(basename "$tokenizer")
    [ -f "$tokenizer" ] || continue
    case " ${KINDS:-${name%.json}} " in *" ${name%.json} "*) ;; *) continue ;; esac
    if ! "$python" -B "$here/check_tokenizers.py" --count "$count" --write "$work/texts" \
        "$work/encode_lines" "$tokenizer" "$@"; then
        failed=$((failed + 1))
    elif [ "${tokenizer##*.}" = json ] && [ -n "${TOKENIZERS:-}" ] &&
        ! NODE_PATH=$TOKENIZERS node "$here/judge.js" "$tokenizer" "$work/texts"; then
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
done
echo "tokenizers-all: $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
