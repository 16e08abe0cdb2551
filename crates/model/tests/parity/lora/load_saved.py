# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0 peft==0.21.2
"""Whether PEFT loads an adapter that this crate has saved, tensor by tensor.

    python load_saved.py FOLDER

FOLDER holds an adapter for the classifier of ../tiny_bert, and in
logits.safetensors what the adapted model computes, `logits`, on the inputs of
../tiny_bert/expected.safetensors.
"""

import sys
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import BertForSequenceClassification

BASE = Path(__file__).resolve().parent.parent / "tiny_bert"


def main(folder):
    base = BertForSequenceClassification.from_pretrained(
        BASE / "checkpoint", attn_implementation="eager", dtype=torch.float32
    )
    model = PeftModel.from_pretrained(base, folder).eval()
    saved = load_file(folder / "adapter_model.safetensors")
    loaded = get_peft_model_state_dict(model)
    assert loaded.keys() == saved.keys(), loaded.keys() ^ saved.keys()
    for name, values in saved.items():
        assert torch.equal(loaded[name], values), name

    inputs = load_file(BASE / "expected.safetensors")
    batch = {name: inputs[name] for name in ["input_ids", "token_type_ids", "attention_mask"]}
    expected = load_file(folder / "logits.safetensors")["logits"]
    with torch.no_grad():
        for what, logits in [
            ("adapted", model(**batch).logits),
            ("merged", model.merge_and_unload()(**batch).logits),
        ]:
            distance = (logits - expected).abs().max().item()
            print(f"{what}: largest distance {distance:.1e}")
            assert distance < 1e-5 * expected.abs().max(), what


if __name__ == "__main__":
    main(Path(sys.argv[1]))
