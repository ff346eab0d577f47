#!/bin/sh
# lmcc inspect as it is on file, for models of several kinds (UPDATE=1 writes the files: read the difference
# before you keep it); no line wider than 80; where it says that a model fits, compile agrees, and where it
# does not, too; what compile prints is what is in the manifest.
. "$(dirname "$0")/lib.sh"

need_models || {
    skip "inspect: no numpy for the models"
    finish
}
for name in v0.bin hf_all hf_gpt2 enc_bert_label enc_minilm; do
    (cd "$models" && "$lmcc" inspect "$name") >"$work/$name.txt" 2>&1
    [ "${UPDATE:-0}" = 1 ] && cp "$work/$name.txt" "$here/inspect"
    check "$name: as on file" diff -u "$here/inspect/$name.txt" "$work/$name.txt"
done
for model in "$models"/v0.bin "$models"/hf_* "$models"/enc_* "$root"/examples/*/model; do
    "$lmcc" inspect "$model" 2>/dev/null | sed 1d | awk 'length($0) > 80' >>"$work/wide"
done
check "no line is wider than 80" test ! -s "$work/wide"

# agrees MODEL TARGET BITS: the longest window that inspect gives fits, one token more does not.
agrees() {
    window=$("$lmcc" inspect "$1" --json | "$PYTHON" -c "
import json, sys
m = json.load(sys.stdin)
fit = m['fits'][sys.argv[1]][sys.argv[2]]
print(fit['window'] if fit['flash'] else 0, m['context'])" "$2" "$3")
    context=${window#* } window=${window% *}
    fits="compile -q $1 -o $work/out -t $2 --bits $3 --set quantize.method=weights --batch 1 --window"
    if [ "$window" -gt 0 ] && "$lmcc" $fits "$window" >"$work/log" 2>&1 &&
        { [ "$window" -eq "$context" ] || ! "$lmcc" $fits $((window + 1)) >/dev/null 2>&1; }; then
        ok "$(basename "$(dirname "$1")") at $3 bits on $2: $window of $context tokens"
    else
        fail "$1 at $3 bits on $2: a window of $window: $(cat "$work/log")"
    fi
}
agrees "$tales/model" stm32f405 4
agrees "$tales/model" microbit 2
agrees "$root/examples/intents/model" microbit 8
agrees "$root/examples/intents/model" microbit 1.6
agrees "$root/examples/sentinel/model" microbit 4

# printed DIR NAME: the summary against the manifest.
printed() {
    "$PYTHON" -c "
import json, re, sys
said = open(sys.argv[1]).read()
m = json.load(open(sys.argv[2]))
number = lambda what: int(re.search(what, said)[1].replace(',', ''))
assert number(r'weights +([0-9,]+) bytes') == m['sizes']['weights']
assert number(r'state +([0-9,]+) bytes') == m['sizes']['state']
assert number(r'([0-9,]+) parameters') == m['model']['parameters']
assert abs(float(re.search(r'([0-9.]+) % less', said)[1]) / 100 - m['sizes']['reduction']) < 0.0006
assert all(len(line) <= 100 for line in said.split('\n')), said
kind = 'sequences' if m['model'].get('head') else 'KV cache'
assert f'{kind} of {m[\"recipe\"][\"window\"]} tokens' in said, said" "$1.txt" "$1/$2.json"
}
long=long_model_names # no name may be longer
for model in v0.bin enc_bert_label; do
    "$lmcc" compile "$models/$model" -o "$work/$model.out" --name $long --window 30 -t nrf52840 \
        --set quantize.method=weights >"$work/$model.out.txt" 2>"$work/log" || fail "$model: $(cat "$work/log")"
    check "$model: what compile prints is what the manifest has" printed "$work/$model.out" $long
done
finish
