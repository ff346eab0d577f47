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

finish() {
    [ $failures -eq 0 ]
    exit
}
