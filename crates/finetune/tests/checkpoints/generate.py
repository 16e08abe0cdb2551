# pip install torch==2.9.0 transformers==5.23.0
"""Checkpoints with odd config.json files and weights in many forms, read by transformers.

    python generate.py

writes cases.json.gz, byte for byte the same on every run: a list of objects with

    name        what is odd, for messages
    config      config.json
    tensors     [name, shape] of each tensor of the family's
                ...ForSequenceClassification; the values are made by `value`,
                here and in the test
    dtype       F64, F32, F16 or BF16
    layout      single, shards, subdirectory or pickle
    prefix      what stands before all names, in place of the family's if `bare`
    bare        whether the encoder's names lack the family's prefix
    old_norms   whether layer normalization has gamma and beta
    more        names of tensors that the model does not have
    logits      of TEXTS in float32; absent if the checkpoint must be refused
    answers     of the text-classification pipeline: [[label, score], ...] for
                each text, in the order of the outputs; a label is null if the
                file has no name for it
    refused     the key that the error must name

Where transformers does not find the weights under their names, as with a prefix
of another program, the logits are those of the same weights without it.
"""

import gzip
import json
import pathlib
import random
import tempfile

import numpy
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.pipelines.text_classification import TextClassificationPipeline

assert transformers.__version__ == "5.23.0", transformers.__version__
assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
torch.set_num_threads(1)
transformers.logging.set_verbosity_error()

HERE = pathlib.Path(__file__).resolve().parent
# [CLS] and [SEP] are 2 and 3 in the vocabulary of the test.
TEXTS = [[2, 7, 9, 3], [2, 5, 3], [2, 12, 12, 8, 19, 6, 3], [2, 3]]
FAMILIES = ["bert", "distilbert", "roberta", "xlm-roberta", "camembert", "electra", "modernbert"]
DISTILBERT = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
}
MODERNBERT = {"hidden_act": "hidden_activation", "layer_norm_eps": "norm_eps"}
# In the words of transformers 4 and 5.
MODERNBERT_KEYS = [
    {"global_attn_every_n_layers": 2, "local_attention": 2},
    {"global_rope_theta": 50.0, "local_rope_theta": 7.0, "local_attention": 3},
    {"layer_types": ["sliding_attention", "full_attention"], "local_attention": 2},
    {"layer_types": ["sliding_attention"] * 2, "local_attention": 1},
    {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 90.0},
                         "sliding_attention": {"rope_type": "default", "rope_theta": 4.0}}},
    {"norm_bias": True, "attention_bias": True, "mlp_bias": True},
    {"classifier_bias": True, "classifier_activation": "silu", "classifier_pooling": "mean"},
    {"embedding_dropout": 0.1, "mlp_dropout": 0.2, "attention_dropout": 0.3},
]
SIZES = [
    dict(hidden_size=8, num_attention_heads=2, num_hidden_layers=1, intermediate_size=10,
         vocab_size=24, max_position_embeddings=16),
    dict(hidden_size=12, num_attention_heads=3, num_hidden_layers=2, intermediate_size=7,
         vocab_size=31, max_position_embeddings=13),
]
ACTIVATIONS = ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh", "linear"]
LABELS = [
    {},
    {"num_labels": 3},
    {"num_labels": 1},
    {"id2label": {"0": "no", "1": "yes"}, "label2id": {"no": 0, "yes": 1}},
    {"id2label": {"0": "b", "1": "a", "2": "c"}},
    {"id2label": {"0": "LABEL_1", "1": "LABEL_0"}},
    {"id2label": {"0": 3, "1": 1, "2": 2}},
    {"id2label": {"0": None, "1": "yes"}},
    {"id2label": {"0": None, "1": None, "2": None}},
    {"id2label": {"0": "score"}},
    {"id2label": {"0": "a", "1": "b"}, "num_labels": 5},
    {"id2label": {"1": "b", "0": "a"}},
    {"id2label": {str(i): f"LABEL_{i}" for i in range(12)}},
    {"id2label": None, "label2id": None},
]
PROBLEMS = [None, "single_label_classification", "multi_label_classification", "regression"]
# What other programs leave in the file.
MORE_KEYS = [
    {"pruned_heads": {}},
    {"tie_word_embeddings": False},
    {"chunk_size_feed_forward": 1},
    {"output_hidden_states": True, "output_attentions": False},
    {"use_cache": False},
    {"gradient_checkpointing": True},
    {"torch_dtype": "float16"},
    {"dtype": "bfloat16"},
    {"_name_or_path": "/elsewhere", "transformers_version": "4.5.1"},
    {"architectures": ["SomethingElse"]},
    {"architectures": None},
    {"finetuning_task": "mrpc", "task_specific_params": {"mrpc": {}}},
    {"position_embedding_type": "absolute"},
    {"summary_type": "first", "summary_use_proj": True},
    {"classifier_dropout": None},
    {"classifier_dropout": 0.3},
    {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.5},
    {"language": "en", "custom": [1, {"a": None}]},
    {"bos_token_id": 5, "eos_token_id": 6},
    {"initializer_range": 0.5},
]


