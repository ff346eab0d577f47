#!/bin/sh
# The report: one file that asks for nothing else, names escaped; in a browser, light and dark, wide and
# narrow, without a message, an overflow or an accessibility violation, and valid as HTML. The
# browser's part needs chromium, node and what `make deps-report` installs.
. "$(dirname "$0")/lib.sh"

# A target whose description is not plain.
sed -e 's/^name: .*/name: odd/' -e 's/^what: .*/what: "<b>A \&amp; \\"B\\"<\/b>"/' "$root/targets/nrf52840.yaml" >"$work/odd.yaml"
compile "$tales/model" "$work/plain" --name story -t "$work/odd.yaml" --bits 3 --bits '*.mlp.*=1.6' --window 64 \
    --prune-heads 0.2 || { fail "tales: no code"; finish; }
page=$work/plain/story_report.html
check "names are escaped" grep -q '&lt;b&gt;A &amp;amp; &quot;B&quot;&lt;/b&gt;' "$page"
check "no markup of theirs" sh -c "! grep -q '<b>A' '$page'"
check "nothing from elsewhere" sh -c "! grep -Eiq 'https?:|src=|@import|url\(|<script' '$page'"
check "says that the window is short" grep -q 'The KV cache holds 64 of the ' "$page"
check "has the pruning" grep -q 'What pruning removed' "$page"
compile "$tales/model" "$work/again" --name story -t "$work/odd.yaml" --bits 3 --bits '*.mlp.*=1.6' --window 64 \
    --prune-heads 0.2
check "the same bytes again" cmp "$page" "$work/again/story_report.html"

export NODE_PATH="${NODE_PATH:-$B/npm/node_modules}"
if have node && have chromium && node -e "require('puppeteer-core'); require('axe-core'); require('html-validate')" 2>/dev/null; then
    CHROMIUM=$(command -v chromium)
    export CHROMIUM
    check "in a browser" node "$here/report.js" "$page"
    if need_models; then
        compile "$models/v0.bin" "$work/found" -t stm32h743 --bits 4 --set quantize.rounds=2 --max-loss 60% \
            --set prune-heads.method=magnitude --set prune-neurons.method=magnitude || fail "search: no code"
        check "in a browser, with a search" node "$here/report.js" "$work/found/model_report.html"
    fi
else
    skip "in a browser: needs chromium, node, make deps-report"
fi
finish
