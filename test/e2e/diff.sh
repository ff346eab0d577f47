#!/bin/sh
# lmcc diff: what changed, and gates that fail a build.
. "$(dirname "$0")/lib.sh"

compile "$tales/model" "$work/a" --name story --bits 4 || fail "tales: does not compile"
compile "$tales/model" "$work/b" --name story --bits 4 --bits '*.mlp.*=3' --prune-neurons 0.1 || fail "tales: no code"
printf 'Dorothy looked at the Scarecrow, and said nothing for a while.\n' >"$work/text"

# gate STATUS A B OPTIONS...: lmcc diff ends with the status.
gate() {
    want=$1
    shift
    "$lmcc" diff "$@" >"$work/out" 2>"$work/err"
    [ $? -eq "$want" ]
}
check "the same folder: no change" gate 0 "$work/a" "$work/a" --fail-if 'flash>+0' --fail-if 'ram>+0'
check "says that logits are the same" grep -q 'the same logits' "$work/out"
check "fewer bits: passes a limit" gate 0 "$work/a" "$work/b" --fail-if 'flash>400K' --fail-if 'flash>+1%'
check "names the tensors that changed" grep -q 'mlp.gate.*288x128.*4 bits.*x128.*3 bits' "$work/out"
check "fails above a limit" gate 1 "$work/a" "$work/b" --fail-if 'flash>300K'
check "fails on a share" gate 1 "$work/b" "$work/a" --fail-if 'weights>+1%'
check "fails on an error" gate 1 "$work/a" "$work/b" --fail-if 'snr<20'
check "fails on perplexity" gate 1 "$work/a" "$work/b" --text "$work/text" --docs lines --fail-if 'ppl>+1%'
check "names the gate" grep -q '^  ppl>+1%: perplexity is' "$work/out"
check "gates as JUnit XML" gate 1 "$work/a" "$work/b" --fail-if 'flash>300K' --fail-if 'ram>1M' --junit "$work/gates.xml"
check "one of two failed" "$PYTHON" -c "
import sys, xml.etree.ElementTree as t
cases = t.parse(sys.argv[1]).getroot().find('testsuite').findall('testcase')
assert [(c.get('name'), c.find('failure') is None) for c in cases] == [('flash>300K', False), ('ram>1M', True)]" "$work/gates.xml"
check "perplexity without a text is a usage error" gate 2 "$work/a" "$work/b" --fail-if 'ppl>+1%'
for bad in 'flush>1' 'flash' 'flash>x' 'flash>1%' 'flash>1Q'; do
    check "--fail-if $bad is a usage error" gate 2 "$work/a" "$work/b" --fail-if "$bad"
done
finish