def value(name, count):
    """Numbers from a name, the same in any language: FNV-1a, then a mixing of the place."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    x = (seed + numpy.arange(count, dtype=numpy.uint64) * 2654435761) % 2**32
    x = (x ^ (x >> numpy.uint64(15))) * numpy.uint64(2246822519) % 2**32
    x = x ^ (x >> numpy.uint64(13))
    x = (x.astype(numpy.float64) / 2**32 - 0.5) * 0.8
    is_norm = "norm" in name.lower() and name.endswith("weight")
    return (1 + x / 2 if is_norm else x).astype(numpy.float32)


def config_of(family, size, **others):
    config = dict(SIZES[size], model_type=family)
    if family == "electra":
        config["embedding_size"] = [8, 5][size]
    if family in ("roberta", "xlm-roberta", "camembert"):
        config["pad_token_id"] = 1
        config["type_vocab_size"] = 1
    if family == "modernbert":
        # Its tokens are those of a larger vocabulary; the rate of its classifier may not be null.
        others = {MODERNBERT.get(key, key): value for key, value in others.items()
                  if not (key == "classifier_dropout" and value is None)}
        config["pad_token_id"] = 0
    if family == "distilbert":
        config = {DISTILBERT.get(key, key): value for key, value in config.items()}
        others = {DISTILBERT.get(key, key): value for key, value in others.items()}
    return config | others


def cases():
    form = dict(dtype="F32", layout="single", prefix="", bare=False, old_norms=False, more=[])
    for family in FAMILIES:
        for labels in LABELS:
            yield f"{family} {labels}", config_of(family, 0, **labels), form
        for problem in PROBLEMS[1:]:
            for labels in [LABELS[3], LABELS[4], LABELS[9], LABELS[0]]:
                if problem == PROBLEMS[1] and labels == LABELS[9]:
                    continue
                config = config_of(family, 0, problem_type=problem, **labels)
                yield f"{family} {problem} {labels}", config, form
        for activation in ACTIVATIONS:
            yield f"{family} {activation}", config_of(family, 1, hidden_act=activation), form
        for keys in MORE_KEYS:
            yield f"{family} {keys}", config_of(family, 0, **keys), form
        for other in [
            {"dtype": "F16"},
            {"dtype": "BF16"},
            {"dtype": "F64"},
            {"layout": "shards"},
            {"layout": "subdirectory"},
            {"layout": "pickle"},
            {"layout": "pickle", "dtype": "F16"},
            {"bare": True},
            {"old_norms": True},
            {"prefix": "module."},
            {"prefix": "_orig_mod."},
            {"prefix": "model.", "layout": "pickle"},
            {"more": ["embeddings.position_ids", "pooler.extra"]},
        ]:
            yield f"{family} {other}", config_of(family, 1, **LABELS[4]), form | other
    for keys in MODERNBERT_KEYS:
        yield f"modernbert {keys}", config_of("modernbert", 1, **keys), form
    # Any of these together.
    chance = random.Random(22)
    for number in range(60):
        family = chance.choice(FAMILIES)
        keys = {"hidden_act": chance.choice(ACTIVATIONS)}
        labels = chance.choice(LABELS)
        problem = chance.choice(PROBLEMS)
        if problem and not (problem == PROBLEMS[1] and len(labels.get("id2label") or "12") == 1):
            if not (problem == PROBLEMS[1] and labels.get("num_labels") == 1):
                keys["problem_type"] = problem
        if family != "distilbert":
            keys["layer_norm_eps"] = chance.choice([1e-12, 1e-5, 1e-3])
            keys["type_vocab_size"] = chance.choice([1, 2, 3])
        for more in chance.sample(MORE_KEYS, 4):
            keys.update(more)
        other = form | {
            "dtype": chance.choice(["F32", "F16", "BF16", "F64"]),
            "layout": chance.choice(["single", "shards", "subdirectory", "pickle"]),
            "bare": chance.random() < 0.3,
            "old_norms": chance.random() < 0.3,
        }
        config = config_of(family, chance.randrange(2), **(keys | labels))
        yield f"mixed {number} {family}", config, other


REFUSED = [
    ("model_type", {"model_type": None}),
    ("model_type", {"model_type": "t5"}),
    ("hidden_size", {"hidden_size": None}),
    ("vocab_size", {"vocab_size": "many"}),
    ("num_attention_heads", {"num_attention_heads": 3}),
    ("hidden_act", {"hidden_act": "mine"}),
    ("is_decoder", {"is_decoder": True}),
    ("add_cross_attention", {"add_cross_attention": True}),
    ("position_embedding_type", {"position_embedding_type": "relative_key"}),
    ("pruned_heads", {"pruned_heads": {"0": [1]}}),
    ("quantization_config", {"quantization_config": {"quant_method": "gptq", "bits": 4}}),
    ("id2label", {"id2label": {"1": "a", "2": "b"}}),
    ("id2label", {"id2label": ["a", "b"]}),
    ("problem_type", {"problem_type": "ranking"}),
    ("class_names", {"id2label": {"0": "a", "1": "a"}}),
]
REFUSED_MODERNBERT = [
    ("hidden_activation", {"hidden_activation": "mine"}),
    ("hidden_size", {"num_attention_heads": 8}),
    ("layer_types", {"layer_types": ["chunked_attention"]}),
    ("layer_types", {"layer_types": ["full_attention"] * 3}),
    ("local_attention", {"local_attention": 0}),
    ("global_attn_every_n_layers", {"global_attn_every_n_layers": 0}),
    ("rope_scaling", {"rope_scaling": {"rope_type": "longrope", "factor": 2.0}}),
    ("rope_parameters", {"rope_parameters": {"full_attention": {"rope_type": "yarn"}}}),
    ("classifier_pooling", {"classifier_pooling": "max"}),
]


def read(config, form):
    """What transformers makes of a checkpoint in this form, or in the plainest if it does not
    find all tensors in it."""
    config = {key: value for key, value in config.items()}
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        (directory / "config.json").write_text(json.dumps(config))
        made = AutoModelForSequenceClassification.from_config(
            AutoConfig.from_pretrained(directory), attn_implementation="eager", dtype=torch.float32
        )
        state = made.state_dict()
        tensors = [[name, list(tensor.shape)] for name, tensor in state.items()
                   if not name.endswith(("position_ids", "token_type_ids"))]
        dtype = {"F16": torch.float16, "BF16": torch.bfloat16}.get(form["dtype"], torch.float32)
        weights = {}
        for name, shape in tensors:
            count = int(numpy.prod(shape))
            weights[name] = torch.from_numpy(value(name, count)).reshape(shape).to(dtype)
        save_file(weights, directory / "model.safetensors", {"format": "pt"})
        model, info = AutoModelForSequenceClassification.from_pretrained(
            directory, attn_implementation="eager", dtype=torch.float32, output_loading_info=True
        )
        assert not info["missing_keys"] and not info["mismatched_keys"], info
        model.eval()
        pipe = object.__new__(TextClassificationPipeline)
        pipe.model = model
        logits, answers = [], []
        with torch.no_grad():
            for text in TEXTS:
                output = model(input_ids=torch.tensor([text]), return_dict=True).logits
                logits.append([round(float(x), 7) for x in output[0]])
                scores = pipe.postprocess({"logits": output}, top_k=None, _legacy=False)
                names = model.config.id2label
                by_name = {}
                for row in scores:
                    by_name.setdefault(str(row["label"]), []).append(row["score"])
                answer = []
                for index in range(output.shape[1]):
                    label = names[index]
                    if label is None:
                        # Without names, scores are told apart by the order of the logits alone.
                        score = apply(model.config, output[0])[index]
                    else:
                        score = by_name[str(label)][0]
                    answer.append([None if label is None else str(label), round(float(score), 7)])
                answers.append(answer)
    return tensors, logits, answers


def apply(config, logits):
    if config.problem_type == "regression":
        return logits
    if config.problem_type == "multi_label_classification" or config.num_labels == 1:
        return torch.sigmoid(logits)
    return torch.softmax(logits, 0)


def main():
    made = []
    for name, config, form in cases():
        tensors, logits, answers = read(config, form)
        made.append(dict(name=name, config=config, tensors=tensors, **form,
                         logits=logits, answers=answers))
    plain = dict(dtype="F32", layout="single", prefix="", bare=False, old_norms=False, more=[])
    for family, refused in [("bert", REFUSED), ("modernbert", REFUSED_MODERNBERT)]:
        tensors, _, _ = read(config_of(family, 0), plain)
        for key, change in refused:
            config = config_of(family, 0) | change
            config = {name: value for name, value in config.items() if value is not None}
            made.append(dict(name=f"refused {change}", config=config, tensors=tensors, **plain,
                             refused=key))
    text = json.dumps(made, separators=(",", ":"), sort_keys=True)
    with open(HERE / "cases.json.gz", "wb") as file:
        with gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
            packed.write(text.encode())
    print(len(made), "cases,", (HERE / "cases.json.gz").stat().st_size, "bytes")


main()
