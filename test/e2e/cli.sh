#!/bin/sh
# The command line: exit statuses, messages, nothing left behind, IR that resumes, JSON that parses.
. "$(dirname "$0")/lib.sh"

# fails STATUS PATTERN ARGUMENTS...: ends so, says so in its last line, leaves no output.
fails() {
    status=$1 pattern=$2
    shift 2
    "$lmcc" "$@" >"$work/out.txt" 2>"$work/err.txt"
    got=$?
    cat "$work/err.txt"
    [ $got -eq "$status" ] && tail -n 1 "$work/err.txt" | grep -q "^lmcc: .*$pattern" && [ ! -e "$work/o" ]
}
check "no command" fails 2 "command is missing"
check "unknown command" fails 2 "did you mean compile" compil
check "unknown option" fails 2 "did you mean --window" compile "$tales" -o "$work/o" --windw 3
check "unknown pass" fails 2 "did you mean quantize" compile "$tales" --until quantise
check "no output named" fails 2 "-o DIR is missing" compile "$tales"
check "operand missing" fails 2 "expected MODEL" compile -o "$work/o"
check "value missing" fails 2 "DIR is missing" compile "$tales" -o
check "no such file" fails 1 "nothing.bin" compile "$work/nothing.bin" -o "$work/o"
check "no model" fails 1 "README.md" compile "$root/README.md" -o "$work/o"
check "no such target" fails 1 "stm32h742" compile "$tales" -t stm32h742 -o "$work/o"
check "impossible bits" fails 1 "7" compile "$tales" --bits 7 -o "$work/o"
check "unknown recipe key" fails 1 "quantize.bit" compile "$tales" --set quantize.bit=2 -o "$work/o"
check "flash" fails 1 "flash: .* too many; .* would fit" compile "$tales" --flash 300K -o "$work/o"
check "RAM" fails 1 "RAM: .* a window of [0-9]* tokens would fit" compile "$tales" --ram 64K -o "$work/o"
printf 'quantize:\n  bits: 2\n  bitz: 3\n' >"$work/bad.yaml"
check "recipe with line number" fails 1 "bad.yaml:3: " compile "$tales" --recipe "$work/bad.yaml" -o "$work/o"
check "not a generated folder" fails 1 "not a folder that lmcc generated" verify "$work"

kept() { # a failed compile leaves an existing folder as it was
    mkdir -p "$work/kept" && echo mine >"$work/kept/mine.txt" || return 1
    "$lmcc" compile "$tales" --ram 16K -o "$work/kept" && return 1
    [ "$(ls -A "$work/kept")" = mine.txt ]
}
check "an existing folder is left alone" kept
resumes() { # PASS: IR dumped after it compiles to the same bytes
    "$lmcc" compile "$tales" --bits 3 --until="$1" --dump="$1" >"$work/$1.lmir" &&
        "$lmcc" compile "$work/$1.lmir" --bits 3 -q -o "$work/resumed" &&
        "$lmcc" compile "$tales" --bits 3 -q -o "$work/whole" && diff -r "$work/resumed" "$work/whole"
}
check "IR after quantize compiles to the same" resumes quantize
check "IR after plan compiles to the same" resumes plan
json() { "$lmcc" "$@" --json | ${PYTHON:-/usr/bin/python3} -m json.tool; }
check "inspect --json" json inspect "$tales"
check "verify --json" json verify "$work/whole"
check "bench --json" json bench "$work/whole"
check "the manifest" ${PYTHON:-/usr/bin/python3} -m json.tool "$work/whole/model.json"
check "eval --json" json eval "$tales" "$root/docs/boards.md"
for c in compile inspect targets eval verify bench run; do
    check "$c --help" "$lmcc" $c --help
done
check "targets" "$lmcc" targets
check "targets NAME" "$lmcc" targets stm32h743
check "--version" "$lmcc" --version
check "run" "$lmcc" run "$work/whole" "Alice" -n 5
exit $failed
