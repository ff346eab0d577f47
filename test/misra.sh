#!/bin/sh
# misra.sh: generated code against docs/misra.md by cppcheck's MISRA addon. A rule that is reported and
# not in the document fails, and so does one in the document that is not reported. Prints how often
# each occurs. B: build folder. Ends with 77 where cppcheck or its addon is missing.
set -u
here=$(cd "$(dirname "$0")" && pwd)
lmcc=$(realpath "${B:-$here/../build}/lmcc")
export LMCC_CACHE= # no cache
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo 'static int nothing;' >"$work/try.c"
if ! command -v cppcheck >/dev/null || ! cppcheck --quiet --addon=misra "$work/try.c" >/dev/null 2>&1; then
    echo "SKIPPED: needs cppcheck with its misra addon"
    exit 77
fi

# Portable kernels of three formats and a core's own; a tokenizer with merges.
"$lmcc" compile "$here/../examples/tales/model" -o "$work/story" --name story -t nrf52840 --bits 2 --window 64 \
    --bits '*.mlp.*=1.6' --bits '*.attn.o=8' --set quantize.method=weights -q || exit 1

# An encoder.
"$lmcc" compile "$here/../examples/intents/model" -o "$work/intents" --name intents -t nrf52840 --bits 2 --weights c \
    --set quantize.method=weights -q || exit 1

# One configuration: all of them would take hours. Weights are numbers.
for part in story/story story/story_tokenizer story/story_selftest story/story_probe intents/intents \
    intents/intents_tokenizer intents/intents_selftest; do
    cppcheck --addon=misra --std=c99 --quiet --max-configs=1 -D__GNUC__ -D__ELF__ -DSTORY_WITH_PROBE=1 \
        --suppress=missingIncludeSystem --template='{id} {file}:{line}' -I"$work/${part%/*}" "$work/$part.c" 2>&1
done | grep '^misra-c2012-' | sort -u >"$work/found"
[ -s "$work/found" ] || { echo "FAILED: cppcheck reported nothing"; exit 1; }

sed 's/^misra-c2012-\([0-9.]*\) .*/\1/' "$work/found" | sort | uniq -c | sort -rn | awk '{ print $2 ": " $1 " places" }'
sed 's/^misra-c2012-\([0-9.]*\) .*/\1/' "$work/found" | sort -u >"$work/reported"
sed -n 's/^| \([0-9][0-9]*\.[0-9][0-9]*\) |.*/\1/p' "$here/../docs/misra.md" | sort -u >"$work/documented"
failed=0
for rule in $(comm -23 "$work/reported" "$work/documented"); do
    echo "FAILED: rule $rule is not in docs/misra.md:"
    grep "misra-c2012-$rule " "$work/found" | head -n 3
    failed=1
done
for rule in $(comm -13 "$work/reported" "$work/documented"); do
    echo "FAILED: rule $rule is in docs/misra.md and does not occur"
    failed=1
done
[ $failed -eq 0 ] && echo "$(wc -l <"$work/documented") rules, each documented: passed"
exit $failed
