# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""One tiny random BERT in every layout that weights come in.

    python generate.py

writes, beside this file, a folder with `config.json` and weights for each of

single_f32, single_f16,     model.safetensors of BertForSequenceClassification
single_bf16                 in the three element types
sharded                     a bare BertModel as transformers shards it:
                            model.safetensors.index.json and its shards
bin                         pytorch_model.bin of BertForMaskedLM: the decoder
                            shares the storage of the word embeddings, and the
                            state dict carries `_metadata`
bin_f16                     pytorch_model.bin in a 16-bit element type
bin_old                     what PyTorch wrote before 1.6 (a stream of pickles,
                            no zip), under the names of that time: `bert.`,
                            `LayerNorm.gamma` / `.beta`, `cls.*`, and the
                            buffer `bert.embeddings.position_ids`
bin_views_bf16              every tensor a view: matrices transposed, vectors
                            every second element of a larger storage
sharded_bin                 pytorch_model.bin.index.json and its shards

and expected.safetensors with `<f32|f16|bf16>.<name>` for every tensor of the
encoder, in float32: what torch makes of it as stored in that element type.

With the versions above every run writes the same bytes, but for bin_old: PyTorch
named storages by their address in memory then. Its tensors are the same.
"""

import json
import shutil
from copy import deepcopy
from pathlib import Path

import safetensors
import torch
import transformers
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
)

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

HERE = Path(__file__).resolve().parent
ELEMENT_TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
SHARD_BYTES = 2000
CONFIG = BertConfig(
    vocab_size=20,
    hidden_size=8,
    num_attention_heads=2,
    num_hidden_layers=1,
    intermediate_size=12,
    max_position_embeddings=10,
    type_vocab_size=2,
)


def folder(name):
    path = HERE / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    CONFIG.save_pretrained(path)
    return path


def draw_encoder(generator):
    model = BertModel._from_config(deepcopy(CONFIG), attn_implementation="eager")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
        # Subnormal in 16 bits, and the largest that they hold.
        model.pooler.dense.bias[0] = 3e-6
        model.embeddings.word_embeddings.weight[0, 0] = 65504.0
        model.embeddings.word_embeddings.weight[0, 1] = -5e-8
    return model


def within(head, encoder, element_type=torch.float32):
    """A model with a head around the encoder."""
    # A copy: saving a model writes its element type into its configuration.
    model = head._from_config(deepcopy(CONFIG), attn_implementation="eager")
    assert model.dtype == torch.float32
    model.bert.load_state_dict(encoder.state_dict(), strict=False)
    return model.to(element_type)


def old_names(encoder):
    tensors = {"bert.embeddings.position_ids": torch.arange(10).unsqueeze(0)}
    for name, tensor in encoder.state_dict().items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        name = name.replace("LayerNorm.bias", "LayerNorm.beta")
        tensors[f"bert.{name}"] = tensor
    tensors["cls.predictions.bias"] = torch.zeros(CONFIG.vocab_size)
    tensors["cls.seq_relationship.weight"] = torch.zeros(2, CONFIG.hidden_size)
    return tensors


def view(tensor):
    """The same values, not contiguous in memory."""
    if tensor.dim() == 2:
        return tensor.t().contiguous().t()
    storage = torch.zeros(2 * len(tensor) + 1, dtype=tensor.dtype)
    storage[1::2] = tensor
    return storage[1::2]


def save_sharded_bin(path, tensors):
    plan = split_torch_state_dict_into_shards(
        tensors, filename_pattern="pytorch_model{suffix}.bin", max_shard_size=SHARD_BYTES
    )
    assert plan.is_sharded
    for file, names in plan.filename_to_tensors.items():
        torch.save({name: tensors[name].clone() for name in names}, path / file)
    index = {"metadata": plan.metadata, "weight_map": plan.tensor_to_filename}
    (path / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2) + "\n")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    encoder = draw_encoder(torch.Generator().manual_seed(20261))

    for name, element_type in ELEMENT_TYPES.items():
        path = folder(f"single_{name}")
        within(BertForSequenceClassification, encoder, element_type).save_pretrained(path)
    encoder.save_pretrained(folder("sharded"), max_shard_size=SHARD_BYTES)
    torch.save(within(BertForMaskedLM, encoder).state_dict(), folder("bin") / "pytorch_model.bin")
    model = within(BertForSequenceClassification, encoder, torch.float16)
    torch.save(model.state_dict(), folder("bin_f16") / "pytorch_model.bin")
    torch.save(
        old_names(encoder),
        folder("bin_old") / "pytorch_model.bin",
        _use_new_zipfile_serialization=False,
    )
    views = {
        name: view(tensor.to(torch.bfloat16)) for name, tensor in encoder.state_dict().items()
    }
    assert not any(tensor.is_contiguous() for tensor in views.values())
    torch.save(views, folder("bin_views_bf16") / "pytorch_model.bin")
    save_sharded_bin(folder("sharded_bin"), encoder.state_dict())

    expected = {
        f"{name}.{tensor}": values.to(element_type).to(torch.float32).contiguous()
        for name, element_type in ELEMENT_TYPES.items()
        for tensor, values in encoder.state_dict().items()
    }
    assert all(tensor.isfinite().all() for tensor in expected.values())
    save_file(expected, HERE / "expected.safetensors")

    # The safetensors among them are what transformers itself reads.
    for name in ["single_f32", "sharded"]:
        again = BertModel.from_pretrained(HERE / name).state_dict()
        for tensor, values in encoder.state_dict().items():
            if name == "sharded" or not tensor.startswith("pooler"):
                assert torch.equal(again[tensor], values), (name, tensor)


if __name__ == "__main__":
    main()
