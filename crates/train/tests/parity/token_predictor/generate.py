# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""What transformers' token classification pipeline finds in texts.

    python generate.py

writes, beside this file and byte for byte the same on every run with the versions above (CPU, one
thread):

checkpoint/      a tiny BertForTokenClassification of two types with its tokenizer
expected.json    the texts, and for each aggregation strategy the entities of each: group, score,
                 first character and character after the last

The weights are drawn wide, so that the answers differ from word to word.
"""

import json
import shutil
from pathlib import Path

import torch
import transformers
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertConfig,
    BertForTokenClassification,
    pipeline,
)

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__

HERE = Path(__file__).resolve().parent
CHECKPOINT = HERE / "checkpoint"
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "the ann bob os ##lo ##ia ##s li ##ma saw left and , . ' s in".split()

TEXTS = [
    "Ann left Oslo.",
    "Bob's Lima, and the Limas saw Anns in Oslo, Oslia and Lima",
    "",
    "ANN  saw\tBob\nin the Oslo and left Ann and Bob, and the Lia.",
    "Nobody saw Zoë.",
    "and the Ann's bob left Lima's Limas, the Oslos saw in and Li",
    "Oslo, Ann, Lima, Bob, Olia and Anns left the",
]


def write_checkpoint():
    shutil.rmtree(CHECKPOINT, ignore_errors=True)
    CHECKPOINT.mkdir()
    (CHECKPOINT / "vocab.txt").write_text("\n".join(SPECIAL + WORDS) + "\n")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64}
    (CHECKPOINT / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    config = BertConfig(
        vocab_size=len(SPECIAL + WORDS),
        hidden_size=16,
        num_attention_heads=2,
        num_hidden_layers=2,
        intermediate_size=24,
        max_position_embeddings=64,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    model = BertForTokenClassification(config)
    generator = torch.Generator().manual_seed(31)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            # Above all a word decides on its own tag.
            scale = 1.0 if "word_embeddings" in name or name == "classifier.weight" else 0.1
            parameter.copy_(1.0 + 0.1 * noise if "LayerNorm.weight" in name else scale * noise)
    model.save_pretrained(CHECKPOINT)


def main():
    torch.set_num_threads(1)
    write_checkpoint()
    model = AutoModelForTokenClassification.from_pretrained(CHECKPOINT).double().eval()
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
    expected = {"texts": TEXTS}
    for strategy in ["first", "average", "max"]:
        tagger = pipeline(
            "token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=strategy
        )
        found = [tagger(text) if text else [] for text in TEXTS]
        keys = ["entity_group", "score", "start", "end"]
        expected[strategy] = [
            [[entity[keys[0]], float(entity["score"]), entity["start"], entity["end"]] for entity in row]
            for row in found
        ]
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
