# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""A tiny random BERT classifier, run by transformers.

    python generate.py

writes, beside this file and byte for byte the same on every run with the
versions above (CPU, float32, one thread, eager attention):

checkpoint/            BertForSequenceClassification as transformers saves it:
                       config.json and model.safetensors (`bert.*`,
                       `classifier.*`). 2 layers, hidden 32, 4 heads, 3 labels.
encoder_checkpoint/    the same encoder saved as a bare BertModel: no `bert.`
                       prefix, pooler included, no classifier.
old_names_checkpoint/  the same encoder in the dress of an old ForPreTraining
                       file: `bert.` prefix, `LayerNorm.gamma` / `.beta`, the
                       int64 buffer `bert.embeddings.position_ids`, and the
                       leftovers `cls.predictions.*`, `cls.seq_relationship.*`
                       that a classifier must ignore. No classifier.
expected.safetensors   inputs and results of `checkpoint/`, B = 5, S = 17, D = 32:

    input_ids, token_type_ids, attention_mask   int64 [B, S]; rows of 17, 3, 9,
                                                12 and 5 tokens, padded right
                                                with 0; real ids are never 0
    labels                                      int64 [B]
    hidden_states.0                             [B, S, D] embeddings, normed
    hidden_states.1, .2                         [B, S, D] after each layer
    pooler_output                               [B, D]
    logits                                      [B, 3]

Everything is in eval mode: no dropout. Padded positions of the hidden states
hold what transformers computes there (they attend to the real tokens, with
position ids going on); nothing of them reaches the logits. Gradients are
compared by families/ and, of adapters on this model, by lora/.
"""

import json
import shutil
from pathlib import Path

import safetensors
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification, BertModel

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

HERE = Path(__file__).resolve().parent
LENGTHS = [17, 3, 9, 12, 5]


def draw_parameters(model, generator):
    """Draws every parameter: none is left at zero, one or a tiny default."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("LayerNorm.weight"):
                parameter.copy_(1.0 + 0.2 * noise)
            elif name.endswith("bias"):
                parameter.copy_(0.2 * noise)
            elif "embeddings" in name:
                parameter.copy_(0.5 * noise)
            elif name == "classifier.weight":
                parameter.copy_(0.4 * noise)
            else:
                parameter.copy_(0.25 * noise)


def draw_batch(config, generator):
    rows, width = len(LENGTHS), max(LENGTHS)
    input_ids = torch.zeros(rows, width, dtype=torch.int64)
    token_type_ids = torch.zeros_like(input_ids)
    attention_mask = torch.zeros_like(input_ids)
    for row, length in enumerate(LENGTHS):
        input_ids[row, :length] = torch.randint(
            1, config.vocab_size, (length,), generator=generator
        )
        attention_mask[row, :length] = 1
        if row % 2 == 0:  # a second segment in every other row
            token_type_ids[row, length // 2 : length] = 1
    labels = torch.tensor([2, 0, 1, 1, 2])
    return input_ids, token_type_ids, attention_mask, labels


def old_names(model, generator):
    """The encoder's tensors under the names of an old ForPreTraining file."""
    config = model.config
    tensors = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor.detach().clone()
        for name, tensor in model.named_parameters()
        if name.startswith("bert.")
    }
    tensors["bert.embeddings.position_ids"] = torch.arange(
        config.max_position_embeddings
    ).unsqueeze(0)
    hidden = config.hidden_size
    for name, shape in {
        "cls.predictions.bias": [config.vocab_size],
        "cls.predictions.transform.LayerNorm.gamma": [hidden],
        "cls.predictions.transform.LayerNorm.beta": [hidden],
        "cls.seq_relationship.weight": [2, hidden],
        "cls.seq_relationship.bias": [2],
    }.items():
        tensors[name] = 0.2 * torch.randn(shape, generator=generator)
    return tensors


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(20260)
    config = BertConfig(
        vocab_size=99,
        hidden_size=32,
        num_attention_heads=4,
        num_hidden_layers=2,
        intermediate_size=64,
        max_position_embeddings=40,
        type_vocab_size=2,
        hidden_act="gelu",
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        id2label={0: "World", 1: "Sports", 2: "Business"},
        label2id={"World": 0, "Sports": 1, "Business": 2},
    )
    model = BertForSequenceClassification._from_config(
        config, attn_implementation="eager"
    ).eval()
    draw_parameters(model, generator)

    for name in ["checkpoint", "encoder_checkpoint", "old_names_checkpoint"]:
        shutil.rmtree(HERE / name, ignore_errors=True)
    model.save_pretrained(HERE / "checkpoint")
    encoder = BertModel._from_config(config, attn_implementation="eager").eval()
    encoder.load_state_dict(model.bert.state_dict())
    encoder.save_pretrained(HERE / "encoder_checkpoint")
    old = HERE / "old_names_checkpoint"
    old.mkdir()
    settings = json.loads((HERE / "checkpoint" / "config.json").read_text())
    settings["architectures"] = ["BertForPreTraining"]
    for key in ["id2label", "label2id"]:
        settings.pop(key, None)
    (old / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
    save_file(
        old_names(model, generator), old / "model.safetensors", metadata={"format": "pt"}
    )

    # What is compared is what a reader of the saved files gets.
    model = BertForSequenceClassification.from_pretrained(
        HERE / "checkpoint", attn_implementation="eager", dtype=torch.float32
    ).eval()
    input_ids, token_type_ids, attention_mask, labels = draw_batch(config, generator)
    pooled = []
    hook = model.bert.pooler.register_forward_hook(lambda _m, _i, out: pooled.append(out))
    output = model(
        input_ids=input_ids,
        token_type_ids=token_type_ids,
        attention_mask=attention_mask,
        output_hidden_states=True,
    )
    hook.remove()

    tensors = {
        "input_ids": input_ids,
        "token_type_ids": token_type_ids,
        "attention_mask": attention_mask,
        "labels": labels,
        "pooler_output": pooled[0],
        "logits": output.logits,
    }
    for layer, hidden in enumerate(output.hidden_states):
        tensors[f"hidden_states.{layer}"] = hidden
    tensors = {name: t.detach().clone().contiguous() for name, t in tensors.items()}

    check(model, tensors)
    save_file(tensors, HERE / "expected.safetensors")
    for name, tensor in load_file(HERE / "expected.safetensors").items():
        print(f"{name:70} {str(tensor.dtype):14} {list(tensor.shape)}")


def check(model, tensors):
    """That the case is one which a wrong implementation would fail."""
    logits = tensors["logits"]
    assert len([n for n in tensors if n.startswith("hidden_states.")]) == 3
    assert logits.std(dim=0).min() > 0.1, "rows must differ"
    assert torch.cdist(logits, logits).add(torch.eye(5)).min() > 0.1, "rows must differ"
    assert (logits.max(1).values - logits.min(1).values).min() > 0.1, "classes must differ"
    for name, parameter in model.named_parameters():
        assert parameter.std() > 0.05, f"{name} is trivial"
    assert tensors["token_type_ids"].sum() > 0

    # All three checkpoints hold the same encoder.
    batch = {
        name: tensors[name] for name in ["input_ids", "token_type_ids", "attention_mask"]
    }
    for name in ["checkpoint", "encoder_checkpoint", "old_names_checkpoint"]:
        other = BertModel.from_pretrained(HERE / name, attn_implementation="eager").eval()
        with torch.no_grad():
            output = other(**batch)
        assert torch.equal(output.last_hidden_state, tensors["hidden_states.2"]), name
        assert torch.equal(output.pooler_output, tensors["pooler_output"]), name


if __name__ == "__main__":
    main()
