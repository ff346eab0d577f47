#!/bin/sh
# The same weights by different roads give the same code: llama2.c, GGUF and Hugging Face, plain,
# compressed and in shards, one version of a format and the next.
. "$(dirname "$0")/lib.sh"

# What a file says apart from the banner's hash of the model as read (RoPE pairs differ between the
# formats), and from the tokenizer's part: which tables there are (tokenizer.json has added tokens), the
# tables of characters (in GGUF's texts U+2581 is a space too), and the hash that covers them with the weights.
body() {
    sed -e '2s/hash [0-9a-f]*//' -e '/^\(extern const .* \|    {\)m_\(piece\|added\|char\|merge\)_/d' \
        -e '/^M_WEIGHTS const .* m_char_/,/^};/d' -e '/^    \.char_/d' -e '/_WEIGHTS_HASH 0x/d' "$1" | cat -s
}

# same WHAT A B FILE...: these generated files are equal, and so are the logits of the self-test.
same() {
    what=$1 a=$2 b=$3
    shift 3
    for f; do
        body "$a/$f" >"$work/a"
        body "$b/$f" >"$work/b"
        cmp -s "$work/a" "$work/b" || { fail "$what: $f differs"; return; }
    done
    hash_a=$(sed -n 's/.*"logits_xxh32": "\([0-9a-f]*\)".*/\1/p' "$a/m.json")
    hash_b=$(sed -n 's/.*"logits_xxh32": "\([0-9a-f]*\)".*/\1/p' "$b/m.json")
    if [ -n "$hash_a" ] && [ "$hash_a" = "$hash_b" ]; then
        ok "$what: $# files and the logits, hash $hash_a"
    else
        fail "$what: logits: '$hash_a' and '$hash_b'"
    fi
}

to() { compile "$1" "$work/$2" --name m --bits "${3:-8}" || fail "$1: does not compile"; }

if ! need_models; then
    skip "routes: no numpy"
    finish
fi
code="m.c m_kernels.h m_weights.c"
all="m.h m.c m_kernels.h m_weights.c m_tokenizer.c m_selftest.c m_config.h m_bench.c m_probe.c m_golden.h"

for bits in 8 3; do
    for m in v0.bin v1.bin v0.gguf hf_base; do to "$models/$m" $m-$bits $bits; done
    same "version 0 and 1, $bits bits" "$work/v0.bin-$bits" "$work/v1.bin-$bits" $all
    same "llama2.c and GGUF, $bits bits" "$work/v0.bin-$bits" "$work/v0.gguf-$bits" $all
    same "llama2.c and Hugging Face, $bits bits" "$work/v0.bin-$bits" "$work/hf_base-$bits" $code
done
to "$models/v0_untied.bin" u0
to "$models/v1_untied.bin" u1
to "$models/v0_untied.gguf" ug
same "version 0 and 1 with a head" "$work/u0" "$work/u1" $all
same "llama2.c and GGUF with a head" "$work/u0" "$work/ug" $all

"$PYTHON" "$here/reshard.py" "$models/hf_base" "$work/sharded" 3 || fail "reshard.py"
to "$work/sharded" from-shards
same "one file and three shards" "$work/hf_base-8" "$work/from-shards" $all
if have zstd; then
    mkdir -p "$work/packed"
    cp "$models"/hf_base/*.json "$work/packed"
    zstd -q -f "$models/hf_base/model.safetensors" -o "$work/packed/model.safetensors.zst"
    to "$work/packed" from-zst
    same "plain and zstd" "$work/hf_base-8" "$work/from-zst" $all
else
    skip "zstd: not installed"
fi

if have_stories; then
    "$PYTHON" "$root/test/oracle/to_hf.py" "$stories" "$stories_tokenizer" "$work/stories-hf"
    to "$stories" stories
    to "$work/stories-hf" stories-from-hf
    "$PYTHON" "$root/test/oracle/to_gguf.py" "$stories" "$stories_tokenizer" "$work/stories.gguf"
    to "$work/stories.gguf" stories-from-gguf
    same "stories260K: llama2.c and GGUF" "$work/stories" "$work/stories-from-gguf" $all
    same "stories260K: llama2.c and Hugging Face" "$work/stories" "$work/stories-from-hf" $code
else
    skip_data "stories260K: not here"
fi
finish
