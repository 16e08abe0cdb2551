# pip install torch==2.9.0 safetensors==0.8.0 numpy==2.4.6
"""The tensor operations of an encoder and their gradients, by PyTorch.

    python generate.py

writes expected.safetensors beside this file: float32 unless said otherwise,
CPU, one thread. `upstream` is the gradient that flows into an operation's
output, `<name>_grad` the gradient of <name> that comes out of its backward.

gelu.{x, output, upstream, x_grad}       [7, 33]; the exact (erf) form; x in
                                         [-8, 8], both ends and 0 included

gelu_tanh.{x, output, upstream, x_grad}  [7, 33]; the tanh form, x as above

layer_norm_33.{x, output, upstream, x_grad}     [7, 33]; eps 1e-12
layer_norm_33.{weight, bias, weight_grad, bias_grad}   [33]
layer_norm_48.*                                 the same for [5, 48] and [48]

linear.{x, x_grad}                       [7, 33]
linear.{weight, weight_grad}             [33, 19]: input-major, the transpose of
                                         torch.nn.Linear's
linear.{bias, bias_grad}                 [19]
linear.{output, upstream}                [7, 19]; x weight + bias

attention.{q, k, v}                      [27, 32]: token rows of B = 3, S = 9,
                                         H = 4, K = 8, so row b * S + s, column
                                         h * K + c
attention.key_mask                       int64 [3, 9]; 1 is a real key. Rows of
                                         6, 1 and 8 real keys
attention.probabilities                  [3, 4, 9, 9]; softmax(q k^T / sqrt(K)),
                                         masked keys exactly 0
attention.{output, upstream}             [27, 32]; rows of masked positions are
                                         computed as queries like any other, but
                                         their upstream gradient is zero
attention.{q_grad, k_grad, v_grad}       [27, 32]

attention_first.*                        the same with one query a row: {q, output,
                                         upstream, q_grad} [3, 32], probabilities
                                         [3, 4, 1, 9]

attention_window.lengths                 int64 [3]: 70, 5 and 24 tokens, which are
                                         packed end to end without padding
attention_window.{q, k, v, output, upstream, q_grad, k_grad, v_grad}
                                         [99, 16]: H = 2, K = 8; of keys at most 7
                                         tokens from their query

relative_<terms>_<buckets>.*             the same of all keys, with scores by
                                         distance: lengths 37, 1 and 21, D = 12,
                                         H = 3, K = 4. terms: c (queries by keys of
                                         the distance), p (keys by queries of it),
                                         b (a bias of it), or none; the factor of the
                                         scores is 1 / sqrt(K (1 + c + p))
relative_*.{keys, queries, keys_grad, queries_grad}   [R, 12]
relative_*.{bias, bias_grad}             [R, 3]
relative_*.rows                          int64 [R']: row of each distance, query
                                         less key, from -44 to 44
                                         buckets: clamped (R = 10), log (R = 16, 8
                                         buckets up to 20) as DeBERTa-v2, and
                                         two_sided (R = 12, up to 25) as MPNet

rotary.{x, output, upstream, x_grad}     [11, 24]: H = 3, K = 8
rotary.{cos, sin}                        [11, 4]; of the first half of a head's
                                         columns, the second has the same

geglu.{x, x_grad}                        [7, 66]
geglu.{output, upstream}                 [7, 33]; gelu(first half) * second half
swiglu.*                                 the same with silu
rms_norm.{x, output, upstream, x_grad}   [7, 33]; eps 1e-3
rms_norm.{weight, weight_grad}           [33]

cross_entropy.logits, .logits_grad       [6, 5]
cross_entropy.targets                    int64 [6]
cross_entropy.loss                       []; mean over the rows
cross_entropy_smoothed.*                 the same with label smoothing 0.1
cross_entropy_weighted.*                 the same with .class_weights [5]: the
                                         sum of weighted losses over the sum of
                                         the weights of the targets
"""

import math
from pathlib import Path

import numpy
import safetensors
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__
assert numpy.__version__ == "2.4.6", numpy.__version__

HERE = Path(__file__).resolve().parent
GENERATOR = torch.Generator().manual_seed(20262)


def normal(*shape, scale=1.0, shift=0.0):
    return shift + scale * torch.randn(*shape, generator=GENERATOR)


def differentiate(inputs, operation, upstream=None):
    """Runs `operation` on `inputs`; its output and every input's gradient."""
    leaves = {name: t.clone().requires_grad_() for name, t in inputs.items()}
    output = operation(**leaves)
    output.backward(upstream)
    result = {**inputs, "output": output.detach()}
    if upstream is not None:
        result["upstream"] = upstream
    for name, leaf in leaves.items():
        result[f"{name}_grad"] = leaf.grad
    return result


def gelu(approximate):
    x = torch.rand(7, 33, generator=GENERATOR) * 16 - 8
    x[0, :3] = torch.tensor([-8.0, 0.0, 8.0])
    return differentiate({"x": x}, lambda x: F.gelu(x, approximate=approximate), normal(7, 33))


