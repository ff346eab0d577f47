#!/bin/sh
# examples/wiki: its recipe's sizes, without the training, on the chip that its README names.
. "$(dirname "$0")/lib.sh"

compile "$root/examples/wiki/model" "$work/wiki" -t nrf52840 --recipe "$root/examples/wiki/recipe.yaml" \
    --set recover.tokens=0 || fail "wiki: does not fit"
check "95.5 % less than float32" "$PYTHON" -c "import json, sys
assert json.load(open(sys.argv[1]))['sizes']['reduction'] >= 0.954" "$work/wiki/wiki.json"
check "the README's bytes" sh -c "grep -q \$(sed -n 's/.*\"weights\": \([0-9]*\)\([0-9]\{3\}\),.*/\1,\2/p' '$work/wiki/wiki.json' |
    head -1) '$root/examples/wiki/README.md'"
check "its code verifies" "$lmcc" verify "$work/wiki"
finish
