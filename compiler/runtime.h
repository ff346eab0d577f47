/* The device's runtime, whole, as the host uses it: simulation and tests run the very kernels that
 * generated code ships with. */
#ifndef LMCC_RUNTIME_H
#define LMCC_RUNTIME_H

#define LM_ID uint32_t
#define LM_UNIGRAM_RING 4096
#define LM_BERT_CHARS 1000
#include "../runtime_template/lm_port.h"

#include "../runtime_template/lm_add_sat.h"
#include "../runtime_template/lm_core.h"
#include "../runtime_template/lm_division.h"
#include "../runtime_template/lm_mul.h"

#include "../runtime_template/lm_fixed.h"
#include "../runtime_template/lm_tables.h"

#include "../runtime_template/lm_functions.h"
#include "../runtime_template/lm_quantizer.h"

#include "../runtime_template/lm_loops.h"
#include "../runtime_template/lm_raise.h"
#include "../runtime_template/lm_turn.h"

#include "../runtime_template/lm_quantize.h"

#include "../runtime_template/lm_scores.h"

#include "../runtime_template/lm_numerator.h"

#include "../runtime_template/lm_softmax.h"

#include "../runtime_template/lm_mix.h"

#include "../runtime_template/lm_softmax_mix.h"

#include "../runtime_template/lm_factor.h"

#include "../runtime_template/lm_static_loops.h"

#include "../runtime_template/lm_heads.h"

#include "../runtime_template/lm_attention.h"
#include "../runtime_template/lm_hash.h"
#include "../runtime_template/lm_join.h"
#include "../runtime_template/lm_layer.h"
#include "../runtime_template/lm_norm.h"
#include "../runtime_template/lm_prompts.h"

#include "../runtime_template/lm_bias.h"
#include "../runtime_template/lm_gain.h"
#include "../runtime_template/lm_gelu_erf_table.h"
#include "../runtime_template/lm_gelu_table.h"

#include "../runtime_template/lm_gelu.h"
#include "../runtime_template/lm_head_norm.h"
#include "../runtime_template/lm_layer_norm.h"
#include "../runtime_template/lm_relu.h"
#include "../runtime_template/lm_static.h"
#include "../runtime_template/lm_sub_norm.h"

#include "../runtime_template/lm_patch.h"
#include "../runtime_template/lm_pool.h"
#include "../runtime_template/lm_static_sub_norm.h"
#include "../runtime_template/lm_tanh_table.h"

#include "../runtime_template/lm_dense.h"

#include "../runtime_template/lm_planes.h"

#include "../runtime_template/lm_int8.h"
#include "../runtime_template/lm_sign.h"
#include "../runtime_template/lm_ternary.h"
#include "../runtime_template/lm_xnor.h"

#include "../runtime_template/lm_pairs.h"
#include "../runtime_template/lm_top.h"

#include "../runtime_template/lm_error.h"
#include "../runtime_template/lm_utf8.h"

#include "../runtime_template/lm_text.h"

#include "../runtime_template/lm_tokenizer.h"
#include "../runtime_template/lm_unicode.h"

#include "../runtime_template/lm_bert.h"
#include "../runtime_template/lm_bpe.h"
#include "../runtime_template/lm_encode.h"

#include "../runtime_template/lm_charsmap.h"
#include "../runtime_template/lm_grapheme_table.h"

#include "../runtime_template/lm_grapheme.h"

#include "../runtime_template/lm_cluster.h"
#include "../runtime_template/lm_normal.h"
#include "../runtime_template/lm_normalized.h"
#include "../runtime_template/lm_unigram.h"
#include "../runtime_template/lm_words.h"

#include "../runtime_template/lm_sample.h"

#include "../runtime_template/lm_grammar.h"
#include "../runtime_template/lm_sample_top.h"
#include "../runtime_template/lm_surprisal.h"

#include "../runtime_template/lm_classes.h"

#endif
