#!/bin/sh
# lmcc verify: what it says of good and of damaged folders, as text, JSON and JUnit XML; the golden
# vectors of a package find the step and the text that went wrong.
. "$(dirname "$0")/lib.sh"

dir=$work/story
compile "$tales/model" "$dir" --name story --bits 3 --weights c || { fail "tales: no code"; finish; }

# junit FILE TESTS FAILURES: well formed, and says so many; TESTS 0: any number.
junit() {
    "$PYTHON" -c "
import sys, xml.etree.ElementTree as t
suite = t.parse(sys.argv[1]).getroot().find('testsuite')
cases = suite.findall('testcase')
bad = [c for c in cases if c.find('failure') is not None]
assert int(suite.get('tests')) == len(cases) and int(suite.get('failures')) == len(bad)
assert int(sys.argv[2]) in (0, len(cases)) and len(bad) == int(sys.argv[3]), [c.get('name') for c in bad]
assert all(c.get('name') and c.get('classname') for c in cases)" "$@"
}
# fails COMMAND...: ends with status 1.
fails() {
    "$@" >"$work/out" 2>&1
    [ $? -eq 1 ]
}

check "a good folder" "$lmcc" verify "$dir" --junit "$work/good.xml"
check "its JUnit file" junit "$work/good.xml" 0 0
check "golden vectors, JSON" "$PYTHON" -c "
import json, sys
golden, manifest = (json.load(open(f)) for f in sys.argv[1:])
assert golden['tokens'] == manifest['golden']['tokens'] and golden['start'] == manifest['golden']['start']
assert golden['logits_xxh32'][-1] == manifest['golden']['logits_xxh32'] and len(golden['logits_xxh32']) == 64
assert golden['layers_xxh32'] == manifest['golden']['layers_xxh32'] and len(golden['texts']) == 7
" "$dir/story_golden.json" "$dir/story.json"
check "golden vectors, C" make -s -f "$dir/story.mk" story-check
for cc in gcc clang; do
    have $cc && check "golden vectors: $cc without a warning" $cc -std=c99 -Wall -Wextra -Wconversion -Wshadow \
        -pedantic -Werror -fsyntax-only -I"$dir" "$dir/test/story_check.c"
done

# A weight, a layer's shift, a token of the tokenizer.
cp -r "$dir" "$work/bad"
sed -i '0,/lm_add_sat(/s//lm_size_of_nothing(/' "$work/bad/story_kernels.h"
check "code that does not compile is an error" fails "$lmcc" verify "$work/bad" --junit "$work/none.xml"
check "and leaves no JUnit file" test ! -e "$work/none.xml"
rm -rf "$work/bad"
cp -r "$dir" "$work/bad"
"$PYTHON" - "$work/bad/story_weights.c" <<'END2'
import re, sys
text = open(sys.argv[1]).read()
at = text.index('story_l2_attn_norm[')
at = text.index('{', at)
number = re.compile(r'-?\d+').search(text, at)
open(sys.argv[1], 'w').write(text[:number.start()] + str(int(number[0]) // 2) + text[number.end():])
END2
check "a damaged weight: refused" fails "$lmcc" verify "$work/bad"
sed -i 's/^#define STORY_CHECK_WEIGHTS 1/#define STORY_CHECK_WEIGHTS 0/' "$work/bad/story_config.h"
check "a damaged weight, unchecked: fails" fails "$lmcc" verify "$work/bad" --json --junit "$work/bad.xml"
check "says in which layer" grep -q '"first_differing_layer": 2' "$work/out"
check "its JUnit file" junit "$work/bad.xml" 0 5
check "the package's check fails" sh -c "! make -s -f '$work/bad/story.mk' story-check >'$work/out'"
check "says at which step" grep -q 'step 0 is the first that differs' "$work/out"
finish
