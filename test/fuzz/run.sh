#!/bin/sh
# Builds mutate_cli and runs it. B: build folder; N: how many mutations; SEED: of the first one; J:
# processes; VERIFY: each how manyth result is also verified; CFLAGS: as for the library, for builds
# with sanitizers; WORK: keeps what failed.
set -eu
export LMCC_CACHE= # no cache
cd "$(dirname "$0")/../.."
B=${B:-build} N=${N:-2400} SEED=${SEED:-1} J=${J:-2}
work=$(realpath -m "${WORK:-$B/fuzz}")
mkdir -p "$work"
cli=$(ls compiler/cli/*.c | grep -v /main.c)
flags="-std=c11 -D_GNU_SOURCE -Iinclude -Icompiler -O1 -g -fopenmp -Wall -Wextra -Wconversion
       -Wshadow -pedantic -Werror ${CFLAGS:-}"
${CC:-cc} $flags -Dmain=lmcc_main -c -o "$work/main.o" compiler/cli/main.c
${CC:-cc} $flags -o "$work/mutate_cli" test/fuzz/*.c "$work/main.o" $cli "$B/liblmcc.a" \
    -lyaml -ljansson -lzstd -lxxhash -lm -ldl
# What compiles is verified with undefined behaviour of the generated code made a crash.
cat >"$work/cc" <<'END'
#!/bin/sh
exec cc -fsanitize=undefined -fsanitize-undefined-trap-on-error "$@"
END
chmod +x "$work/cc"
CC=$work/cc OMP_NUM_THREADS=1 NO_COLOR=1 "$work/mutate_cli" "$work" -n "$N" -s "$SEED" -j "$J" \
    -v "${VERIFY:-25}"
