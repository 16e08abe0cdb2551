# pip install torch==2.9.0 transformers==5.23.0 sentence-transformers==6.2.0 safetensors==0.8.0
"""Tiny random embedding models, run and differentiated by sentence-transformers.

    python generate.py

writes, beside this file (CPU, one thread, float64 rounded to float32, no dropout):

mean, cls, max/        models as sentence-transformers saves them: mean pooling with
                       normalization; first token with a dense layer and tanh; maximum
                       with a dense layer without bias or activation, and normalization
weighted, last/        models in the layout of versions 0.4 and 2: weighted mean with a dense
                       layer and GELU; last token with a dense layer and ReLU
sqrt/                  as saved now: sum by the root of the length, a dense layer and sigmoid
expected.safetensors   inputs and results, B = 3, S = 7:

    input_ids, token_type_ids,   int64 [B, S]; rows of 7, 3 and 5 tokens, padded right
    attention_mask
    weights                      [B, 16]; of which dense layers of width 6 use the first 6
    <case>.embeddings            [B, W]
    <case>.grad.<parameter>      gradient of (embeddings * weights).sum()
"""

import json
import shutil
import tempfile
from pathlib import Path

import safetensors
import sentence_transformers
import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import BertConfig, BertModel, BertTokenizerFast

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__
assert sentence_transformers.__version__ == "6.2.0", sentence_transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

HERE = Path(__file__).resolve().parent
LENGTHS = [7, 3, 5]
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] a in is of on the and rain sun wind warm cold".split()
# Parameters whose gradients are written.
SELECTED = ["word_embeddings", "layer.1.output.dense", "linear"]
# What a directory does not need to be loaded.
LEFT_OUT = ["README.md"]


def encoder(directory, generator):
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=12,
    )
    model = BertModel(config, add_pooling_layer=False)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            one = "norm" in name.lower() and name.endswith("weight")
            parameter.copy_(noise * 0.3 + (1.0 if one else 0.0))
    model.save_pretrained(directory)
    (directory / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    BertTokenizerFast(vocab=str(directory / "vocab.txt"), model_max_length=12).save_pretrained(directory)


def draw(dense, generator):
    with torch.no_grad():
        for parameter in dense.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    return dense


def older(directory, with_settings):
    """Gives a directory the layout of version 2, or without settings that of version 0.4."""
    encoder = directory / "0_Transformer"
    encoder.mkdir()
    for path in directory.iterdir():
        if path.is_file() and not path.name.startswith(("modules", "config_sentence")):
            path.rename(encoder / path.name)
    modules = json.loads((directory / "modules.json").read_text())
    for module, path in zip(modules, ["0_Transformer", "1_Pooling", "2_Dense"]):
        module["path"] = path
        module["type"] = "sentence_transformers.models." + path[2:]
    (directory / "modules.json").write_text(json.dumps(modules, indent=2))
    settings = {"max_seq_length": 9, "do_lower_case": not with_settings}
    (encoder / "sentence_bert_config.json").write_text(json.dumps(settings))
    pooling = json.loads((directory / "1_Pooling" / "config.json").read_text())
    names = {
        "mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens",
        "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    }
    names |= {"weightedmean": "weightedmean_tokens", "lasttoken": "lasttoken"}
    modes = {f"pooling_mode_{old}": name == pooling["pooling_mode"] for name, old in names.items()}
    old = {"word_embedding_dimension": 16} | modes
    (directory / "1_Pooling" / "config.json").write_text(json.dumps(old, indent=2))
    dense = json.loads((directory / "2_Dense" / "config.json").read_text())
    kept = {key: dense[key] for key in ["in_features", "out_features", "bias", "activation_function"]}
    (directory / "2_Dense" / "config.json").write_text(json.dumps(kept))
    settings = directory / "config_sentence_transformers.json"
    settings.unlink()
    if with_settings:
        content = {
            "__version__": {"sentence_transformers": "2.2.2", "transformers": "4.20.1", "pytorch": "1.11.0"},
            "prompts": {"query": "query: "},
            "default_prompt_name": "query",
            "similarity_fn_name": "dot",
        }
        settings.write_text(json.dumps(content, indent=2))


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(5, len(WORDS), (len(LENGTHS), max(LENGTHS)), generator=generator)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        ids[row, 0], ids[row, length - 1], ids[row, length:], mask[row, :length] = 2, 3, 0, 1
    weights = torch.randn(len(LENGTHS), 16, generator=generator)
    types = torch.zeros_like(ids)
    results = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask, "weights": weights}
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        encoder(directory, generator)
        cases = {
            "mean": [Pooling(16, "mean"), Normalize()],
            "cls": [Pooling(16, "cls"), draw(Dense(16, 6), generator)],
            "max": [
                Pooling(16, "max"),
                draw(Dense(16, 6, bias=False, activation_function=torch.nn.Identity()), generator),
                Normalize(),
            ],
            "weighted": [
                Pooling(16, "weightedmean"),
                draw(Dense(16, 6, activation_function=torch.nn.GELU()), generator),
            ],
            "last": [
                Pooling(16, "lasttoken"),
                draw(Dense(16, 6, bias=False, activation_function=torch.nn.ReLU()), generator),
            ],
            "sqrt": [
                Pooling(16, "mean_sqrt_len_tokens"),
                draw(Dense(16, 6, activation_function=torch.nn.Sigmoid()), generator),
            ],
        }
        for name, modules in cases.items():
            model = SentenceTransformer(modules=[Transformer(str(directory)), *modules], device="cpu")
            shutil.rmtree(HERE / name, ignore_errors=True)
            model.save(str(HERE / name), create_model_card=False)
            for left_out in LEFT_OUT:
                (HERE / name / left_out).unlink(missing_ok=True)
            if name in ["weighted", "last"]:
                older(HERE / name, with_settings=name == "last")
                model = SentenceTransformer(str(HERE / name), device="cpu")
            model = model.double().eval()
            features = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
            found = model(features)["sentence_embedding"]
            results[f"{name}.embeddings"] = found.detach().float()
            (found * weights[:, : found.shape[1]].double()).sum().backward()
            for path, parameter in model.named_parameters():
                for module, field in [("0.model.", ""), ("2.linear.", "dense.linear.")]:
                    if path.startswith(module) and any(part in path for part in SELECTED):
                        path = field + path.removeprefix(module)
                        results[f"{name}.grad.{path}"] = parameter.grad.float()
    save_file({name: tensor.contiguous() for name, tensor in results.items()}, HERE / "expected.safetensors")
    print(sorted(results))


main()
