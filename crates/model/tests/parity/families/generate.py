# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""Tiny random models of every family, run and differentiated by transformers.

    python generate.py [CASE ...]

writes a folder for each case of CASES, or for those named, byte for byte the same
on every run on one machine with the versions above (CPU, one thread, eager attention, everything computed in
float64 and then rounded to float32; eval mode, no dropout):

<case>/checkpoint/            config.json of the family's
                              ...ForSequenceClassification, and one
                              model.safetensors with the tensors of that, of
                              ...ForMaskedLM, and the pooler, where the family
                              has one: all on one encoder
<case>/names.json             the names of the tensors that transformers writes
                              into a file of its own for each of the two
<case>/expected.safetensors   inputs and results, B = 4, S = 11:

    input_ids, attention_mask       int64 [B, S]; rows of 11, 1, 7 and 4 tokens,
                                    padded right with the padding token
    token_type_ids                  int64 [B, S]; where the family has them
    hidden_states.<i>               [B, S, D]
    pooler_output                   [B, D]; where the family has a pooler
    classifier.labels               int64 [B]
    classifier.logits               [B, 3]
    classifier.loss                 [] mean cross entropy
    classifier.grad.<tensor>        d loss / d tensor, every tensor of the file
    masked_lm.positions             int64 [M]; slots of the flattened batch
    masked_lm.labels                int64 [M]
    masked_lm.logits                [M, V]; at those slots
    masked_lm.loss                  [] mean cross entropy
    masked_lm.grad.<tensor>         d loss / d tensor, every tensor of the file; the
                                    word embeddings have that of both uses

What transformers computes at padded positions is its own affair: nothing of it
reaches logits or gradients.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import safetensors
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification
from transformers.core_model_loading import revert_weight_conversion
from transformers.models.eurobert import modeling_eurobert
from transformers.models.modernbert import modeling_modernbert

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

HERE = Path(__file__).resolve().parent
LENGTHS = [11, 1, 7, 4]
LABELS = ["World", "Sports", "Business"]
WIDE = dict(
    vocab_size=37,
    hidden_size=35,
    num_attention_heads=5,
    num_hidden_layers=3,
    intermediate_size=20,
    max_position_embeddings=16,
)
NARROW = dict(
    vocab_size=61,
    hidden_size=24,
    num_attention_heads=3,
    num_hidden_layers=2,
    intermediate_size=52,
    max_position_embeddings=13,
)
TINY = dict(
    vocab_size=23,
    hidden_size=12,
    num_attention_heads=2,
    num_hidden_layers=1,
    intermediate_size=10,
    max_position_embeddings=19,
)
ODD = dict(
    vocab_size=29,
    hidden_size=15,
    num_attention_heads=3,
    num_hidden_layers=2,
    intermediate_size=13,
    max_position_embeddings=15,
)
ROTATED = dict(
    vocab_size=37,
    hidden_size=24,
    num_attention_heads=2,
    num_hidden_layers=2,
    intermediate_size=10,
    max_position_embeddings=17,
)
ODD_ROTATED = dict(
    vocab_size=29,
    hidden_size=30,
    num_attention_heads=3,
    num_hidden_layers=3,
    intermediate_size=13,
    max_position_embeddings=15,
)
EURO = dict(pad_token_id=0, bos_token_id=2, eos_token_id=3, mask_token_id=1)
MODERN = dict(
    max_position_embeddings=17,
    pad_token_id=0,
    bos_token_id=2,
    cls_token_id=2,
    eos_token_id=3,
    sep_token_id=3,
)


def bases(of_full_attention, of_sliding_attention):
    """Rotary positions of both kinds of layers."""
    return {
        "full_attention": {"rope_type": "default", "rope_theta": of_full_attention},
        "sliding_attention": {"rope_type": "default", "rope_theta": of_sliding_attention},
    }


def distilled(sizes, activation):
    """The same in DistilBERT's words."""
    words = {
        "hidden_size": "dim",
        "num_attention_heads": "n_heads",
        "num_hidden_layers": "n_layers",
        "intermediate_size": "hidden_dim",
    }
    return {words.get(k, k): v for k, v in sizes.items()} | {"activation": activation}


