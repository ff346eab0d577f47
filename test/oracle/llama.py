"""An independent Llama in float64, and the families that differ from it a little, from the formats'
and the architectures' descriptions alone.

The compiler's float reference and the generated code are compared with it.  It reads llama2.c
checkpoints, GGUF files and Hugging Face directories, and keeps every layer's keys and values, so that a
sequence may be fed in any number of pieces.
"""
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import bitnet
import gguf
import gpt
import llama2c
import safetensors

HF_LAYER = {"att_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
            "wq": "self_attn.q_proj", "wk": "self_attn.k_proj", "wv": "self_attn.v_proj",
            "wo": "self_attn.o_proj", "w1": "mlp.gate_proj", "w2": "mlp.down_proj",
            "w3": "mlp.up_proj"}

GGUF_LAYER = {"att_norm": "attn_norm", "ffn_norm": "ffn_norm", "wq": "attn_q", "wk": "attn_k",
              "wv": "attn_v", "wo": "attn_output", "w1": "ffn_gate", "w2": "ffn_down",
              "w3": "ffn_up"}


class Decoding:
    """What every model does with forward()."""

    def logits(self, tokens):
        self.reset()
        return self.forward(tokens)

    def greedy(self, prompt, n):
        """n tokens after the prompt, each the most likely one (the lowest id of equals)."""
        self.reset()
        tokens, step = [], list(prompt)
        for _ in range(n):
            step = [int(self.forward(step)[-1].argmax())]
            tokens += step
        return tokens

    def loss(self, tokens):
        """The sum over tokens[1:] of -ln p(token | those before)."""
        x = self.logits(tokens[:-1])
        top = x.max(1)
        log_sum = top + np.log(np.exp(x - top[:, None]).sum(1))
        return float((log_sum - x[np.arange(len(x)), tokens[1:]]).sum())


@dataclass
class Llama(Decoding):
    heads: int
    kv_heads: int
    head_dim: int
    context: int
    eps: float
    rates: np.ndarray  # (head_dim / 2), radians that a RoPE pair turns at each position
    interleaved: bool  # RoPE pairs are (2i, 2i + 1); otherwise (i, i + head_dim / 2)
    bos: int
    eos: int
    embed: np.ndarray  # (vocab, dim)
    final_norm: np.ndarray
    head: np.ndarray  # (vocab, dim)
    layers: list  # of dict: names of HF_LAYER -> (weight, bias or 0); Qwen3: q_norm, k_norm;
    # BitNet: o_norm, down_norm
    window: int = 0  # tokens that one sees, itself included; 0: all before it
    act: callable = None  # that gates the MLP; SiLU
    embed_scale: float = 1.0
    binary: bool = False  # a block's linears read signs of their inputs times the mean size
    cache: list = field(default_factory=list)  # per layer (keys, values), each (time, kv, head_dim)

    def reset(self):
        empty = np.zeros((0, self.kv_heads, self.head_dim))
        self.cache = [(empty, empty) for _ in self.layers]

    def forward(self, tokens):
        """Appends the tokens to the sequence; the logits (len(tokens), vocab) after each."""
        x = self.embed[np.asarray(tokens, int)] * self.embed_scale
        for i, layer in enumerate(self.layers):
            h = self.activations(rms_norm(x, layer["att_norm"][0], self.eps))
            x = x + self.attention(i, layer, h)
            h = self.activations(rms_norm(x, layer["ffn_norm"][0], self.eps))
            gate, up = linear(h, layer["w1"]), linear(h, layer["w3"])
            h = (self.act or silu)(gate) * up
            if "down_norm" in layer:
                h = rms_norm(h, layer["down_norm"], self.eps)
            h = self.activations(h)
            x = x + linear(h, layer["w2"])
        return rms_norm(x, self.final_norm, self.eps) @ self.head.T

    def activations(self, x):
        """As XNOR-Net (arXiv 1603.05279) approximates the input of a binary product."""
        if not self.binary:
            return x
        return np.where(x < 0, -1, 1) * np.abs(x).mean(-1, keepdims=True)

    def attention(self, i, layer, x):
        n, (keys, values) = len(x), self.cache[i]
        past = len(keys)
        q = linear(x, layer["wq"]).reshape(n, self.heads, -1)
        k = linear(x, layer["wk"]).reshape(n, self.kv_heads, -1)
        if "q_norm" in layer:
            q, k = rms_norm(q, layer["q_norm"], self.eps), rms_norm(k, layer["k_norm"], self.eps)
        q, k = self.rotate(q, past), self.rotate(k, past)
        v = linear(x, layer["wv"]).reshape(n, self.kv_heads, -1)
        keys, values = self.cache[i] = np.concatenate((keys, k)), np.concatenate((values, v))
        distance = past + np.arange(n)[:, None] - np.arange(past + n)[None, :]
        unseen = (distance < 0) | (distance >= (self.window or past + n))
        out = np.empty_like(q)
        for h in range(self.heads):
            kv = h * self.kv_heads // self.heads
            scores = q[:, h] @ keys[:, kv].T / np.sqrt(self.head_dim)
            scores[unseen] = -np.inf
            weights = np.exp(scores - scores.max(1, keepdims=True))
            out[:, h] = weights / weights.sum(1, keepdims=True) @ values[:, kv]
        out = out.reshape(n, -1)
        if "o_norm" in layer:
            out = rms_norm(out, layer["o_norm"], self.eps)
        return linear(self.activations(out), layer["wo"])

    def rotate(self, x, past):
        """x (time, heads, head_dim): turns pair i at position p by p * rates[i]."""
        half = self.head_dim // 2
        angles = np.outer(past + np.arange(len(x)), self.rates)[:, None, :]
        first = slice(0, None, 2) if self.interleaved else slice(0, half)
        second = slice(1, None, 2) if self.interleaved else slice(half, None)
        out = np.empty_like(x)
        out[..., first] = x[..., first] * np.cos(angles) - x[..., second] * np.sin(angles)
        out[..., second] = x[..., second] * np.cos(angles) + x[..., first] * np.sin(angles)
        return out


