#!/bin/sh
# Encoders: the float reference and the integer program at 8 bits against an implementation in numpy, and
# what the whole chain says of each: text IR, verify, run, eval of a table of labelled texts.
. "$(dirname "$0")/lib.sh"

COSINE=0.999

if ! need_models; then
    skip "encoders: no numpy"
    finish
fi
build_dump dump_encoder
# Sequences of one token, of a few, and of as many as there are positions for; two more of two texts.
awk 'BEGIN {
    n = split("1 2 7 20 33 46 9 41", lengths)
    split("0 0 0 0 0 0 4 30", first)
    for (k = 1; k <= n; k++)
        for (i = 0; i < lengths[k]; i++)
            printf "%d%s", (i * i * 7 + i * 31 + k * 13) % 170,
                i + 1 == lengths[k] ? "\n" : i + 1 == first[k] ? " | " : " "
}' >"$work/tokens"

# numbers NAME: against numpy.
numbers() {
    float_reference "$1" bert.py "$work/tokens"
    d=
    rows=$(($(wc -c <"$work/oracle.f32") / 4 / $2))
    "$dump" simulate "$models/$1" "$work/tokens" "$work/ours.f32" &&
        d=$("$PYTHON" "$here/cosine.py" "$work/oracle.f32" "$work/ours.f32" $rows $COSINE) &&
        ok "$1: the integer program, cosine and equal largest of $rows rows $d" ||
        fail "$1: the integer program: ${d:-no result} (limit $COSINE)"
}

# refuses WHAT OPTIONS...: with a message that says so.
refuses() {
    what=$1
    shift
    if "$lmcc" compile -q "$models/enc_bert_class" -o "$work/refused" "$@" >"$work/log" 2>&1; then
        fail "refuses $what: accepted"
    elif grep -q "$what" "$work/log"; then
        ok "refuses $what: $(head -1 "$work/log" | sed "s|$models/||" | cut -c1-100)"
    else
        fail "refuses $what: $(cat "$work/log")"
    fi
}

