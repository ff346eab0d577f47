#!/bin/sh
# The manifest is what its published schema says: of several targets and models, every key described;
# and the schema notices what is wrong.
. "$(dirname "$0")/lib.sh"

if ! have_jsonschema; then
    skip "manifests: no python3-jsonschema"
    finish
fi

# manifest OPTIONS...: of tales, or of MODEL=... .
manifest() {
    rm -rf "$work/m"
    compile "${MODEL:-$tales/model}" "$work/m" --name m "$@" && valid_manifest "$work/m/m.json"
}
check "host" manifest --bits 4
check "rp2040, window, sinks" manifest -t rp2040 --bits 2 --window 60 --sinks 2
check "nrf52840, pruning" manifest -t nrf52840 --bits 3 --bits '*.mlp.*=1.6' --prune-heads 0.2 --prune-neurons 0.1 \
    --set prune-layers.list=2
check "esp32c3, largest logits" manifest -t esp32c3 --bits 2 --head-top 20
check "parts of matrices" manifest -t rp2040 --bits 2 --window 40 --ram 34K
if need_models; then
    MODEL=$models/hf_all check "biases, norms of q and k" manifest --bits 8
    MODEL=$models/enc_bert_class check "encoder, classes" manifest --bits 8
    MODEL=$models/enc_minilm check "encoder, a vector" manifest --bits 4 -t rp2040
    MODEL=$models/hf_gemma check "gemma" manifest --bits 4 -t stm32h743
    MODEL=$models/hf_gpt2 check "gpt2" manifest --bits 4
    MODEL=$models/hf_phi check "phi" manifest --bits 4
    MODEL=$models/hf_bitnet check "bitnet" manifest --bits 2
    mkdir -p "$work/mute"
    cp "$models/v1_untied.bin" "$work/mute"
    MODEL=$work/mute/v1_untied.bin check "no tokenizer" manifest --bits 2
else
    skip "other models: no numpy"
fi

# wrong PYTHON: the manifest changed so is not valid.
wrong() {
    "$PYTHON" -c "import json, sys; m = json.load(open(sys.argv[1])); $1; json.dump(m, open(sys.argv[2], 'w'))" \
        "$work/m/m.json" "$work/wrong.json" && ! valid_manifest "$work/wrong.json"
}
check "a missing key is noticed" wrong "del m['sizes']['state']"
check "a key that is not described is noticed" wrong "m['date'] = 1"
check "a hash that is none is noticed" wrong "m['golden']['logits_xxh32'] = 'xyz'"
check "a negative size is noticed" wrong "m['sizes']['weights'] = -1"
finish