CASES = {
    "bert_wide": ("bert", dict(WIDE, hidden_act="gelu_new", layer_norm_eps=1e-3)),
    "bert_narrow": (
        "bert",
        dict(NARROW, hidden_act="relu", layer_norm_eps=1e-7, type_vocab_size=3),
    ),
    "distilbert_wide": ("distilbert", distilled(WIDE, "gelu")),
    "distilbert_narrow": ("distilbert", distilled(NARROW, "relu")),
    "roberta_wide": (
        "roberta",
        dict(WIDE, hidden_act="gelu", layer_norm_eps=1e-5, type_vocab_size=1, pad_token_id=1),
    ),
    "roberta_narrow": (
        "roberta",
        dict(
            NARROW,
            hidden_act="gelu_new",
            layer_norm_eps=1e-4,
            type_vocab_size=2,
            pad_token_id=0,
        ),
    ),
    "xlm_roberta": (
        "xlm-roberta",
        dict(TINY, hidden_act="relu", layer_norm_eps=1e-5, type_vocab_size=1, pad_token_id=1),
    ),
    "camembert": (
        "camembert",
        dict(TINY, hidden_act="gelu", layer_norm_eps=1e-2, type_vocab_size=1, pad_token_id=1),
    ),
    "electra_wide": (
        "electra",
        dict(WIDE, embedding_size=14, hidden_act="gelu_new", layer_norm_eps=1e-3),
    ),
    "electra_narrow": (
        "electra",
        dict(NARROW, embedding_size=24, hidden_act="gelu", layer_norm_eps=1e-6),
    ),
    "xlm_roberta_odd": (
        "xlm-roberta",
        dict(ODD, hidden_act="gelu_new", layer_norm_eps=1e-3, type_vocab_size=2, pad_token_id=0),
    ),
    "camembert_odd": (
        "camembert",
        dict(ODD, hidden_act="relu", layer_norm_eps=1e-6, type_vocab_size=1, pad_token_id=1),
    ),
    "modernbert": (
        "modernbert",
        dict(
            MODERN,
            vocab_size=37,
            hidden_size=24,
            num_attention_heads=2,
            num_hidden_layers=5,
            intermediate_size=10,
            local_attention=6,
            global_attn_every_n_layers=2,
            rope_parameters=bases(160.0, 7.0),
        ),
    ),
    "modernbert_odd": (
        "modernbert",
        dict(
            MODERN,
            vocab_size=41,
            hidden_size=30,
            num_attention_heads=3,
            num_hidden_layers=4,
            intermediate_size=13,
            hidden_activation="gelu_new",
            norm_eps=1e-3,
            norm_bias=True,
            attention_bias=True,
            mlp_bias=True,
            local_attention=5,
            layer_types=["sliding_attention"] * 2 + ["full_attention", "sliding_attention"],
            rope_parameters=bases(50.0, 50.0),
            classifier_pooling="mean",
            classifier_bias=True,
            classifier_activation="silu",
        ),
    ),
    # As DeBERTa-v3, with buckets that several distances share.
    "deberta_v2": (
        "deberta-v2",
        dict(
            vocab_size=37,
            hidden_size=24,
            num_attention_heads=2,
            num_hidden_layers=2,
            intermediate_size=10,
            max_position_embeddings=17,
            relative_attention=True,
            max_relative_positions=-1,
            position_buckets=6,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            pos_att_type="p2c|c2p",
            position_biased_input=False,
            pooler_dropout=0,
            cls_dropout=0.3,
        ),
    ),
    # Distances beyond the last row, and all that DeBERTa-v3 leaves out.
    "deberta_v2_odd": (
        "deberta-v2",
        dict(
            ODD,
            hidden_act="gelu_new",
            layer_norm_eps=1e-3,
            type_vocab_size=2,
            relative_attention=True,
            max_relative_positions=4,
            position_buckets=-1,
            norm_rel_ebd="none",
            share_att_key=False,
            pos_att_type=["p2c"],
            pooler_dropout=0.2,
            pooler_hidden_act="tanh",
            legacy=False,
        ),
    ),
    "mpnet": ("mpnet", dict(TINY, hidden_act="gelu", layer_norm_eps=1e-5)),
    "mpnet_odd": (
        "mpnet",
        dict(ODD, hidden_act="gelu_new", layer_norm_eps=1e-3, pad_token_id=0),
    ),
    # Two groups of parameters for five layers: three, then two.
    "albert": (
        "albert",
        dict(ROTATED, embedding_size=7, num_hidden_layers=5, num_hidden_groups=2),
    ),
    # Embeddings as wide as the layers, which are projected all the same.
    "albert_odd": (
        "albert",
        dict(
            ODD,
            embedding_size=15,
            hidden_act="relu",
            layer_norm_eps=1e-3,
            type_vocab_size=3,
            classifier_dropout_prob=0.3,
        ),
    ),
    "nomic_bert": ("nomic_bert", ROTATED),
    "nomic_bert_odd": (
        "nomic_bert",
        dict(
            ODD_ROTATED,
            hidden_act="gelu",
            layer_norm_eps=1e-3,
            type_vocab_size=3,
            classifier_dropout=0.3,
            rope_parameters={
                "rope_type": "yarn",
                "rope_theta": 40.0,
                "factor": 3.0,
                "original_max_position_embeddings": 5,
                "beta_fast": 0.9,
                "beta_slow": 0.1,
            },
        ),
    ),
    "gte": ("gte", dict(ROTATED, pad_token_id=1)),
    "gte_odd": (
        "gte",
        dict(
            ODD_ROTATED,
            num_hidden_layers=2,
            hidden_act="silu",
            layer_norm_eps=1e-3,
            type_vocab_size=0,
            rope_parameters={"rope_type": "linear", "rope_theta": 40.0, "factor": 2.5},
        ),
    ),
    "eurobert": ("eurobert", dict(ROTATED, **EURO, num_key_value_heads=1)),
    "eurobert_odd": (
        "eurobert",
        dict(
            ROTATED,
            **EURO,
            num_attention_heads=6,
            num_key_value_heads=3,
            hidden_act="gelu_new",
            rms_norm_eps=1e-3,
            attention_bias=True,
            mlp_bias=True,
            tie_word_embeddings=True,
            classifier_pooling="mean",
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 40.0,
                "factor": 2.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 12,
            },
        ),
    ),
    "eurobert_first": (
        "eurobert",
        dict(
            ODD_ROTATED,
            **EURO,
            classifier_pooling="bos",
            rope_parameters={
                "rope_type": "yarn",
                "rope_theta": 30.0,
                "factor": 2.0,
                "original_max_position_embeddings": 8,
                "truncate": False,
                "mscale": 2.0,
                "mscale_all_dim": 0.5,
            },
        ),
    ),
    # Angles scaled in another way in each kind of layer.
    "modernbert_scaled": (
        "modernbert",
        dict(
            MODERN,
            vocab_size=29,
            hidden_size=24,
            num_attention_heads=2,
            num_hidden_layers=3,
            intermediate_size=9,
            local_attention=6,
            global_attn_every_n_layers=2,
            rope_parameters={
                "full_attention": {
                    "rope_type": "yarn",
                    "rope_theta": 60.0,
                    "factor": 4.0,
                    "original_max_position_embeddings": 8,
                    "attention_factor": 1.3,
                },
                "sliding_attention": {
                    "rope_type": "proportional",
                    "rope_theta": 9.0,
                    "factor": 2.0,
                    "partial_rotary_factor": 0.7,
                },
            },
        ),
    ),
    "mpnet_wide": ("mpnet", dict(ROTATED, hidden_act="gelu", layer_norm_eps=1e-5)),
}


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
    rows, width = len(LENGTHS), max(LENGTHS)
    pad = config.pad_token_id
    real = torch.zeros(rows, width, dtype=torch.int64)
    for row, length in enumerate(LENGTHS):
        real[row, :length] = 1
    ids = torch.randint(4, config.vocab_size, (rows, width), generator=generator)
    batch = {"input_ids": torch.where(real == 1, ids, pad), "attention_mask": real}
    types = getattr(config, "type_vocab_size", 0)
    if types > 0:
        drawn = torch.randint(0, types, (rows, width), generator=generator)
        batch["token_type_ids"] = drawn * real
    return batch


