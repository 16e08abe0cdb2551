# pip install torch==2.9.0 transformers==5.23.0 sentence-transformers==6.2.0 safetensors==0.8.0
"""Scores of pairs by tiny random cross-encoders of sentence-transformers.

    python generate.py

writes, beside this file (CPU, one thread, no dropout):

checkpoint/     a BERT with one label as sentence-transformers saves it, with a sigmoid
expected.json   `pairs`, their `logits` and their `probabilities` after the sigmoid
"""

import json
import shutil
import tempfile
from pathlib import Path

import sentence_transformers
import torch
from sentence_transformers import CrossEncoder
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert sentence_transformers.__version__ == "6.2.0", sentence_transformers.__version__

HERE = Path(__file__).resolve().parent
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] a in is of on the and rain sun wind warm cold where".split()
PAIRS = [
    ["where is the sun", "the sun is in the warm wind"],
    ["rain", "a cold and warm sun"],
    ["is the wind cold", "rain and wind"],
    ["the rain of the sun is on and on and on and on", "where is the rain and where is the wind"],
]


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(9)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=20, num_labels=1,
    )
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            one = "norm" in name.lower() and name.endswith("weight")
            parameter.copy_(noise * 0.4 + (1.0 if one else 0.0))
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        model.save_pretrained(directory)
        (directory / "vocab.txt").write_text("\n".join(WORDS) + "\n")
        BertTokenizerFast(vocab=str(directory / "vocab.txt"), model_max_length=20).save_pretrained(directory)
        encoder = CrossEncoder(str(directory), device="cpu")
    shutil.rmtree(HERE / "checkpoint", ignore_errors=True)
    encoder.save_pretrained(str(HERE / "checkpoint"), create_model_card=False)
    probabilities = encoder.predict(PAIRS)
    logits = encoder.predict(PAIRS, activation_fn=torch.nn.Identity())
    content = {"pairs": PAIRS, "logits": logits.tolist(), "probabilities": probabilities.tolist()}
    (HERE / "expected.json").write_text(json.dumps(content, indent=1) + "\n")
    print(content)


main()
