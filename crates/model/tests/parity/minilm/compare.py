# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""A real BERT checkpoint as a four-class classifier, run by transformers.

    python compare.py CHECKPOINT OUT

CHECKPOINT is a directory with config.json, model.safetensors and a tokenizer
(all-MiniLM-L6-v2, say). Nothing of OUT is committed. It receives

OUT/checkpoint/          BertForSequenceClassification with CHECKPOINT's encoder
                         and a seeded classifier of 4 labels, as transformers
                         saves it, and CHECKPOINT's tokenizer files, copied
OUT/texts.json           the 8 sentences
OUT/expected.safetensors (B = 8, S = the longest sentence, L layers; eval mode)

    input_ids, attention_mask, token_type_ids   int64 [B, S], padded right
    hidden_states.0 .. hidden_states.L          [B, S, D]: embeddings, layers
    logits                                      [B, 4]

The same versions as above, CPU, float32, one thread, eager attention.
"""

import argparse
import json
import shutil
from pathlib import Path

import safetensors
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertForSequenceClassification

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

LABELS = ["World", "Sports", "Business", "Sci/Tech"]
TOKENIZER_FILES = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
]

# Written for this project. Lengths from 4 to about 100 tokens.
TEXTS = [
    "Markets rally.",
    "The visitors scored twice in the final ten minutes to win the cup.",
    "Talks resume",
    "A small probe has sent back its first pictures of the asteroid's dark, "
    "boulder-strewn surface, the agency's engineers said on Tuesday.",
    "Shares of the carmaker fell 3.4% after it cut its full-year forecast & "
    "warned of weak demand in Europe.",
    "Ministers from eleven countries met in the capital on Friday to discuss a "
    "ceasefire along the disputed border, where shelling has driven thousands of "
    "families from their homes since the spring. Officials said that an agreement "
    "on opening two roads for relief convoys was close, but that the question of "
    "who would guard the crossings was still unsettled; a second round of talks, "
    "they added, would begin within a fortnight if both sides kept to the truce "
    "and let observers visit the valley.",
    "São Paulo's café owners say an app that pools their orders halves delivery "
    "costs - and waiting times.",
    "The champion, beaten in straight sets last year, needed five this time: 6-4, "
    "3-6, 7-5, 4-6, 8-6, in a match that lasted just over four hours and was "
    "twice stopped by rain.",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)

    model = BertForSequenceClassification.from_pretrained(
        arguments.checkpoint,
        num_labels=len(LABELS),
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
        attn_implementation="eager",
        dtype=torch.float32,
    ).eval()
    generator = torch.Generator().manual_seed(20261)
    with torch.no_grad():
        for parameter, scale in [(model.classifier.weight, 0.8), (model.classifier.bias, 0.1)]:
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))

    saved = arguments.out / "checkpoint"
    shutil.rmtree(saved, ignore_errors=True)
    model.save_pretrained(saved)
    for name in TOKENIZER_FILES:
        if (arguments.checkpoint / name).is_file():
            shutil.copyfile(arguments.checkpoint / name, saved / name)
    model = BertForSequenceClassification.from_pretrained(
        saved, attn_implementation="eager", dtype=torch.float32
    ).eval()

    tokenizer = AutoTokenizer.from_pretrained(saved)
    batch = tokenizer(TEXTS, padding="longest", truncation=False, return_tensors="pt")
    if "token_type_ids" not in batch:
        batch["token_type_ids"] = torch.zeros_like(batch["input_ids"])
    lengths = batch["attention_mask"].sum(1)
    assert lengths.min() == 4 and 80 <= lengths.max() <= 130, lengths
    assert lengths.max() == batch["input_ids"].shape[1], "padded beyond the longest"
    assert (batch["attention_mask"].diff(dim=1) <= 0).all(), "padding must be on the right"

    with torch.no_grad():
        output = model(**batch, output_hidden_states=True)
    assert len(output.hidden_states) == model.config.num_hidden_layers + 1
    assert output.logits.std(dim=0).min() > 0.1, output.logits

    tensors = {
        "input_ids": batch["input_ids"],
        "attention_mask": batch["attention_mask"],
        "token_type_ids": batch["token_type_ids"],
        "logits": output.logits,
    }
    for layer, hidden in enumerate(output.hidden_states):
        tensors[f"hidden_states.{layer}"] = hidden
    expected = arguments.out / "expected.safetensors"
    save_file({name: t.contiguous() for name, t in tensors.items()}, expected)
    (arguments.out / "texts.json").write_text(
        json.dumps(TEXTS, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print("lengths", lengths.tolist())
    for name, tensor in load_file(expected).items():
        print(f"{name:20} {str(tensor.dtype):14} {list(tensor.shape)}")


if __name__ == "__main__":
    main()
