#!/bin/sh
# lmcc probe: each layer's residual stream on the host, and the same from the probe in firmware; and
# that a probe which is off leaves nothing in the object code.
. "$(dirname "$0")/lib.sh"

dir=$work/story
boards=$root/targets/boards
compile "$tales/model" "$dir" -t stm32h743 --name story --weights c --bits 8 --set prune-layers.list=1 || { fail "tales: no code"; finish; }
printf 'Dorothy looked at the Scarecrow, and said nothing.\nThe Lion ran away.\n' >"$work/text"

check "over the self-test" sh -c "'$lmcc' probe '$dir' --json >'$work/golden.json'"
check "over a text, against the model" sh -c \
    "'$lmcc' probe '$dir' '$work/text' --docs lines --ref '$tales/model' --json >'$work/text.json'"
check "one thread and two: the same" sh -c "OMP_NUM_THREADS=1 '$lmcc' probe '$dir' '$work/text' --docs lines \
    --ref '$tales/model' --json | cmp - '$work/text.json'"
check "as a table" sh -c "'$lmcc' probe '$dir' '$work/text' --docs lines --ref '$tales/model' | grep -q '^  logits '"
check "without --ref says what is needed" sh -c "'$lmcc' probe '$dir' | grep -q -- '--ref MODEL'"
check "rows, hash of the logits, errors of 8 bits" "$PYTHON" -c "
import json, sys
golden, text, manifest = (json.load(open(f)) for f in sys.argv[1:])
layers = manifest['model']['layers']
for probe in golden, text:
    assert [r['row'] for r in probe['rows']] == ['input', *map(str, range(layers)), 'logits']
    assert all(r['saturated'] == 0 and 0 < r['spare_bits'] < 31 for r in probe['rows'])
assert golden['rows'][-1]['xxh32'] == manifest['golden']['logits_xxh32']
assert golden['tokens'] == 64 and text['documents'] == 2
assert text['rows'][0]['snr_db'] > 35 and all(r['snr_db'] > 3 for r in text['rows'])
" "$work/golden.json" "$work/text.json" "$dir/story.json"
"$lmcc" probe "$dir" --ref "$work/no-such-model" >"$work/out" 2>&1
check "a bad --ref is an error" test $? -eq 1

# Nothing of it where it is off: the same object as of a source without the calls.
grep -v 'STORY_PROBE(' "$dir/story.c" >"$work/without.c"
# nothing_left COMPILER FLAGS...
nothing_left() {
    cp "$dir/story.c" "$work/story.c" && "$@" -std=c99 -O2 -I"$dir" -c -o "$work/with.o" "$work/story.c" &&
        cp "$work/without.c" "$work/story.c" && "$@" -std=c99 -O2 -I"$dir" -c -o "$work/without.o" "$work/story.c" &&
        cmp "$work/with.o" "$work/without.o" &&
        "$@" -std=c99 -O2 -I"$dir" -DSTORY_WITH_PROBE=1 -c -o "$work/on.o" "$dir/story.c" && ! cmp -s "$work/with.o" "$work/on.o"
}
check "calls were taken out" test "$(grep -c . "$dir/story.c")" -gt "$(grep -c . "$work/without.c")"
for cc in gcc clang "arm-none-eabi-gcc -mcpu=cortex-m7 -mthumb"; do
    # shellcheck disable=SC2086
    if have ${cc%% *}; then
        check "$cc: a probe that is off costs nothing" nothing_left $cc
    else
        skip "$cc: not installed"
    fi
done

# In firmware: the rows that the host has.
sources="$dir/story.c $dir/story_weights.c $dir/story_tokenizer.c $dir/story_selftest.c $dir/story_probe.c"
"$PYTHON" -c "
import json, sys
rows = json.load(open(sys.argv[1]))['rows'][:-1]
unit = 2 ** json.load(open(sys.argv[2]))['model']['residual_fraction']
for r in rows:
    print('%s %08x %08x' % (r['xxh32'], round(r['largest'] * unit), r['saturated']))
" "$work/golden.json" "$dir/story.json" >"$work/expected"
strict="-Wall -Wextra -Wconversion -Wshadow -pedantic -Werror"
# shellcheck disable=SC2086
check "the probe's source on the host" sh -c "cc -std=c11 $strict -DSTORY_WITH_PROBE=1 -I'$dir' -I'$boards/common' \
    -o '$work/host' '$here/../emulator/probe_main.c' $sources '$boards/common/board_hosted.c' '$boards/common/print.c' &&
    '$work/host' | cmp - '$work/expected' && test -s '$work/expected'"
check "the probe's source where it is off" cc -std=c99 $strict -I"$dir" -c -o "$work/off.o" "$dir/story_probe.c"
if have arm-none-eabi-gcc && have qemu-system-arm; then
    # shellcheck disable=SC2086
    check "in firmware: build" "$here/../emulator/build_board.sh" mps2-an500 \
        "-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16 -DSTORY_WITH_PROBE=1 -I$dir" "$work/probe.elf" \
        "$here/../emulator/probe_main.c" $sources
    check "in firmware: the host's rows" sh -c \
        "'$here/../emulator/run_board.sh' mps2-an500 '$work/probe.elf' | cmp - '$work/expected' && test -s '$work/expected'"
else
    skip "in firmware: no arm-none-eabi-gcc or qemu-system-arm"
fi
finish