for m in "bert_class 3" "bert_label 3" "bert_mask VOCAB" "minilm 40" "bert_first 40" \
    "roberta_class 3" "roberta_mask VOCAB" "distilbert_class 3" "distilbert_label 3" \
    "distilbert_mask VOCAB"; do
    name=enc_${m% *} width=${m#* }
    [ "$width" != VOCAB ] ||
        width=$(sed -n 's/.*"vocab_size": \([0-9]*\).*/\1/p' "$models/$name/config.json")
    numbers "$name" "$width"
    chain "$name"
    planned "$name"
done

# Heads after layers before the last: the same chain, taken or not.
for name in enc_bert_exits enc_roberta_exit; do
    for threshold in 0 0.45 1; do
        check "$name: exits.threshold $threshold" compile "$models/$name" "$work/exits" --name m \
            --bits 8 --set exits.threshold=$threshold
        check "$name: verify" "$lmcc" verify "$work/exits"
        rm -rf "$work/exits"
    done
    "$lmcc" compile -q "$models/$name" --set exits=0.45 --set quantize.method=weights --until plan \
        --dump plan >"$work/exits.ir"
    compile "$models/$name" "$work/exits-model" --name m --set exits=0.45 || fail "$name: compiles"
    compile "$work/exits.ir" "$work/exits-text" --name m --set exits=0.45 || fail "$name: from text"
    check "$name: from the text IR, the same code" cmp "$work/exits-text/m.c" "$work/exits-model/m.c"
    rm -rf "$work/exits-model" "$work/exits-text"
done
printf 'bad\tthe fox told a story\ngood\tthe moon\n2\tWhat a fine day it is!\n' >"$work/exits.tsv"
check "roberta_exit: eval says what exits cost" sh -c "'$lmcc' eval -q '$models/enc_roberta_exit' \
    '$work/exits.tsv' --set exits=0.5 | grep -q 'exits from 0.50 on'"
check "roberta_exit: eval as JSON" sh -c "'$lmcc' eval -q '$models/enc_roberta_exit' '$work/exits.tsv' \
    --set exits=0.5 --json | grep -q '\"threshold\": 0.5, .*\]}'"
sed 's/^exit layer=1/exit layer=2/' "$work/exits.ir" >"$work/late.ir"
sed '/^op .* layer=1 phase=3 /s/phase=3/phase=2/' "$work/exits.ir" >"$work/headless.ir"
for wrong in late:'after layer 2 of 3' headless:'exit after layer 1'; do
    "$lmcc" compile -q "$work/${wrong%%:*}.ir" -o "$work/refused" >"$work/said" 2>&1
    check "refuses an IR with an exit ${wrong#*:}" grep -q "invalid IR: .*${wrong#*:}" "$work/said"
done
check "bert_exits: GPTQ" compile_as_said "$models/enc_bert_exits" "$work/exits-gptq" --name m --bits 2 \
    --set exits=0.45
check "bert_exits: verify after GPTQ" "$lmcc" verify "$work/exits-gptq"

# Weights as a file of their own: the same results.
for name in enc_bert_class enc_minilm; do
    check "$name: weights as a blob" compile "$models/$name" "$work/blob" --name m --bits 8 \
        --weights blob
    check "$name: verify of code with a blob" "$lmcc" verify "$work/blob"
    rm -rf "$work/blob"
done

# The default fit sees every token of a sequence.
check "bert_class: GPTQ" compile_as_said "$models/enc_bert_class" "$work/gptq" --name m --bits 2
check "bert_class: verify after GPTQ" "$lmcc" verify "$work/gptq"

# What quantization lost is trained back, on the lines of a text: the same files with one thread and
# with three, which pass verify.
printf 'the fox told a story\nthe moon\n\nWhat a fine day it is!\nthe story of the moon and the fox, %s\n' \
    "told over and over, the moon and the fox and the moon again, until the day was fine" >"$work/lines"
for name in enc_bert_class enc_bert_label enc_bert_mask enc_minilm; do
    for threads in 1 3; do
        check "$name: training, $threads threads" env OMP_NUM_THREADS=$threads "$lmcc" compile -q \
            "$models/$name" -o "$work/trained-$threads" --name m --bits 2 --calib "$work/lines" \
            --set quantize.method=weights --recover 20000 --no-cache
    done
    check "$name: the same files" diff -r "$work/trained-1" "$work/trained-3"
    check "$name: verify after training" "$lmcc" verify "$work/trained-1"
    rm -rf "$work"/trained-?
done

# Labels of the code itself as a table: the code agrees with it, the integer program too.
printf 'bad\tthe fox told a story\ngood\tthe moon\n2\tWhat a fine day it is!\nso so\t\n' \
    >"$work/table.tsv"
check "bert_class: eval of a model" sh -c "'$lmcc' eval -q '$models/enc_bert_class' \
    '$work/table.tsv' --bits 8 --set quantize.method=weights --json >'$work/model.json'"
check "bert_class: eval of code" sh -c "'$lmcc' eval -q '$work/enc_bert_class' '$work/table.tsv' \
    --json >'$work/code.json'"
right() { sed 's/.*"right": \([0-9]*\).*/\1/' "$1"; }
[ "$(right "$work/model.json")" = "$(right "$work/code.json")" ] &&
    ok "bert_class: the integer program and the code have $(right "$work/code.json") of 4 right" ||
    fail "bert_class: eval: $(cat "$work/model.json" "$work/code.json")"
# Pairs of texts, cut where they are too long: the program and the code have the same right; where the
# tokenizer has no form for them they are refused.
awk 'BEGIN {
    print "bad\tthe fox\ta story"; print "good\tthe moon\t"; print "so so\t\tWhat a fine day it is!"
    for (i = 0; i < 40; i++) long = long " the fox"
    print "good\t" long "\ta story"; print "bad\t" long "\t" long; print "bad\tthe moon\t" long
}' >"$work/pairs.tsv"
for name in enc_bert_class enc_roberta_class enc_distilbert_class; do
    "$lmcc" eval -q "$models/$name" "$work/pairs.tsv" --bits 8 --set quantize.method=weights --json \
        >"$work/model.json" && "$lmcc" eval -q "$work/$name" "$work/pairs.tsv" --json >"$work/code.json"
    [ "$(right "$work/model.json")" = "$(right "$work/code.json")" ] &&
        ok "$name: pairs: the integer program and the code have $(right "$work/code.json") of 6 right" ||
        fail "$name: pairs: $(cat "$work/model.json" "$work/code.json")"
