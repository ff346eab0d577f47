"""GPT-2, GPT-Neo, GPT-NeoX and Phi in float64, from their papers and the documentation of their
configurations: whole sequences by matrices, nothing cached but the tokens so far.
"""
import math

import numpy as np

# model_type -> names of sizes in config.json: layers, heads, positions, epsilon, activation
SIZES = {
    "gpt2": ("n_layer", "n_head", "n_positions", "layer_norm_epsilon", "activation_function"),
    "gpt_neo": ("num_layers", "num_heads", "max_position_embeddings", "layer_norm_epsilon",
                "activation_function"),
    "gpt_neox": ("num_hidden_layers", "num_attention_heads", "max_position_embeddings",
                 "layer_norm_eps", "hidden_act"),
    "phi": ("num_hidden_layers", "num_attention_heads", "max_position_embeddings", "layer_norm_eps",
            "hidden_act"),
}
erf = np.vectorize(math.erf)
ACTIVATIONS = {
    "gelu": lambda x: x / 2 * (1 + erf(x / math.sqrt(2))),
    "gelu_new": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
    "relu": lambda x: np.maximum(x, 0),
    "relu2": lambda x: np.maximum(x, 0) ** 2,
}


class Gpt:
    def __init__(self, config, tensors):
        self.family, self.config = config["model_type"], config
        names = SIZES[self.family]
        self.n_layers, self.heads, self.context = (config[name] for name in names[:3])
        self.eps, self.act = config[names[3]], ACTIVATIONS[config[names[4]]]
        self.bos, self.eos = config["bos_token_id"], config["eos_token_id"]
        self.t, self.tokens = tensors, []
        self.kv_heads = config.get("num_key_value_heads") or self.heads
        prefixes = {"gpt2": "transformer.", "gpt_neo": "transformer.", "gpt_neox": "gpt_neox.",
                    "phi": "model."}
        self.prefix = prefixes[self.family]
        if self.family == "gpt2" and "wte.weight" in tensors:
            self.prefix = ""
        embed = {"gpt_neox": "embed_in", "phi": "embed_tokens"}.get(self.family, "wte")
        self.embed = tensors[f"{self.prefix}{embed}.weight"]
        head = "embed_out" if self.family == "gpt_neox" else "lm_head"
        tied = config.get("tie_word_embeddings", self.family in ("gpt2", "gpt_neo"))
        self.head = self.embed if tied else tensors[head + ".weight"]
        self.head_bias = tensors.get("lm_head.bias", 0)

    def reset(self):
        self.tokens = []

    def norm(self, x, name):
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred ** 2).mean(-1, keepdims=True) + self.eps)
        return centred / deviation * self.t[name + ".weight"] + self.t[name + ".bias"]

    def linear(self, x, name):
        """GPT-2's matrices are [in, out], all others [out, in]."""
        w = self.t[name + ".weight"]
        return x @ (w if self.family == "gpt2" else w.T) + self.t.get(name + ".bias", 0)

    def forward(self, tokens):
        """Appends the tokens to the sequence; the logits (len(tokens), vocab) after each."""
        self.tokens += list(tokens)
        x = self.embed[np.asarray(self.tokens, int)]
        if self.family in ("gpt2", "gpt_neo"):
            table = self.t[self.prefix + "wpe.weight"]
            x = x + table[np.minimum(np.arange(len(x)), len(table) - 1)]
        for i in range(self.n_layers):
            x = self.layer(i, x)
        final = {"gpt_neox": "final_layer_norm", "phi": "final_layernorm"}
        x = self.norm(x, self.prefix + final.get(self.family, "ln_f"))
        return (x @ self.head.T + self.head_bias)[-len(tokens):]

    def layer(self, i, x):
        if self.family in ("gpt2", "gpt_neo"):
            p = f"{self.prefix}h.{i}."
            x = x + self.attention(i, p, self.norm(x, p + "ln_1"))
            return x + self.mlp(p + "mlp.c_fc", p + "mlp.c_proj", self.norm(x, p + "ln_2"))
        p = f"{self.prefix}layers.{i}."
        if self.family == "phi":
            h = self.norm(x, p + "input_layernorm")
            return x + self.attention(i, p, h) + self.mlp(p + "mlp.fc1", p + "mlp.fc2", h)
        a = self.attention(i, p, self.norm(x, p + "input_layernorm"))
        read = x if self.config["use_parallel_residual"] else x + a
        return x + a + self.mlp(p + "mlp.dense_h_to_4h", p + "mlp.dense_4h_to_h",
                                self.norm(read, p + "post_attention_layernorm"))

    def mlp(self, up, down, x):
        return self.linear(self.act(self.linear(x, up)), down)

    def heads_of(self, i, p, x):
        """q, k, v, each (heads, time, head_dim), and what follows attention."""
        n = len(x)
        split = lambda y, heads: y.reshape(n, heads, -1).transpose(1, 0, 2)
        if self.family == "gpt2":
            q, k, v = np.split(self.linear(x, p + "attn.c_attn"), 3, axis=1)
            return split(q, self.heads), split(k, self.heads), split(v, self.heads), "attn.c_proj"
        if self.family == "gpt_neox":
            fused = self.linear(x, p + "attention.query_key_value").reshape(n, self.heads, 3, -1)
            q, k, v = fused.transpose(2, 1, 0, 3)
            return self.rotate(q), self.rotate(k), v, "attention.dense"
        a = "attn.attention." if self.family == "gpt_neo" else "self_attn."
        q, k, v = (split(self.linear(x, f"{p}{a}{name}_proj"), heads) for name, heads in
                   (("q", self.heads), ("k", self.kv_heads), ("v", self.kv_heads)))
        if self.family == "gpt_neo":
            return q, k, v, a + "out_proj"
        return self.rotate(q), self.rotate(k), v, a + "dense"

    def rotate(self, x):
        """The first part of each head turns, by halves."""
        c = self.config
        rope = c.get("rope_parameters") or {}
        part = rope.get("partial_rotary_factor", c.get("rotary_pct", c.get("partial_rotary_factor")))
        theta = rope.get("rope_theta", c.get("rotary_emb_base", c.get("rope_theta", 10000.0)))
        turned = int(x.shape[-1] * part)
        rates = theta ** (-np.arange(0, turned, 2) / turned)
        angles = np.outer(np.arange(x.shape[1]), rates)
        a, b, rest = x[..., :turned // 2], x[..., turned // 2:turned], x[..., turned:]
        cos, sin = np.cos(angles), np.sin(angles)
        return np.concatenate((a * cos - b * sin, b * cos + a * sin, rest), -1)

    def is_local(self, i):
        if self.family != "gpt_neo":
            return False
        kinds = [kind for kinds, times in self.config["attention_types"]
                 for _ in range(times) for kind in kinds]
        return kinds[i] == "local"

    def attention(self, i, p, x):
        q, k, v, out = self.heads_of(i, p, x)
        n, c = len(x), self.config
        k, v = (np.repeat(y, self.heads // self.kv_heads, 0) for y in (k, v))
        scores = q @ k.transpose(0, 2, 1)
        if self.family != "gpt_neo" and c.get("scale_attn_weights", True):
            scores = scores / np.sqrt(q.shape[-1])
        if c.get("scale_attn_by_inverse_layer_idx"):
            scores = scores / (i + 1)
        distance = np.arange(n)[:, None] - np.arange(n)
        hidden = (distance < 0) | (self.is_local(i) & (distance >= c.get("window_size", n)))
        scores = np.where(hidden, -np.inf, scores)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = weights / weights.sum(-1, keepdims=True) @ v
        return self.linear(mixed.transpose(1, 0, 2).reshape(n, -1), p + out)
