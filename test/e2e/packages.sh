#!/bin/sh
# A generated folder is a package of each ecosystem: its manifests build with the real tool where there
# is one, with a stand-in for the build system's commands where not; an edited config.h stays.
. "$(dirname "$0")/lib.sh"

dir=$work/story
compile "$tales/model" "$dir" --name story --bits 2 --weights auto || fail "tales: does not compile"

if have cmake; then
    # Alone: the self-test through CTest. In a project: a C++ program links it.
    check "CMake: configure" cmake -S "$dir" -B "$work/alone"
    check "CMake: build" cmake --build "$work/alone"
    check "CMake: ctest" cmake --build "$work/alone" --target test
    mkdir -p "$work/app"
    cat >"$work/app/main.cpp" <<END
#include "story.h"
static story_t state;
int main() { return story_init(&state) == STORY_OK && story_selftest(&state) == STORY_OK ? 0 : 1; }
END
    cat >"$work/app/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.13)
project(app C CXX)
add_subdirectory($dir story)
add_executable(app main.cpp)
target_link_libraries(app PRIVATE story::story)
END
    check "CMake: a C++ project with it" cmake -S "$work/app" -B "$work/app/build"
    check "CMake: builds" cmake --build "$work/app/build"
    check "CMake: runs" "$work/app/build/app"

    # Zephyr's and ESP-IDF's CMake commands, as far as a module needs them.
    mkdir -p "$work/zephyr" "$work/idf"
    cat >"$work/zephyr/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.13)
project(zephyr C)
macro(zephyr_library_named name)
  add_library(\${name} STATIC)
  set(library \${name})
endmacro()
macro(zephyr_library_sources)
  target_sources(\${library} PRIVATE \${ARGN})
endmacro()
macro(zephyr_library_compile_definitions)
  target_compile_definitions(\${library} PRIVATE \${ARGN})
endmacro()
macro(zephyr_include_directories)
  target_include_directories(\${library} PUBLIC \${ARGN})
endmacro()
set(CONFIG_STORY y)
add_subdirectory($dir/zephyr story)
END
    check "Zephyr stand-in: configure" cmake -S "$work/zephyr" -B "$work/zephyr/build"
    check "Zephyr stand-in: build" cmake --build "$work/zephyr/build"
    cat >"$work/idf/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.13)
project(idf C)
macro(idf_component_register)
  cmake_parse_arguments(c "" "" "SRCS;INCLUDE_DIRS" \${ARGN})
  add_library(component STATIC \${c_SRCS})
  target_include_directories(component PUBLIC \${c_INCLUDE_DIRS})
endmacro()
set(ESP_PLATFORM 1)
add_subdirectory($dir story)
END
    check "ESP-IDF stand-in: configure" cmake -S "$work/idf" -B "$work/idf/build"
    check "ESP-IDF stand-in: build" cmake --build "$work/idf/build"
else
    skip "CMake, Zephyr, ESP-IDF: no cmake"
fi

check "Makefile fragment: self-test" make -s -f "$dir/story.mk" story-check

# Arduino and PlatformIO: everything in src/ and nothing else, the sketch as C++.
sketch() {
    mkdir -p "$work/arduino"
    for f in "$dir"/src/*.[cS]; do
        cc -std=gnu99 -I"$dir/src" -c -o "$work/arduino/$(basename "$f").o" "$f" || return 1
    done
    cat >"$work/arduino/sketch.cpp" <<END
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
static struct {
    int lines = 0;
    void begin(long) {}
    explicit operator bool() const { return true; }
    void write(const uint8_t *text, size_t n) { fwrite(text, 1, n, stdout); }
    void println(const char *text = "") { puts(text); if (++lines == 3) exit(0); }
} Serial;
static void delay(int) {}
#include "$dir/examples/story_tell/story_tell.ino"
int main() { setup(); for (;;) loop(); }
END
    c++ -I"$dir/src" -o "$work/arduino/sketch" "$work/arduino/sketch.cpp" "$work"/arduino/*.o &&
        "$work/arduino/sketch" | head -1 | grep -qx ok
}
if have c++; then
    check "Arduino: src/ and the sketch" sketch
else
    skip "Arduino: no c++"
fi
check "library.json" "$PYTHON" -c "import json, sys; d = json.load(open(sys.argv[1])); \
assert len(d['name']) <= 50 and len(d['description']) <= 255 and d['version'] and d['keywords']" "$dir/library.json"
check "CMSIS-Pack: well formed, its files are there" "$PYTHON" -c "
import os, sys, xml.etree.ElementTree as t
root = t.parse(sys.argv[1] + '/lmcc.story.pdsc').getroot()
assert [e.tag for e in root][:5] == ['vendor', 'name', 'description', 'url', 'license']
assert all(os.path.exists(sys.argv[1] + '/' + f.get('name')) for f in root.iter('file'))" "$dir"

# Regenerating.
echo '/* mine */' >>"$dir/story_config.h"
check "an edited config.h stays" sh -c "'$lmcc' compile '$tales/model' -o '$dir' --name story --bits 2 -q --set quantize.method=weights &&
    grep -q mine '$dir/story_config.h'"
check "its folder still verifies" "$lmcc" verify "$dir"
check "--package none" sh -c "'$lmcc' compile '$tales/model' -o '$work/bare' --name story --bits 2 -q --set quantize.method=weights --package none &&
    [ ! -e '$work/bare/CMakeLists.txt' ] && [ ! -e '$work/bare/src' ] && [ -e '$work/bare/story.c' ]"
check "--package cmake,make" sh -c "'$lmcc' compile '$tales/model' -o '$work/two' --name story --bits 2 -q --set quantize.method=weights \
    --package cmake,make && [ -e '$work/two/story.mk' ] && [ ! -e '$work/two/library.json' ]"

finish
