"""Writes expected.json: coefficients and probabilities by scikit-learn's LogisticRegression.

Made with Python 3.11, scikit-learn==1.9.1, scipy==1.17.1, numpy==2.4.6:

    python -m venv /tmp/parity
    /tmp/parity/bin/pip install scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
    /tmp/parity/bin/python generate.py

A case has the settings as this crate reads them, the number of classes, the labels, and the name
of the rows it is fitted to; rows are a list of columns and a list of values each.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import scipy
import scipy.sparse
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

PINNED = {"scikit-learn": "1.9.1", "scipy": "1.17.1", "numpy": "2.4.6"}
ROWS, COLUMNS = 50, 20
TIGHT = {"tol": 1e-9, "max_iter": 10000}


def matrices(rng):
    """Rows as those of texts: lengths of 1, counts, and values of very different size."""
    dense = rng.random((ROWS, COLUMNS)) * (rng.random((ROWS, COLUMNS)) < 0.25)
    dense[3] = 0
    dense[:, 7] = 0
    dense = np.round(dense, 4)
    counts = rng.poisson(0.4, size=(ROWS, COLUMNS)).astype(float)
    uneven = np.round(dense * 10.0 ** rng.integers(-2, 3, size=COLUMNS), 6)
    return {"shares": dense, "counts": counts, "uneven": uneven}


def labels(rng, rows, classes):
    weights = rng.normal(size=(COLUMNS, classes))
    scores = rows / (np.abs(rows).max() or 1) @ weights + rng.normal(size=(ROWS, classes)) * 0.7
    found = scores.argmax(axis=1)
    assert len(set(found.tolist())) == classes
    return found


def case(name, rows_name, rows, found, classes, settings):
    arguments = dict(settings)
    weights = arguments.pop("class_weight", "none")
    if weights == "balanced":
        arguments["class_weight"] = "balanced"
    elif weights != "none":
        arguments["class_weight"] = dict(enumerate(weights["per_class"]))
    arguments["C"] = arguments.pop("c", 1.0)
    model = LogisticRegression(**arguments)
    sparse = scipy.sparse.csr_array(rows)
    model.fit(sparse, found)
    probabilities = np.zeros((ROWS, classes))
    probabilities[:, model.classes_] = model.predict_proba(sparse)
    decisions = model.decision_function(sparse).reshape(ROWS, -1)
    return {
        "name": name,
        "rows": rows_name,
        "classes": classes,
        "labels": found.tolist(),
        "settings": settings,
        "iterations": int(model.n_iter_[0]),
        "coefficients": model.coef_.tolist(),
        "intercepts": np.broadcast_to(model.intercept_, model.coef_.shape[0]).tolist(),
        "decisions": decisions[:5].tolist(),
        "probabilities": probabilities[:5].tolist(),
        "predictions": model.predict(sparse).tolist(),
    }


def cases(rng, rows):
    for rows_name, matrix in rows.items():
        two, four = labels(rng, matrix, 2), labels(rng, matrix, 4)
        for count, found in [(2, two), (4, four)]:
            for name, settings in {
                "defaults": {},
                "tight": TIGHT,
                "weak penalty": {"c": 30.0, **TIGHT},
                "strong penalty": {"c": 0.05, **TIGHT},
            }.items():
                yield case(f"{rows_name}, {count} classes, {name}", rows_name, matrix, found, count, settings)
    matrix = rows["shares"]
    for count in (2, 3):
        found = labels(rng, matrix, count)
        given = [0.5, 2.0, 1.25][:count]
        for name, settings in {
            "no intercept": {"fit_intercept": False, **TIGHT},
            "balanced": {"class_weight": "balanced", **TIGHT},
            "given weights": {"class_weight": {"per_class": given}, **TIGHT},
            "three steps": {"max_iter": 3, "tol": 1e-9},
        }.items():
            yield case(f"{count} classes, {name}", "shares", matrix, found, count, settings)
    found = np.where(labels(rng, matrix, 2) == 1, 3, 1)
    yield case("two of five classes", "shares", matrix, found, 5, TIGHT)
    found = np.array([0, 2, 4])[labels(rng, matrix, 3)]
    settings = {"class_weight": "balanced", **TIGHT}
    yield case("three of five classes, balanced", "shares", matrix, found, 5, settings)


def sparse_rows(matrix):
    return [[np.flatnonzero(row).tolist(), row[row != 0].tolist()] for row in matrix]


def main():
    for package in (sklearn, scipy, np):
        name = "scikit-learn" if package is sklearn else package.__name__
        assert package.__version__ == PINNED[name], (name, package.__version__)
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", ConvergenceWarning)
    rng = np.random.default_rng(20261121)
    rows = matrices(rng)
    stored = {name: sparse_rows(matrix) for name, matrix in rows.items()}
    # One case a line: a change shows up where it is.
    lines = ",\n".join(json.dumps(one) for one in cases(rng, rows))
    head = json.dumps({"made_with": PINNED, "columns": COLUMNS, "rows": stored})
    Path(__file__).with_name("expected.json").write_text(
        f'{head[:-1]}, "cases": [\n{lines}\n]}}\n', encoding="utf-8"
    )


if __name__ == "__main__":
    main()
