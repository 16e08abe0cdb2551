# pip install seqeval==1.2.2 numpy==2.4.6 scikit-learn==1.9.1
"""Scores of entities in tag sequences, by seqeval.

    python generate.py

writes expected.json beside this file, a list of cases:

    {"name", "mode": "lenient" or a scheme of strict mode, "targets", "predictions": tags of each
     sentence, "entities": [[type, first word, word after the last] of each predicted sentence],
     "accuracy", "micro", "macro", "weighted": [precision, recall, f1],
     "per_type": {type: [precision, recall, f1, support]}, "text": the classification report}
"""

import importlib.metadata
import json
import random
import warnings
from pathlib import Path

from seqeval.metrics import accuracy_score, classification_report
from seqeval.metrics import v1
from seqeval.metrics.sequence_labeling import get_entities, precision_recall_fscore_support
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES, IOE1, IOE2, Tokens

assert importlib.metadata.version("seqeval") == "1.2.2"
# What is undefined is part of what is compared.
warnings.simplefilter("ignore")

HERE = Path(__file__).resolve().parent
SCHEMES = {"iob1": IOB1, "iob2": IOB2, "ioe1": IOE1, "ioe2": IOE2, "iobes": IOBES, "bilou": BILOU}
PREFIXES = {
    "lenient": "BIES", "iob1": "BI", "iob2": "BI", "ioe1": "IE", "ioe2": "IE", "iobes": "BIES",
    "bilou": "BILU",
}


def tags(rng, prefixes, types, length, density):
    """Any tags at all, whether they follow a scheme or not."""
    tag = lambda: f"{rng.choice(prefixes)}-{rng.choice(types)}"
    return [tag() if rng.random() < density else "O" for _ in range(length)]


def noisy(rng, row, prefixes, types, noise):
    fresh = tags(rng, prefixes, types, len(row), 0.6)
    return [new if rng.random() < noise else old for old, new in zip(row, fresh)]


def found(row, mode):
    if mode == "lenient":
        return [[kind, start, end + 1] for kind, start, end in get_entities(row)]
    entities = Tokens(row, SCHEMES[mode]).entities
    return [[entity.tag, entity.start, entity.end] for entity in entities]


def case(name, mode, targets, predictions):
    strict = {} if mode == "lenient" else {"mode": "strict", "scheme": SCHEMES[mode]}
    function, scheme = precision_recall_fscore_support, {}
    if strict:
        function, scheme = v1.precision_recall_fscore_support, {"scheme": strict["scheme"]}
    scores = lambda average: function(
        targets, predictions, average=average, zero_division=0, **scheme
    )
    rows = classification_report(
        targets, predictions, zero_division=0, output_dict=True, **strict
    )
    keys = ("precision", "recall", "f1-score", "support")
    averages = {"micro avg", "macro avg", "weighted avg"}
    return {
        "name": name,
        "mode": mode,
        "targets": targets,
        "predictions": predictions,
        "entities": [found(row, mode) for row in predictions],
        "accuracy": float(accuracy_score(targets, predictions)),
        **{
            average: [float(score) for score in scores(average)[:3]]
            for average in ("micro", "macro", "weighted")
        },
        "per_type": {
            kind: [float(row[key]) for key in keys]
            for kind, row in rows.items()
            if kind not in averages
        },
        "text": classification_report(targets, predictions, digits=4, zero_division=0, **strict),
    }


def main():
    rng = random.Random(20)
    cases = []
    for mode, prefixes in PREFIXES.items():
        for number, (types, sentences, density, noise) in enumerate(
            [(["PER", "LOC"], 12, 0.7, 0.3), (["X"], 30, 0.9, 0.5), (["A", "B-C", "D"], 20, 0.4, 0.2)]
        ):
            targets = [
                tags(rng, prefixes, types, rng.randint(1, 9), density) for _ in range(sentences)
            ]
            predictions = [noisy(rng, row, prefixes, types, noise) for row in targets]
            cases.append(case(f"{mode} {number}", mode, targets, predictions))
    missed = [["B-PER", "I-PER", "O"], ["O"]]
    cases.append(case("nothing found", "lenient", missed, [["O"] * 3, ["O"]]))
    cases.append(case("nothing there", "iob2", [["O"] * 3, ["O"]], missed))
    text = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "expected.json").write_text(f"[\n{text}\n]\n")


main()
