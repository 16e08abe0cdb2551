"""Writes expected.json: classification scores by scikit-learn.

Made with Python 3.12, scikit-learn==1.9.1, numpy==2.5.5:

    python -m venv /tmp/parity && /tmp/parity/bin/pip install scikit-learn==1.9.1 numpy==2.5.5
    /tmp/parity/bin/python generate.py

`labels=range(C)` is passed throughout: the averages are over all classes of the class list, also
those that occur neither in the labels nor in the predictions.
"""

import json
import re
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    confusion_matrix,
    precision_recall_fscore_support,
)

PINNED = {"scikit-learn": "1.9.1", "numpy": "2.5.5"}


def case(name, class_names, labels, predictions):
    labels = [int(label) for label in labels]
    predictions = [int(prediction) for prediction in predictions]
    classes = list(range(len(class_names)))
    shared = dict(labels=classes, zero_division=0)

    precision, recall, f1, support = precision_recall_fscore_support(labels, predictions, **shared)

    def average(kind):
        scores = precision_recall_fscore_support(labels, predictions, average=kind, **shared)
        return [float(score) for score in scores[:3]]

    def matrix(**options):
        return confusion_matrix(labels, predictions, labels=classes, **options).tolist()

    text = classification_report(labels, predictions, target_names=class_names, digits=4, **shared)
    if accuracy_score(labels, predictions) == 0:
        # Where no row is right, scikit-learn lets a float array through and prints the support
        # 5 as "5.0". The right-aligned integer is what it prints everywhere else.
        text = re.sub(r"(\d+)\.0$", r"  \1", text, flags=re.MULTILINE)

    return {
        "name": name,
        "class_names": class_names,
        "labels": labels,
        "predictions": predictions,
        "accuracy": float(accuracy_score(labels, predictions)),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": [int(rows) for rows in support],
        "macro": average("macro"),
        "weighted": average("weighted"),
        "confusion_matrix": matrix(),
        "normalized_by_true": matrix(normalize="true"),
        "text": text,
    }


def noisy(rng, labels, classes, error_rate):
    """The labels, a share of them replaced by a uniformly drawn class."""
    replaced = rng.random(len(labels)) < error_rate
    return np.where(replaced, rng.integers(classes, size=len(labels)), labels)


def main():
    assert sklearn.__version__ == PINNED["scikit-learn"], sklearn.__version__
    assert np.__version__ == PINNED["numpy"], np.__version__
    rng = np.random.default_rng(20260101)
    news = ["World", "Sports", "Business", "Sci/Tech"]
    cases = []

    labels = rng.integers(2, size=60)
    cases.append(case("two classes", ["negative", "positive"], labels, noisy(rng, labels, 2, 0.4)))

    labels = rng.integers(4, size=120)
    cases.append(case("four balanced classes", news, labels, noisy(rng, labels, 4, 0.2)))

    labels = rng.choice(3, size=150, p=[0.9, 0.08, 0.02])
    cases.append(
        case("imbalanced", ["common", "rare", "rarest"], labels, noisy(rng, labels, 3, 0.3))
    )

    labels = rng.integers(4, size=80)
    predictions = noisy(rng, labels, 4, 0.3)
    cases.append(
        case("a class never predicted", news, labels, np.where(predictions == 2, 0, predictions))
    )

    labels = rng.choice([0, 1, 3], size=80)
    cases.append(case("a class without true rows", news, labels, noisy(rng, labels, 4, 0.3)))

    labels = rng.choice([0, 3], size=40)
    swapped = rng.random(40) < 0.2
    cases.append(case("classes in neither", news, labels, np.where(swapped, 3 - labels, labels)))

    labels = rng.integers(10, size=200)
    ten = [f"digit {digit}" for digit in range(10)]
    cases.append(case("ten classes", ten, labels, noisy(rng, labels, 10, 0.35)))

    labels = rng.integers(3, size=30)
    cases.append(case("all wrong", ["a", "b", "c"], labels, (labels + 1) % 3))

    labels = rng.integers(3, size=30)
    cases.append(case("all right", ["a", "b", "c"], labels, labels))

    cases.append(case("one row", ["no", "yes"], [1], [1]))

    # 1/32 = 0.03125 and 3/32 = 0.09375 end in an exact half at four digits.
    labels = [0] * 32 + [1] * 32
    predictions = [0] * 1 + [1] * 31 + [1] * 3 + [0] * 29
    cases.append(
        case(
            "halves to round, long names",
            ["größer als gewöhnlich, é", "klein"],
            labels,
            predictions,
        )
    )

    # One case a line: small, and a change shows up where it is.
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in cases)
    made_with = json.dumps(PINNED)
    Path(__file__).with_name("expected.json").write_text(
        f'{{"made_with": {made_with}, "cases": [\n{lines}\n]}}\n', encoding="utf-8"
    )


if __name__ == "__main__":
    main()
