# pip install scikit-learn==1.9.1 numpy==2.4.6
"""Scores of the probabilities of classes, by scikit-learn.

    python generate.py

writes expected.json beside this file, a list of cases:

    {"name", "labels", "probabilities": rows,
     "top_k": accuracies for k = 1, 2, ..., C - 1 (three classes or more),
     "roc_auc": {"one_vs_rest_macro", "one_vs_rest_weighted", "one_vs_one_macro"}, null where NaN,
     "average_precision", "log_loss", "brier_score",
     "calibration": [{"binning", "class" (null: the likeliest), "accuracy", "confidence", "rows",
                      "ece", "mce"}]}

scikit-learn has the curve of a calibration; its expected and maximum errors are computed here, bin
by bin, as in https://github.com/gpleiss/temperature_scaling, the code of Guo et al. 2017.
"""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
    top_k_accuracy_score,
)
from sklearn.preprocessing import label_binarize

assert sklearn.__version__ == "1.9.1", sklearn.__version__
assert np.__version__ == "2.4.6", np.__version__
# What is undefined is part of what is compared.
warnings.simplefilter("ignore")

HERE = Path(__file__).resolve().parent
RNG = np.random.default_rng(20269)


def areas(labels, probabilities, classes):
    if len(classes) == 2:
        area = roc_auc_score(labels, probabilities[:, 1], labels=classes)
        area = None if math.isnan(area) else float(area)
        return dict.fromkeys(
            ["one_vs_rest_macro", "one_vs_rest_weighted", "one_vs_one_macro"], area
        )

    def area(multi_class, average):
        try:
            area = roc_auc_score(
                labels, probabilities, labels=classes, multi_class=multi_class, average=average
            )
        except ValueError:
            return None
        return None if math.isnan(area) else float(area)

    return {
        "one_vs_rest_macro": area("ovr", "macro"),
        "one_vs_rest_weighted": area("ovr", "weighted"),
        "one_vs_one_macro": area("ovo", "macro"),
    }


def calibration(confidences, hits, strategy, bins, of):
    accuracy, confidence = calibration_curve(
        hits, confidences, pos_label=True, n_bins=bins, strategy=strategy
    )
    if strategy == "uniform":
        edges = np.linspace(0, 1, bins + 1)
    else:
        edges = np.percentile(confidences, np.linspace(0, 1, bins + 1) * 100)
    edges[0], edges[-1] = -1, 2
    rows, ece, mce = [], 0.0, 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidences > low) & (confidences <= high)
        if inside.any():
            gap = abs(confidences[inside].mean() - hits[inside].mean())
            ece += gap * inside.mean()
            mce = max(mce, gap)
            rows.append(int(inside.sum()))
    names = {"uniform": "uniform", "quantile": "quantile"}
    return {
        "binning": {"bins": bins, "strategy": names[strategy]},
        "class": of,
        "accuracy": accuracy.tolist(),
        "confidence": confidence.tolist(),
        "rows": rows,
        "ece": float(ece),
        "mce": float(mce),
    }


def case(name, labels, probabilities):
    labels = np.asarray(labels)
    probabilities = np.asarray(probabilities, dtype=float)
    classes = list(range(probabilities.shape[1]))
    top_k = []
    if len(classes) > 2:
        top_k = [
            float(top_k_accuracy_score(labels, probabilities, k=k, labels=classes))
            for k in classes[1:]
        ]
        indicators = label_binarize(labels, classes=classes)
        precision = average_precision_score(indicators, probabilities, average="macro")
    else:
        precision = average_precision_score(labels, probabilities[:, 1])

    predictions = probabilities.argmax(axis=1)
    likeliest = probabilities.max(axis=1), predictions == labels
    last = probabilities[:, -1], labels == classes[-1]
    curves = []
    for strategy in ["uniform", "quantile"]:
        for bins in [1, 5, 10, 15]:
            curves.append(calibration(*likeliest, strategy, bins, None))
        curves.append(calibration(*last, strategy, 10, classes[-1]))

    return {
        "name": name,
        "labels": labels.tolist(),
        "probabilities": probabilities.tolist(),
        "top_k": top_k,
        "roc_auc": areas(labels, probabilities, classes),
        "average_precision": float(precision),
        "log_loss": float(log_loss(labels, probabilities, labels=classes)),
        "brier_score": float(brier_score_loss(labels, probabilities, labels=classes)),
        "calibration": curves,
    }


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def predicted(labels, classes, sharpness):
    logits = RNG.normal(size=(len(labels), classes))
    logits[np.arange(len(labels)), labels] += 1
    return softmax(sharpness * logits)


def rounded(probabilities, parts):
    """With many ties, and exact: numbers of parts."""
    counts = np.floor(probabilities * parts)
    counts[:, 0] += parts - counts.sum(axis=1)
    return counts / parts


def main():
    two = RNG.integers(0, 2, 40)
    four = RNG.choice(4, 48, p=[0.5, 0.25, 0.15, 0.1])
    missing = RNG.choice([0, 2], 20)
    certain = np.eye(3)[RNG.integers(0, 3, 12)]
    cases = [
        case("two classes", two, predicted(two, 2, 1.0)),
        case("two classes with ties", two, rounded(predicted(two, 2, 1.0), 8)),
        case("four classes", four, predicted(four, 4, 1.5)),
        case("four classes with ties", four, rounded(predicted(four, 4, 1.5), 8)),
        case("a class missing", missing, predicted(missing, 3, 1.0)),
        case("constant probabilities", four, np.full((48, 4), 0.25)),
        case("certain, and often wrong", RNG.integers(0, 3, 12), certain),
        case("one row of two classes", [1], [[0.25, 0.75]]),
        case("one row of three classes", [1], [[0.25, 0.25, 0.5]]),
        case("two rows", [0, 1], [[0.75, 0.25], [0.5, 0.5]]),
        case("on the edges of bins", two[:21], [[1 - k / 20, k / 20] for k in range(21)]),
    ]
    lines = ",\n".join(json.dumps(one) for one in cases)
    (HERE / "expected.json").write_text(f"[\n{lines}\n]\n")
    for one in cases:
        print(one["name"], one["roc_auc"], one["log_loss"], one["brier_score"])


if __name__ == "__main__":
    main()
