# pip install torch==2.9.0 transformers==5.23.0
"""Loads what was saved after an odd checkpoint, and compares logits and answers.

    python check.py DIRECTORY

Each directory in DIRECTORY is a saved model with a `check.json`: `texts`, lists of token ids, and
`answers`, [label, score] of every output for each text. Ends with status 1 at the first difference.
"""

import json
import pathlib
import sys

import torch
from transformers import AutoModelForSequenceClassification
from transformers.pipelines.text_classification import TextClassificationPipeline

TOLERANCE = 1e-5


def check(directory):
    expected = json.loads((directory / "check.json").read_text())
    model, info = AutoModelForSequenceClassification.from_pretrained(
        directory, attn_implementation="eager", output_loading_info=True
    )
    for what in ["missing_keys", "unexpected_keys", "mismatched_keys"]:
        assert not info[what], f"{directory.name}: {what} {info[what]}"
    pipe = object.__new__(TextClassificationPipeline)
    pipe.model = model.eval()
    for text, answers in zip(expected["texts"], expected["answers"]):
        with torch.no_grad():
            output = {"logits": model(input_ids=torch.tensor([text])).logits}
        scores = pipe.postprocess(output, top_k=None, _legacy=False)
        found = {row["label"]: row["score"] for row in scores}
        assert len(found) == len(answers), f"{directory.name}: {found} {answers}"
        for label, score in answers:
            error = abs(found[label] - score)
            assert error < TOLERANCE, f"{directory.name}: {label} {found[label]} {score}"


def main():
    torch.set_num_threads(1)
    directories = sorted(path for path in pathlib.Path(sys.argv[1]).iterdir() if path.is_dir())
    for directory in directories:
        check(directory)
    print(len(directories), "models give the same answers")


main()
