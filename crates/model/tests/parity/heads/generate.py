# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""Every pooling and every head that transformers has no class for, by PyTorch.

    python generate.py

writes, beside this file and byte for byte the same on every run with the
versions above (CPU, one thread, eager attention, computed in float64 and then
rounded to float32; eval mode, no dropout):

checkpoint/             a tiny BertModel, pooler included
cases.json              pooling, head, number of outputs and loss of each case,
                        in this project's words
expected.safetensors    first.*, second.*: the batches of a pair, input_ids and
                        attention_mask [B, S] with B = 3 and S = 7 and 5. A case
                        for one text has the first alone.

    <case>.head.<parameter>        its values; matrices [out, in]
    <case>.output                  [B, C]
    <case>.targets                 int64 [B] for cross_entropy, else [B, C]
    <case>.loss                    [] as torch.nn.CrossEntropyLoss,
                                   BCEWithLogitsLoss, MSELoss or L1Loss, mean
    <case>.grad.<parameter>        d loss / d parameter, every parameter that
                                   the loss depends on: bert.*, head.*
"""

import json
import shutil
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__

HERE = Path(__file__).resolve().parent
GENERATOR = torch.Generator()
# Of 20266 and those after it the first at which every tensor can be told in float32: PyTorch's
# own are then within LIMIT of those in float64. Elsewhere a gradient is a small difference of
# large sums, and no measure for an error of 1e-5.
SEED = 20269
LIMIT = 3e-6
WIDTH = 8
FIRST = {"layers": "last", "tokens": "cls"}
POOLER = {"layers": "last", "tokens": "pooler"}
MEAN = {"layers": "last", "tokens": "mean"}
MAX = {"layers": "last", "tokens": "max"}
SCORE = {"min": 0.0, "max": 5.0}


def mlp(**settings):
    return {"kind": "mlp", **settings}


CASES = {
    "linear_first": (FIRST, mlp(), 3, "cross_entropy"),
    "linear_pooler": (POOLER, mlp(), 3, "bce"),
    "linear_mean": (MEAN, mlp(), 3, "cross_entropy"),
    "linear_max": (MAX, mlp(), 3, "bce"),
    "single_layer": ({"layers": {"single": 1}, "tokens": "cls"}, mlp(), 3, "mse"),
    "embeddings": ({"layers": {"single": 0}, "tokens": "mean"}, mlp(), 3, "cross_entropy"),
    "concatenate": (
        {"layers": {"concat_last": 2}, "tokens": "cls"},
        mlp(),
        3,
        "bce",
    ),
    "concatenate_max": (
        {"layers": {"concat_last": 3}, "tokens": "max"},
        mlp(),
        2,
        "cross_entropy",
    ),
    "mean_of_layers": (
        {"layers": {"mean_last": 3}, "tokens": "mean"},
        mlp(),
        3,
        "l1",
    ),
    "three_layers": (
        FIRST,
        mlp(hidden_sizes=[7, 5], activation="relu"),
        5,
        "cross_entropy",
    ),
    "two_linear_layers": (
        FIRST,
        mlp(hidden_sizes=[6], activation="linear"),
        5,
        "bce",
    ),
    "score": (FIRST, mlp(), 1, "mse"),
    "score_sigmoid": (MEAN, mlp(range=SCORE), 1, "mse"),
    "pair_concatenation": (MEAN, mlp(pair_features="concat"), 2, "cross_entropy"),
    "pair_difference_and_product": (
        POOLER,
        mlp(pair_features="diff_product", range=SCORE),
        1,
        "l1",
    ),
    "pair_concatenation_and_difference": (
        MEAN,
        mlp(
            pair_features="concat_diff", hidden_sizes=[9], activation="tanh"
        ),
        2,
        "bce",
    ),
    "cosine": (MEAN, {"kind": "cosine"}, 1, "mse"),
    "cosine_projected": (FIRST, {"kind": "cosine", "projection": 6, "range": SCORE}, 1, "l1"),
}


def normal(*shape, scale=1.0):
    # float32 values: what is computed in float64 is computed from what is saved.
    return scale * torch.randn(*shape, generator=GENERATOR)


def pool(pooling, output, mask, pooler):
    states, layers = output.hidden_states, pooling["layers"]
    if layers == "last":
        rows = states[-1]
    elif "single" in layers:
        rows = states[layers["single"]]
    elif "concat_last" in layers:
        rows = torch.cat(states[-layers["concat_last"] :], dim=-1)
    else:
        rows = torch.stack(states[-layers["mean_last"] :]).mean(0)
    real = mask.bool().unsqueeze(-1)
    return {
        "first": lambda: rows[:, 0],
        "pooler": lambda: pooler(rows),
        "mean": lambda: torch.stack([row[m.bool()].mean(0) for row, m in zip(rows, mask)]),
        "max": lambda: rows.masked_fill(~real, float("-inf")).max(1).values,
    }[pooling["tokens"]]()


def linear(parameters, name, rows):
    return F.linear(rows, parameters[f"{name}.weight"], parameters[f"{name}.bias"])


def draw_linear(name, width, outputs):
    scale = 1.2 / width**0.5
    return {
        f"{name}.weight": normal(outputs, width, scale=scale),
        f"{name}.bias": normal(outputs, scale=0.3),
    }


def draw_head(pooling, head, outputs):
    layers = pooling["layers"]
    width = WIDTH * (layers["concat_last"] if "concat_last" in layers else 1)
    if head["kind"] == "cosine":
        if "projection" not in head:
            return {}
        sides = ["first", "second"]
        drawn = [draw_linear(side, width, head["projection"]) for side in sides]
        return {k: v for side in drawn for k, v in side.items()}
    pair = head.get("pair_features")
    width *= {None: 1, "concatenation_and_difference": 3}.get(pair, 2)
    parameters = {}
    for index, size in enumerate(head.get("hidden_sizes", [])):
        parameters |= draw_linear(f"hidden.{index}", width, size)
        width = size
    return parameters | draw_linear("output", width, outputs)


def apply_head(head, parameters, u, v):
    low, high = (head["range"]["min"], head["range"]["max"]) if "range" in head else (0, 1)
    if head["kind"] == "cosine":
        if parameters:
            u, v = linear(parameters, "first", u), linear(parameters, "second", v)
        cosine = F.cosine_similarity(u, v, dim=1).unsqueeze(1)
        return low + (high - low) * (cosine + 1) / 2 if "range" in head else cosine
    rows = {
        None: lambda: u,
        "concatenation": lambda: torch.cat([u, v], 1),
        "difference_and_product": lambda: torch.cat([(u - v).abs(), u * v], 1),
        "concatenation_and_difference": lambda: torch.cat([u, v, (u - v).abs()], 1),
    }[head.get("pair_features")]()
    activation = {
        None: None,
        "relu": torch.relu,
        "tanh": torch.tanh,
        "linear": lambda x: x,
    }[head.get("activation")]
    for index in range(len(head.get("hidden_sizes", []))):
        rows = activation(linear(parameters, f"hidden.{index}", rows))
    output = linear(parameters, "output", rows)
    return low + (high - low) * torch.sigmoid(output) if "range" in head else output


LOSSES = {
    "cross_entropy": torch.nn.CrossEntropyLoss(),
    "bce": torch.nn.BCEWithLogitsLoss(),
    "mse": torch.nn.MSELoss(),
    "l1": torch.nn.L1Loss(),
}


def draw_targets(loss, head, output):
    rows, classes = output.shape
    if loss == "cross_entropy":
        return torch.randint(0, classes, (rows,), generator=GENERATOR)
    if loss == "bce":
        return torch.randint(0, 2, (rows, classes), generator=GENERATOR).to(output.dtype)
    score = head["range"]["max"] if "range" in head else 1.0
    targets = (score * torch.rand(rows, classes, generator=GENERATOR)).to(output.dtype)
    # The slope of an absolute value is undefined at 0.
    assert (targets - output).abs().min() > 1e-3
    return targets


def draw_batch(config, lengths):
    rows, width = len(lengths), max(lengths)
    mask = torch.zeros(rows, width, dtype=torch.int64)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
    ids = torch.randint(1, config.vocab_size, (rows, width), generator=GENERATOR)
    return {"input_ids": ids * mask, "attention_mask": mask}


def draw_encoder():
    config = BertConfig(
        vocab_size=23,
        hidden_size=WIDTH,
        num_attention_heads=2,
        num_hidden_layers=3,
        intermediate_size=10,
        max_position_embeddings=9,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    encoder = BertModel._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            noise = torch.randn(parameter.shape, generator=GENERATOR)
            scale = 0.2 if parameter.dim() == 1 else 0.3
            parameter.copy_(scale * noise + float("LayerNorm.weight" in name))
    return encoder


def compute(dtype):
    """All tensors, computed in dtype."""
    GENERATOR.manual_seed(SEED)
    encoder = draw_encoder()
    config = encoder.config
    encoder.to(dtype)

    batches = {"first": draw_batch(config, [7, 1, 4]), "second": draw_batch(config, [2, 5, 3])}
    expected = {f"{b}.{k}": t for b, batch in batches.items() for k, t in batch.items()}
    for name, (pooling, head, outputs, loss) in CASES.items():
        parameters = {k: t.to(dtype) for k, t in draw_head(pooling, head, outputs).items()}
        expected |= {f"{name}.head.{k}": t.clone() for k, t in parameters.items()}
        for parameter in parameters.values():
            parameter.requires_grad_()
        encoder.zero_grad()
        u, v = (
            pool(
                pooling,
                encoder(**batch, output_hidden_states=True),
                batch["attention_mask"],
                encoder.pooler,
            )
            for batch in batches.values()
        )
        output = apply_head(head, parameters, u, v)
        assert output.shape == (3, outputs) and output.std() > 0.05, name
        targets = draw_targets(loss, head, output)
        value = LOSSES[loss](output, targets)
        value.backward()
        expected |= {f"{name}.output": output, f"{name}.targets": targets, f"{name}.loss": value}
        expected |= {f"{name}.grad.head.{k}": t.grad for k, t in parameters.items()}
        expected |= {
            f"{name}.grad.bert.{k}": t.grad.clone()
            for k, t in encoder.named_parameters()
            if t.grad is not None
        }
    return {
        key: (t.detach().float() if t.is_floating_point() else t).clone().contiguous()
        for key, t in expected.items()
    }


def check_condition(expected, single):
    for name, tensor in expected.items():
        # The gradient of a key's bias is zero but for rounding.
        if tensor.is_floating_point() and not name.endswith("key.bias"):
            error = (single[name] - tensor).abs().max() / tensor.abs().max()
            assert error < LIMIT, f"{name}: PyTorch's own float32 is {error:.1e} apart"


def main():
    torch.set_num_threads(1)
    expected = compute(torch.float64)
    check_condition(expected, compute(torch.float32))
    save_file(expected, HERE / "expected.safetensors")
    cases = {
        name: {"pooling": pooling, "head": head, "outputs": outputs, "loss": loss}
        for name, (pooling, head, outputs, loss) in CASES.items()
    }
    (HERE / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    GENERATOR.manual_seed(SEED)
    shutil.rmtree(HERE / "checkpoint", ignore_errors=True)
    draw_encoder().save_pretrained(HERE / "checkpoint")


if __name__ == "__main__":
    main()
