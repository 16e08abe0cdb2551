# pip install torch==2.9.0 transformers==5.23.0 sentence-transformers==6.2.0 safetensors==0.8.0
"""Listwise losses of random scores and their gradients by sentence-transformers.

    python generate.py

writes, beside this file (CPU, float64 rounded to float32):

cases.json             for each case the `loss` as in a settings file
expected.safetensors   logits         [P]: scores of the documents of four lists
                       labels         [P]: in each list descending
                       offsets        [5]: 0, then the end of each list
                       <case>.loss    []
                       <case>.grad    [P]

A second set of the same names with the prefix `binary.` has labels 0 and 1.
"""

import json
from pathlib import Path

import safetensors
import sentence_transformers
import torch
from safetensors.torch import save_file
from sentence_transformers.cross_encoder import losses

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert sentence_transformers.__version__ == "6.2.0", sentence_transformers.__version__
assert safetensors.__version__ == "0.8.0", safetensors.__version__

HERE = Path(__file__).resolve().parent
SIZES = [5, 3, 8, 1]
WEIGHTINGS = {
    "ndcg_loss1": losses.NDCGLoss1Scheme,
    "ndcg_loss2": losses.NDCGLoss2Scheme,
    "lambda_rank": losses.LambdaRankScheme,
    "ndcg_loss2_pp": losses.NDCGLoss2PPScheme,
}


class Scores:
    """Stands for a cross-encoder whose documents are the places of their scores."""

    num_labels = 1
    device = torch.device("cpu")

    def __init__(self, scores):
        self.scores = scores

    def preprocess(self, pairs, **_):
        return {"places": torch.tensor([int(document) for _, document in pairs])}

    def __call__(self, tokens):
        return {"scores": self.scores[tokens["places"]]}


def lambda_loss(model, weighting="ndcg_loss2_pp", **settings):
    own = {}
    if isinstance(weighting, dict):
        [(weighting, own)] = weighting.items()
    scheme = WEIGHTINGS[weighting](**own)
    return losses.LambdaLoss(model, scheme, mini_batch_size=-1, **settings)


MAKE = {
    "list_net": lambda model: losses.ListNetLoss(model, mini_batch_size=-1),
    "list_mle": lambda model: losses.ListMLELoss(model, mini_batch_size=-1),
    "plist_mle": lambda model: losses.PListMLELoss(model, mini_batch_size=-1),
    "rank_net": lambda model, **settings: losses.RankNetLoss(model, mini_batch_size=-1, **settings),
    "lambda": lambda_loss,
}
CASES = {
    "list_net": ("list_net", {}),
    "list_mle": ("list_mle", {}),
    "plist_mle": ("plist_mle", {}),
    "rank_net": ("rank_net", {}),
    "rank_net_k": ("rank_net", {"k": 2, "sigma": 0.5}),
    "rank_net_natural": ("rank_net", {"reduction_log": "natural"}),
    "lambda": ("lambda", {}),
    "lambda_mu": ("lambda", {"weighting": {"ndcg_loss2_pp": {"mu": 2.5}}}),
    "lambda_k": ("lambda", {"k": 2}),
    "lambda_k_beyond": ("lambda", {"k": 20, "sigma": 2.0}),
    "ndcg_loss1": ("lambda", {"weighting": "ndcg_loss1"}),
    "ndcg_loss1_k": ("lambda", {"weighting": "ndcg_loss1", "k": 3}),
    "ndcg_loss2": ("lambda", {"weighting": "ndcg_loss2"}),
    "lambda_rank": ("lambda", {"weighting": "lambda_rank", "k": 3, "reduction_log": "natural"}),
}


def main():
    torch.set_default_dtype(torch.float64)
    # The losses convert scores and labels to float32.
    torch.Tensor.float = torch.Tensor.double
    generator = torch.Generator().manual_seed(5)
    logits = (2 * torch.randn(sum(SIZES), generator=generator)).to(torch.float32).double()
    offsets = [0]
    for size in SIZES:
        offsets.append(offsets[-1] + size)
    lists = list(zip(offsets, offsets[1:]))
    graded = torch.randint(0, 4, (sum(SIZES),), generator=generator).double()
    graded = torch.cat([graded[a:b].sort(descending=True).values for a, b in lists])
    graded[0] = 1.5 + graded[0]
    results = {"logits": logits, "offsets": torch.tensor(offsets, dtype=torch.int64)}

    def run(prefix, labels):
        results[f"{prefix}labels"] = labels
        for name, (loss, settings) in CASES.items():
            scores = logits.clone().requires_grad_()
            loss_of = MAKE[loss](Scores(scores), **settings)
            queries = [str(query) for query in range(len(SIZES))]
            documents = [[str(place) for place in range(a, b)] for a, b in lists]
            value = loss_of([queries, documents], [labels[a:b] for a, b in lists])
            value.backward()
            results[f"{prefix}{name}.loss"] = value.detach()
            results[f"{prefix}{name}.grad"] = scores.grad

    run("", graded)
    run("binary.", (graded > 1).double())
    cases = {name: {"kind": loss} | settings for name, (loss, settings) in CASES.items()}
    (HERE / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    as_f32 = {
        name: tensor.contiguous().to(torch.float32) for name, tensor in results.items()
    }
    save_file(as_f32, HERE / "expected.safetensors")
    print({name: value.item() for name, value in results.items() if name.endswith("loss")})


main()
