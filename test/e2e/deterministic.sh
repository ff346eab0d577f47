#!/bin/sh
# Same input and options, same bytes: again, on any number of threads, from anywhere, whatever the
# environment says; and the manifest as recipe gives the same again.
. "$(dirname "$0")/lib.sh"

# same WHAT FOLDER
same() {
    check "$1" diff -r "$first" "$2"
}

# all_ways NAME MODEL [OPTIONS]: the whole set for one model and one set of options.
all_ways() {
    name=$1 model=$2
    shift 2
    base=$work/$name first=$work/$name/first
    mkdir -p "$base/home" "$base/tmp"
    compile "$model" "$first" --name story "$@" || { fail "$name: does not compile"; return; }
    for n in 1 2 7; do
        (export OMP_NUM_THREADS=$n; compile "$model" "$base/threads" --name story "$@") &&
            same "$name: again, $n threads" "$base/threads"
    done
    (cd "$base" && export TMPDIR="$base/tmp" HOME="$base/home" LANG=tr_TR.UTF-8 LC_ALL=C.UTF-8 \
        TZ=Asia/Tokyo USER=nobody && compile "$model" elsewhere --name story "$@") &&
        same "$name: another folder and environment" "$base/elsewhere"
    # The manifest holds the recipe; target and limits are the command line's.
    compile_as_said "$model" "$base/manifest" --recipe "$first/story.json" ${target:-} &&
        same "$name: with its manifest as recipe" "$base/manifest"
    if grep -rlE "/tmp|/work|/home|$(id -un)@|$(pwd)|$(uname -n)" "$first"; then
        fail "$name: an output file names this machine"
    else
        ok "$name: no path or machine name in the output"
    fi
}

target=
all_ways tales "$tales/model" --bits 4 --bits 'embed=6' --window 100 --sinks 3 \
    --prune-neurons 0.1 --prune-heads 0.1 --set prune-heads.method=magnitude \
    --set prune-heads.compensate=no --set prune-neurons.method=magnitude --set prune-neurons.compensate=no
if have_stories; then
    target="-t rp2040"
    all_ways stories260K "$stories" --set quantize.method=gptq --bits 1.6 -t rp2040 --set fold.norms=true --window 64
else
    skip_data "stories260K: not here"
fi
finish
