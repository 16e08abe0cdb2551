# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0 peft==0.21.2
"""Two LoRA adapters on the classifier of ../tiny_bert, run and differentiated by PEFT.

    python generate.py

writes, beside this file and byte for byte the same on every run with the
versions above (CPU, one thread, eager attention), for each of

query_value/       PEFT's default places for BERT, rank 4, alpha 8
all_linear/        all six linear layers of a layer, rank 3, alpha 5, rank-stabilized

an adapter as PEFT saves it, adapter_config.json and adapter_model.safetensors,
with every A and B and the classification layer drawn at random, and in it

expected.safetensors

    logits              [B, 3] of the adapted model
    merged_logits       [B, 3] after PEFT has merged the adapter into the weights
    loss                [] mean cross entropy
    grad.<name>         d loss / d tensor for every tensor of adapter_model.safetensors

on the inputs of ../tiny_bert/expected.safetensors. Everything is in eval mode,
computed in double precision and rounded to float32.
"""

import json
import shutil
from pathlib import Path

import peft
import safetensors
import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import BertForSequenceClassification

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__
assert peft.__version__ == "0.21.2", peft.__version__

HERE = Path(__file__).resolve().parent
BASE = HERE.parent / "tiny_bert"
CASES = {
    "query_value": {"r": 4, "lora_alpha": 8},
    "all_linear": {
        "r": 3,
        "lora_alpha": 5,
        "use_rslora": True,
        "target_modules": ["query", "key", "value", "intermediate.dense", "output.dense"],
    },
}


def adapted(settings, generator):
    base = BertForSequenceClassification.from_pretrained(
        BASE / "checkpoint", attn_implementation="eager", dtype=torch.float32
    )
    # Where this script lies is nobody's business.
    base.config._name_or_path = base.name_or_path = "tiny_bert"
    model = get_peft_model(base, LoraConfig(task_type="SEQ_CLS", **settings)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(0.2 * noise)
    return model


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(20262)
    inputs = load_file(BASE / "expected.safetensors")
    batch = {
        name: inputs[name]
        for name in ["input_ids", "token_type_ids", "attention_mask", "labels"]
    }
    for name, settings in CASES.items():
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        model = adapted(settings, generator)
        model.save_pretrained(folder)
        (folder / "README.md").unlink()
        stable_config(folder)

        model = model.double()
        output = model(**batch)
        output.loss.backward()
        tensors = {"logits": output.logits, "loss": output.loss}
        gradients = {
            parameter_name.replace(".default", "").replace(".modules_to_save", ""): parameter.grad
            for parameter_name, parameter in model.named_parameters()
            if parameter.requires_grad
        }
        saved = load_file(folder / "adapter_model.safetensors")
        assert gradients.keys() == saved.keys(), gradients.keys() ^ saved.keys()
        for tensor, gradient in gradients.items():
            assert gradient.abs().max() > 1e-4, f"gradient of {tensor} is trivial"
            tensors[f"grad.{tensor}"] = gradient

        plain = inputs["logits"]
        assert (output.logits - plain).abs().min() > 1e-3, "the adapter must matter"
        with torch.no_grad():
            tensors["merged_logits"] = model.merge_and_unload()(**batch).logits
        tensors = {
            key: value.detach().to(torch.float32).contiguous() for key, value in tensors.items()
        }
        save_file(tensors, folder / "expected.safetensors")
        for key, value in tensors.items():
            print(f"{name} {key:80} {list(value.shape)}")


def stable_config(folder):
    """PEFT keeps the places as a set; sort them, so that every run writes the same."""
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["target_modules"].sort()
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
