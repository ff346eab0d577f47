"""Small random encoders in the layout of the published checkpoints, each with every part that its family
may have: called by make_models.py."""
from collections import Counter

import numpy as np

import safetensors
from bert import BERT_LAYER, DISTILBERT_LAYER

DIM, NEURONS, LAYERS, HEADS_EACH, POSITIONS = 40, 52, 3, 4, 48
LABELS = ["bad", "so so", "good"]

# name -> family, architecture's end, what differs from the family's configuration
ENCODERS = {
    "enc_bert_class": ("bert", "ForSequenceClassification", {}),
    "enc_bert_label": ("bert", "ForTokenClassification", {"hidden_act": "gelu_new"}),
    "enc_bert_mask": ("bert", "ForMaskedLM", {}),
    "enc_minilm": ("bert", "Model", {"pooling": "mean"}),
    "enc_bert_first": ("bert", "Model", {"pooling": "first", "hidden_act": "relu"}),
    "enc_roberta_class": ("roberta", "ForSequenceClassification", {}),
    "enc_roberta_mask": ("roberta", "ForMaskedLM", {}),
    "enc_distilbert_class": ("distilbert", "ForSequenceClassification", {}),
    "enc_distilbert_label": ("distilbert", "ForTokenClassification", {}),
    "enc_distilbert_mask": ("distilbert", "ForMaskedLM", {}),
    "enc_bert_exits": ("bert", "ForTokenClassification", {"exits": [0, 1]}),
    "enc_roberta_exit": ("roberta", "ForSequenceClassification", {"exits": [1]}),
}

CLASS_OF = {"bert": "Bert", "roberta": "Roberta", "distilbert": "DistilBert"}


def config_of(family, head, changes, vocab):
    labels = {"id2label": {str(i): s for i, s in enumerate(LABELS)},
              "label2id": {s: i for i, s in enumerate(LABELS)}}
    c = {"model_type": family, "architectures": [CLASS_OF[family] + head], "vocab_size": vocab,
         "max_position_embeddings": POSITIONS, "pad_token_id": 1 if family == "roberta" else 0,
         "torch_dtype": "float32", "initializer_range": 0.02}
    if head in ("ForSequenceClassification", "ForTokenClassification"):
        c |= labels
    if family == "distilbert":
        c |= {"dim": DIM, "hidden_dim": NEURONS, "n_layers": LAYERS, "n_heads": HEADS_EACH,
              "activation": "gelu", "attention_dropout": 0.1, "dropout": 0.1,
              "sinusoidal_pos_embds": False, "tie_weights_": True}
    else:
        c |= {"hidden_size": DIM, "intermediate_size": NEURONS, "num_hidden_layers": LAYERS,
              "num_attention_heads": HEADS_EACH, "hidden_act": "gelu",
              "type_vocab_size": 1 if family == "roberta" else 2,
              "layer_norm_eps": 1e-05 if family == "roberta" else 1e-12,
              "position_embedding_type": "absolute", "hidden_dropout_prob": 0.1,
              "attention_probs_dropout_prob": 0.1, "use_cache": True}
    return c | {k: v for k, v in changes.items() if k not in ("pooling", "exits")}


def head_tensors(family, head, vocab, linear, norm):
    if head == "ForSequenceClassification":
        dense, out = {"bert": ("bert.pooler.dense", "classifier"),
                      "roberta": ("classifier.dense", "classifier.out_proj"),
                      "distilbert": ("pre_classifier", "classifier")}[family]
        return linear(dense, DIM, DIM) | linear(out, len(LABELS), DIM)
    if head == "ForTokenClassification":
        return linear("classifier", len(LABELS), DIM)
    if head == "ForMaskedLM":
        dense, ln, bias = {
            "bert": ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm",
                     "cls.predictions.bias"),
            "roberta": ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),
            "distilbert": ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias")}[family]
        return (linear(dense, DIM, DIM) | norm(ln)
                | {bias: linear("x", vocab, 1)["x.bias"]})
    return linear("pooler.dense", DIM, DIM)  # published with the model, read by nothing


