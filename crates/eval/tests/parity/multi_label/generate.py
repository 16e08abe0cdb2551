# pip install scikit-learn==1.9.1 numpy==2.4.6
"""Scores of sets of classes, by scikit-learn on multilabel indicators.

    python generate.py

writes expected.json beside this file, a list of cases:

    {"name", "targets": sets of classes, "probabilities": rows, "thresholds": one per class,
     "metrics": {name of this crate: value}, null where NaN,
     "per_class": [{"precision", "recall", "f1", "support", "roc_auc" (null: NaN),
                    "average_precision"}],
     "text": the classification report}

scikit-learn's log loss is for one class per row: here it is that of all pairs of a row and a class.
"""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    classification_report,
    hamming_loss,
    jaccard_score,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
)

assert sklearn.__version__ == "1.9.1", sklearn.__version__
assert np.__version__ == "2.4.6", np.__version__
# What is undefined is part of what is compared.
warnings.simplefilter("ignore")

HERE = Path(__file__).resolve().parent


def number(value):
    value = float(value)
    return None if math.isnan(value) else value


def case(name, truth, probabilities, thresholds=None):
    rows, classes = truth.shape
    thresholds = np.full(classes, 0.5) if thresholds is None else np.array(thresholds)
    predicted = (probabilities >= thresholds).astype(int)
    metrics = {
        "accuracy": accuracy_score(truth, predicted),
        "hamming_loss": hamming_loss(truth, predicted),
        "samples_jaccard": jaccard_score(truth, predicted, average="samples", zero_division=0),
        "roc_auc": roc_auc_score(truth, probabilities, average="macro"),
        "roc_auc_ovr_weighted": roc_auc_score(truth, probabilities, average="weighted"),
        "micro_roc_auc": roc_auc_score(truth, probabilities, average="micro"),
        "average_precision": average_precision_score(truth, probabilities, average="macro"),
        "micro_average_precision": average_precision_score(truth, probabilities, average="micro"),
        "log_loss": log_loss(truth.ravel(), probabilities.ravel(), labels=[0, 1]),
    }
    for average in ["micro", "macro", "weighted", "samples"]:
        scores = precision_recall_fscore_support(
            truth, predicted, average=average, zero_division=0
        )
        for score, value in zip(["precision", "recall", "f1"], scores):
            metrics[f"{average}_{score}"] = value
    scores = precision_recall_fscore_support(truth, predicted, average=None, zero_division=0)
    per_class = [
        {
            "precision": float(scores[0][at]),
            "recall": float(scores[1][at]),
            "f1": float(scores[2][at]),
            "support": int(scores[3][at]),
            "roc_auc": number(roc_auc_score(truth[:, at], probabilities[:, at])),
            "average_precision": number(average_precision_score(truth[:, at], probabilities[:, at])),
        }
        for at in range(classes)
    ]
    return {
        "name": name,
        "targets": [np.flatnonzero(row).tolist() for row in truth],
        "probabilities": probabilities.tolist(),
        "thresholds": thresholds.tolist(),
        "metrics": {name: number(value) for name, value in metrics.items()},
        "per_class": per_class,
        "text": classification_report(
            truth,
            predicted,
            target_names=[f"class {at}" for at in range(classes)],
            digits=4,
            zero_division=0,
        ),
    }


def drawn(seed, rows, classes, rate):
    """Truth, and probabilities that are related to it."""
    draws = np.random.default_rng(seed)
    truth = (draws.random((rows, classes)) < rate).astype(int)
    logits = 2.0 * draws.standard_normal((rows, classes)) + 2.0 * truth - 1.0
    return truth, 1.0 / (1.0 + np.exp(-logits))


def cases():
    truth, probabilities = drawn(1, 60, 5, 0.35)
    yield case("five classes", truth, probabilities)
    yield case("own thresholds", truth, probabilities, [0.2, 0.35, 0.5, 0.65, 0.8])
    truth, probabilities = drawn(2, 40, 4, 0.5)
    yield case("ties", truth, np.round(probabilities * 4) / 4)
    truth, probabilities = drawn(3, 30, 4, 0.3)
    truth[:, 2] = 0
    yield case("a class without rows", truth, probabilities)
    truth, probabilities = drawn(4, 30, 3, 0.4)
    truth[:, 1] = 1
    yield case("a class of all rows", truth, probabilities)
    truth, probabilities = drawn(5, 25, 3, 0.4)
    truth[5:15] = 0
    probabilities[10:20] *= 0.3
    yield case("rows without classes", truth, probabilities)
    truth, probabilities = drawn(6, 20, 3, 0.4)
    yield case("nothing predicted", truth, probabilities * 0.4)
    truth, probabilities = drawn(7, 20, 2, 0.4)
    probabilities[0] = [0.0, 1.0]
    truth[0] = [1, 0]
    yield case("certain and wrong", truth, probabilities)
    truth, probabilities = drawn(8, 12, 3, 0.4)
    yield case("no row has a class", np.zeros_like(truth), probabilities)


def main():
    lines = ",\n".join(json.dumps(one) for one in cases())
    (HERE / "expected.json").write_text(f"[\n{lines}\n]\n")


main()
