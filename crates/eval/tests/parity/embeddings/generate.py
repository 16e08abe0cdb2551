# pip install torch==2.9.0 transformers==5.23.0 sentence-transformers==6.2.0
"""Retrieval metrics and triplet accuracy of random vectors by sentence-transformers.

    python generate.py

writes expected.json beside this file: `queries` [20, 6], `corpus` [60, 6],
`relevant` (lists of rows of the corpus; one is empty), `scores` by name,
`other` cutoffs with their scores, and `triplet_accuracy` of the first 20 rows of
the corpus as positives and the next 20 as negatives.
"""

import json
from pathlib import Path

import sentence_transformers
import torch
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
from sentence_transformers.util import cos_sim, pairwise_cos_sim

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert sentence_transformers.__version__ == "6.2.0", sentence_transformers.__version__

HERE = Path(__file__).resolve().parent


class Vectors:
    """Stands for a model whose texts are the names of rows."""

    similarity_fn_name = "cosine"
    similarity = staticmethod(cos_sim)

    def __init__(self, rows):
        self.rows = rows

    def encode(self, texts, **_):
        return torch.stack([self.rows[text] for text in texts])

    encode_query = encode
    encode_document = encode


def main():
    generator = torch.Generator().manual_seed(11)
    queries = torch.randn(20, 6, generator=generator)
    corpus = torch.randn(60, 6, generator=generator)
    relevant = [
        torch.randperm(60, generator=generator)[: row % 5].tolist() for row in range(1, 21)
    ]
    # A text that the query finds at once, in some rows.
    for row in range(0, 20, 3):
        if relevant[row]:
            corpus[relevant[row][0]] = queries[row] + 0.3 * torch.randn(6, generator=generator)
    names = {f"q{row}": vector for row, vector in enumerate(queries)}
    names |= {f"d{row:02}": vector for row, vector in enumerate(corpus)}
    model = Vectors(names)

    def evaluate(**cutoffs):
        evaluator = InformationRetrievalEvaluator(
            {f"q{row}": f"q{row}" for row in range(20)},
            {f"d{row:02}": f"d{row:02}" for row in range(60)},
            {f"q{row}": {f"d{text:02}" for text in texts} for row, texts in enumerate(relevant)},
            score_functions={"cosine": cos_sim},
            **cutoffs,
        )
        found = evaluator.compute_metrices(model)["cosine"]
        return {
            f"{metric.removesuffix('@k')}@{at}": float(value)
            for metric, values in found.items()
            for at, value in values.items()
        }

    cutoffs = {
        "accuracy_at_k": [2], "precision_recall_at_k": [7], "mrr_at_k": [1, 60],
        "ndcg_at_k": [3, 100], "map_at_k": [2],
    }
    near, far = pairwise_cos_sim(queries, corpus[:20]), pairwise_cos_sim(queries, corpus[20:40])
    content = {
        "queries": queries.flatten().tolist(),
        "corpus": corpus.flatten().tolist(),
        "relevant": relevant,
        "scores": evaluate(),
        "other": {"cutoffs": {name.replace("_k", ""): at for name, at in cutoffs.items()}, "scores": evaluate(**cutoffs)},
        "triplet_accuracy": (near > far).float().mean().item(),
    }
    (HERE / "expected.json").write_text(json.dumps(content) + "\n")
    print(content["scores"], content["other"], content["triplet_accuracy"])


main()