def attention_in_float64(module, query, key, value, attention_mask, scaling, **_):
    """Eager attention of ModernBERT and EuroBERT without the cast to float32, in which the mask of
    float64 is infinite: a padded row with nothing in its window would be NaN."""
    groups = query.shape[1] // key.shape[1]
    key, value = (rows.repeat_interleave(groups, 1) for rows in (key, value))
    scores = query @ key.transpose(2, 3) * scaling + attention_mask
    weights = scores.softmax(-1)
    return (weights @ value).transpose(1, 2).contiguous(), weights


def norm_in_float64(self, rows):
    """EuroBERT's RMS norm without the cast to float32."""
    variance = rows.pow(2).mean(-1, keepdim=True)
    return self.weight * rows * torch.rsqrt(variance + self.variance_epsilon)


modeling_modernbert.eager_attention_forward = attention_in_float64
modeling_eurobert.eager_attention_forward = attention_in_float64
modeling_eurobert.EuroBertRMSNorm.forward = norm_in_float64


def build(auto, config, **options):
    return auto.from_config(config, attn_implementation="eager", **options).eval()


def published(model):
    """The tensors of the file that transformers writes, and the config beside it."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        text = (Path(folder) / "config.json").read_text()
        return load_file(Path(folder) / "model.safetensors"), json.loads(text)


def differentiate(model, loss, prefix):
    model.zero_grad()
    loss.backward()
    gradients = {}
    words = model.get_input_embeddings().weight
    of_base = model.base_model.named_parameters()
    name_of_words = next(name for name, parameter in of_base if parameter is words)
    for name, parameter in model.named_parameters():
        gradient = parameter.grad
        if parameter is words:  # some models list it as their decoder's first
            name = f"{model.base_model_prefix}.{name_of_words}"
        if gradient is None:
            assert "pooler" in name, name
            continue
        # A key's bias moves all scores of a query alike: softmax cancels it, but for DeBERTa's, which
        # meet positions, too.
        if not ("key.bias" in name or "k_lin.bias" in name or "attn.k.bias" in name):
            assert gradient.abs().max() > 1e-5, f"gradient of {name} is trivial"
        gradients[name] = gradient
    # The tensors of the file, some of which are several parameters.
    gradients = revert_weight_conversion(model, gradients)
    return {f"{prefix}.grad.{name}": gradient for name, gradient in gradients.items()}


def case(name, model_type, settings, generator):
    config = AutoConfig.for_model(
        model_type,
        **settings,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    classifier = build(AutoModelForSequenceClassification, config)
    draw_parameters(classifier, generator)
    masked_lm = build(AutoModelForMaskedLM, config)
    draw_parameters(masked_lm, generator)
    bare = build(AutoModel, config)
    draw_parameters(bare, generator)
    encoder = classifier.base_model.state_dict()
    masked_lm.base_model.load_state_dict(encoder, strict=False)
    bare.load_state_dict(encoder, strict=False)
    if model_type == "modernbert":  # both models have the same dense layer under one name
        masked_lm.head.load_state_dict(classifier.head.state_dict())

    of_classifier, classifier_config = published(classifier)
    of_masked_lm, _ = published(masked_lm)
    tensors = {**of_classifier, **of_masked_lm}
    for key, tensor in bare.state_dict().items():
        if key.startswith("pooler."):
            tensors[f"{classifier.base_model_prefix}.{key}"] = tensor
    for key in of_classifier:
        assert torch.equal(tensors[key], of_classifier[key]), key

    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "checkpoint").mkdir(parents=True)
    text = json.dumps(classifier_config, indent=2) + "\n"
    (folder / "checkpoint" / "config.json").write_text(text)
    save_file(tensors, folder / "checkpoint" / "model.safetensors", metadata={"format": "pt"})
    names = {"classifier": sorted(of_classifier), "masked_lm": sorted(of_masked_lm)}
    (folder / "names.json").write_text(json.dumps(names, indent=1) + "\n")

    for model in [classifier, masked_lm, bare]:
        model.double()
    batch = draw_batch(config, generator)
    expected = dict(batch)
    with torch.no_grad():
        output = bare(**batch, output_hidden_states=True)
    for index, state in enumerate(output.hidden_states):
        expected[f"hidden_states.{index}"] = state
    assert len(output.hidden_states) == config.num_hidden_layers + 1
    if getattr(output, "pooler_output", None) is not None:
        expected["pooler_output"] = output.pooler_output

    labels = torch.tensor([2, 0, 1, 1])
    output = classifier(**batch, labels=labels)
    assert (output.logits.max(1).values - output.logits.min(1).values).min() > 0.05
    assert torch.cdist(output.logits, output.logits).add(torch.eye(4)).min() > 0.05
    expected |= {
        "classifier.labels": labels,
        "classifier.logits": output.logits,
        "classifier.loss": output.loss,
    } | differentiate(classifier, output.loss, "classifier")

    slots = torch.tensor([1, 5, 10, 11, 22, 28, 35])
    assert batch["attention_mask"].reshape(-1)[slots].all()
    words = torch.randint(4, config.vocab_size, slots.shape, generator=generator)
    every = torch.full_like(batch["input_ids"], -100).reshape(-1)
    every[slots] = words
    output = masked_lm(**batch, labels=every.reshape(batch["input_ids"].shape))
    expected |= {
        "masked_lm.positions": slots,
        "masked_lm.labels": words,
        "masked_lm.logits": output.logits.reshape(-1, config.vocab_size)[slots],
        "masked_lm.loss": output.loss,
    } | differentiate(masked_lm, output.loss, "masked_lm")

    expected = {
        key: tensor.detach().float() if tensor.is_floating_point() else tensor
        for key, tensor in expected.items()
    }
    expected = {key: tensor.clone().contiguous() for key, tensor in expected.items()}
    save_file(expected, folder / "expected.safetensors")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    wanted = sys.argv[1:] or list(CASES)
    for number, (name, (model_type, settings)) in enumerate(CASES.items()):
        if name not in wanted:
            continue
        case(name, model_type, settings, torch.Generator().manual_seed(20263 + number))
        print(name)


if __name__ == "__main__":
    main()
