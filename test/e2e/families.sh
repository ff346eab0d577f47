#!/bin/sh
# Families that differ from llama: biases, norms of queries and keys, GELU, scaled positions, a sliding
# window, LayerNorm, learned positions, halves side by side. The integer program at 8 bits against an implementation in numpy, and what the whole chain
# says of each: text IR, verify, manifest. The float reference is compared in reference.sh.
. "$(dirname "$0")/lib.sh"

COSINE=0.999
ROWS=90

if ! need_models; then
    skip "families: no numpy"
    finish
fi
build_dump dump_logits
tokens=$(awk -v n=$ROWS 'BEGIN { for (i = 0; i < n; i++) print 1 + (i * i * 7 + i * 31) % 390 }')
echo $tokens >"$work/tokens"

# integers NAME
integers() {
    d=
    "$PYTHON" "$root/test/oracle/run_oracle.py" logits "$models/$1" "$work/tokens" \
        "$work/oracle.f32" && "$dump" simulate "$models/$1" "$work/ours.f32" $tokens &&
        d=$("$PYTHON" "$here/cosine.py" "$work/oracle.f32" "$work/ours.f32" $ROWS $COSINE) &&
        ok "$1: logits of the integer program, cosine $d" ||
        fail "$1: cosine: ${d:-no result} (limit $COSINE)"
}

# trains NAME: what 2 bits cost is trained back, by every family's gradient: the mean KL of what is
# compiled, on tokens not trained on, is lower.
trains() {
    "$lmcc" compile "$models/$1" -o "$work/trained" --name m --bits 2 --set quantize.method=weights \
        --window 24 --recover 12000 --set recover.rate=0.003 -v >"$work/log" 2>&1 ||
        fail "$1: training: $(tail -n 1 "$work/log")"
    before=$(sed -n 's/.*KL of the quantized model \([0-9.]*\),.*/\1/p' "$work/log")
    after=$(sed -n 's/.*held out \([0-9.]*\),.*/\1/p' "$work/log" | sort -n | head -1)
    if [ "$(echo "$before ${after:-x}" | awk '{ print ($2 < 0.95 * $1) }')" = 1 ]; then
        ok "$1: trained from a KL of $before to $after"
    else
        fail "$1: trained from a KL of $before to ${after:-nothing}"
    fi
}

# says NAME TEXT...: the manifest has each text.
says() {
    name=$1
    shift
    for text; do
        grep -q "$text" "$work/$name/m.json" || fail "$name: the manifest lacks $text"
    done
    ok "$name: $# facts in the manifest"
}

compile "$models/hf_base" "$work/hf_base" --name m --bits 8
for m in hf_bias hf_llama3 hf_linear hf_mistral hf_qwen2 hf_qwen3 hf_gemma hf_all \
    hf_gpt2 hf_gpt2_bare hf_gpt_neo hf_neox hf_neox_serial hf_phi hf_bitnet hf_bitnet_online hf_bitlinear; do
    integers $m
    chain $m
done
for m in hf_mistral hf_qwen2 hf_qwen3 hf_gemma hf_gpt2 hf_gpt2_bare hf_gpt_neo hf_neox hf_phi hf_bitnet; do
    trains $m
done
check "$m: verify after training" "$lmcc" verify "$work/trained"
says hf_bias '"biases": 21'
says hf_llama3 '"family": "llama"' '"rope_factors": \[1, ' '8\]'
says hf_linear '"rope_factors": \[2.5, 2.5, '
says hf_mistral '"family": "mistral"' '"context": 24'
says hf_qwen2 '"family": "qwen2"' '"biases": 9'
says hf_qwen3 '"family": "qwen3"' '"qk_norm": true' '"biases": 12'
says hf_gemma '"family": "gemma"' '"activation": "gelu-tanh"'
says hf_gpt2 '"norm": "layer"' '"position": "learned"' '"ungated": true' '"biases": 18'
says hf_gpt2_bare '"activation": "relu"' '"tied_head": false'
says hf_neox '"activation": "gelu"' '"parallel": true' '"rotary_pairs": 2'
says hf_neox_serial '"parallel": false' '"rotary_pairs": 11'
says hf_phi '"rotary_pairs": 5' '"biases": 19'
for m in hf_bitnet hf_bitnet_online hf_bitlinear; do
    check "$m: all 21 matrices stay ternary, without loss" \
        test "$(grep -c '"format": "ternary".*"snr_db": 999.00' "$work/$m/m.json")" = 21
done
says hf_bitnet '"activation": "relu2"' '"sub_norm": true'
says hf_base '"activation": "silu"' '"qk_norm": false' '"biases": 0' '"rope_factors": null'
finish