def layer_norm(rows, width):
    # Every row has its own mean and spread.
    x = normal(rows, width) * (0.2 + torch.rand(rows, 1, generator=GENERATOR) * 3)
    x = x + normal(rows, 1, scale=2.0)
    inputs = {
        "x": x,
        "weight": normal(width, scale=0.3, shift=1.0),
        "bias": normal(width, scale=0.3),
    }
    return differentiate(
        inputs,
        lambda x, weight, bias: F.layer_norm(x, [width], weight, bias, eps=1e-12),
        normal(rows, width),
    )


def linear():
    inputs = {"x": normal(7, 33), "weight": normal(33, 19, scale=0.3), "bias": normal(19)}
    return differentiate(inputs, lambda x, weight, bias: x @ weight + bias, normal(7, 19))


def attention(queries):
    batch, seq, heads, width = 3, 9, 4, 8
    key_mask = torch.zeros(batch, seq, dtype=torch.int64)
    for row, real in enumerate([6, 1, 8]):
        key_mask[row, :real] = 1
    seen = {}

    def split(rows):
        return rows.reshape(batch, -1, heads, width).transpose(1, 2)

    def operation(q, k, v):
        scores = split(q) @ split(k).transpose(2, 3) / width**0.5
        scores = scores.masked_fill(key_mask[:, None, None, :] == 0, float("-inf"))
        probabilities = scores.softmax(dim=-1)
        seen["probabilities"] = probabilities.detach()
        return (probabilities @ split(v)).transpose(1, 2).reshape(-1, heads * width)

    rows = {"q": batch * queries, "k": batch * seq, "v": batch * seq}
    inputs = {name: normal(rows[name], heads * width, scale=1.3) for name in "qkv"}
    upstream = normal(rows["q"], heads * width)
    if queries == seq:
        upstream = upstream * key_mask.reshape(-1, 1)
    result = differentiate(inputs, operation, upstream)

    # The same by PyTorch's own fused operation.
    fused = F.scaled_dot_product_attention(
        *(split(inputs[name]) for name in "qkv"),
        attn_mask=key_mask[:, None, None, :].bool(),
    )
    fused = fused.transpose(1, 2).reshape(-1, heads * width)
    torch.testing.assert_close(fused, result["output"], rtol=1e-5, atol=1e-5)
    masked = (key_mask == 0).reshape(-1)
    assert (result["k_grad"][masked] == 0).all() and (result["v_grad"][masked] == 0).all()
    return {**result, "key_mask": key_mask, **seen}


def attention_window(lengths, window):
    heads, width = 2, 8
    rows = sum(lengths)

    def operation(q, k, v):
        split = [
            [part.reshape(-1, heads, width).transpose(0, 1) for part in rows.split(lengths)]
            for rows in (q, k, v)
        ]
        outputs = []
        for query, key, value in zip(*split):
            places = torch.arange(query.shape[1])
            seen = (places[:, None] - places[None, :]).abs() <= window
            output = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
            outputs.append(output.transpose(0, 1).reshape(-1, heads * width))
        return torch.cat(outputs)

    inputs = {name: normal(rows, heads * width, scale=1.3) for name in "qkv"}
    result = differentiate(inputs, operation, normal(rows, heads * width))
    return {**result, "lengths": torch.tensor(lengths)}


def clamped(distance, span):
    """DeBERTa-v2 without buckets: a row for each distance."""
    return (distance + span).clamp(0, 2 * span - 1)


def logarithmic(distance, buckets, farthest):
    """DeBERTa-v2 with buckets: near distances have rows of their own."""
    middle = buckets // 2
    tokens = distance.abs()
    far = torch.log(tokens.clamp(min=middle) / middle) / torch.log(
        torch.tensor((farthest - 1) / middle)
    )
    far = (far * (middle - 1)).ceil().long() + middle
    return clamped(torch.where(tokens <= middle, distance, far * distance.sign()), buckets)


def two_sided(distance, buckets, farthest):
    """MPNet: one half of the rows for keys before the query."""
    half, exact = buckets // 2, buckets // 4
    tokens = distance.abs()
    far = torch.log(tokens.clamp(min=1).float() / exact) / math.log(farthest / exact)
    far = (exact + (far * (half - exact)).long()).clamp(max=half - 1)
    return torch.where(tokens < exact, tokens, far) + (distance < 0).long() * half


