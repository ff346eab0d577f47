#!/bin/sh
# Every package form of a folder builds for every target that has its compiler here: CMake, and what
# Zephyr and ESP-IDF would do with their manifests, in one project; the Makefile fragment; what Arduino and
# PlatformIO compile. Each from a clean folder, from build folders elsewhere, which stays as it was.
. "$(dirname "$0")/lib.sh"

if ! have cmake || ! need_models; then
    skip "packages for every target: no cmake or numpy"
    finish
fi
mkdir -p "$work/project"
cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.13)
project(everything C)
macro(zephyr_library_named name)
  set(library zephyr_${name})
  add_library(${library} STATIC)
endmacro()
macro(zephyr_library_sources)
  target_sources(${library} PRIVATE ${ARGN})
endmacro()
macro(zephyr_library_compile_definitions)
  target_compile_definitions(${library} PRIVATE ${ARGN})
endmacro()
macro(zephyr_include_directories)
  target_include_directories(${library} PUBLIC ${ARGN})
endmacro()
macro(idf_component_register)
  cmake_parse_arguments(c "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
  add_library(idf STATIC ${c_SRCS})
  target_include_directories(idf PUBLIC ${c_INCLUDE_DIRS})
endmacro()
add_subdirectory(${MODEL} plain)
enable_language(ASM) # both build systems do
set(CONFIG_STORY y)
add_subdirectory(${MODEL}/zephyr zephyr)
set(ESP_PLATFORM 1)
add_subdirectory(${MODEL} idf)
END

# Flags of the target without those that only a program needs.
flags_of() {
    "$lmcc" targets "$1" | sed -n 's/^  flags  *//p' | sed 's/--specs=[^ ]*//; s/-static//; s/-O[0-9s]//'
}
cmake_all() {
    generic=
    [ "$target" = host ] || generic="-DCMAKE_SYSTEM_NAME=Generic -DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY"
    # shellcheck disable=SC2086
    cmake -S "$work/project" -B "$work/$target/cmake" $generic "-DMODEL=$dir" "-DCMAKE_C_COMPILER=$cc" \
        "-DCMAKE_C_FLAGS=$flags -ffreestanding" "-DCMAKE_ASM_FLAGS=$flags" &&
        cmake --build "$work/$target/cmake" &&
        for lib in plain/libstory.a zephyr/libzephyr_story.a idf/libidf.a; do
            [ -s "$work/$target/cmake/$lib" ] || return 1
        done
}
make_all() {
    mkdir -p "$work/$target/make"
    cat >"$work/$target/make/Makefile" <<END
include $dir/story.mk
objects := \$(notdir \$(addsuffix .o,\$(STORY_SOURCES)))
VPATH := \$(STORY_FOLDER)
all: \$(objects)
%.c.o: %.c
	$cc $flags -ffreestanding \$(STORY_CFLAGS) -c -o \$@ \$<
%.S.o: %.S
	$cc $flags \$(STORY_CFLAGS) -c -o \$@ \$<
END
    make -s -C "$work/$target/make" all && [ -s "$work/$target/make/story_weights.S.o" ]
}
# The include path is src/ alone.
arduino_all() {
    mkdir -p "$work/$target/arduino"
    for f in "$dir"/src/*.[cS]; do
        # shellcheck disable=SC2086
        (cd "$work/$target/arduino" && $cc $flags -ffreestanding -I"$dir/src" -c "$f") || return 1
    done
}
sums() { (cd "$1" && find . -type f -exec cksum {} + | sort); }

for target in $("$lmcc" targets | sed '1d;s/ .*//'); do
    cc=$("$lmcc" targets "$target" | sed -n 's/^  compiler  *//p')
    if ! have "$cc"; then
        skip_data "$target: no $cc"
        continue
    fi
    flags=$(flags_of "$target") dir=$work/$target/story
    mkdir -p "$work/$target"
    compile "$models/v0.bin" "$dir" --name story --bits 2 --weights asm --window 32 -t "$target" \
        --flash 4M --ram 4M || fail "$target: does not compile"
    sums "$dir" >"$work/$target/before"
    check "$target: CMake, Zephyr stand-in, ESP-IDF stand-in" cmake_all
    check "$target: Makefile fragment" make_all
    check "$target: Arduino, PlatformIO" arduino_all
    sums "$dir" >"$work/$target/after"
    check "$target: the folder is as it was" cmp "$work/$target/before" "$work/$target/after"
    # An encoder, with its weights elsewhere.
    rm -rf "$dir" "$work/$target/cmake" "$work/$target/arduino"
    compile "$models/enc_bert_label" "$dir" --name story --bits 2 --weights blob -t "$target" --flash 4M --ram 4M ||
        fail "$target: encoder: does not compile"
    check "$target, encoder with a blob: CMake, Zephyr stand-in, ESP-IDF stand-in" cmake_all
    check "$target, encoder with a blob: Arduino, PlatformIO" arduino_all
done

# Regenerating replaces what was generated, and nothing else.
dir=$work/again
compile "$models/v0.bin" "$dir" --name story --bits 2 --weights asm
sums "$dir" >"$work/first"
compile "$models/v0.bin" "$dir" --name story --bits 2 --weights asm
sums "$dir" >"$work/second"
check "again: the same files" cmp "$work/first" "$work/second"
# Another form, fewer packages: what is not generated any more goes, what is not lmcc's stays.
echo mine >"$dir/notes.txt"
echo '/* mine */' >>"$dir/library.properties"
compile "$models/v0.bin" "$dir" --name story --bits 2 --weights c --package arduino
compile "$models/v0.bin" "$work/fresh" --name story --bits 2 --weights c --package arduino
rm "$work/fresh/library.properties"
leftovers() {
    [ "$(cat "$dir/notes.txt")" = mine ] && rm "$dir/notes.txt" "$dir/library.properties" &&
        diff -r "$work/fresh" "$dir"
}
check "another form: no file of the old one is left" leftovers
finish