done
for pair in bert_class:'typed=yes between=1 3' roberta_class:'typed=no between=2 3 3'; do
    "$lmcc" compile -q "$models/enc_${pair%%:*}" --until fold --dump fold >"$work/pair.ir"
    check "${pair%%:*}: how two texts stand" grep -qx "pairs ${pair#*:}" "$work/pair.ir"
done
cp -r "$models/enc_bert_class" "$work/single"
sed -i 's/"pair":/"pairs":/' "$work/single/tokenizer.json"
"$lmcc" eval -q "$work/single" "$work/pairs.tsv" >"$work/said" 2>&1
check "refuses pairs without a template" grep -q 'no form for two texts' "$work/said"
printf 'excellent\tno such class\n' >"$work/wrong.tsv"
if "$lmcc" eval -q "$work/enc_bert_class" "$work/wrong.tsv" >"$work/wrong" 2>&1; then
    fail "an unknown label is accepted"
else
    check "an unknown label is named" grep -q 'wrong.tsv:1: label .excellent.' "$work/wrong"
fi
for name in enc_bert_class enc_bert_label enc_bert_mask enc_minilm; do
    check "$name: run" sh -c "'$lmcc' run '$work/$name' 'The fox told [MASK] a story.' | grep -q ."
done
refuses "exits.threshold" --set exits=0.9
refuses "classify.fallback" --set classify.threshold=0.5 --set classify.fallback=excellent
refuses "classify.first" --set classify.first=good
refuses "classify.threshold" --set classify.threshold=0.5
refuses sinks --sinks 2
refuses "too many; shorter sequences" --ram 7K
refuses "head.top" --head-top 3
refuses positions --window 60
refuses prompt --set prompt.prefix=x
refuses prune-heads --prune-heads 0.25
refuses prune-layers --prune-layers 1
refuses activations --set activations=1
refuses search --search

# A configuration with something else in it stops with file, key, value and what is supported.
# rejects SED-SCRIPT TEXT...
rejects() {
    rm -rf "$work/other"
    cp -r "$models/enc_bert_class" "$work/other"
    sed -i "$1" "$work/other/config.json"
    if "$lmcc" inspect "$work/other" >"$work/rejected" 2>&1; then
        fail "accepted after $1"
    elif grep -q "other/config.json: $2" "$work/rejected"; then
        ok "rejects $(cut -c1-140 "$work/rejected" | sed "s|.*/other/||")"
    else
        fail "after $1: $(cat "$work/rejected")"
    fi
}
rejects 's/"gelu"/"silu"/' 'hidden_act: "silu": supported: "gelu", '
rejects 's/"absolute"/"relative_key"/' 'position_embedding_type: "relative_key": supported'
rejects 's/ForSequenceC/ForNextSentenceC/' 'architectures: .*supported: BertForSequenceClassification, '
rejects 's/"bert"/"deberta"/' 'model_type: "deberta": supported: .*distilbert'
rejects 's/"num_attention_heads": 4/"num_attention_heads": 3/' 'hidden_size: 40: must be num_attention_heads'
rejects 's/"0": "bad"/"7": "bad"/' 'id2label: 0: missing'
rejects 's/"initializer_range"/"is_decoder": true, "x"/' 'is_decoder: true: supported: false'
finish
