# pip install torch==2.9.0 transformers==5.23.0 sentence-transformers==6.2.0 safetensors==0.8.0
"""Losses of random embeddings and their gradients by sentence-transformers.

    python generate.py

writes, beside this file (CPU, float64 rounded to float32 where the loss allows it):

cases.json             for each case the `loss` as in a settings file, the number of texts per row,
                       `labels`, and `matryoshka` sizes and weights if there are any
expected.safetensors   texts                  [4, 6, 8]: up to four texts of six rows
                       <case>.loss            []
                       <case>.grad            [K, 6, 8]
"""

import json
from pathlib import Path

import safetensors
import sentence_transformers
import torch
from safetensors.torch import save_file
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.losses.contrastive import SiameseDistanceMetric
from sentence_transformers.sentence_transformer.losses.matryoshka import shrink
from sentence_transformers.sentence_transformer.losses.triplet import TripletDistanceMetric

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert sentence_transformers.__version__ == "6.2.0", sentence_transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

HERE = Path(__file__).resolve().parent
SCORES = [0.1, 0.9, 0.5, 0.5, 0.0, 1.0]
LABELS = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]
PAIR = {"cosine": SiameseDistanceMetric.COSINE_DISTANCE, "euclidean": SiameseDistanceMetric.EUCLIDEAN}
TRIPLET = {"cosine": TripletDistanceMetric.COSINE, "euclidean": TripletDistanceMetric.EUCLIDEAN}


def mnrl(**settings):
    both = settings.pop("symmetric", False)
    if both:
        settings |= {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}
    return losses.MultipleNegativesRankingLoss(None, **settings)


def triplet(distance="euclidean", margin=5):
    return losses.TripletLoss(None, TRIPLET[distance], margin)


def contrastive(distance="cosine", margin=0.5):
    return losses.ContrastiveLoss(None, PAIR[distance], margin)


def online_contrastive(distance="cosine", margin=0.5):
    return losses.OnlineContrastiveLoss(None, PAIR[distance], margin)


MAKE = {
    "multiple_negatives_ranking": mnrl,
    "triplet": triplet,
    "cosent": lambda **settings: losses.CoSENTLoss(None, **settings),
    "cosine_similarity": lambda: losses.CosineSimilarityLoss(None),
    "contrastive": contrastive,
    "online_contrastive": online_contrastive,
}
RANKING = "multiple_negatives_ranking"
CASES = {
    "pairs": (RANKING, {}, 2, []),
    "pairs_scale": (RANKING, {"scale": 50.0}, 2, []),
    "pairs_symmetric": (RANKING, {"symmetric": True}, 2, []),
    "negatives": (RANKING, {}, 4, []),
    "negatives_symmetric": (RANKING, {"symmetric": True}, 3, []),
    "triplets": ("triplet", {}, 3, []),
    "triplets_euclidean": ("triplet", {"margin": 0.5}, 3, []),
    "triplets_cosine": ("triplet", {"distance": "cosine", "margin": 0.3}, 3, []),
    "cosent": ("cosent", {}, 2, SCORES),
    "cosent_scale": ("cosent", {"scale": 5.0}, 2, SCORES),
    "cosine_similarity": ("cosine_similarity", {}, 2, SCORES),
    "contrastive": ("contrastive", {}, 2, LABELS),
    "contrastive_margin": ("contrastive", {"margin": 1.5}, 2, LABELS),
    "contrastive_euclidean": ("contrastive", {"distance": "euclidean", "margin": 4.5}, 2, LABELS),
    "online": ("online_contrastive", {"margin": 1.5}, 2, [1.0 - label for label in LABELS]),
    "online_euclidean": ("online_contrastive", {"distance": "euclidean", "margin": 4.0}, 2, LABELS),
    "online_alike": ("online_contrastive", {}, 2, [1.0] * 6),
}
MATRYOSHKA = {
    "matryoshka_pairs": ("negatives", [8, 4, 2], []),
    "matryoshka_cosent": ("cosent", [4, 8], [0.25, 1.0]),
}


def main():
    generator = torch.Generator().manual_seed(3)
    texts = torch.randn(4, 6, 8, generator=generator)
    texts[1] = 0.6 * texts[0] + texts[1]
    results, cases = {"texts": texts}, {}

    def run(name, case, dims=(8,), weights=(1.0,)):
        loss, settings, count, labels = CASES[case]
        loss_of = MAKE[loss](**settings)
        # Which compares with labels of float32.
        dtype = torch.float32 if loss == "cosine_similarity" else torch.float64
        columns = texts[:count].to(dtype).requires_grad_()
        # The dtype that a data loader gives them.
        given = torch.tensor(labels, dtype=torch.float64)
        given = given.long() if "contrastive" in loss else given

        def at(dim):
            whole = len(dims) == 1
            rows = [column if whole else shrink(column, dim) for column in columns]
            return loss_of.compute_loss_from_embeddings(rows, given)

        value = sum(weight * at(dim) for dim, weight in zip(dims, weights))
        value.backward()
        results[f"{name}.loss"] = value.detach().float()
        results[f"{name}.grad"] = columns.grad.float()
        cases[name] = {"loss": {"kind": loss} | settings, "texts": count, "labels": labels}

    for name in CASES:
        run(name, name)
    for name, (case, dims, weights) in MATRYOSHKA.items():
        run(name, case, dims, weights or [1.0] * len(dims))
        cases[name]["matryoshka"] = {"dims": dims, "weights": weights}
    save_file({name: tensor.contiguous() for name, tensor in results.items()}, HERE / "expected.safetensors")
    (HERE / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    print({name: value.item() for name, value in results.items() if name.endswith("loss")})


main()
