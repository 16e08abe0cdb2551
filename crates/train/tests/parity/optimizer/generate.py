# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""Eight optimizer steps with global-norm clipping and a schedule, by PyTorch.

    python generate.py

writes expected.safetensors beside this file: for each algorithm, the parameters
after every step, all from the same parameters and gradients. A step clips by the
global norm (at most 1.0), moves the parameters at the schedule's rate (cosine
with 2 warm-up steps of 10, of 0.05), and advances the schedule. `weight` decays
by 0.1, the others do not. Computed in float64; kept in float32.

initial.<name>               float32; weight [4, 3], bias [4], norm.weight [4],
                             norm.bias [4]
grad.<step>.<name>           float32; before clipping
<algorithm>.<step>.<name>    float32; the parameter after the step
total_norm                   float64 [8]; before clipping
factor                       float64 [8]; the schedule's share of the rate

The references of Lion and of BERT's Adam, which PyTorch has not, are written
out below.
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
RATE, DECAY, MAX_NORM = 0.05, 0.1, 1.0
# Some gradients are clipped, some are not.
SCALES = [1.0, 0.1, 5.0, 1.0, 0.02, 0.1, 20.0, 0.01]
CLIPPED = [True, False, True, True, False, False, True, False]


class BertAdam(torch.optim.Optimizer):
    """google-research/bert, optimization.py, AdamWeightDecayOptimizer."""

    def __init__(self, groups, lr, weight_decay=0.0):
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                m = 0.9 * state.get("m", 0) + 0.1 * p.grad
                v = 0.999 * state.get("v", 0) + (1 - 0.999) * p.grad**2
                update = m / (v.sqrt() + 1e-6) + group["weight_decay"] * p
                p -= group["lr"] * update
                state["m"], state["v"] = m, v


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, program 1."""

    def __init__(self, groups, lr, weight_decay=0.0):
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].get("m", torch.zeros_like(p))
                update = (0.9 * m + 0.1 * p.grad).sign()
                self.state[p]["m"] = 0.99 * m + 0.01 * p.grad
                p -= group["lr"] * (update + group["weight_decay"] * p)


ALGORITHMS = {
    "adamw": lambda groups: torch.optim.AdamW(groups, RATE),
    "adamw_betas": lambda groups: torch.optim.AdamW(
        groups, RATE, betas=(0.8, 0.95), eps=1e-3
    ),
    "bert_adam": lambda groups: BertAdam(groups, RATE),
    "adam": lambda groups: torch.optim.Adam(groups, RATE),
    "sgd": lambda groups: torch.optim.SGD(groups, RATE),
    "sgd_momentum": lambda groups: torch.optim.SGD(groups, RATE, momentum=0.9),
    "sgd_nesterov": lambda groups: torch.optim.SGD(
        groups, RATE, momentum=0.9, nesterov=True
    ),
    "lion": lambda groups: Lion(groups, RATE),
    "rms_prop": lambda groups: torch.optim.RMSprop(groups, RATE),
    "rms_prop_momentum": lambda groups: torch.optim.RMSprop(
        groups, RATE, alpha=0.9, momentum=0.5, eps=1e-4
    ),
    # PyTorch holds a factor of the moment above eps[0], burn (as the paper) adds
    # it to the squared gradient: nothing to either in float32.
    "adafactor": lambda groups: torch.optim.Adafactor(groups, RATE, eps=(1e-30, 1e-3)),
}


def steps(make, initial, gradients):
    parameters = {n: torch.nn.Parameter(t.clone()) for n, t in initial.items()}
    optimizer = make(
        [
            {"params": [parameters["weight"]], "weight_decay": DECAY},
            {
                "params": [p for n, p in parameters.items() if n != "weight"],
                "weight_decay": 0.0,
            },
        ]
    )
    schedule = get_cosine_schedule_with_warmup(
        optimizer, num_warmup_steps=2, num_training_steps=10
    )
    norms, factors, after = [], [], []
    for gradient in gradients:
        for name, parameter in parameters.items():
            parameter.grad = gradient[name].clone()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), MAX_NORM))
        factors.append(schedule.get_last_lr()[0] / RATE)
        optimizer.step()
        schedule.step()
        after.append({n: p.detach().clone() for n, p in parameters.items()})
    return torch.stack(norms), factors, after


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(20263)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    initial = {
        "weight": normal(4, 3),
        "bias": 0.5 * normal(4),
        "norm.weight": 1.0 + 0.2 * normal(4),
        "norm.bias": 0.2 * normal(4),
    }
    gradients = [
        {name: scale * normal(*tensor.shape) for name, tensor in initial.items()}
        for scale in SCALES
    ]
    tensors = {f"initial.{name}": tensor for name, tensor in initial.items()}
    for step, gradient in enumerate(gradients):
        tensors |= {f"grad.{step}.{name}": t for name, t in gradient.items()}

    initial = {name: tensor.double() for name, tensor in initial.items()}
    gradients = [{n: t.double() for n, t in gradient.items()} for gradient in gradients]
    for algorithm, make in ALGORITHMS.items():
        norms, factors, after = steps(make, initial, gradients)
        for step, parameters in enumerate(after):
            tensors |= {
                f"{algorithm}.{step}.{name}": tensor.float()
                for name, tensor in parameters.items()
            }
        print(f"{algorithm:18} bias {after[-1]['bias'].tolist()}")
    tensors["total_norm"] = norms
    tensors["factor"] = torch.tensor(factors, dtype=torch.float64)

    assert [bool(norm > MAX_NORM) for norm in norms] == CLIPPED, norms
    save_file(tensors, HERE / "expected.safetensors")
    print(len(load_file(HERE / "expected.safetensors")), "tensors")


if __name__ == "__main__":
    main()
