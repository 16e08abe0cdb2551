# pip install scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
"""Scores of predicted numbers, by scikit-learn and SciPy.

    python generate.py

writes expected.json beside this file, a list of cases:

    {"name", "labels", "predictions",
     "pearson", "spearman", "r2": null where it is NaN or an error,
     "mae", "mse", "rmse"}
"""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import (
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)

assert sklearn.__version__ == "1.9.1", sklearn.__version__
assert scipy.__version__ == "1.17.1", scipy.__version__
assert np.__version__ == "2.4.6", np.__version__
# What is undefined is part of what is compared.
warnings.simplefilter("ignore")

HERE = Path(__file__).resolve().parent
RNG = np.random.default_rng(20270)


def defined(score):
    try:
        value = float(score())
    except ValueError:
        return None
    return None if math.isnan(value) else value


def case(name, labels, predictions):
    labels = np.asarray(labels, dtype=float)
    predictions = np.asarray(predictions, dtype=float)
    return {
        "name": name,
        "labels": labels.tolist(),
        "predictions": predictions.tolist(),
        "pearson": defined(lambda: pearsonr(labels, predictions).statistic),
        "spearman": defined(lambda: spearmanr(labels, predictions).statistic),
        "r2": defined(lambda: r2_score(labels, predictions)),
        "mae": float(mean_absolute_error(labels, predictions)),
        "mse": float(mean_squared_error(labels, predictions)),
        "rmse": float(root_mean_squared_error(labels, predictions)),
    }


def main():
    labels = np.round(5 * RNG.random(50) * 5) / 5
    near = labels + RNG.normal(size=50)
    cases = [
        case("similarities", labels, near),
        case("ties on both sides", labels, np.round(near)),
        case("unrelated", labels, RNG.normal(size=50)),
        case("reversed", labels, -near),
        case("perfect", labels, labels),
        case("a straight line", labels, 3 - 0.5 * labels),
        case("equal predictions", labels, np.full(50, 2.7)),
        case("equal labels", np.full(5, 0.1), RNG.normal(size=5)),
        case("equal labels, perfect", np.full(5, 0.1), np.full(5, 0.1)),
        case("one row", [1.0], [2.0]),
        case("two rows", [1.0, 2.0], [0.5, 0.25]),
        case("two rows, equal predictions", [1.0, 2.0], [0.5, 0.5]),
        case("three rows", [1.0, 2.0, 4.0], [2.0, 1.0, 4.5]),
        case("far from 0", 1e6 + labels, 1e6 + near),
        case("large", 1e150 * labels, 1e150 * near),
        case("small", 1e-150 * labels, 1e-150 * near),
        case("both zeros", [0.0, -0.0, 1.0, 2.0], [-0.0, 0.0, 3.0, 1.0]),
    ]
    lines = ",\n".join(json.dumps(one) for one in cases)
    (HERE / "expected.json").write_text(f"[\n{lines}\n]\n")
    for one in cases:
        print(one["name"], one["pearson"], one["spearman"], one["r2"], one["mse"])


if __name__ == "__main__":
    main()
