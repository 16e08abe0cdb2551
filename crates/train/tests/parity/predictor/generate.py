# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""What transformers' text classification pipeline says of texts and of pairs.

    python generate.py

writes, beside this file and byte for byte the same on every run with the
versions above (CPU, one thread):

checkpoint/      a tiny BertForSequenceClassification of three labels with its
                 tokenizer; rows of at most 12 tokens
expected.json    inputs: texts, and pairs of texts; longer ones are cut
                 one_right, any_right: label and probability of every label, the
                 likeliest first, where one label is right and where any number
                 may be; scores: the outputs in their order, as numbers

The weights are drawn wide, so that the answers differ from text to text.
"""

import json
import shutil
from pathlib import Path

import torch
import transformers
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    pipeline,
)

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__

HERE = Path(__file__).resolve().parent
CHECKPOINT = HERE / "checkpoint"
LABELS = ["calm", "storm", "other"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "the wind rain and sun blew fell shone all day long on sea ##s ##ny , .".split()
LENGTH = 12

TEXTS = [
    "The wind blew all day long.",
    "Sunny.",
    "",
    "the rain fell and the wind blew and the sun shone on the seas all day long",
    "unknown words",
]
PAIRS = [
    ["The sun shone", "all day long."],
    ["", "Rain."],
    ["the wind blew and blew and blew all day", "the rain fell on the sea and on the sea"],
]


def write_checkpoint():
    shutil.rmtree(CHECKPOINT, ignore_errors=True)
    CHECKPOINT.mkdir()
    (CHECKPOINT / "vocab.txt").write_text("\n".join(SPECIAL + WORDS) + "\n")
    (CHECKPOINT / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "model_max_length": LENGTH}) + "\n"
    )
    config = BertConfig(
        vocab_size=len(SPECIAL + WORDS),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    model = BertForSequenceClassification(config)
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("weight") and "LayerNorm" not in name:
                parameter.copy_(0.8 * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(CHECKPOINT)


def main():
    torch.set_num_threads(1)
    write_checkpoint()
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
    model = AutoModelForSequenceClassification.from_pretrained(CHECKPOINT).double()
    ask = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    inputs = [*TEXTS, *({"text": first, "text_pair": second} for first, second in PAIRS)]

    def answers(function):
        said = [
            ask(one, function_to_apply=function, top_k=None, truncation=True) for one in inputs
        ]
        return [[[label["label"], label["score"]] for label in one] for one in said]

    scores = [
        [dict(map(tuple, one))[label] for label in LABELS] for one in answers("none")
    ]
    expected = {
        "texts": TEXTS,
        "pairs": PAIRS,
        "one_right": answers("softmax"),
        "any_right": answers("sigmoid"),
        "scores": scores,
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
