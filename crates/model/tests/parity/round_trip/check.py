# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""Loads what this project saved, and compares.

    python check.py FOLDER

FOLDER holds a checkpoint in each of its folders, and there a `check.json` with
    model             "classifier", "masked_lm" or "base"
    batch             input_ids, attention_mask and perhaps token_type_ids
    positions         slots of the flattened batch, for masked_lm
    logits            what this project computes; of a base model the output of its
                      pooler, or the first token if it has none
Ends with a message and status 1 at the first difference.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification

AUTO = {
    "classifier": AutoModelForSequenceClassification,
    "masked_lm": AutoModelForMaskedLM,
    "base": AutoModel,
}


def label_names(folder):
    """What the saved file says, before transformers makes something of it."""
    config = json.loads((folder / "config.json").read_text())
    return config["id2label"]


def main():
    torch.set_num_threads(1)
    folders = sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir())
    for folder in folders:
        check = json.loads((folder / "check.json").read_text())
        # Without being asked for it, `AutoModel` leaves out the pooler of some families.
        family = json.loads((folder / "config.json").read_text())["model_type"]
        with_pooler = check["model"] == "base" and family in {"nomic_bert", "gte"}
        model, report = AUTO[check["model"]].from_pretrained(
            folder,
            output_loading_info=True,
            attn_implementation="eager",
            **({"add_pooling_layer": True} if with_pooler else {}),
        )
        for what in ["missing_keys", "unexpected_keys", "mismatched_keys"]:
            assert not report[what], f"{folder.name}: {what} {report[what]}"
        batch = {name: torch.tensor(values) for name, values in check["batch"].items()}
        with torch.no_grad():
            output = model.eval()(**batch)
        if check["model"] == "base":
            pooled = getattr(output, "pooler_output", None)
            logits = output.last_hidden_state[:, 0] if pooled is None else pooled
        else:
            logits = output.logits
        if check["model"] == "classifier":
            assert model.config.id2label == {
                int(number): name for number, name in label_names(folder).items()
            }, folder.name
        if check["model"] == "masked_lm":
            logits = logits.flatten(0, 1)[check["positions"]]
        expected = torch.tensor(check["logits"]).reshape(logits.shape)
        error = ((logits - expected).abs().max() / logits.abs().max()).item()
        assert error < 1e-5, f"{folder.name}: relative error of the logits {error}"
        print(f"{folder.name}: relative error of the logits {error:.1e}")
    print(f"{len(folders)} checkpoints load")


if __name__ == "__main__":
    main()
