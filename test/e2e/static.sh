#!/bin/sh
# Static activation scales, end to end: generated code equals the integer program in every family, from
# the text IR too; the manifest says which scales; what cannot be is refused with a reason.
. "$(dirname "$0")/lib.sh"

# refuses WHAT COMMAND...: with a message that says so.
refuses() {
    what=$1
    shift
    if "$lmcc" compile -q "$@" -o "$work/refused" >"$work/said" 2>&1; then
        fail "refuses $what: accepted"
    else
        check "refuses $what" grep -q "$what" "$work/said"
    fi
}

fixed() {
    model=$1
    out=$2
    shift 2
    compile "$model" "$out" --name m --set quantize.activations=static --set quantize.tokens=1000 "$@"
}

# whole NAME MODEL OPTIONS...: code, the same from the text of the quantized model, which verify passes.
whole() {
    name=$1 model=$2
    shift 2
    check "$name: static scales" fixed "$model" "$work/$name" "$@" || return
    check "$name: verify" "$lmcc" verify "$work/$name"
    "$lmcc" compile -q "$model" --set quantize.activations=static --set quantize.tokens=1000 \
        --set quantize.method=weights "$@" --until quantize --dump quantize >"$work/$name.ir" 2>/dev/null
    check "$name: from the text IR" compile "$work/$name.ir" "$work/$name-ir" --name m "$@"
    check "$name: the same code" cmp "$work/$name/m.c" "$work/$name-ir/m.c"
}

whole tales "$tales/model" --bits 2 --window 100 --sinks 2
check "tales: the manifest has clips" sh -c "[ \$(grep -c '\"input_clip\": [0-9]' '$work/tales/m.json') -gt 10 ]"
check "tales: and the key" grep -q '"activations": "static"' "$work/tales/m.json"
check "tales: the recipe gives the same" sh -c "
    '$lmcc' compile -q '$tales/model' -o '$work/again' --recipe '$work/tales/m.json' --weights c &&
    cmp '$work/again/m.c' '$work/tales/m.c'"
check "tales: GPTQ, weights as a blob" compile_as_said "$tales/model" "$work/blob" --name m --bits 3 \
    --set quantize.activations=static --window 60 --weights blob
check "tales: verify of it" "$lmcc" verify "$work/blob"
check "tales: eval" sh -c "head -c 3000 '$tales/model/config.json' >'$work/text'
    '$lmcc' eval -q '$tales/model' '$work/text' --set quantize.activations=static \
        --set quantize.method=weights | grep -q 'integer program'"
if have_jsonschema; then
    check "tales: the manifest is valid" valid_manifest "$work/tales/m.json"
else
    skip "static: no jsonschema"
fi
refuses "recover trains for scales" "$tales/model" --set quantize.activations=static --recover 1000
refuses "binary activations have no such" "$tales/model" --set quantize.activations=static \
    --set activations=1
refuses "quantize.activations: .*fixed" "$tales/model" \
    --set quantize.activations=fixed
"$lmcc" compile -q "$tales/model" --set quantize.method=weights --until quantize --dump quantize \
    >"$work/dynamic.ir"
refuses "quantized without ranges" "$work/dynamic.ir" --set quantize.activations=static

if need_models; then
    for m in hf_all hf_gpt2_bare hf_bitnet enc_bert_class enc_minilm; do
        whole $m "$models/$m" --bits 4
    done
    refuses "binary activations have no such" "$models/hf_binary" --set quantize.activations=static
    check "bert_exits: static scales" fixed "$models/enc_bert_exits" "$work/exits" --set exits=0.45
    check "bert_exits: verify" "$lmcc" verify "$work/exits"
else
    skip "static: no numpy"
fi
finish
