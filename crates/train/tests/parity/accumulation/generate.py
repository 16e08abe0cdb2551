# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""Fifty steps of training with gradient accumulation, by PyTorch.

    python generate.py

writes expected.safetensors beside this file, from the tiny BERT `bert_wide`
beside the tests of crates/model. A step, in this order: two micro-batches, the
one of 5 rows and up to 9 tokens, the other of 3 rows and up to 5, each padded to
its own longest row; the loss of the step is the sum over its 8 rows over 8; both
backward; clip by the global norm (at most 5.0); AdamW (betas 0.9 and 0.999, eps
1e-8, decoupled decay 0.01 on matrices and embeddings, none on biases and
normalizations); advance the cosine schedule (5 warm-up steps of 50). Computed in
float64 on one thread, without dropout; no token types. The rows of the steps are
drawn from 32, so that the model learns them.

<batch>.input_ids, .attention_mask   int64 [50, rows, width]; batch long or short.
                                     Widths are the longest row's; 0 is padding
<batch>.labels                       int64 [50, rows]
<case>.loss, <case>.norm             float64 [50]; case plain: the rate is 1e-3;
                                     case layered: 2e-3 for pooler and head, 1e-3
                                     for the last layer, 0.7 times that for each
                                     below, the embeddings last
"""

from pathlib import Path

import safetensors
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification
from transformers import get_cosine_schedule_with_warmup

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

HERE = Path(__file__).resolve().parent
FAMILIES = HERE.parents[3] / "model" / "tests" / "parity" / "families"
STEPS, ROWS, MAX_NORM = 50, 32, 5.0
BATCHES = {"long": (5, 9), "short": (3, 5)}
GENERATOR = torch.Generator().manual_seed(20267)


def integers(low, high, *shape):
    return torch.randint(low, high, shape, generator=GENERATOR)


def draw_batches():
    """Batch: ids, mask and labels of all steps."""
    ids, labels = integers(4, 37, ROWS, 9), integers(0, 3, ROWS)
    lengths = integers(2, 10, ROWS)
    batches = {}
    for batch, (rows, width) in BATCHES.items():
        drawn = integers(0, ROWS, STEPS, rows)
        of_row = lengths[drawn].clamp(max=width)
        # One row of each batch is the longest.
        of_row[:, 0] = width
        mask = (torch.arange(width) < of_row.unsqueeze(-1)).long()
        batches[batch] = (ids[drawn][:, :, :width] * mask, mask, labels[drawn])
    return batches


def groups(model, case):
    """Parameters with their rate and decay."""
    layers = model.config.num_hidden_layers
    for name, parameter in model.named_parameters():
        plain = name.endswith("bias") or "norm" in name.lower()
        rate = 1e-3
        if case == "layered":
            if name.startswith("bert.embeddings."):
                rate *= 0.7**layers
            elif name.startswith("bert.encoder.layer."):
                rate *= 0.7 ** (layers - 1 - int(name.split(".")[3]))
            else:
                rate = 2e-3
        yield {"params": [parameter], "lr": rate, "weight_decay": 0.0 if plain else 0.01}


def train(model, case, batches):
    optimizer = torch.optim.AdamW(groups(model, case), betas=(0.9, 0.999), eps=1e-8)
    schedule = get_cosine_schedule_with_warmup(optimizer, 5, STEPS)
    losses, norms = [], []
    rows = sum(rows for rows, _ in BATCHES.values())
    for step in range(STEPS):
        optimizer.zero_grad()
        loss_of_step = 0.0
        for ids, mask, labels in batches.values():
            logits = model(input_ids=ids[step], attention_mask=mask[step]).logits
            loss = torch.nn.functional.cross_entropy(
                logits, labels[step], reduction="sum"
            )
            (loss / rows).backward()
            loss_of_step += loss.detach() / rows
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM))
        losses.append(loss_of_step)
        optimizer.step()
        schedule.step()
    return torch.stack(losses), torch.stack(norms)


def main():
    torch.set_num_threads(1)
    batches = draw_batches()
    tensors = {}
    for batch, (ids, mask, labels) in batches.items():
        tensors |= {
            f"{batch}.input_ids": ids,
            f"{batch}.attention_mask": mask,
            f"{batch}.labels": labels,
        }
    for case in ["plain", "layered"]:
        model = AutoModelForSequenceClassification.from_pretrained(
            FAMILIES / "bert_wide" / "checkpoint", num_labels=3
        )
        model = model.double().eval()
        losses, norms = train(model, case, batches)
        tensors[f"{case}.loss"], tensors[f"{case}.norm"] = losses, norms
        clipped = int((norms > MAX_NORM).sum())
        print(f"{case}: loss {losses[0]:.4f} to {losses[-1]:.4f}, {clipped} steps clipped")
        print([round(loss.item(), 3) for loss in losses])
    save_file(tensors, HERE / "expected.safetensors")


if __name__ == "__main__":
    main()
