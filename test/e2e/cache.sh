#!/bin/sh
# The compile cache: the second time is a copy, byte for byte and at least five times quicker; whatever
# matters makes another entry; damage and races leave a right output; and what a folder had before goes.
. "$(dirname "$0")/lib.sh"

need_models || {
    skip "cache: no numpy for the models"
    finish
}
model=$models/v0.bin
export LMCC_CACHE="$work/cache" HOME="$work/home"
mkdir -p "$work/home" "$work/tmp"
export TMPDIR="$work/tmp"
options="--name story --bits 3 "
# lm OUT OPTIONS...
lm() {
    out=$1
    shift
    # shellcheck disable=SC2086
    "$lmcc" compile "$model" -o "$out" $options "$@"
}
entries() { find "$LMCC_CACHE" -type f | wc -l; }
now() { date +%s%N; }

start=$(now)
lm "$work/first" >"$work/said.1" || fail "does not compile"
middle=$(now)
lm "$work/second" >"$work/said.2" || fail "does not compile from the cache"
end=$(now)
cold=$(((middle - start) / 1000)) warm=$(((end - middle) / 1000))
check "the same bytes" diff -r "$work/first" "$work/second"
check "the same words" sh -c "sed 's/second/first/' '$work/said.2' | cmp - '$work/said.1'"
check "$warm us instead of $cold us: a fifth at most" test $((5 * warm)) -le $cold
check "one entry" test "$(entries)" -eq 1
check "into the same folder again" lm "$work/second" -q
check "still one entry" test "$(entries)" -eq 1
check "verifies" "$lmcc" verify "$work/second"

# What matters, and what does not.
options="$options --set quantize.method=weights"
mkdir -p "$work/moved"
cp "$model" "$models/tokenizer.bin" "$work/moved"
lm "$work/a" -q
check "an option: another entry" test "$(entries)" -eq 2
lm "$work/b" -q --window 100
lm "$work/b" -q -t rp2040 --window 100
check "a target: another entry" test "$(entries)" -eq 4
"$lmcc" compile "$work/moved/v0.bin" -o "$work/c" $options -q
check "the same model elsewhere: the same entry" test "$(entries)" -eq 4
check "the same bytes from it" diff -r "$work/a" "$work/c"
# Calibrated on what the model writes itself: of another text it warns, and what warns is not kept.
"$lmcc" compile "$tales/model" -o "$work/tales" --name story --set quantize.method=weights -q --no-cache
for seed in 1 2; do
    for part in 1 2 3; do "$lmcc" run -q -n 250 --seed $seed$part "$work/tales"; done >"$work/text"
    "$lmcc" compile "$tales/model" -o "$work/d" --name story --set quantize.method=weights -q --calib "$work/text"
done
check "another text of the same name: another entry" test "$(entries)" -eq 6
lm "$work/e" -q --no-cache --bits 2
check "--no-cache keeps nothing" test "$(entries)" -eq 6
echo '/* mine */' >>"$work/a/story_config.h"
lm "$work/a" -q && lm "$work/a" -q
check "an edited configuration stays" grep -q mine "$work/a/story_config.h"
lm "$work/f" -q
check "and is nobody else's" diff -r "$work/c" "$work/f"
LMCC_CACHE='' lm "$work/g" -q
check "LMCC_CACHE empty: none" test ! -e "$work/home/.cache"
env -u LMCC_CACHE XDG_CACHE_HOME="$work/xdg" "$lmcc" compile "$model" -o "$work/g" $options -q
check "XDG_CACHE_HOME" test "$(find "$work/xdg/lmcc" -name '*.zst' | wc -l)" -eq 1
: >"$work/file"
check "a cache that cannot be made is no error" sh -c \
    "LMCC_CACHE='$work/file/below' '$lmcc' compile '$model' -o '$work/g' $options -q"

# What a folder had before: with the forms, extras and manifests of another compile in it, taken from the
# cache or not, it ends up as a folder of its own does; files of the user's stay.
full="--weights asm --extras options,debounce --name story"
least="--weights c --package make --name story"
mkdir -p "$work/full" "$work/least"
# shellcheck disable=SC2086
lm "$work/full" -q --no-cache $full && lm "$work/least" -q --no-cache $least || fail "does not compile"
# becomes FROM TO OPTIONS...: a folder of FROM, compiled as TO.
becomes() {
    from=$1 to=$2
    shift 2
    rm -rf "$work/became"
    cp -r "$work/$from" "$work/became"
    mkdir -p "$work/became/src" "$work/became/test"
    echo mine | tee "$work/became/notes.txt" "$work/became/src/mine.c" >"$work/became/test/mine"
    lm "$work/became" -q "$@" || return 1
    for file in notes.txt src/mine.c test/mine; do
        [ "$(cat "$work/became/$file")" = mine ] && rm "$work/became/$file" || return 1
    done
    rmdir "$work/became/src" "$work/became/test" 2>/dev/null
    diff -r "$work/$to" "$work/became"
}
for how in --no-cache -q -q; do
    # shellcheck disable=SC2086
    check "extras and forms go ($how)" becomes full least $least $how
    # shellcheck disable=SC2086
    check "and come ($how)" becomes least full $full $how
done

# Damage.
rm -rf "$LMCC_CACHE"
lm "$work/good" -q
entry=$(find "$LMCC_CACHE" -name '*.zst')
cp "$entry" "$work/entry"
size=$(wc -c <"$work/entry")
# damaged WHAT: the entry as it now is gives the right output, and is right afterwards.
damaged() {
    rm -rf "$work/out"
    check "an entry $1: the right output" lm "$work/out" -q && check "an entry $1: the right bytes" diff -r "$work/good" "$work/out"
    check "an entry $1: mended" cmp -s "$entry" "$work/entry"
}
: >"$entry" && damaged "that is empty"
head -c $((size / 2)) "$work/entry" >"$entry" && damaged "cut in half"
head -c 5000 /dev/zero >"$entry" && damaged "of zeros"
for at in 6 $((size / 3)) $((size - 2)); do
    cp "$work/entry" "$entry"
    printf 'X' | dd of="$entry" bs=1 seek="$at" conv=notrunc 2>/dev/null
    damaged "with byte $at changed"
done
if have zstd; then
    # Sound as zstd, with a name that leads elsewhere.
    zstd -dq <"$work/entry" | sed 's/story_probe\.c/..\/..\/evil.cc/' | zstd -q --check >"$entry"
    damaged "with a name that leads elsewhere"
fi

# Bounds.
LMCC_CACHE_SIZE=${size}0 lm "$work/out" -q --window 50
LMCC_CACHE_SIZE=$((size * 5 / 2)) lm "$work/out" -q --window 51
check "the least recently used one goes" sh -c "[ $(entries) -eq 2 ] && [ ! -e '$entry' ]"

# Four at once.
rm -rf "$LMCC_CACHE"
for i in 1 2 3 4; do lm "$work/at-once-$i" -q & done
wait
for i in 1 2 3 4; do check "four at once: $i" diff -r "$work/good" "$work/at-once-$i"; done
check "four at once: one entry" test "$(entries)" -eq 1
finish
