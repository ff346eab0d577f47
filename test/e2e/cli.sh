#!/bin/sh
# The command line: exit statuses, messages, help, JSON, text IR that goes on where it stopped, and
# commands that fail and leave everything as it was.
. "$(dirname "$0")/lib.sh"

model=$tales/model
cd "$work" || exit 1
mkdir tmp
export TMPDIR="$work/tmp"

# expect STATUS PATTERN ARGUMENTS...: lmcc ends so, and its one message matches.
expect() {
    status=$1 pattern=$2
    shift 2
    "$lmcc" "$@" >out.txt 2>err.txt
    got=$?
    if [ $got -ne "$status" ]; then
        fail "lmcc $*: status $got, expected $status: $(head -n 1 err.txt)"
    elif [ -n "$pattern" ] && ! grep -qE -e "$pattern" err.txt; then
        fail "lmcc $*: no '$pattern' in: $(cat err.txt)"
    elif [ "$status" -ne 0 ] && [ "$(grep -c '^lmcc: ' err.txt)" -ne 1 ]; then
        fail "lmcc $*: not one message: $(cat err.txt)"
    elif [ "$status" -ne 0 ] && [ -s out.txt ]; then
        fail "lmcc $*: failed and wrote to stdout"
    else
        ok "lmcc $*: status $status"
    fi
}

# Wrong command lines.
expect 2 'a command is missing'
expect 2 'did you mean compile\?' cmpile
expect 2 'no such command' frobnicate
expect 2 'did you mean --target' compile --tarket x m.bin
expect 2 'no such option' run --frobnicate x
expect 2 'expected MODEL' compile
expect 2 'expected MODEL\|DIR TEXT' eval x
expect 2 'got 3 operands' run a b c
expect 2 'NAME\|FILE is missing' compile m.bin -t
expect 2 '-o DIR is missing' compile "$model"
expect 2 'did you mean quantize' compile "$model" --until quantise
expect 2 'no such pass' compile "$model" -o x --dump frobnicate
expect 2 'takes no value' compile "$model" -o x --quiet=yes
expect 2 'whole number' run x --seed 1.5
expect 2 'expected a number' run x --temperature -1
expect 2 'no such option' doctor --fail-if 'ram>1'
expect 2 'no such option' verify x --ref y
expect 2 'expected auto, lines or file' eval "$model" "$0" --docs pages

# Wrong inputs.
: >empty.bin
head -c 5000 /dev/zero >zeros.bin
mkdir -p nothing
expect 1 'missing.bin: cannot open' compile missing.bin -o x
expect 1 'empty.bin: ' compile empty.bin -o x
expect 1 'zeros.bin: header: ' compile zeros.bin -o x
expect 1 'nothing: no config.json' compile nothing -o x
expect 1 'did you mean rp2040' compile "$model" -t rp2041 -o x
expect 1 'did you mean .*window' compile "$model" --set wimdow=3 -o x
expect 1 'bits' compile "$model" --bits 7 -o x
expect 1 'name' compile "$model" --name 'two words' -o x
expect 1 'not a folder that lmcc generated' verify nothing
expect 1 'not a folder that lmcc generated' run "$model"
expect 1 'not a folder that lmcc generated' bench missing
expect 1 'cannot (open|read)' eval "$model" missing.txt
expect 1 'cannot write' compile "$model" -o empty.bin
expect 1 'cannot write' compile "$model" -o /proc/nothing/here
[ ! -e x ] && ok "no output folder after all of these" || fail "x: left behind"

# Budgets: by how much, and what would fit, which must be true.
expect 1 'flash: [0-9]+ bytes .*, 65536 available .*: [0-9]+ too many; ' compile "$model" -o x \
    --flash 64K
expect 1 'RAM: [0-9]+ bytes .*, 16384 available .*: [0-9]+ too many; a window of' compile "$model" \
    -o x --ram 16K
window=$(sed -n 's/.*(--window \([0-9]*\)).*/\1/p' err.txt)
expect 0 '' compile -q "$model" -o fits --ram 16K --window "${window:-0}"
expect 1 'RAM: ' compile "$model" -o x --ram 16K --window "$((${window:-0} + 1))"
expect 1 'flash: .*--bits [0-9.]+' compile "$model" -o x --flash 300K
bits=$(sed -n 's/.*(--bits \([0-9.]*\)).*/\1/p' err.txt)
expect 0 '' compile -q "$model" -o fits --flash 300K --bits "${bits:-none}"

