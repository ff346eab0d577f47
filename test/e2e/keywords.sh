#!/bin/sh
# Keyword transformers: the float reference and the integer program at 8 bits against an implementation in
# numpy, and what the whole chain says: text IR, verify, eval and run of files of clips, refused ones.
. "$(dirname "$0")/lib.sh"

COSINE=0.999

if ! need_models; then
    skip "keywords: no numpy"
    finish
fi
build_dump dump_encoder

# clips BYTES: as far apart as bytes can be, smooth ones, noise.
clips() {
    awk -v n="$1" 'BEGIN {
        for (k = 0; k < 12; k++)
            for (i = 0; i < n; i++) {
                v = (i * i * 57 + k * 91 * i) % 256 - 128
                if (k < 8) v = int(120 * sin((i + k * 5) / (3 + k)))
                if (k < 3) v = 127 * k - 127 - (k == 0)
                printf "%d%s", v, i + 1 < n ? " " : "\n"
            }
    }' >"$work/clips"
}

# numbers NAME: against numpy.
numbers() {
    float_reference "$1" keyword_transformer.py "$work/clips"
    d=
    "$dump" simulate "$models/$1" "$work/clips" "$work/ours.f32" &&
        d=$("$PYTHON" "$here/cosine.py" "$work/oracle.f32" "$work/ours.f32" 12 $COSINE) &&
        ok "$1: the integer program, cosine of 12 clips $d" ||
        fail "$1: the integer program: ${d:-no result} (limit $COSINE)"
    d=$("$PYTHON" "$here/same_largest.py" "$work/oracle.f32" "$work/ours.f32" 12 12) &&
        ok "$1: the integer program, equal classes: $d of 12" ||
        fail "$1: the integer program: equal classes: $d of 12"
}

for name in enc_keyword enc_keyword_first; do
    case $name in *first) clips 216 ;; *) clips 168 ;; esac
    numbers $name
    chain $name
    planned $name
done
check "weights as a blob" compile "$models/enc_keyword" "$work/blob" --name m --bits 8 --weights blob
check "verify of code with a blob" "$lmcc" verify "$work/blob"

# Files of clips. What the code says of each, as their labels: it and the integer program have all right.
clips 168
"$lmcc" run "$work/enc_keyword" "$work/clips" >"$work/run" 2>&1
sed -n 's/^\* \([a-z]*\) .*/\1/p' "$work/run" | paste - "$work/clips" >"$work/table.tsv"
for with in "code $work/enc_keyword" "model $models/enc_keyword --bits 8 --set quantize.method=weights"; do
    set -- $with
    what=$1 from=$2
    shift 2
    "$lmcc" eval -q "$from" "$work/table.tsv" "$@" --json >"$work/eval.json"
    sed 's/.*"right": \([0-9]*\).*/\1/' "$work/eval.json" | grep -qx 12 &&
        ok "run and eval of the $what: the same classes for 12 clips" ||
        fail "run and eval of the $what: $(cat "$work/run" "$work/eval.json")"
done
check "GPTQ on a file of clips" compile_as_said "$models/enc_keyword" "$work/gptq" --name m \
    --bits 2 --bits embed=8 --calib "$work/table.tsv"
check "verify after GPTQ" "$lmcc" verify "$work/gptq"
check "training on these clips" compile_as_said "$models/enc_keyword" "$work/trained" --name m \
    --bits 2 --bits embed=8 --calib "$work/table.tsv" --recover 20000 --set recover.rate=0.003
check "verify after it" "$lmcc" verify "$work/trained"

# refuses TEXT COMMAND...: with a message that says so.
refuses() {
    what=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        fail "refuses $what: accepted"
    elif grep -q "$what" "$work/log"; then
        ok "refuses: $(head -1 "$work/log" | sed "s|$models/||; s|$work/||" | cut -c1-120)"
    else
        fail "refuses $what: $(cat "$work/log")"
    fi
}
printf 'yes\t1 2 3\n' >"$work/short.tsv"
refuses 'short.tsv:1: only 3 numbers: a clip of this model has 168' \
    "$lmcc" eval -q "$work/enc_keyword" "$work/short.tsv"
sed '2s/ / 128 /' "$work/clips" >"$work/wide"
refuses 'wide:2: .128.: expected a byte of a frame, -128 to 127' "$lmcc" run "$work/enc_keyword" "$work/wide"
sed '3s/$/ 5/' "$work/clips" >"$work/long"
refuses 'long:3: more than 168 numbers' "$lmcc" run "$work/enc_keyword" "$work/long"
refuses 'window: 5: this model reads 24 frames' \
    "$lmcc" compile -q "$models/enc_keyword" -o "$work/refused" --window 5
refuses 'recover: trains on clips, and there are none: --calib FILE' \
    "$lmcc" compile -q "$models/enc_keyword" -o "$work/refused" --recover 1000
refuses 'prompt: is for models that write text' \
    "$lmcc" compile -q "$models/enc_keyword" -o "$work/refused" --set prompt.prefix=x

# A configuration with something else in it stops with file, key, value and what is supported.
rejects() {
    rm -rf "$work/other"
    cp -r "$models/enc_keyword" "$work/other"
    sed -i "$1" "$work/other/config.json"
    refuses "other/$2" "$lmcc" inspect "$work/other"
}
rejects 's/"gelu"/"mish"/' 'config.json: hidden_act: "mish": supported: "gelu_new", '
rejects 's/ForAudioC/ForVideoC/' 'config.json: architectures: .*supported for keyword_transformer'
rejects 's/"patch_frames": 3/"patch_frames": 5/' 'config.json: patch_frames: 5: num_frames (24) must be'
rejects 's/"num_bands": 7/"num_bands": 0/' 'config.json: num_bands: 0'
rejects 's/"num_attention_heads": 4/"num_attention_heads": 3/' 'config.json: hidden_size: 40: must be num_attention_heads'
rejects 's/"0": "silence"/"7": "silence"/' 'config.json: id2label: 0: missing'
rejects 's/"num_bands": 7/"num_bands": 8/' 'model.safetensors: .*embeddings.patch.weight'
finish
