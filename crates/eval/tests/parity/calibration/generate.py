"""Writes expected.json: temperatures by SciPy's minimizer, and conformal thresholds by NumPy's quantile.

    pip install numpy==2.3.4 scipy==1.16.3
    python generate.py
"""

import json
import math
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax


def case(rows, classes, sharpness, coverage, seed):
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=rows)
    logits = random.normal(size=(rows, classes))
    logits[np.arange(rows), labels] += 1.0
    logits = np.round(logits * sharpness, 3).astype(np.float32).astype(np.float64)

    def log_loss(factor):
        return -log_softmax(logits * factor, axis=1)[np.arange(rows), labels].mean()

    factor = minimize_scalar(log_loss, bounds=(0.01, 100), method="bounded", options={"xatol": 1e-13}).x
    scores = 1 - softmax(logits * factor, axis=1)[np.arange(rows), labels]
    level = math.ceil((rows + 1) * coverage) / rows
    threshold = 1 - np.quantile(scores, level, method="inverted_cdf") if level <= 1 else 0.0
    return {
        "labels": labels.tolist(),
        "logits": logits.tolist(),
        "temperature": 1 / factor,
        "coverage": coverage,
        "threshold": threshold,
    }


def main():
    cases = [
        case(40, 2, 3.0, 0.9, 1),
        case(60, 4, 0.4, 0.8, 2),
        case(7, 3, 1.0, 0.95, 3),
        case(50, 5, 8.0, 0.5, 4),
    ]
    path = Path(__file__).with_name("expected.json")
    path.write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