# A failed compile leaves a good output folder as it was.
cp -r fits before
expect 1 'too many' compile "$model" -o fits --ram 1K
check "the old output is untouched" diff -r before fits
check "quiet is quiet" test -z "$("$lmcc" compile -q "$model" -o fits --set quantize.method=weights 2>&1)"

# IR as text: any pass, dumped, read back, gives the same code.
options="--bits 3 --window 50 --set quantize.rounds=1 --set quantize.method=weights"
"$lmcc" compile -q "$model" -o whole $options
for pass in fold calibrate prune-layers prune-heads prune-neurons quantize lower choose pad live plan budget; do
    "$lmcc" compile "$model" --until $pass --dump $pass $options >$pass.ir 2>err.txt &&
        "$lmcc" compile -q $pass.ir -o from-ir $options 2>>err.txt ||
        { fail "IR after $pass: $(cat err.txt)"; continue; }
    check "IR after $pass gives the same weights" \
        cmp whole/model_weights.bin from-ir/model_weights.bin &&
        check "IR after $pass gives the same code" cmp whole/model.c from-ir/model.c
done

# JSON.
for command in "inspect $model --json" "bench whole --json" "verify whole --json" \
    "probe whole --json" "doctor --json" \
    "eval whole $here/../../README.md --docs file --json"; do
    "$lmcc" $command >out.json 2>err.txt && "$PYTHON" -m json.tool out.json >/dev/null 2>&1 &&
        ok "lmcc $command: valid JSON" ||
        fail "lmcc $command: not JSON: $(head -c 300 out.json err.txt)"
done
check "the manifest is JSON" "$PYTHON" -m json.tool whole/model.json

# Help.
expect 0 '' --version
expect 0 '' --help
check "--help names every command" test 7 -eq \
    "$(grep -cE '^  (compile|inspect|targets|eval|verify|bench|run) ' out.txt)"
for command in compile inspect targets eval verify bench run; do
    expect 0 '' $command --help
    grep -q "^usage: lmcc $command" out.txt || fail "lmcc $command --help: no usage line"
done
for target in $("$lmcc" targets | awk 'NR > 1 { print $1 }'); do
    expect 0 '' targets "$target"
done

# Colour: never into a pipe; on a terminal unless NO_COLOR says no.
if have script; then
    script -qec "env -u NO_COLOR '$lmcc' frobnicate" /dev/null >coloured </dev/null
    script -qec "env NO_COLOR=1 '$lmcc' frobnicate" /dev/null >plain </dev/null
    check "colour on a terminal" grep -q "$(printf '\033')" coloured
    check "no colour with NO_COLOR" sh -c "! grep -q '$(printf '\033')' plain"
else
    skip "colour: no script(1)"
fi

# Progress: on a terminal or when asked for, never with -q.
slow="compile $model -o slow --bits 3 --set quantize.method=weights"
check "no progress into a pipe" sh -c "'$lmcc' $slow 2>&1 >/dev/null | grep -q 'lmcc: quantize' && exit 1 || exit 0"
check "--progress" sh -c "'$lmcc' $slow --progress 2>&1 >/dev/null | grep -q 'lmcc: quantize: [0-9]* of [0-9]*'"
check "--progress -q: none" test -z "$("$lmcc" $slow --progress -q 2>&1)"
if have script; then
    script -qec "'$lmcc' $slow" /dev/null >progress </dev/null
    check "the line on a terminal goes again" sh -c "! grep -q 'lmcc: quantize' progress || grep -q '$(printf '\033')\[K' progress"
fi

# A C compiler that fails, or that writes nothing; nothing is left of what was tried.
expect 1 'does not compile with false' verify whole --cc false
expect 1 'whole: .*' verify whole --cc true
expect 1 'cannot be run' verify whole --cc ./no-such-compiler
check "no temporary files" test -z "$(find . -name '*lmcc-*')"

# Output that cannot be written is an error.
"$lmcc" targets >/dev/full 2>err.txt
check "a full disk is an error" test $? -eq 1
finish
