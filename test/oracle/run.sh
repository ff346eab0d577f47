#!/bin/sh
# The independent implementations: checked against themselves, then the tokenizers against them.
# Needs numpy; LMCC_DATA (../shared/data) may hold a trained model and texts.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
python=${PYTHON:-/usr/bin/python3} B=${B:-$root/build}
data=${LMCC_DATA:-$root/../shared/data}
"$python" -c 'import numpy' 2>/dev/null || {
    echo "oracle: SKIPPED (needs python3-numpy)"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -B "$here/make_models.py" "$work/models" >/dev/null
set -- "$work/models"
[ ! -f "$data/stories260K.bin" ] || set -- "$@" "$data/stories260K.bin" "$data/tok512.bin"
"$python" -B "$here/check_oracle.py" "$@"

${CC:-cc} -std=c11 -D_GNU_SOURCE -I"$root/include" -fopenmp -o "$work/encode_lines" \
    "$root/test/unit/encode_lines.c" "$B/liblmcc.a" -lyaml -ljansson -lzstd -lxxhash -lm -ldl
text=$root/docs/formats.md
[ ! -f "$data/tinystories_dev.txt" ] || text="$text $data/tinystories_dev.txt"
# shellcheck disable=SC2086
"$python" -B "$here/check_tokenizers.py" "$work/encode_lines" \
    "$root/examples/tales/model/tokenizer.json" $text "$root/README.md"
# shellcheck disable=SC2086
[ ! -f "$data/tok512.bin" ] || "$python" -B "$here/check_tokenizers.py" "$work/encode_lines" \
    "$data/tok512.bin" $text
# One of each kind, made here.
"$python" -B "$here/make_tokenizers.py" "$work/tokenizers" 200 "$root/docs/formats.md"
if "$python" -c 'import sentencepiece' 2>/dev/null; then
    "$python" -B "$here/make_sentencepiece.py" "$work/tokenizers" "$root/docs/formats.md"
else
    echo "SentencePiece: SKIPPED (needs python3-sentencepiece)"
    [ -z "${REQUIRE_ALL:-}" ] || exit 1
fi
for tokenizer in "$work"/tokenizers/*.json "$work"/tokenizers/*.model; do
    [ -f "$tokenizer" ] || continue
    "$python" -B "$here/check_tokenizers.py" --count 2000 "$work/encode_lines" "$tokenizer" \
        "$root/docs/formats.md"
done
