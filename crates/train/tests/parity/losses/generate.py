# pip install torch==2.9.0
"""Losses and their gradients, by PyTorch in float64.

    python generate.py

writes expected.json beside this file, a list of cases:

    {"loss": settings of the loss as this crate reads them,
     "outputs": rows of logits or scores, each a float32 number,
     "classes", "sets" (of classes) or "scores": the labels,
     "divisor": what PyTorch's mean divides by,
     "mean": the loss, "gradient": of the mean, row by row}
"""

import json
from pathlib import Path

import torch

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__

HERE = Path(__file__).resolve().parent
GENERATOR = torch.Generator().manual_seed(20266)


def normal(*shape):
    """Numbers that are the same in float32."""
    return torch.randn(*shape, generator=GENERATOR).double()


def case(settings, outputs, labels, divisor, mean_of):
    kinds = {int: "classes", list: "sets", float: "scores"}
    kind = kinds[type(labels[0])]
    leaf = outputs.clone().requires_grad_()
    mean = mean_of(leaf)
    mean.backward()
    return {
        "loss": settings,
        "outputs": outputs.tolist(),
        kind: labels,
        "divisor": float(divisor),
        "mean": mean.item(),
        "gradient": leaf.grad.tolist(),
    }


def cross_entropies():
    labels = [0, 2, 1, 2, 2, 0, 2]
    targets = torch.tensor(labels)
    logits = 3 * normal(7, 3)
    large = logits.clone()
    large[0] = torch.tensor([40.0, -40.0, 0.0])
    large[1] = torch.tensor([90.0, 0.0, -90.0])
    given = [0.5, 2.0, 1.25]
    # As sklearn.utils.class_weight has "balanced".
    balanced = [7 / (3 * labels.count(label)) for label in range(3)]
    for smoothing in [0.0, 0.1, 0.75]:
        for name, weights in [
            ("none", None),
            ("balanced", balanced),
            ({"per_class": given}, given),
        ]:
            weight = None if weights is None else torch.tensor(weights).double()
            loss = torch.nn.CrossEntropyLoss(weight=weight, label_smoothing=smoothing)
            settings = {
                "kind": "cross_entropy",
                "label_smoothing": smoothing,
                "class_weight": name,
            }
            divisor = 7 if weights is None else sum(weights[label] for label in labels)
            for outputs in [logits, large]:
                yield case(
                    settings, outputs, labels, divisor, lambda x: loss(x, targets)
                )


def binary_cross_entropies():
    logits = 2 * normal(6, 1)
    logits[0], logits[1] = 30.0, -30.0
    shares = [0.0, 1.0, 0.25, 1.0, 0.5, 0.0]
    yes = [0, 1, 1, 0, 1, 0]
    wide = 2 * normal(5, 4)
    classes = [3, 0, 1, 1, 2]
    one_hot = torch.nn.functional.one_hot(torch.tensor(classes), 4).double()
    for outputs, labels, targets in [
        (logits, shares, torch.tensor(shares).double().unsqueeze(1)),
        (logits, yes, torch.tensor(yes).double().unsqueeze(1)),
        (wide, classes, one_hot),
    ]:
        for weight in [None, 3.5]:
            pos_weight = None if weight is None else torch.tensor(weight).double()
            loss = torch.nn.BCEWithLogitsLoss(pos_weight=pos_weight)
            settings = {"kind": "binary_cross_entropy", "pos_weight": weight}
            yield case(
                settings, outputs, labels, outputs.numel(), lambda x: loss(x, targets)
            )


def sets_of_classes():
    """Any number of classes of each row."""
    logits = 2 * normal(6, 4)
    logits[0] = torch.tensor([30.0, -30.0, 90.0, -90.0])
    sets = [[0, 1], [], [3], [0, 1, 2], [1], [0, 3]]
    targets = torch.zeros(6, 4).double()
    for row, classes in enumerate(sets):
        targets[row, classes] = 1.0
    given = [0.5, 2.0, 1.25, 3.0]
    balanced = [(6 - count) / count for count in targets.sum(dim=0).tolist()]
    for name, weights in [(None, None), (2.5, 2.5), (given, given), ("balanced", balanced)]:
        pos_weight = None if weights is None else torch.tensor(weights).double()
        loss = torch.nn.BCEWithLogitsLoss(pos_weight=pos_weight)
        settings = {"kind": "binary_cross_entropy", "pos_weight": name}
        yield case(settings, logits, sets, logits.numel(), lambda x: loss(x, targets))


def regressions():
    outputs = 2 * normal(6, 1)
    scores = (2 * normal(6)).tolist()
    outputs[3], scores[3] = 5.0, -4.0
    # No distance: PyTorch's slope of |0| is 0.
    outputs[4], scores[4] = 0.5, 0.5
    targets = torch.tensor(scores).double().unsqueeze(1)
    for settings, loss in [
        ({"kind": "mae"}, torch.nn.L1Loss()),
        ({"kind": "mse"}, torch.nn.MSELoss()),
        ({"kind": "huber", "delta": 1.0}, torch.nn.HuberLoss()),
        ({"kind": "huber", "delta": 0.25}, torch.nn.HuberLoss(delta=0.25)),
    ]:
        yield case(settings, outputs, scores, 6, lambda x: loss(x, targets))


def cosines():
    first, second = normal(6, 5), normal(6, 5)
    outputs = torch.nn.functional.cosine_similarity(first, second).unsqueeze(1)
    outputs = outputs.float().double()
    for labels in [[0, 1, 0, 1, 0, 0], [-1.0, 1.0, -1.0, 1.0, -1.0, -1.0]]:
        signs = torch.tensor([1.0 if label == 1 else -1.0 for label in labels]).double()
        for margin in [0.0, -0.5, 0.3]:

            def mean_of(x):
                x = x.squeeze(1)
                apart = (x - margin).clamp(min=0)
                return torch.where(signs == 1, 1 - x, apart).mean()

            loss = torch.nn.CosineEmbeddingLoss(margin=margin)
            own = loss(first, second, signs)
            assert abs(own - mean_of(outputs)) < 1e-6, (own, mean_of(outputs))
            settings = {"kind": "cosine_embedding", "margin": margin}
            yield case(settings, outputs, labels, 6, mean_of)


def main():
    torch.set_num_threads(1)
    cases = [*cross_entropies(), *binary_cross_entropies(), *regressions(), *cosines()]
    cases.extend(sets_of_classes())
    lines = ",\n".join(json.dumps(one) for one in cases)
    (HERE / "expected.json").write_text(f"[\n{lines}\n]\n")
    for one in cases:
        print(one["loss"], one["mean"])


if __name__ == "__main__":
    main()
