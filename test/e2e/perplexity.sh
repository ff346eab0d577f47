#!/bin/sh
# What the integers cost: generated code with weights at 8 bits against the float reference.
. "$(dirname "$0")/lib.sh"

LIMIT=0.4 # percent of perplexity

if ! have_stories; then
    skip_data "perplexity: stories260K is not here"
    finish
fi
compile "$stories" "$work/out" --name story --set quantize.method=gptq || fail "stories260K: does not compile"
if "$lmcc" eval "$work/out" "$data/tinystories_dev.txt" --ref "$stories" \
    --tokenizer "$stories_tokenizer" --json >"$work/eval.json"; then
    set -- $(tr '{' '\n' <"$work/eval.json" | sed -n 's/.*"perplexity": \([0-9.]*\).*/\1/p')
    more=$(awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", 100 * (b / a - 1) }')
    text="perplexity of stories260K at 8 bits: float $1, generated code $2, $more % more"
    if awk -v m="$more" -v l=$LIMIT 'BEGIN { exit !(m <= l) }'; then
        ok "$text (limit $LIMIT)"
    else
        fail "$text (limit $LIMIT)"
    fi
else
    fail "lmcc eval: exit status not 0"
fi
finish
