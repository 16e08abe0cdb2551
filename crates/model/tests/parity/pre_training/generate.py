# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""A tiny random BERT with both heads of its pre-training, run and differentiated
by transformers.

    python generate.py

writes, beside this file and byte for byte the same on every run with the
versions above (CPU, one thread, eager attention, everything computed in float64
and then rounded to float32; eval mode, no dropout):

checkpoint/            BertForPreTraining as transformers saves it: config.json
                       and model.safetensors (`bert.*` with the pooler,
                       `cls.predictions.*`, `cls.seq_relationship.*`)
expected.safetensors   inputs and results, B = 4, S = 11:

    input_ids, token_type_ids,      int64 [B, S]; rows of 11, 5, 7 and 4 tokens,
    attention_mask                  padded right; two segments each
    masked_lm.positions             int64 [M]; slots of the flattened batch
    masked_lm.labels                int64 [M]
    masked_lm.logits                [M, V]; at those slots
    masked_lm.loss                  [] mean cross entropy
    next_sentence.labels            int64 [B]; 0 is next, 1 is not
    next_sentence.logits            [B, 2]
    next_sentence.loss              [] mean cross entropy
    both.loss                       [] their sum, as transformers returns it
    both.grad.<parameter>           d both.loss / d parameter, every parameter;
                                    the word embeddings have that of both uses
"""

import shutil
from pathlib import Path

import safetensors
import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForNextSentencePrediction,
    AutoModelForPreTraining,
    BertConfig,
    BertForPreTraining,
)

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

HERE = Path(__file__).resolve().parent
LENGTHS = [11, 5, 7, 4]
SECOND_SEGMENTS = [6, 2, 5, 3]


def draw_parameters(model, generator):
    """Draws every parameter: none is left at zero, one or a tiny default."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.copy_(1.0 + 0.2 * noise)
            elif name.endswith("bias"):
                parameter.copy_(0.2 * noise)
            elif "embeddings" in name:
                parameter.copy_(0.5 * noise)
            else:
                parameter.copy_(noise * 1.4 / parameter.shape[-1] ** 0.5)


def draw_batch(config, generator):
    shape = (len(LENGTHS), max(LENGTHS))
    place = torch.arange(shape[1]).expand(shape)
    real = (place < torch.tensor(LENGTHS)[:, None]).long()
    types = (place >= torch.tensor(SECOND_SEGMENTS)[:, None]).long() * real
    ids = torch.randint(4, config.vocab_size, shape, generator=generator)
    return {
        "input_ids": torch.where(real == 1, ids, config.pad_token_id),
        "token_type_ids": types,
        "attention_mask": real,
    }


def differentiate(model, loss):
    loss.backward()
    gradients = {}
    for name, parameter in model.named_parameters():
        # A key's bias moves all scores of a query alike: softmax cancels it.
        if "key.bias" not in name:
            assert parameter.grad.abs().max() > 1e-5, f"gradient of {name} is trivial"
        gradients[f"both.grad.{name}"] = parameter.grad
    return gradients


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(20271)
    config = BertConfig(
        vocab_size=23,
        hidden_size=12,
        num_attention_heads=2,
        num_hidden_layers=2,
        intermediate_size=10,
        max_position_embeddings=19,
        type_vocab_size=2,
    )
    model = BertForPreTraining._from_config(config, attn_implementation="eager").eval()
    draw_parameters(model, generator)
    shutil.rmtree(HERE / "checkpoint", ignore_errors=True)
    model.save_pretrained(HERE / "checkpoint")
    for auto in [
        AutoModel,
        AutoModelForMaskedLM,
        AutoModelForNextSentencePrediction,
        AutoModelForPreTraining,
    ]:
        _, loading = auto.from_pretrained(HERE / "checkpoint", output_loading_info=True)
        assert not loading["missing_keys"], (auto, loading)

    model.double()
    batch = draw_batch(config, generator)
    slots = torch.tensor([1, 5, 10, 12, 15, 25, 28, 35])
    assert batch["attention_mask"].reshape(-1)[slots].all()
    words = torch.randint(4, config.vocab_size, slots.shape, generator=generator)
    every = torch.full_like(batch["input_ids"], -100).reshape(-1)
    every[slots] = words
    every = every.reshape(batch["input_ids"].shape)
    labels = torch.tensor([0, 1, 1, 0])
    output = model(**batch, labels=every, next_sentence_label=labels)
    predictions = output.prediction_logits.reshape(-1, config.vocab_size)[slots]
    relations = output.seq_relationship_logits
    masked_lm_loss = torch.nn.functional.cross_entropy(predictions, words)
    next_sentence_loss = torch.nn.functional.cross_entropy(relations, labels)
    assert torch.allclose(output.loss, masked_lm_loss + next_sentence_loss)
    expected = batch | {
        "masked_lm.positions": slots,
        "masked_lm.labels": words,
        "masked_lm.logits": predictions,
        "masked_lm.loss": masked_lm_loss,
        "next_sentence.labels": labels,
        "next_sentence.logits": relations,
        "next_sentence.loss": next_sentence_loss,
        "both.loss": output.loss,
    }
    expected |= differentiate(model, output.loss)
    expected = {
        key: tensor.detach().float() if tensor.is_floating_point() else tensor.detach()
        for key, tensor in expected.items()
    }
    expected = {key: tensor.clone().contiguous() for key, tensor in expected.items()}
    save_file(expected, HERE / "expected.safetensors")


if __name__ == "__main__":
    main()
