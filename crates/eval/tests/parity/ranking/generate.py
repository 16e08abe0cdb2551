# pip install scikit-learn==1.9.1 numpy==2.4.6
"""Curves and their areas, by scikit-learn.

    python generate.py

writes expected.json beside this file, a list of cases:

    {"name", "positive": booleans, "scores",
     "roc_auc", null where it is NaN, "average_precision", "precision_recall_area",
     "roc": {"thresholds" (the first, infinity, is null), "fpr", "tpr"}, null where it is NaN,
     "precision_recall": {"thresholds" (one fewer), "precision", "recall"}}
"""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import (
    auc,
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

assert sklearn.__version__ == "1.9.1", sklearn.__version__
assert np.__version__ == "2.4.6", np.__version__
# What is undefined is part of what is compared.
warnings.simplefilter("ignore")

HERE = Path(__file__).resolve().parent
RNG = np.random.default_rng(20268)


def case(name, positive, scores):
    positive = np.asarray(positive, dtype=int)
    scores = np.asarray(scores, dtype=float)
    area = roc_auc_score(positive, scores)
    curve = None
    if not math.isnan(area):
        fpr, tpr, thresholds = roc_curve(positive, scores, drop_intermediate=False)
        assert thresholds[0] == np.inf
        curve = {
            "thresholds": [None, *thresholds[1:].tolist()],
            "fpr": fpr.tolist(),
            "tpr": tpr.tolist(),
        }
    precision, recall, thresholds = precision_recall_curve(positive, scores, pos_label=1)
    return {
        "name": name,
        "positive": [bool(one) for one in positive],
        "scores": scores.tolist(),
        "roc_auc": None if math.isnan(area) else float(area),
        "average_precision": float(average_precision_score(positive, scores)),
        "precision_recall_area": float(auc(recall, precision)),
        "roc": curve,
        "precision_recall": {
            "thresholds": thresholds.tolist(),
            "precision": precision.tolist(),
            "recall": recall.tolist(),
        },
    }


def main():
    positive = RNG.random(60) < 0.3
    logits = RNG.normal(size=60) + positive
    cases = [
        case("logits", positive, logits),
        case("many ties", positive, np.round(logits)),
        case("reversed", positive, -logits),
        case("constant scores", positive, np.full(60, 0.25)),
        case("perfect", positive, positive.astype(float)),
        case("two rows", [0, 1], [0.25, 0.75]),
        case("two rows, wrong way round", [1, 0], [0.25, 0.75]),
        case("two rows, equal", [1, 0], [0.5, 0.5]),
        case("one positive among many", np.arange(20) == 7, RNG.normal(size=20)),
        case("no positive row", np.zeros(5), RNG.normal(size=5)),
        case("no negative row", np.ones(5), RNG.normal(size=5)),
        case("both zeros", [1, 0, 1, 0], [0.0, -0.0, 1.0, -1.0]),
        case("large and small", [1, 0, 1, 0, 0], [1e300, 1e-300, -1e300, 0.0, 5e-324]),
    ]
    lines = ",\n".join(json.dumps(one) for one in cases)
    (HERE / "expected.json").write_text(f"[\n{lines}\n]\n")
    for one in cases:
        print(one["name"], one["roc_auc"], one["average_precision"])


if __name__ == "__main__":
    main()
