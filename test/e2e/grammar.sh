#!/bin/sh
# Text held to grammars: a million tokens drawn against logits that want others, every sentence parsed
# by test/oracle/grammar.py; under sanitizers; on text that the model writes; refusals.
. "$(dirname "$0")/lib.sh"

cc=${CC:-cc}
strict="-Wall -Wextra -Wconversion -Wshadow -pedantic -Werror"
grammars="weather.gbnf answer.txt command.gbnf any.gbnf"
set --
for g in $grammars; do set -- "$@" --grammar "$here/grammars/$g"; done
compile "$tales/model" "$work/tales" --name tales --bits 4 --window 64 "$@" || fail "does not compile"
sources="$work/tales/tales.c $work/tales/tales_weights.c $work/tales/tales_tokenizer.c $work/tales/tales_selftest.c"
# shellcheck disable=SC2086
build() { $cc -std=c99 $strict -I"$work/tales" "$@" "$here/grammar.c" $sources; }
check "grammar.c builds" build -O2 -o "$work/grammar"
check "grammar.c builds with sanitizers" build -O1 -g -fsanitize=address,undefined \
    -fno-sanitize-recover=all -o "$work/sanitized"

# judge PROGRAM INDEX GRAMMAR STEPS
judge() {
    "$1" "$2" "$4" >"$work/sentences" && "$PYTHON" -B "$root/test/oracle/grammar.py" "$here/grammars/$3" <"$work/sentences"
}
i=0
for g in $grammars; do
    check "$g: 10,000 tokens, sanitized" judge "$work/sanitized" $i "$g" 10000
    check "$g: 250,000 tokens, every sentence is one" judge "$work/grammar" $i "$g" 250000
    sed 's/^/      /' "$work/log"
    i=$((i + 1))
done

"$lmcc" compile -q "$tales/model" -o "$work/again" --recipe "$work/tales/tales.json"
check "the manifest compiles to the same" diff -r "$work/tales" "$work/again"

# refuse MESSAGE OPTIONS...: compile must fail so, and at once.
refuse() {
    message=$1
    shift
    if compile "$tales/model" "$work/refused" "$@" 2>"$work/log"; then
        fail "compiles: $*"
    elif grep -q "$message" "$work/log"; then
        ok "refused: $message"
    else
        fail "$* says $(cat "$work/log")"
    fi
}
printf 'root ::= "a" root\n' >"$work/loop.gbnf"
refuse 'rule root refers to itself' --grammar "$work/loop.gbnf"
printf 'root ::= "a" b\n' >"$work/none.gbnf"
refuse 'there is no rule b' --grammar "$work/none.gbnf"
refuse 'a grammar chooses among all logits' --grammar "$here/grammars/answer.txt" --head-top 40
finish
