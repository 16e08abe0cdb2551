# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""The classifiers of ../families, run and differentiated under PyTorch's autocast to bfloat16.

    python generate.py

writes expected.safetensors, for each case of ../families/generate.py and its
batch:

    <case>.logits                   [B, 3]
    <case>.grad.<parameter>         d loss / d parameter, of the matrices of the
                                    encoder's first layer

Parameters are float32, attention is the one of PyTorch. How far these are from
the exact values of ../families is what autocast costs; on another processor they
differ, but by less than that.
"""

from pathlib import Path

import safetensors
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

HERE = Path(__file__).resolve().parent
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


def main():
    torch.set_num_threads(1)
    found = {}
    for folder in sorted((HERE.parent / "families").iterdir()):
        if not folder.is_dir():
            continue
        golden = load_file(folder / "expected.safetensors")
        model = AutoModelForSequenceClassification.from_pretrained(
            folder / "checkpoint", attn_implementation="sdpa").eval()
        inputs = {name: golden[name] for name in INPUTS if name in golden}
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(**inputs).logits
        loss = torch.nn.functional.cross_entropy(logits.float(), golden["classifier.labels"])
        loss.backward()
        found[f"{folder.name}.logits"] = logits.detach().float()
        gradients = {
            name: parameter.grad
            for name, parameter in model.named_parameters()
            if "layer.0." in name and parameter.ndim == 2
        }
        assert len(gradients) == 6, folder.name
        found |= {f"{folder.name}.grad.{name}": grad for name, grad in gradients.items()}
    save_file(found, HERE / "expected.safetensors")


if __name__ == "__main__":
    main()
