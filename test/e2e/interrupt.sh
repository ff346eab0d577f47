#!/bin/sh
# SIGINT and SIGTERM at several moments of every command that writes or starts something: the status is
# 130 or 143, an output folder is what it was or all that it should be, and no temporary file is left.
. "$(dirname "$0")/lib.sh"

need_models || {
    skip "interrupts: no numpy for the models"
    finish
}
model=$models/v0.bin
mkdir -p "$work/tmp" "$work/out"
export TMPDIR="$work/tmp" LMCC_CACHE="$work/cache"
printf 'Dorothy looked at the Scarecrow, and said nothing for a while.\n' >"$work/text"
plain="compile -q $model --name story --bits 3 --window 100 --set quantize.method=weights"
asm="$plain --weights asm"
bare="$plain --weights c --package none"

now() { date +%s%N; }
# What is not there while nothing runs; the compilers that were ended are gone in a moment.
left_behind() {
    ls -A "$work/tmp"
    find "$work/out" -name '*lmcc-*'
    find "$LMCC_CACHE" -name 'unfinished-*' 2>/dev/null
}

# interrupted WHAT SOUND PREPARE COMMAND...: runs it once, then ends it at so many moments of the time that
# took. PREPARE comes before each run; SOUND must hold after it, done or not.
moments=8
interrupted() {
    what=$1 sound=$2 prepare=$3
    shift 3
    $prepare
    began=$(now)
    "$lmcc" "$@" >"$work/said" 2>&1 || { fail "$what: fails: $(tail -n 1 "$work/said")"; return; }
    took=$((($(now) - began) / 1000000))
    wrong='' ended=0
    for part in $(seq 0 $((moments - 1))); do
        signal=INT status=130
        [ $((part % 2)) -eq 0 ] || { signal=TERM; status=143; }
        $prepare
        "$lmcc" "$@" >"$work/said" 2>&1 &
        pid=$!
        sleep "$(echo $took $part $moments | awk '{ printf "%.3f", 0.003 + $1 * $2 / $3 / 1000 }')"
        kill -$signal $pid 2>/dev/null
        wait $pid
        got=$?
        case $got in
        0) ;;
        "$status") ended=$((ended + 1)) ;;
        *) wrong="$wrong; status $got after $part/$moments: $(tail -n 1 "$work/said")" ;;
        esac
        $sound >"$work/log" 2>&1 || wrong="$wrong; after $part/$moments: $(tail -n 1 "$work/log")"
        left=$(left_behind)
        [ -z "$left" ] || wrong="$wrong; after $part/$moments there is $left"
    done
    if [ -n "$wrong" ]; then fail "$what: ${wrong#; }"; else ok "$what: $ended of $moments ended by the signal"; fi
}
nothing() { :; }

# Folders as they should be.
"$lmcc" $asm -o "$work/asm" && "$lmcc" $bare -o "$work/bare" || fail "does not compile"
warm=$work/cache.warm
cp -r "$LMCC_CACHE" "$warm"
cold() { rm -rf "$work/out/story" "$LMCC_CACHE"; }
none_or() { [ ! -e "$work/out/story" ] || diff -r "$1" "$work/out/story"; }
none_or_asm() { none_or "$work/asm"; }
interrupted "a new folder" none_or_asm cold $asm -o "$work/out/story"
over() {
    cold
    cp -r "$work/asm" "$work/out/story"
    echo mine >"$work/out/story/notes.txt"
}
over_cached() { over && cp -r "$warm" "$LMCC_CACHE"; }
# The old files or the new ones, and what is nobody else's.
one_of_both() {
    [ "$(cat "$work/out/story/notes.txt")" = mine ] || return 1
    diff -r -x notes.txt "$work/asm" "$work/out/story" >/dev/null ||
        diff -r -x notes.txt "$work/bare" "$work/out/story"
}
interrupted "another form in the same folder" one_of_both over $bare -o "$work/out/story"
interrupted "the same from the cache" one_of_both over_cached $bare -o "$work/out/story"
cold
moments=4
interrupted "a search" nothing cold compile -q "$model" -o "$work/out/story" --max-loss 60% --bits 4 \
    --set quantize.rounds=1 --set prune-heads.method=magnitude --set prune-neurons.method=magnitude
interrupted "a front end" nothing cold frontend -q -o "$work/out/story"
cold

# Training: SIGINT ends it and what there is is compiled; a state is whole.
train="$plain --weights c --package none --recover 100000 --recover-state $work/out/state"
fresh() { cold && rm -f "$work/out/state"; }
whole_state() {
    [ ! -e "$work/out/state.tmp" ] || return 1
    [ ! -e "$work/out/story" ] || "$lmcc" verify -q "$work/out/story" || return 1
    [ ! -e "$work/out/state" ] || "$lmcc" $train -o "$work/out/story"
}
interrupted "training" whole_state fresh $train -o "$work/out/story"
fresh

# Commands that build and run generated code.
no_half_junit() { [ ! -s "$work/out/junit.xml" ] || grep -q '</testsuites>' "$work/out/junit.xml"; }
interrupted "verify" no_half_junit nothing verify -q "$work/asm" --junit "$work/out/junit.xml"
interrupted "run" nothing nothing run -q "$work/asm" -n 20
interrupted "probe" nothing nothing probe -q "$work/asm"
interrupted "eval of a model" nothing nothing eval -q "$model" "$work/text" --bits 3
interrupted "eval of a folder" nothing nothing eval -q "$work/asm" "$work/text"
interrupted "diff" nothing nothing diff -q "$work/asm" "$work/bare" --text "$work/text"
if have arm-none-eabi-gcc && have qemu-system-arm; then
    "$lmcc" $asm -t stm32h743 -o "$work/arm" || fail "does not compile for a Cortex-M7"
    interrupted "bench" nothing nothing bench -q "$work/arm"
else
    skip "interrupted bench: no arm-none-eabi-gcc, qemu-system-arm"
fi
finish