def tensors_of(rng, family, head, vocab):
    normal = lambda scale, *shape: (scale * rng.standard_normal(shape)).astype(np.float32)
    linear = lambda name, rows, cols: {f"{name}.weight": normal(cols ** -0.5, rows, cols),
                                       f"{name}.bias": normal(0.3, rows)}
    # BERT's first checkpoints call a norm's weights gamma and beta.
    old = family == "bert" and head == "ForMaskedLM"
    norm = lambda name: {f"{name}.{'gamma' if old else 'weight'}": 1 + normal(0.2, DIM),
                         f"{name}.{'beta' if old else 'bias'}": normal(0.2, DIM)}
    prefix = "" if head == "Model" else f"{family}."
    p = prefix + "embeddings."
    t = {p + "word_embeddings.weight": normal(0.4, vocab, DIM),
         p + "position_embeddings.weight": normal(0.2, POSITIONS, DIM)}
    if family != "distilbert":
        t[p + "token_type_embeddings.weight"] = normal(0.2, 1 if family == "roberta" else 2, DIM)
    t |= norm(p + "LayerNorm")
    distil = family == "distilbert"
    names = DISTILBERT_LAYER if distil else BERT_LAYER
    for i in range(LAYERS):
        at = f"{prefix}{'transformer' if distil else 'encoder'}.layer.{i}."
        for part, name in names.items():
            if "norm" in part:
                t |= norm(at + name)
            else:
                t |= linear(at + name, NEURONS if part == "up" else DIM,
                            NEURONS if part == "down" else DIM)
    return t | head_tensors(family, head, vocab, linear, norm)


def wordpiece_tokenizer(text):
    """Lower case; every character alone and going on, then the most frequent words."""
    words = Counter("".join(c if c.isalnum() else f" {c} " for c in text.lower()).split())
    chars = sorted({c for w in words for c in w} | set("abcdefghijklmnopqrstuvwxyz0123456789"))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *chars, *("##" + c for c in chars),
              *(w for w, _ in words.most_common(90)), "##ed", "##ing", "##s", "##er", "##ly"]
    vocab = {s: i for i, s in enumerate(dict.fromkeys(pieces))}
    special = lambda i, s: {"id": i, "content": s, "single_word": False, "lstrip": False,
                            "rstrip": False, "normalized": False, "special": True}
    ends = {s: {"id": s, "ids": [vocab[s]], "tokens": [s]} for s in ("[CLS]", "[SEP]")}
    part = lambda s: {"SpecialToken": {"id": s, "type_id": 0}}
    text_part = lambda s, i: {"Sequence": {"id": s, "type_id": i}}
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [special(i, s) for i, s in enumerate(pieces[:5])],
            "normalizer": {"type": "BertNormalizer", "clean_text": True,
                           "handle_chinese_chars": True, "strip_accents": None,
                           "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [part("[CLS]"), text_part("A", 0), part("[SEP]")],
                "pair": [part("[CLS]"), text_part("A", 0), part("[SEP]"), text_part("B", 1),
                         {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
                "special_tokens": ends},
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": 100, "vocab": vocab}}


def write(out, name, text, seed, write_json):
    family, head, changes = ENCODERS[name]
    tokenizer = wordpiece_tokenizer(text)
    if family == "roberta":
        tokenizer["post_processor"] = {"type": "RobertaProcessing", "sep": ["[SEP]", 3],
                                       "cls": ["[CLS]", 2], "trim_offsets": True,
                                       "add_prefix_space": False}
    vocab = len(tokenizer["model"]["vocab"])
    folder = out / name
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng([seed, 7, list(ENCODERS).index(name)])
    tensors = tensors_of(rng, family, head, vocab)
    for i in changes.get("exits", []):  # heads of layers before the last
        at = f"exits.{i}.classifier."
        tensors |= {at + "weight": rng.standard_normal((len(LABELS), DIM)).astype(np.float32) * 0.3,
                    at + "bias": rng.standard_normal(len(LABELS)).astype(np.float32) * 0.3}
    safetensors.write(folder / "model.safetensors", tensors, "F32")
    write_json(folder / "config.json", config_of(family, head, changes, vocab))
    write_json(folder / "tokenizer.json", tokenizer)
    if "pooling" in changes:
        (folder / "1_Pooling").mkdir(exist_ok=True)
        first = changes["pooling"] == "first"
        write_json(folder / "1_Pooling" / "config.json", {
            "word_embedding_dimension": DIM, "pooling_mode_cls_token": first,
            "pooling_mode_mean_tokens": not first, "pooling_mode_max_tokens": False})
