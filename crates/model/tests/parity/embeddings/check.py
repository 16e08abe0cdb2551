# pip install torch==2.9.0 transformers==5.23.0 sentence-transformers==6.2.0 safetensors==0.8.0
"""Loads the models that this project saved, and compares their embeddings with those of the models
they were made from.

    python check.py FOLDER
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

HERE = Path(__file__).resolve().parent


def main():
    expected = load_file(HERE / "expected.safetensors")
    features = {name: expected[name] for name in ["input_ids", "token_type_ids", "attention_mask"]}
    folders = sorted(path for path in Path(sys.argv[1]).iterdir())
    for folder in folders:
        model = SentenceTransformer(str(folder), device="cpu")
        assert model.max_seq_length == 9, model.max_seq_length
        assert model.similarity_fn_name == "cosine", model.similarity_fn_name
        with torch.no_grad():
            found = model(dict(features))["sentence_embedding"]
        error = (found - expected[f"{folder.name}.embeddings"]).abs().max().item()
        assert error < 1e-5, f"{folder.name}: {error}"
        # Of texts, with the tokenizer.
        texts = ["rain and wind", "the sun is warm"]
        ours, theirs = model.encode(texts), SentenceTransformer(str(HERE / folder.name), device="cpu").encode(texts)
        assert abs(ours - theirs).max() < 1e-6, folder.name
    print(f"{len(folders)} models load")


main()
