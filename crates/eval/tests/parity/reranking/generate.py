# pip install torch==2.9.0 transformers==5.23.0 sentence-transformers==6.2.0 scikit-learn==1.9.1
"""Metrics of the order of documents by sentence-transformers and scikit-learn.

    python generate.py

writes expected.json beside this file: `offsets` of lists, `binary` labels, `scores` of the documents
(two lists have equal scores), `metrics` of sentence-transformers' CrossEncoderRerankingEvaluator by
`at_k`, and for `graded` labels scikit-learn's mean `ndcg_score` by `at_k`.
"""

import json
from pathlib import Path

import numpy as np
import sentence_transformers
import sklearn
from sentence_transformers.cross_encoder.evaluation import CrossEncoderRerankingEvaluator
from sklearn.metrics import ndcg_score

assert sentence_transformers.__version__ == "6.2.0", sentence_transformers.__version__
assert sklearn.__version__ == "1.9.1", sklearn.__version__

HERE = Path(__file__).resolve().parent


class Scores:
    """Stands for a cross-encoder whose documents are the places of their scores."""

    def __init__(self, scores):
        self.scores = scores

    def predict(self, pairs, **_):
        return np.array([self.scores[int(document)] for _, document in pairs])


class Evaluator(CrossEncoderRerankingEvaluator):
    def store_metrics_in_model_card_data(self, *_, **__):
        pass


def main():
    random = np.random.default_rng(17)
    sizes = [12, 4, 2, 30, 7, 15, 3]
    offsets = np.cumsum([0] + sizes).tolist()
    lists = list(zip(offsets, offsets[1:]))
    graded = random.integers(0, 4, offsets[-1])
    # A list without a relevant document.
    graded[offsets[4]:offsets[5]] = 0
    scores = random.normal(size=offsets[-1]) + 0.4 * graded
    binary = (graded > 1).astype(int)
    samples = []
    # The evaluator wants positives first.
    for a, b in lists:
        places = range(a, b)
        samples.append({
            "query": "q",
            "positive": [str(place) for place in places if binary[place]],
            "negative": [str(place) for place in places if not binary[place]],
        })

    def evaluate(at_k):
        found = Evaluator(samples, at_k=at_k, write_csv=False)(Scores(scores))
        return {name: float(value) for name, value in found.items()}

    # Only NDCG and average precision say what equal scores are.
    tied = np.round(scores)

    def ndcg(at_k, scores):
        of_list = [
            ndcg_score([graded[a:b]], [scores[a:b]], k=at_k) if graded[a:b].any() else 0.0
            for a, b in lists
        ]
        return float(np.mean(of_list))

    content = {
        "offsets": offsets,
        "binary": binary.tolist(),
        "graded": graded.tolist(),
        "scores": scores.tolist(),
        "metrics": {str(at_k): evaluate(at_k) for at_k in [1, 3, 10]},
        "ndcg": {str(at_k): ndcg(at_k, scores) for at_k in [1, 3, 10]},
        "tied_ndcg": {str(at_k): ndcg(at_k, tied) for at_k in [1, 3, 10]},
    }
    (HERE / "expected.json").write_text(json.dumps(content) + "\n")
    print(content["metrics"], content["ndcg"], content["tied_ndcg"])


main()
