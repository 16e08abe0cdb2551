"""Seconds and scores of a 10-fold cross-validation: the example `cross_validate` against scikit-learn.

    pip install scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
    cargo build --release -p finetune-baseline --example cross_validate
    python benches/peers/baselines.py --data DIR --rounds 5 --out results.json

Both have the same folds (the example writes them), the same settings (scikit-learn's defaults) and
the same rows, and take turns; each starts as a new process. Times are from texts in memory to
predictions: neither reading the file nor starting Python is counted. With one thread, folds are
done one after the other, and their parts are added up; with two, two folds are done at a time (there
in two processes of joblib, which are started before the clock is), and the time is that of all of
it. Where other work takes turns with them, `cpu_seconds` tells more: with one thread, the time on a
processor, there of the cross-validation, here of the whole program, with reading the file and a
last fit to all rows. Coefficients are compared fold by fold: with the defaults, and with a tolerance so small that
both searches end at the minimum.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
KINDS = ("count", "tfidf", "hashing")

PEER = """
import csv, json, sys, time
import joblib, numpy, sklearn
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score

path, folds_path, kind, threads, tol, max_iter, coefficients = sys.argv[1:]
with open(path, newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
texts = [row["text"] for row in rows]
labels = numpy.array([int(row["target"]) for row in rows])
fold_of_row = numpy.array(json.load(open(folds_path))["fold_of_row"])
vectorizers = {"count": CountVectorizer, "tfidf": TfidfVectorizer, "hashing": HashingVectorizer}


def warm(number):
    # A first fit imports and allocates what every process needs once.
    LogisticRegression().fit(CountVectorizer().fit_transform(["a fire", "no fire"]), [0, 1])


def run(fold):
    train = [text for text, of_row in zip(texts, fold_of_row) if of_row != fold]
    test = [text for text, of_row in zip(texts, fold_of_row) if of_row == fold]
    start = time.perf_counter()
    vectorizer = vectorizers[kind]()
    train_rows = vectorizer.fit_transform(train)
    test_rows = vectorizer.transform(test)
    features = time.perf_counter()
    model = LogisticRegression(tol=float(tol), max_iter=int(max_iter))
    model.fit(train_rows, labels[fold_of_row != fold])
    fit = time.perf_counter()
    predictions = model.predict(test_rows)
    probabilities = model.predict_proba(test_rows)[:, 1]
    end = time.perf_counter()
    truth = labels[fold_of_row == fold]
    result = {
        "accuracy": accuracy_score(truth, predictions),
        "f1": f1_score(truth, predictions),
        "iterations": int(model.n_iter_[0]),
        "features_seconds": features - start, "fit_seconds": fit - features,
        "predict_seconds": end - fit,
    }
    if coefficients:
        used = numpy.flatnonzero(model.coef_[0])
        result |= {
            "columns": used.tolist(), "values": model.coef_[0][used].tolist(),
            "intercept": float(model.intercept_[0]),
            "terms": None if kind == "hashing" else vectorizer.get_feature_names_out().tolist(),
            "probabilities": probabilities.tolist(),
        }
    return result


k = int(fold_of_row.max()) + 1
with joblib.Parallel(n_jobs=int(threads)) as parallel:
    parallel(joblib.delayed(warm)(number) for number in range(int(threads)))
    start, start_cpu = time.perf_counter(), time.process_time()
    folds = parallel(joblib.delayed(run)(fold) for fold in range(k))
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
if coefficients:
    json.dump(folds, open(coefficients, "w"))
mean = lambda name: float(numpy.mean([fold[name] for fold in folds]))
total = lambda name: float(numpy.sum([fold[name] for fold in folds]))
print(json.dumps({
    "accuracy": mean("accuracy"), "f1": mean("f1"), "seconds": seconds, "cpu_seconds": cpu_seconds,
    "iterations": [fold["iterations"] for fold in folds],
    **{name: total(name) for name in ("features_seconds", "fit_seconds", "predict_seconds")},
}))
"""


def environment(threads):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return os.environ | {name: "1" for name in names} | {"RAYON_NUM_THREADS": str(threads)}


def peer(data, folds, kind, threads, tol=1e-4, max_iter=100, coefficients=""):
    command = [sys.executable, "-W", "ignore", "-c", PEER, f"{data}/train.csv", folds, kind,
               str(threads), str(tol), str(max_iter), coefficients]
    return json.loads(run(command, threads).splitlines()[-1])


def ours(binary, data, folder, kind, threads, tol=1e-4, max_iter=100, coefficients=""):
    config, report = f"{folder}/config.json", f"{folder}/report.json"
    settings = {"features": {"kind": kind}, "classifier": {"tol": tol, "max_iter": max_iter}}
    pathlib.Path(config).write_text(json.dumps(settings))
    command = [binary, "--data", data, "--config", config, "--report", report]
    if coefficients:
        command += ["--coefficients", coefficients, "--predictions", f"{folder}/predictions.jsonl"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command, threads)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = json.loads(pathlib.Path(report).read_text())
    names = ("accuracy", "seconds", "features_seconds", "fit_seconds", "predict_seconds")
    iterations = [fold["convergence"]["iterations"] for fold in found["folds"]]
    return {name: found[name] for name in names} | {
        "f1": found["f1"]["disaster"], "iterations": iterations, "cpu_seconds": cpu}


def run(command, threads):
    return subprocess.run(command, env=environment(threads), check=True, capture_output=True,
                          text=True).stdout


def compare(binary, data, folds, folder, kind, tol, max_iter):
    """The largest differences over all folds of two systems with these settings."""
    of_peer, of_ours = f"{folder}/peer.json", f"{folder}/ours.json"
    peer_scores = peer(data, folds, kind, 1, tol, max_iter, of_peer)
    our_scores = ours(binary, data, folder, kind, 1, tol, max_iter, of_ours)
    coefficient, largest = 0.0, 0.0
    of_peer, of_ours = (json.loads(pathlib.Path(path).read_text()) for path in (of_peer, of_ours))
    for theirs, own in zip(of_peer, of_ours, strict=True):
        assert theirs["terms"] == own["terms"]
        [output] = own["outputs"]
        a = dict(zip(theirs["columns"], theirs["values"]))
        b = dict(zip(output["columns"], output["values"]))
        differences = [abs(a.get(column, 0.0) - b.get(column, 0.0)) for column in a.keys() | b.keys()]
        intercept = abs(theirs["intercept"] - own["intercepts"][0])
        coefficient = max(coefficient, intercept, *differences)
        largest = max(largest, *map(abs, a.values()))
    fold_of_row = json.loads(pathlib.Path(folds).read_text())["fold_of_row"]
    lines = pathlib.Path(f"{folder}/predictions.jsonl").read_text().splitlines()
    own = [json.loads(line)["probabilities"][1] for line in lines]
    places = [iter(fold["probabilities"]) for fold in of_peer]
    probability = max(abs(next(places[fold]) - p) for fold, p in zip(fold_of_row, own))
    return {
        "largest_coefficient": largest,
        "coefficient_difference": coefficient,
        "probability_difference": probability,
        "accuracy_difference": abs(peer_scores["accuracy"] - our_scores["accuracy"]),
        "f1_difference": abs(peer_scores["f1"] - our_scores["f1"]),
        "iterations": {"ours": our_scores["iterations"], "peer": peer_scores["iterations"]},
    }


def measure(binary, data, folder, folds, kind, threads, rounds):
    runs = {"ours": [], "peer": []}
    for _ in range(rounds):
        runs["ours"].append(ours(binary, data, folder, kind, threads))
        runs["peer"].append(peer(data, folds, kind, threads))
    names = ("seconds", "features_seconds", "fit_seconds", "predict_seconds")
    # The processes of joblib are not counted.
    names += ("cpu_seconds",) if threads == 1 else ()
    # Other work on the machine only ever adds time.
    best = {system: {name: min(one[name] for one in runs[system]) for name in names}
            for system in runs}
    ratio = {name: best["peer"][name] / best["ours"][name] for name in names}
    return {"best": best, "ratio": ratio, "runs": runs}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--binary", default=str(ROOT / "target/release/examples/cross_validate"))
    parser.add_argument("--out", type=pathlib.Path, required=True,
                        help="what is in there already is not measured again")
    arguments = parser.parse_args()
    binary, data = arguments.binary, arguments.data
    results = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        folds = f"{folder}/folds.json"
        run([binary, "--data", data, "--write-folds", folds], 2)
        stages = {f"{threads} threads": lambda kind, threads=threads: measure(
            binary, data, folder, folds, kind, threads, arguments.rounds) for threads in (1, 2)}
        for name, tol, max_iter in (("defaults", 1e-4, 100), ("tight", 1e-8, 10000)):
            stages[name] = lambda kind, tol=tol, max_iter=max_iter: compare(
                binary, data, folds, folder, kind, tol, max_iter)
        for stage, measured in stages.items():
            for kind in KINDS:
                of_kind = results.setdefault(kind, {})
                if stage not in of_kind:
                    of_kind[stage] = measured(kind)
                    shown = {name: value for name, value in of_kind[stage].items() if name != "runs"}
                    print(kind, stage, json.dumps(shown), flush=True)
                    arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
