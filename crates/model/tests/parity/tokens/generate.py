# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""Tiny random token classifiers of every family, run and differentiated by transformers.

    python generate.py

writes a folder for some of the cases of ../families/generate.py, whose models and batches these are,
with a ...ForTokenClassification each:

<case>/checkpoint/            config.json and model.safetensors, as transformers writes them
<case>/expected.safetensors   inputs as there, and

    token.positions             int64 [N]; slots of the flattened batch that have labels
    token.labels                int64 [N]
    token.logits                [N, 5]; at those slots
    token.loss                  [] mean cross entropy over the slots with labels
    token.grad.<parameter>      d loss / d parameter, every parameter
"""

import importlib.util
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForTokenClassification

HERE = Path(__file__).resolve().parent
SPEC = importlib.util.spec_from_file_location("families", HERE.parent / "families" / "generate.py")
families = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(families)

LABELS = ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"]
CASES = [
    "bert_narrow", "distilbert_narrow", "xlm_roberta", "camembert", "electra_narrow", "modernbert",
    "modernbert_odd", "deberta_v2", "mpnet", "albert", "nomic_bert", "gte", "eurobert",
]
IGNORED = -100


def case(name, generator):
    model_type, settings = families.CASES[name]
    config = AutoConfig.for_model(
        model_type,
        **settings,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    model = families.build(AutoModelForTokenClassification, config)
    families.draw_parameters(model, generator)
    folder = HERE / name
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(checkpoint)

    model = model.double()
    batch = families.draw_batch(config, generator)
    labels = torch.randint(0, len(LABELS), batch["input_ids"].shape, generator=generator)
    has_label = torch.rand(labels.shape, generator=generator) < 0.6
    has_label &= batch["attention_mask"] == 1
    labels = torch.where(has_label, labels, IGNORED)
    output = model(**batch, labels=labels)
    slots = (labels.flatten() != IGNORED).nonzero().flatten()
    expected = batch | {
        "token.positions": slots,
        "token.labels": labels.flatten()[slots],
        "token.logits": output.logits.reshape(-1, len(LABELS))[slots],
        "token.loss": output.loss,
    } | families.differentiate(model, output.loss, "token")
    expected = {
        key: (tensor.detach().float() if tensor.is_floating_point() else tensor).clone().contiguous()
        for key, tensor in expected.items()
    }
    save_file(expected, folder / "expected.safetensors")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for number, name in enumerate(CASES):
        case(name, torch.Generator().manual_seed(30 + number))
        print(name)


main()
