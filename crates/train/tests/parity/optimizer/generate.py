# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""Eight optimizer steps as transformers' Trainer takes them, by PyTorch.

    python generate.py

writes expected.safetensors beside this file. Each step, in this order: clip
the given gradients by their global norm over all parameters (at most 1.0),
AdamW (base lr 0.05, betas 0.9 and 0.999, eps 1e-8, decoupled decay 0.01 on
`weight` and none on the rest), then advance the cosine schedule (2 warm-up
steps of 10 in all, so step 0 has lr 0 and only moves the moments).

<name> is weight [4, 3], bias [4], norm.weight [4] or norm.bias [4]; <step> is
0 to 7. CPU, one thread; float32 but for lr.

initial.<name>          before the first step
grad.<step>.<name>      the gradient as given, not clipped
total_norm              [8]: per step the global norm before clipping. Above 1
                        in steps 0, 2, 3 and 6 only
lr                      float64 [8]: the learning rate that each step used
param.<step>.<name>     after that step
"""

from pathlib import Path

import safetensors
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import get_cosine_schedule_with_warmup

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

HERE = Path(__file__).resolve().parent
MAX_NORM = 1.0
# Spread of the gradients' elements (23 of them), per step.
SCALES = [0.5, 0.05, 3.0, 1.0, 0.02, 0.1, 20.0, 0.01]
CLIPPED = [True, False, True, True, False, False, True, False]


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(20263)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    parameters = {
        "weight": normal(4, 3),
        "bias": 0.5 * normal(4),
        "norm.weight": 1.0 + 0.2 * normal(4),
        "norm.bias": 0.2 * normal(4),
    }
    tensors = {f"initial.{name}": t.clone() for name, t in parameters.items()}
    parameters = {name: torch.nn.Parameter(t) for name, t in parameters.items()}
    decayed = [parameters["weight"]]
    others = [p for name, p in parameters.items() if name != "weight"]
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": 0.01},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=0.05,
        betas=(0.9, 0.999),
        eps=1e-8,
    )
    schedule = get_cosine_schedule_with_warmup(
        optimizer, num_warmup_steps=2, num_training_steps=10
    )

    norms, rates = [], []
    for step, scale in enumerate(SCALES):
        for name, parameter in parameters.items():
            parameter.grad = scale * normal(*parameter.shape)
            tensors[f"grad.{step}.{name}"] = parameter.grad.clone()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), MAX_NORM))
        rates.append(schedule.get_last_lr()[0])
        assert all(group["lr"] == rates[-1] for group in optimizer.param_groups)
        optimizer.step()
        schedule.step()
        for name, parameter in parameters.items():
            tensors[f"param.{step}.{name}"] = parameter.detach().clone()
    tensors["total_norm"] = torch.stack(norms)
    tensors["lr"] = torch.tensor(rates, dtype=torch.float64)

    assert [bool(norm > MAX_NORM) for norm in norms] == CLIPPED, norms
    save_file(tensors, HERE / "expected.safetensors")
    loaded = load_file(HERE / "expected.safetensors")
    for name, tensor in loaded.items():
        print(f"{name:24} {str(tensor.dtype):14} {list(tensor.shape)}")
    print("total_norm", loaded["total_norm"].tolist())
    print("lr", loaded["lr"].tolist())


if __name__ == "__main__":
    main()
