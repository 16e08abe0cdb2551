# pip install scikit-learn==1.9.1 numpy==2.4.6
"""Scores of predicted classes beyond those of classification/, by scikit-learn.

    python generate.py

writes expected.json beside this file, a list of cases:

    {"name", "labels", "predictions", "class_names",
     "matthews": number, "kappa": {"none", "linear", "quadratic"}, null where it is NaN,
     "averages": [{"average", "class_names", "scores": [precision, recall, f1]}],
     "binary": [{"class", "scores"}],
     "normalized": {"true", "pred", "all"},
     "report": {digits: text}}
"""

import json
import math
import re
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    cohen_kappa_score,
    confusion_matrix,
    matthews_corrcoef,
    precision_recall_fscore_support,
)

assert sklearn.__version__ == "1.9.1", sklearn.__version__
assert np.__version__ == "2.4.6", np.__version__
# What is undefined is part of what is compared.
warnings.simplefilter("ignore")

HERE = Path(__file__).resolve().parent
RNG = np.random.default_rng(20267)


def number(value):
    return None if math.isnan(value) else float(value)


def case(name, class_names, labels, predictions):
    labels = [int(label) for label in labels]
    predictions = [int(prediction) for prediction in predictions]
    classes = list(range(len(class_names)))

    def scores(chosen, average):
        scores = precision_recall_fscore_support(
            labels, predictions, labels=chosen, average=average, zero_division=0
        )
        return [float(score) for score in scores[:3]]

    def averages():
        for chosen in [classes, classes[1:], classes[:1] + classes[2:]]:
            for average in ["micro", "macro", "weighted"]:
                yield {
                    "average": average,
                    "class_names": [class_names[one] for one in chosen],
                    "scores": scores(chosen, average),
                }

    def binary(positive):
        are = [label == positive for label in labels]
        taken = [prediction == positive for prediction in predictions]
        each = precision_recall_fscore_support(
            are, taken, labels=[False, True], pos_label=True, average="binary", zero_division=0
        )
        return {"class": class_names[positive], "scores": [float(score) for score in each[:3]]}

    def report(digits):
        text = classification_report(
            labels,
            predictions,
            labels=classes,
            target_names=class_names,
            digits=digits,
            zero_division=0,
        )
        if accuracy_score(labels, predictions) == 0:
            # Where no row is right, scikit-learn lets a float array through and prints the support
            # 5 as "5.0". The right-aligned integer is what it prints everywhere else.
            text = re.sub(r"(\d+)\.0$", r"  \1", text, flags=re.MULTILINE)
        return text

    def kappa(weights):
        return number(cohen_kappa_score(labels, predictions, labels=classes, weights=weights))

    return {
        "name": name,
        "class_names": class_names,
        "labels": labels,
        "predictions": predictions,
        "matthews": float(matthews_corrcoef(labels, predictions)),
        "kappa": {
            "none": kappa(None),
            "linear": kappa("linear"),
            "quadratic": kappa("quadratic"),
        },
        "averages": list(averages()),
        "binary": [binary(one) for one in classes],
        "normalized": {
            by: confusion_matrix(labels, predictions, labels=classes, normalize=by).tolist()
            for by in ["true", "pred", "all"]
        },
        "report": {str(digits): report(digits) for digits in [0, 2, 3, 14]},
    }


def noisy(labels, classes, share):
    labels = np.asarray(labels)
    wrong = RNG.random(len(labels)) < share
    return np.where(wrong, RNG.integers(0, classes, len(labels)), labels)


def main():
    stars = ["1", "2", "3", "4", "5"]
    two = RNG.integers(0, 2, 40)
    many = RNG.choice(5, 80, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    near = np.clip(many + RNG.integers(-1, 2, 80), 0, 4)
    missing = RNG.choice([0, 2], 30)
    cases = [
        case("two classes", ["ham", "spam"], two, noisy(two, 2, 0.3)),
        case("reversed", ["ham", "spam"], two, 1 - two),
        case("skewed", stars, many, noisy(many, 5, 0.4)),
        case("ordered", stars, many, near),
        case("a class missing", ["a", "b", "c"], missing, noisy(missing, 3, 0.3)),
        case("a class neither true nor predicted", ["a", "b", "c"], missing, missing[::-1]),
        case("all predictions equal", ["a", "b", "c"], many[many < 3], np.ones((many < 3).sum())),
        case("all labels equal", ["a", "b", "c"], np.zeros(6), [0, 1, 2, 0, 0, 1]),
        case("one class alone", ["a", "b"], np.ones(4), np.ones(4)),
        case("all wrong", ["a", "b", "c"], [0, 1, 2, 1], [1, 2, 0, 0]),
        case("one row", ["a", "b"], [0], [1]),
        case("two rows", ["a", "a name that widens the column"], [0, 1], [0, 1]),
    ]
    lines = ",\n".join(json.dumps(one) for one in cases)
    (HERE / "expected.json").write_text(f"[\n{lines}\n]\n")
    for one in cases:
        print(one["name"], one["matthews"], one["kappa"])


if __name__ == "__main__":
    main()
