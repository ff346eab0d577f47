#!/bin/sh
# Golden tests of the passes: each line of cases.txt runs one pass on one text IR; what it prints
# must be what is on file. UPDATE=1 writes the files instead: read the difference before you keep it.
# B is the build folder with liblmcc.a; GOLDEN a program made of golden.c already, as for sanitizers.
set -u
export LMCC_CACHE= # no cache
here=$(cd "$(dirname "$0")" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
golden=$(realpath "${GOLDEN:-$work/golden}")
[ -n "${GOLDEN:-}" ] || ${CC:-cc} -std=c11 -O1 -fopenmp -I"$here/../../include" -o "$golden" \
    "$here/golden.c" "${B:-$here/../../build}/liblmcc.a" -lyaml -ljansson -lzstd -lxxhash -lm -ldl || exit 1
cd "$here" || exit 1
failed=0
count=0

while read -r name pass input recipe target; do
    case $name in '' | '#'*) continue ;; esac
    count=$((count + 1))
    # The message of a refused case is its output: an error is a result like any other.
    "$golden" "$pass" "$input" "$recipe" "$target" >"$work/out" 2>"$work/err"
    status=$?
    expected=out/$name.ir
    if [ $status -eq 1 ] && grep -q '^lmcc: ' "$work/err"; then
        expected=out/$name.err
        mv "$work/err" "$work/out"
        [ "${UPDATE:-0}" = 1 ] && echo "golden: $name is refused: $(cat "$work/out")"
    elif [ $status -ne 0 ] || [ -s "$work/err" ]; then
        echo "golden: $name: pass $pass: status $status:" >&2
        cat "$work/err" >&2
        failed=$((failed + 1))
        continue
    fi
    if [ "${UPDATE:-0}" = 1 ]; then
        mkdir -p out
        rm -f "out/$name.ir" "out/$name.err"
        cp "$work/out" "$expected"
    elif ! diff -u "$expected" "$work/out" >"$work/diff" 2>&1; then
        echo "golden: $name: pass $pass: differs:" >&2
        head -n 24 "$work/diff" >&2
        failed=$((failed + 1))
    fi
done <cases.txt

# A file without its case would be a test that nobody runs.
for file in out/*; do
    name=$(basename "${file%.*}")
    grep -q "^$name " cases.txt || {
        echo "golden: $file: no case of this name" >&2
        failed=$((failed + 1))
    }
done

echo "golden: $count cases, $failed failed"
[ $failed -eq 0 ] && [ $count -gt 0 ]