def relative(terms, row, count):
    lengths, heads, width = [37, 1, 21], 3, 4
    tokens, hidden = sum(lengths), heads * width

    def operation(q, k, v, keys=None, queries=None, bias=None):
        def split(rows):
            return rows.reshape(-1, heads, width).transpose(0, 1)

        outputs = []
        for q, k, v in zip(*(rows.split(lengths) for rows in (q, k, v))):
            places = torch.arange(len(q))
            rows = row(places[:, None] - places[None, :])
            q, k, v = split(q), split(k), split(v)
            scores = q @ k.transpose(1, 2)
            if keys is not None:
                of_rows = q @ split(keys).transpose(1, 2)
                scores = scores + of_rows.gather(2, rows.expand(heads, -1, -1))
            if queries is not None:
                of_rows = k @ split(queries).transpose(1, 2)
                of_keys = of_rows.gather(2, rows.T.expand(heads, -1, -1))
                scores = scores + of_keys.transpose(1, 2)
            tables = sum(table is not None for table in (keys, queries))
            scores = scores / math.sqrt(width * (1 + tables))
            if bias is not None:
                scores = scores + bias[rows].permute(2, 0, 1)
            outputs.append((scores.softmax(dim=-1) @ v).transpose(0, 1).reshape(-1, hidden))
        return torch.cat(outputs)

    inputs = {name: normal(tokens, hidden, scale=1.3) for name in "qkv"}
    for term, name, columns in [("c", "keys", hidden), ("p", "queries", hidden), ("b", "bias", heads)]:
        if term in terms:
            inputs[name] = normal(count, columns)
    result = differentiate(inputs, operation, normal(tokens, hidden))
    return {**result, "lengths": torch.tensor(lengths), "rows": row(torch.arange(-44, 45))}


def relatives():
    buckets = {
        "clamped": (lambda distance: clamped(distance, 5), 10),
        "log": (lambda distance: logarithmic(distance, 8, 20), 16),
        "two_sided": (lambda distance: two_sided(distance, 12, 25), 12),
    }
    cases = {
        "clamped": ["cp"],
        "log": ["none", "c", "p", "cp", "b", "cb", "pb", "cpb"],
        "two_sided": ["b", "cpb"],
    }
    return {
        f"relative_{terms}_{name}": relative(terms.replace("none", ""), *buckets[name])
        for name, all_terms in cases.items()
        for terms in all_terms
    }


def rotary(tokens, heads, width):
    half = width // 2
    angles = normal(tokens, half, scale=3.0)
    cos, sin = angles.cos(), angles.sin()

    def operation(x):
        x = x.reshape(tokens, heads, width)
        rotated = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
        both = [torch.cat((table, table), dim=-1).unsqueeze(1) for table in (cos, sin)]
        return (x * both[0] + rotated * both[1]).reshape(tokens, heads * width)

    rows = tokens, heads * width
    result = differentiate({"x": normal(*rows)}, operation, normal(*rows))
    return {**result, "cos": cos, "sin": sin}


def rms_norm(rows, width):
    x = normal(rows, width) * (0.2 + torch.rand(rows, 1, generator=GENERATOR) * 3)
    inputs = {"x": x + normal(rows, 1, scale=2.0), "weight": normal(width, scale=0.3, shift=1.0)}
    return differentiate(
        inputs,
        lambda x, weight: F.rms_norm(x, [width], weight, eps=1e-3),
        normal(rows, width),
    )


def gated(activation, rows, width):
    def operation(x):
        first, second = x.chunk(2, dim=-1)
        return activation(first) * second

    x = normal(rows, 2 * width, scale=2.0)
    return differentiate({"x": x}, operation, normal(rows, width))


def cross_entropy(logits, targets, **options):
    result = differentiate(
        {"logits": logits}, lambda logits: F.cross_entropy(logits, targets, **options)
    )
    result["loss"] = result.pop("output")
    result["targets"] = targets
    if "weight" in options:
        result["class_weights"] = options["weight"]
    return result


def main():
    torch.set_num_threads(1)
    logits = normal(6, 5, scale=2.0)
    targets = torch.tensor([3, 0, 4, 1, 1, 2])
    weights = torch.tensor([0.5, 2.0, 1.0, 0.25, 3.0])
    cases = {
        "gelu": gelu("none"),
        "layer_norm_33": layer_norm(7, 33),
        "layer_norm_48": layer_norm(5, 48),
        "linear": linear(),
        "attention": attention(queries=9),
        "cross_entropy": cross_entropy(logits, targets),
        "cross_entropy_smoothed": cross_entropy(logits, targets, label_smoothing=0.1),
        "cross_entropy_weighted": cross_entropy(logits, targets, weight=weights),
        "gelu_tanh": gelu("tanh"),
        "attention_first": attention(queries=1),
        "attention_window": attention_window([70, 5, 24], window=7),
        "rotary": rotary(tokens=11, heads=3, width=8),
        "geglu": gated(F.gelu, rows=7, width=33),
        **relatives(),
        "swiglu": gated(F.silu, rows=7, width=33),
        "rms_norm": rms_norm(7, 33),
    }
    tensors = {
        f"{operation}.{name}": tensor.detach().clone().contiguous()
        for operation, case in cases.items()
        for name, tensor in case.items()
    }
    for name, tensor in tensors.items():
        assert tensor.isfinite().all(), name
    save_file(tensors, HERE / "expected.safetensors")
    for name, tensor in load_file(HERE / "expected.safetensors").items():
        print(f"{name:36} {str(tensor.dtype):14} {list(tensor.shape)}")


if __name__ == "__main__":
    main()
