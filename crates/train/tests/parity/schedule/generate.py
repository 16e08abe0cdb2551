# pip install torch==2.9.0 transformers==5.23.0
"""Learning-rate factors of transformers' schedules.

    python generate.py

writes expected.json beside this file:

    {"base_lr": 1e-3,
     "cases": [{"schedule": NAME, "options": {...}, "warmup": W, "total": N,
                "factors": [N + 1 numbers]}, ...]}

factors[s] is what step s multiplies the base learning rate by, s = 0 ..= N, in
double precision. (W, N) is each of (0, 10), (3, 10), (10, 100). NAME, with the
options that are not in W and N:

    constant                 neither W nor N plays a part
    constant_with_warmup     N plays no part
    linear
    cosine                   num_cycles 0.5
    cosine_with_restarts     num_cycles 3
    polynomial               power 2, lr_end 1e-7; the only one that depends on
                             base_lr: it ends in the factor lr_end / base_lr
    inverse_sqrt             timescale null: W, or 10,000 where W is 0; N plays
                             no part
"""

import json
from pathlib import Path

import torch
import transformers
from transformers import optimization

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__

HERE = Path(__file__).resolve().parent
BASE_LR = 1e-3
LENGTHS = [(0, 10), (3, 10), (10, 100)]

# Name: transformers' function, whether it takes W and N, its further options.
SCHEDULES = {
    "constant": (optimization.get_constant_schedule, False, False, {}),
    "constant_with_warmup": (
        optimization.get_constant_schedule_with_warmup,
        True,
        False,
        {},
    ),
    "linear": (optimization.get_linear_schedule_with_warmup, True, True, {}),
    "cosine": (
        optimization.get_cosine_schedule_with_warmup,
        True,
        True,
        {"num_cycles": 0.5},
    ),
    "cosine_with_restarts": (
        optimization.get_cosine_with_hard_restarts_schedule_with_warmup,
        True,
        True,
        {"num_cycles": 3},
    ),
    "polynomial": (
        optimization.get_polynomial_decay_schedule_with_warmup,
        True,
        True,
        {"power": 2.0, "lr_end": 1e-7},
    ),
    "inverse_sqrt": (
        optimization.get_inverse_sqrt_schedule,
        True,
        False,
        {"timescale": None},
    ),
}


def factors(name, warmup, total):
    function, takes_warmup, takes_total, options = SCHEDULES[name]
    arguments = dict(options)
    if takes_warmup:
        arguments["num_warmup_steps"] = warmup
    if takes_total:
        arguments["num_training_steps"] = total
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=BASE_LR)
    schedule = function(optimizer, **arguments)
    values = []
    for step in range(total + 1):
        factor = float(schedule.lr_lambdas[0](step))
        # What a training loop would see at this step.
        assert schedule.get_last_lr() == [BASE_LR * factor], (name, step)
        values.append(factor)
        optimizer.step()
        schedule.step()
    return values


def main():
    cases = [
        {
            "schedule": name,
            "options": SCHEDULES[name][3],
            "warmup": warmup,
            "total": total,
            "factors": factors(name, warmup, total),
        }
        for name in SCHEDULES
        for warmup, total in LENGTHS
    ]
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    text = f'{{"base_lr": {json.dumps(BASE_LR)}, "cases": [\n{lines}\n]}}\n'
    path = HERE / "expected.json"
    path.write_text(text)
    for case in json.loads(path.read_text())["cases"]:
        values = case["factors"]
        assert len(values) == case["total"] + 1
        print(
            f"{case['schedule']:22} warmup {case['warmup']:3} total {case['total']:4}: "
            f"{len(values):4} factors, first {values[0]:.4f}, last {values[-1]:.3g}"
        )


if __name__ == "__main__":
    main()
