# Sourced by each end-to-end script: where things are; ok, FAIL and SKIP lines; the exit status.
# B: build folder; WORK: scratch folder, with the models in it if run.sh made it; LMCC_DATA: trained
# models and texts.
set -u
unset CDPATH
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
B=$(realpath "${B:-$root/build}")
PYTHON=${PYTHON:-/usr/bin/python3}
data=$(realpath -m "${LMCC_DATA:-$root/../shared/data}")
REQUIRE_ALL=${REQUIRE_ALL:-}
lmcc=$B/lmcc
stories=$data/stories260K.bin
stories_tokenizer=$data/tok512.bin
tales=$root/examples/tales
export NO_COLOR=1
export LMCC_CACHE= # no cache: neither a user's nor one between tests
failures=0

if [ -z "${WORK:-}" ]; then
    WORK=$(mktemp -d) || exit 1
    trap 'rm -rf "$WORK"' EXIT
fi
models=$WORK/models
work=$WORK/$(basename "$0" | sed 's/\..*//')
mkdir -p "$work"

ok() { echo "ok    $*"; }
fail() {
    echo "FAIL  $*"
    failures=$((failures + 1))
}
# A tool that a package provides: with REQUIRE_ALL its absence is a failure.
skip() {
    if [ -n "$REQUIRE_ALL" ]; then fail "$*"; else echo "SKIP  $*"; fi
}
# Data that no package provides.
skip_data() { echo "SKIP  $*"; }

# check WHAT COMMAND...: the command must succeed; when it does not, its output is shown.
check() {
    what=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        ok "$what"
    else
        fail "$what: $*"
        tail -n 12 "$work/log" | sed 's/^/      /'
        return 1
    fi
}

have() { command -v "$1" >/dev/null 2>&1; }
have_numpy() { "$PYTHON" -c 'import numpy' 2>/dev/null; }
# Whichever Python has the package; a manifest is what compiler/share/manifest.schema.json says.
jsonschema=
for python in "$PYTHON" python3; do
    "$python" -c 'import jsonschema' 2>/dev/null && jsonschema=$python && break
done
have_jsonschema() { [ -n "$jsonschema" ]; }
valid_manifest() {
    "$jsonschema" -c "
import json, sys, jsonschema
schema, manifest = (json.load(open(f)) for f in sys.argv[1:])
jsonschema.Draft7Validator.check_schema(schema)
errors = list(jsonschema.Draft7Validator(schema).iter_errors(manifest))
for e in errors:
    print('/'.join(map(str, e.absolute_path)), e.message[:200])
sys.exit(bool(errors))" "$root/compiler/share/manifest.schema.json" "$1"
}
have_stories() { [ -r "$stories" ] && [ -r "$stories_tokenizer" ]; }

# The random models of test/oracle; false without numpy.
need_models() {
    [ -d "$models/hf_base" ] && return 0
    have_numpy || return 1
    "$PYTHON" "$root/test/oracle/make_models.py" "$models"
}

# compile MODEL OUT [OPTIONS]: quietly; diagnostics stay on stderr. Weights are C arrays, fitted without samples, which is
# quick, unless the options say otherwise. compile_as_said: as the options alone say.
compile() {
    model=$1
    out=$2
    shift 2
    compile_as_said "$model" "$out" --set quantize.method=weights --weights c "$@"
}
compile_as_said() {
    model=$1
    out=$2
    shift 2
    set -- -o "$out" "$@" "$model"
    case $model in "$stories") set -- --tokenizer "$stories_tokenizer" "$@" ;; esac
    "$lmcc" compile -q "$@"
}

# build_dump NAME: test/e2e/NAME.c with the library, as $dump.
build_dump() {
    dump=$work/$1
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -fopenmp -I"$root/include" -Wall -Wextra -Wconversion \
        -Wshadow -pedantic -Werror ${CFLAGS:-} -o "$dump" "$here/$1.c" "$B/liblmcc.a" \
        -lyaml -ljansson -lzstd -lxxhash -lm -ldl || exit 1
}

# float_reference NAME ORACLE INPUT: of an encoder by $dump, against test/oracle/ORACLE; leaves oracle.f32.
float_reference() {
    d=
    "$PYTHON" -B "$root/test/oracle/$2" "$models/$1" "$3" "$work/oracle.f32" &&
        "$dump" reference "$models/$1" "$3" "$work/ours.f32" &&
        d=$("$PYTHON" "$here/max_difference.py" "$work/oracle.f32" "$work/ours.f32" 1e-4) &&
        ok "$1: the float reference, largest difference $d" ||
        fail "$1: the float reference: ${d:-no result} (limit 1e-4)"
}

# chain NAME: the text of the IR compiles to the same files, and these pass lmcc verify.
chain() {
    compile "$models/$1" "$work/$1" --name m --bits 8 || fail "$1: does not compile"
    "$lmcc" compile -q "$models/$1" --until fold --dump fold >"$work/$1.ir" &&
        compile "$work/$1.ir" "$work/$1-ir" --name m --bits 8
    check "$1: from the text IR, the same code" cmp "$work/$1/m.c" "$work/$1-ir/m.c"
    check "$1: the same weights" cmp "$work/$1/m_weights.c" "$work/$1-ir/m_weights.c"
    check "$1: verify" "$lmcc" verify "$work/$1"
}

# planned NAME: the text of a program that is planned already compiles too.
planned() {
    "$lmcc" compile -q "$models/$1" --set quantize.method=weights --until plan --dump plan \
        >"$work/$1-plan.ir" && compile "$work/$1-plan.ir" "$work/$1-plan" --name m
    check "$1: from the text of a planned program, code" test -s "$work/$1-plan/m.c"
}

finish() {
    [ $failures -eq 0 ]
    exit
}
