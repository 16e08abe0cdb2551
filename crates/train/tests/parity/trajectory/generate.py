# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""Twenty steps of training as transformers' Trainer takes them, by PyTorch.

    python generate.py [CASE ...]

writes expected.safetensors beside this file, from the tiny models beside the
tests of crates/model, for all cases; with arguments, only those cases anew. Each step, in this order: loss of a batch, backward, clip
by the global norm (at most 1.0), AdamW (base lr 2e-3, betas 0.9 and 0.999, eps
1e-8, decoupled decay 0.01 on matrices and embeddings, none on biases and
normalizations), then advance the linear schedule (4 warm-up steps of 20).
Computed in float64 on one thread, without dropout; no token types.

input_ids, attention_mask    int64 [20, 4, 9]; one batch a step, padded right.
                             Padded slots hold real words here: a reader puts
                             the model's padding token there
labels                       int64 [20, 4]
positions, words             int64 [20, 6]; masked slots and their words
<case>.<task>.loss           float64 [20]
<case>.<task>.norm           float64 [20]; the global norm before clipping
"""

import sys
from pathlib import Path

import safetensors
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification
from transformers import get_linear_schedule_with_warmup

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

HERE = Path(__file__).resolve().parent
FAMILIES = HERE.parents[3] / "model" / "tests" / "parity" / "families"
sys.path.insert(0, str(FAMILIES))
import generate  # noqa: E402, F401: attention of ModernBERT and EuroBERT in float64

CASES = [
    "bert_wide",
    "distilbert_wide",
    "roberta_wide",
    "electra_wide",
    "modernbert",
    "deberta_v2",
    "mpnet_wide",
    "albert",
    "nomic_bert",
    "gte",
    "eurobert",
]
STEPS, ROWS, WIDTH, MASKED = 20, 4, 9, 6
GENERATOR = torch.Generator().manual_seed(20265)


def integers(low, high, *shape):
    return torch.randint(low, high, shape, generator=GENERATOR)


def draw_batches():
    lengths = integers(2, WIDTH + 1, STEPS, ROWS)
    lengths[:, 0] = WIDTH
    mask = (torch.arange(WIDTH) < lengths.unsqueeze(-1)).long()
    positions = torch.stack(
        [
            torch.tensor(
                sorted(
                    torch.randperm(int(row.sum()), generator=GENERATOR)[:MASKED].tolist()
                )
            )
            for row in mask
        ]
    )
    slots = [row.reshape(-1).nonzero().squeeze(1)[at] for row, at in zip(mask, positions)]
    return {
        "input_ids": integers(4, 37, STEPS, ROWS, WIDTH),
        "attention_mask": mask,
        "labels": integers(0, 3, STEPS, ROWS),
        "positions": torch.stack(slots),
        "words": integers(4, 37, STEPS, MASKED),
    }


def train(model, labels_of, batches):
    decayed, others = [], []
    for name, parameter in model.named_parameters():
        plain = name.endswith("bias") or "norm" in name.lower()
        (others if plain else decayed).append(parameter)
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": 0.01},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=2e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
    )
    schedule = get_linear_schedule_with_warmup(optimizer, 4, STEPS)
    losses, norms = [], []
    for step in range(STEPS):
        mask = batches["attention_mask"][step]
        ids = torch.where(mask == 1, batches["input_ids"][step], model.config.pad_token_id)
        output = model(input_ids=ids, attention_mask=mask, labels=labels_of(step))
        optimizer.zero_grad()
        output.loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0))
        losses.append(output.loss.detach())
        optimizer.step()
        schedule.step()
    return torch.stack(losses), torch.stack(norms)


def main():
    torch.set_num_threads(1)
    batches = draw_batches()
    wanted = sys.argv[1:] or CASES
    tensors = load_file(HERE / "expected.safetensors") if sys.argv[1:] else dict(batches)
    for name, values in batches.items():
        assert torch.equal(tensors[name], values), name

    def words_of(step):
        words = torch.full([ROWS * WIDTH], -100)
        words[batches["positions"][step]] = batches["words"][step]
        return words.reshape(ROWS, WIDTH)

    for case in wanted:
        for task, auto, labels_of in [
            (
                "classifier",
                AutoModelForSequenceClassification,
                lambda step: batches["labels"][step],
            ),
            ("masked_lm", AutoModelForMaskedLM, words_of),
        ]:
            model = auto.from_pretrained(
                FAMILIES / case / "checkpoint", attn_implementation="eager"
            )
            model = model.eval().double()
            losses, norms = train(model, labels_of, batches)
            assert (norms > 1).any(), "clipping is part of the trajectory"
            assert (losses[0] - losses).abs().max() > 0.2, "the model learns something"
            tensors[f"{case}.{task}.loss"] = losses.double().contiguous()
            tensors[f"{case}.{task}.norm"] = norms.double().contiguous()
            print(case, task, losses[[0, -1]].tolist(), norms.min(), norms.max())
    save_file(tensors, HERE / "expected.safetensors")


if __name__ == "__main__":
    main()
