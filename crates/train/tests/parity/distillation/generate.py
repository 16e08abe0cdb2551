# pip install torch==2.9.0 transformers==5.23.0 safetensors==0.8.0
"""Losses between a student and its teacher, by PyTorch on models of transformers.

    python generate.py

writes, beside this file and byte for byte the same on every run with the versions above (CPU, one
thread):

teacher/, student/   tiny BertForSequenceClassification of three labels with their tokenizers; the
                     student has fewer layers, and a part of the vocabulary in another order
expected.json        texts and labels, and for each case the settings, the loss and the norm of its
                     gradient by all parameters of the student; `token_cases` are those of the same
                     models as token classifiers of the words (a class per word in `word_classes`),
                     `embedding_cases` those of their encoders with mean pooling, on pairs of texts
                     (`pairs`) with multiple negatives ranking

The teacher reads the tokens of the student. All is computed in double precision, without dropout. Hidden
states and relations are means over the tokens of a batch, padding left out.
"""

import json
import shutil
from pathlib import Path

import torch
import transformers
from torch.nn import functional
from transformers import BertConfig, BertForSequenceClassification

assert torch.__version__.split("+")[0] == "2.9.0", torch.__version__
assert transformers.__version__ == "5.23.0", transformers.__version__

HERE = Path(__file__).resolve().parent
LABELS = ["calm", "storm", "other"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "the wind rain and sun blew fell shone all day long on sea".split()
STUDENT_WORDS = "sea sun wind the rain blew fell shone and".split()
TEXTS = ["the wind blew", "sun", "the rain fell and the sun shone", "wind and rain", "the sea"]
CLASSES = [1, 0, 2, 1, 0]
WORD_CLASSES = [[place % 3 for place, _ in enumerate(text.split())] for text in TEXTS]
PAIRS = [[0, 1], [2, 3], [4, 0], [1, 2]]

CASES = [
    {"label_weight": 1.0, "logits_weight": 0.0, "hidden_state_weight": 1e-30},
    {"label_weight": 0.0, "logits_weight": 1.0, "temperature": 1.0},
    {"label_weight": 0.0, "logits_weight": 1.0, "temperature": 4.0},
    {"label_weight": 0.0, "logits_weight": 0.0, "hidden_state_weight": 1.0},
    {"label_weight": 0.0, "logits_weight": 0.0, "hidden_state_weight": 1.0, "layer_map": [[2, 3]]},
    {"label_weight": 0.0, "logits_weight": 0.0, "hidden_state_weight": 1.0,
     "hidden_state_loss": "cosine", "layer_map": [[1, 1], [2, 4]]},
    {"label_weight": 0.0, "logits_weight": 0.0, "relation_weight": 1.0},
    {"label_weight": 0.0, "logits_weight": 0.0, "relation_weight": 1.0, "relation_layer": 3,
     "relation_heads": 4},
    {"label_weight": 0.3, "logits_weight": 0.7, "hidden_state_weight": 0.2, "relation_weight": 0.5},
]


TOKEN_CASES = [
    {"label_weight": 0.0, "logits_weight": 1.0, "temperature": 3.0},
    {"label_weight": 0.4, "logits_weight": 0.6, "hidden_state_weight": 0.2},
]
EMBEDDING_CASES = [
    {"label_weight": 1.0, "logits_weight": 0.0, "similarity_weight": 1e-30},
    {"label_weight": 0.0, "logits_weight": 1.0},
    {"label_weight": 0.0, "logits_weight": 1.0, "embedding_loss": "cosine"},
    {"label_weight": 0.0, "logits_weight": 0.0, "similarity_weight": 1.0},
    {"label_weight": 0.3, "logits_weight": 0.7, "similarity_weight": 2.0, "hidden_state_weight": 0.2},
]


def write_model(name, words, layers, seed):
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / "vocab.txt").write_text("\n".join(SPECIAL + words) + "\n")
    (directory / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "model_max_length": 16}) + "\n"
    )
    config = BertConfig(
        vocab_size=len(SPECIAL + words),
        hidden_size=8,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
        attn_implementation="eager",
    )
    model = BertForSequenceClassification(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key.endswith("weight") and "LayerNorm" not in key:
                parameter.copy_(0.6 * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(directory)
    return BertForSequenceClassification.from_pretrained(directory, attn_implementation="eager").double()


def batch(words):
    vocabulary = {word: index for index, word in enumerate(SPECIAL + words)}
    rows = [["[CLS]", *text.split(), "[SEP]"] for text in TEXTS]
    longest = max(map(len, rows))
    ids = [[vocabulary[word] for word in row] + [0] * (longest - len(row)) for row in rows]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def vectors(model, states, layer):
    attention = model.bert.encoder.layer[layer - 1].attention.self
    below = states[layer - 1]
    return [projection(below) for projection in (attention.query, attention.key, attention.value)]


def relations(rows, mask, heads):
    shape = rows.shape[0], rows.shape[1], heads, -1
    rows = rows.view(shape).transpose(1, 2)
    scores = rows @ rows.transpose(2, 3) / rows.shape[-1] ** 0.5
    scores = scores.masked_fill(mask[:, None, None, :] == 0, torch.finfo(scores.dtype).min)
    return functional.log_softmax(scores, dim=-1)


def loss_of(case, student, teacher):
    own = student(**batch(STUDENT_WORDS), output_hidden_states=True)
    with torch.no_grad():
        theirs = teacher(**batch(WORDS), output_hidden_states=True)
    mask = batch(WORDS)["attention_mask"]
    real = mask == 1
    loss = case["label_weight"] * functional.cross_entropy(own.logits, torch.tensor(CLASSES))
    temperature = case.get("temperature", 2.0)
    divergence = functional.kl_div(
        functional.log_softmax(own.logits / temperature, dim=-1),
        functional.log_softmax(theirs.logits / temperature, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    loss = loss + case["logits_weight"] * temperature**2 * divergence
    pairs = case.get("layer_map", [[0, 0], [1, 2], [2, 4]])
    distances = []
    for mine, other in pairs:
        a, b = own.hidden_states[mine][real], theirs.hidden_states[other][real]
        if case.get("hidden_state_loss") == "cosine":
            distances.append(1.0 - functional.cosine_similarity(a, b).mean())
        else:
            distances.append(functional.mse_loss(a, b))
    loss = loss + case.get("hidden_state_weight", 0.0) * sum(distances) / len(distances)
    heads = case.get("relation_heads", 2)
    mine = vectors(student, own.hidden_states, 2)
    other = vectors(teacher, theirs.hidden_states, case.get("relation_layer", 4))
    divergences = []
    for a, b in zip(mine, other):
        a, b = relations(a, mask, heads), relations(b, mask, heads)
        rows = functional.kl_div(a, b, reduction="none", log_target=True).nansum(-1)
        divergences.append((rows.mean(1) * mask).sum() / mask.sum())
    return loss + case.get("relation_weight", 0.0) * sum(divergences) / 3


def state_loss(own, theirs, real):
    pairs = [[0, 0], [1, 2], [2, 4]]
    distances = [functional.mse_loss(own[mine][real], theirs[other][real]) for mine, other in pairs]
    return sum(distances) / len(distances)


def token_loss(case, student, teacher):
    own = student.bert(**batch(STUDENT_WORDS), output_hidden_states=True)
    with torch.no_grad():
        theirs = teacher.bert(**batch(WORDS), output_hidden_states=True)
    real = batch(WORDS)["attention_mask"] == 1
    words = torch.zeros_like(real)
    for row, text in enumerate(TEXTS):
        words[row, 1 : len(text.split()) + 1] = True
    mine = student.classifier(own.last_hidden_state[words])
    other = teacher.classifier(theirs.last_hidden_state[words]).detach()
    loss = case["label_weight"] * functional.cross_entropy(mine, torch.tensor(sum(WORD_CLASSES, [])))
    temperature = case.get("temperature", 2.0)
    divergence = functional.kl_div(
        functional.log_softmax(mine / temperature, dim=-1),
        functional.log_softmax(other / temperature, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    loss = loss + case["logits_weight"] * temperature**2 * divergence
    states = state_loss(own.hidden_states, theirs.hidden_states, real)
    return loss + case.get("hidden_state_weight", 0.0) * states


def embedding_loss(case, student, teacher):
    order = [pair[0] for pair in PAIRS] + [pair[1] for pair in PAIRS]

    def embed(model, words):
        inputs = {name: rows[order] for name, rows in batch(words).items()}
        found = model.bert(**inputs, output_hidden_states=True)
        mask = inputs["attention_mask"][:, :, None]
        return (found.last_hidden_state * mask).sum(1) / mask.sum(1), found.hidden_states, mask[:, :, 0] == 1

    mine, own, real = embed(student, STUDENT_WORDS)
    with torch.no_grad():
        other, theirs, _ = embed(teacher, WORDS)

    def cosines(a, b):
        return functional.normalize(a) @ functional.normalize(b).T

    ranking = functional.cross_entropy(20 * cosines(*mine.chunk(2)), torch.arange(len(PAIRS)))
    if case.get("embedding_loss") == "cosine":
        distance = 1.0 - functional.cosine_similarity(mine, other).mean()
    else:
        distance = functional.mse_loss(mine, other)
    similarity = functional.mse_loss(cosines(mine, mine), cosines(other, other))
    loss = case["label_weight"] * ranking + case["logits_weight"] * distance
    loss = loss + case.get("similarity_weight", 0.0) * similarity
    return loss + case.get("hidden_state_weight", 0.0) * state_loss(own, theirs, real)


def main():
    torch.set_num_threads(1)
    teacher = write_model("teacher", WORDS, 4, 1).eval()

    def run(cases, loss_of):
        expected = []
        for case in cases:
            student = write_model("student", STUDENT_WORDS, 2, 2)
            loss = loss_of(case, student, teacher)
            loss.backward()
            gradients = [p.grad for p in student.parameters() if p.grad is not None]
            norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
            expected.append({"settings": case, "loss": loss.item(), "grad_norm": norm.item()})
        return expected

    content = {
        "texts": TEXTS, "classes": CLASSES, "labels": LABELS, "word_classes": WORD_CLASSES, "pairs": PAIRS,
        "cases": run(CASES, loss_of),
        "token_cases": run(TOKEN_CASES, token_loss),
        "embedding_cases": run(EMBEDDING_CASES, embedding_loss),
    }
    (HERE / "expected.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
