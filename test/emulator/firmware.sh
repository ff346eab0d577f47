#!/bin/sh
# firmware.sh: a generated folder in other people's projects. Builds the projects in test/firmware with their
# own start-up code, linker scripts and CMake files around the folder as lmcc wrote it, runs them on
# emulated boards and compares what comes out of the UART with the host. FREERTOS: a checkout of its
# kernel; B: build folder; REQUIRE_ALL=1: a missing tool is a failure.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
lmcc=$(realpath "${B:-$root/build}/lmcc")
projects=$(realpath "$here/../firmware")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

for tool in cmake arm-none-eabi-gcc arm-none-eabi-g++ qemu-system-arm; do
    command -v $tool >/dev/null && continue
    echo "firmware: SKIPPED (needs $tool)"
    [ -n "${REQUIRE_ALL:-}" ] && exit 1
    exit 77
done

compile() { # OUT OPTIONS...
    out=$1
    shift
    "$lmcc" compile "$root/examples/tales/model" -q --name story --bits 2 --set quantize.method=weights \
        --window 64 -o "$out" "$@" || exit 1
    (cd "$out" && find . -type f -exec cksum {} + | sort) >"$out.sums"
}

compile "$work/on-host" -t host
cc -std=c99 -O1 -I"$work/on-host" -I"$projects" -o "$work/host" "$projects/host.c" \
    "$projects/tell.c" "$work/on-host/story.c" "$work"/on-host/story_[wts]*.[cS] || exit 1
"$work/host" >"$work/host.txt" || exit 1

# firmware PROJECT BOARD MODEL [CMAKE-OPTIONS [QEMU-OPTIONS]]
firmware() {
    label="$1 on $2, $3" project=$1 board=$2 model=$work/$3 options=${4:-} qemu=${5:-}
    build=$work/build
    rm -rf "$build"
    # shellcheck disable=SC2086
    if cmake -S "$projects/$project" -B "$build" "-DMODEL=$model" "-DBOARD=$board" \
        "-DCMAKE_TOOLCHAIN_FILE=$projects/device/arm-none-eabi.cmake" $options >"$work/log" 2>&1 &&
        cmake --build "$build" >>"$work/log" 2>&1 &&
        timeout 120 qemu-system-arm -M "$board" -display none -monitor none -serial stdio \
            -semihosting-config enable=on,target=native $qemu -kernel "$build/firmware" \
            </dev/null >"$work/out.txt" 2>>"$work/log" &&
        cmp "$work/host.txt" "$work/out.txt" >>"$work/log" &&
        (cd "$model" && find . -type f -exec cksum {} + | sort) | cmp - "$model.sums" >>"$work/log"
    then
        echo "$label: ok"
        passed=$((passed + 1))
    else
        echo "$label: FAILED"
        tail -n 20 "$work/log"
        head -c 300 "$work/out.txt"
        failed=$((failed + 1))
    fi
}

compile "$work/m3" -t mps2-m3
compile "$work/m4" -t nrf52840 --weights c
compile "$work/m7" -t stm32h743
compile "$work/m7-fast" -t stm32h743 --place fast
compile "$work/m7-blob" -t stm32h743 --weights blob
compile "$work/m55" -t corstone300
firmware bare mps2-an385 m3
firmware bare mps2-an386 m4
firmware bare mps2-an500 m7
firmware bare mps2-an500 m7-fast
# As if in memory-mapped flash: at an address that the linker knows nothing of.
firmware bare mps2-an500 m7-blob "-DCMAKE_C_FLAGS=-DSTORY_BLOB_ADDRESS=0x60000000" \
    "-device loader,file=$work/m7-blob/story_weights.bin,addr=0x60000000,force-raw=on"
firmware bare mps3-an547 m55
firmware cplusplus mps2-an500 m7
firmware cplusplus mps3-an547 m55
if [ -n "${FREERTOS:-}" ]; then
    for pair in "mps2-an385 m3" "mps2-an386 m4" "mps2-an500 m7"; do
        # shellcheck disable=SC2086
        firmware freertos $pair "-DFREERTOS=$FREERTOS"
    done
else
    echo "no FREERTOS=PATH: a stand-in for its interface"
    firmware freertos mps2-an385 m3
fi
head -n 3 "$work/host.txt"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