class Gpt(gpt.Gpt, Decoding):
    """GPT-2 and its kin."""


def rms_norm(x, weight, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight


def silu(x):
    return x / (1 + np.exp(-x))


def relu2(x):
    return np.maximum(x, 0) ** 2


def gelu_tanh(x):
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))


def linear(x, weight_and_bias):
    weight, bias = weight_and_bias
    return x @ weight.T + bias


def load_llama2c(path):
    c, w = llama2c.read(path)
    layers = [{name: (w[name][i], 0) for name in HF_LAYER} for i in range(c.layers)]
    return Llama(c.heads, c.kv_heads, c.dim // c.heads, c.context, 1e-5,
                 rope_rates(c.dim // c.heads, 10000.0), True, 1, 2,
                 w["embed"], w["final_norm"], w.get("head", w["embed"]), layers)


def read_tensors(folder):
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return safetensors.read(folder / "model.safetensors")
    weight_map = json.loads(index.read_text())["weight_map"]
    shards = {name: safetensors.read(folder / name) for name in sorted(set(weight_map.values()))}
    return {name: shards[file][name] for name, file in weight_map.items()}


def rope_rates(head_dim, theta):
    return theta ** (-np.arange(head_dim // 2) / (head_dim // 2))


def scale_llama3(rates, rope):
    """Long waves turn `factor` times slower, short ones as before, in between a mixture."""
    context = rope["original_max_position_embeddings"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    length, out = 2 * np.pi / rates, []
    for rate, wave in zip(rates, length):
        if wave < context / high:
            out.append(rate)
        elif wave > context / low:
            out.append(rate / rope["factor"])
        else:
            smooth = (context / wave - low) / (high - low)
            out.append((1 - smooth) * rate / rope["factor"] + smooth * rate)
    return np.array(out)


def hf_rates(config, head_dim):
    """transformers 4 has rope_theta and rope_scaling, 5 has rope_parameters."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    rates = rope_rates(head_dim, float(rope.get("rope_theta", config.get("rope_theta", 10000.0))))
    if kind == "llama3":
        return scale_llama3(rates, rope)
    if kind not in ("default", "linear"):
        raise ValueError(f"RoPE scaling {kind}: not part of this reference")
    return rates / rope["factor"] if kind == "linear" else rates


def load_hf(folder):
    c, t = json.loads((folder / "config.json").read_text()), read_tensors(folder)
    family = c["model_type"]
    if family in gpt.SIZES:
        return Gpt(c, t)
    if family not in ("llama", "mistral", "qwen2", "qwen3", "gemma", "bitnet"):
        raise ValueError(f"{folder}: model_type {family}: not known")
    gemma = family == "gemma"
    norm = lambda name: t[name + ".weight"] + gemma  # stored less one
    how = c.get("quantization_config")
    pair = lambda name: (bitnet.weight(t, name, how) if name.endswith("proj") else
                         t[name + ".weight"], t.get(name + ".bias", 0))
    layers = [{name: pair(f"model.layers.{i}.{hf}") for name, hf in HF_LAYER.items()}
              for i in range(c["num_hidden_layers"])]
    for i, layer in enumerate(layers):
        for name in ("att_norm", "ffn_norm"):
            layer[name] = (norm(f"model.layers.{i}.{HF_LAYER[name]}"), 0)
        if family == "bitnet":
            layer["o_norm"] = norm(f"model.layers.{i}.self_attn.attn_sub_norm")
            layer["down_norm"] = norm(f"model.layers.{i}.mlp.ffn_sub_norm")
        if family == "qwen3":
            layer |= {name: norm(f"model.layers.{i}.self_attn.{name}")
                      for name in ("q_norm", "k_norm")}
    head_dim = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    heads, embed = c["num_attention_heads"], t["model.embed_tokens.weight"]
    head = embed if c.get("tie_word_embeddings", False) else t["lm_head.weight"]
    return Llama(heads, c.get("num_key_value_heads") or heads, head_dim,
                 c["max_position_embeddings"], c["rms_norm_eps"], hf_rates(c, head_dim), False,
                 c["bos_token_id"], c["eos_token_id"], embed, norm("model.norm"), head, layers,
                 (family == "mistral" and c["sliding_window"]) or 0,
                 {"gemma": gelu_tanh, "bitnet": relu2}.get(family, silu),
                 c["hidden_size"] ** 0.5 if gemma else 1.0, c.get("activation_bits") == 1)


def gguf_rates(t, key, head_dim):
    """Each pair may turn slower: all alike, or by a tensor's factors."""
    rates = rope_rates(head_dim, key("rope.freq_base", 10000.0))
    if key("rope.scaling.type", b"none") == b"linear":
        rates = rates / key("rope.scaling.factor", 1.0)
    return rates / t["rope_freqs.weight"] if "rope_freqs.weight" in t else rates


def load_gguf(path):
    keys, t = gguf.read(path)
    arch = keys["general.architecture"].decode()
    if arch not in ("llama", "qwen2", "qwen3", "gemma"):
        raise ValueError(f"{path}: {arch}: not known")
    key = lambda name, *default: (keys.get(f"{arch}.{name}", *default) if default
                                  else keys[f"{arch}.{name}"])
    layers = [{name: (t[f"blk.{i}.{short}.weight"], t.get(f"blk.{i}.{short}.bias", 0))
               for name, short in GGUF_LAYER.items()} for i in range(key("block_count"))]
    for i, layer in enumerate(layers if arch == "qwen3" else ()):
        layer |= {name: t[f"blk.{i}.attn_{name}.weight"] for name in ("q_norm", "k_norm")}
    embed, heads = t["token_embd.weight"], key("attention.head_count")
    head_dim = key("attention.key_length", key("embedding_length") // heads)
    return Llama(heads, key("attention.head_count_kv"), head_dim,
                 key("context_length"), key("attention.layer_norm_rms_epsilon"),
                 gguf_rates(t, key, head_dim), arch == "llama",
                 keys["tokenizer.ggml.bos_token_id"], keys["tokenizer.ggml.eos_token_id"], embed,
                 t["output_norm.weight"], t.get("output.weight", embed), layers, 0,
                 gelu_tanh if arch == "gemma" else silu,
                 key("embedding_length") ** 0.5 if arch == "gemma" else 1.0)


def load(path):
    path = Path(path)
    if path.is_dir():
        return load_hf(path)
    return load_gguf(path) if path.suffix == ".gguf" else load_llama2c(path)
