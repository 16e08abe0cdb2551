# pip install torch==2.9.0
"""Conditional random fields by brute force: the sum over all sequences of classes, in float64.

    python generate.py

writes expected.json beside this file, a list of cases:

    {"name", "classes", "lengths": of the sentences, "emissions": [N, C], "labels": [N],
     "start": [C], "end": [C], "transitions": [C, C],
     "first": [C], "last": [C], "between": [C, C]: whether allowed,
     "log_likelihood": of each sentence, "best": most likely classes [N],
     "marginals": [N, C],
     "grad_emissions", "grad_start", "grad_end", "grad_transitions": of the summed negative
     log-likelihood}
"""

import itertools
import json
from pathlib import Path

import torch

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__

HERE = Path(__file__).resolve().parent
BIO = ["B-X", "B-Y", "I-X", "I-Y", "O"]


def bio(before, after):
    return not after.startswith("I") or before[2:] == after[2:]


def constraints(classes, names):
    if names is None:
        return [[True] * classes, [True] * classes, [[True] * classes for _ in range(classes)]]
    first = [bio("O", name) for name in names]
    between = [[bio(before, after) for after in names] for before in names]
    return [first, [True] * classes, between]


def allowed(path, first, last, between):
    return (
        first[path[0]]
        and last[path[-1]]
        and all(between[before][after] for before, after in zip(path, path[1:]))
    )


def score(path, emissions, start, end, transitions):
    total = start[path[0]] + end[path[-1]]
    for token, label in enumerate(path):
        total = total + emissions[token, label]
    for before, after in zip(path, path[1:]):
        total = total + transitions[before, after]
    return total


def case(name, lengths, classes, names, generator, scale=1.0):
    draw = lambda *shape: (scale * torch.randn(*shape, generator=generator)).double().requires_grad_()
    # What is exact in float32 is the same number in both.
    single = lambda tensor: tensor.detach().float().double().requires_grad_()
    emissions = single(draw(sum(lengths), classes))
    start, end, transitions = (single(draw(*shape)) for shape in [[classes], [classes], [classes] * 2])
    limits = constraints(classes, names)
    first, last, between = limits
    labels, likelihoods, best, marginals, loss, place = [], [], [], [], 0.0, 0
    for length in lengths:
        rows = emissions[place : place + length]
        place += length
        paths = [path for path in itertools.product(range(classes), repeat=length) if allowed(path, *limits)]
        scores = torch.stack([score(path, rows, start, end, transitions) for path in paths])
        gold = int(torch.randint(0, len(paths), [1], generator=generator))
        likelihood = scores[gold] - scores.logsumexp(0)
        loss = loss - likelihood
        labels += paths[gold]
        likelihoods.append(float(likelihood.detach()))
        best += paths[int(scores.argmax())]
        probabilities = scores.softmax(0).detach()
        for token in range(length):
            row = [0.0] * classes
            for path, probability in zip(paths, probabilities):
                row[path[token]] += float(probability)
            marginals.append(row)
    loss.backward()
    values = lambda tensor: tensor.detach().tolist()
    # A sentence of one word has no transitions.
    gradient = lambda tensor: values(torch.zeros_like(tensor) if tensor.grad is None else tensor.grad)
    return {
        "name": name,
        "classes": classes,
        "lengths": lengths,
        "emissions": values(emissions),
        "labels": labels,
        "start": values(start),
        "end": values(end),
        "transitions": values(transitions),
        "first": first,
        "last": last,
        "between": between,
        "log_likelihood": likelihoods,
        "best": best,
        "marginals": marginals,
        "grad_emissions": gradient(emissions),
        "grad_start": gradient(start),
        "grad_end": gradient(end),
        "grad_transitions": gradient(transitions),
    }


def main():
    generator = torch.Generator().manual_seed(7)
    cases = [
        case("one word", [1], 2, None, generator),
        case("equal lengths", [4, 4, 4], 3, None, generator),
        case("any lengths", [2, 5, 1, 3, 5], 4, None, generator),
        case("constrained", [3, 1, 5, 4], 5, BIO, generator),
        case("large scores", [4, 2, 5], 5, BIO, generator, scale=12.0),
    ]
    text = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "expected.json").write_text(f"[\n{text}\n]\n")


main()
