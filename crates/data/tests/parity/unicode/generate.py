"""Writes tiny tokenizers of three classes of transformers, and what they make of random text.

    pip install transformers==5.23.0 tokenizers==0.23.3
    python generate.py

Each folder gets the tokenizer.json, tokenizer_config.json and config.json of a checkpoint of its
family, with a vocabulary that is trained here; expected.json.gz gets texts of random characters of
all planes, among them such that normalizers change, and the token ids (of pairs also the token
types, a digit each) that AutoTokenizer gives them, a line each.
"""

import gzip
import json
import pathlib
import random

import tokenizers
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

assert transformers.__version__ == "5.23.0", transformers.__version__
assert tokenizers.__version__ == "0.23.3", tokenizers.__version__

HERE = pathlib.Path(__file__).parent
CORPUS = [
    "The ferry leaves the harbor at noon, and the crew checks every rope twice.",
    "Rain fell on the market; the sellers moved their tables under the old roof.",
    "A new bridge was opened in 2012 - it took four years and cost 3.5 million.",
    "Das Café am Fluss öffnet früh, le café près de l'île ferme à 10h30.",
    "“Who left the gate open?” asked the keeper. Nobody knew; the goats did.",
    "東京の駅で友達に会いました。 서울에서 기차를 탔어요.",
]
# Characters that one of the normalizers changes, joins or removes.
ODD = "ßİıñøéǅΩﬁ①½Åｶﾞ각中国《」…–—‘’“”´`''``\u0301\u0308\u200b\u200d\ufe0f\ufeff\u00ad\u00a0\u3000\u2028\u0085"


def unigram(specials, vocabulary):
    """Pieces and scores of a tiny vocabulary, after the special tokens."""
    trained = Tokenizer(models.Unigram())
    trained.normalizer = normalizers.NFC()
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary, special_tokens=specials, unk_token=specials[1], show_progress=False
    )
    trained.train_from_iterator(CORPUS * 4, trainer)
    model = json.loads(trained.to_str())["model"]
    # The same on every machine: sums of other orders differ in the last digits.
    return [(piece, round(score, 4)) for piece, score in model["vocab"]]


def word_piece(specials, vocabulary):
    trained = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    trained.normalizer = normalizers.BertNormalizer()
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, special_tokens=specials, show_progress=False
    )
    trained.train_from_iterator(CORPUS * 4, trainer)
    pieces = sorted(trained.get_vocab().items(), key=lambda item: item[1])
    return {piece: number for number, (piece, _) in enumerate(pieces)}


ALBERT = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
DEBERTA = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MPNET = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]


def lowered(vocabulary):
    """Pieces without capitals, as ALBERT's normalizer leaves none."""
    kept = {}
    for piece, score in vocabulary:
        kept.setdefault(piece if piece in ALBERT else piece.lower(), score)
    return list(kept.items())


FAMILIES = {
    "albert": lambda: transformers.AlbertTokenizer(vocab=lowered(unigram(ALBERT, 260))),
    "deberta-v2": lambda: transformers.DebertaV2Tokenizer(vocab=unigram(DEBERTA, 260)),
    "mpnet": lambda: transformers.MPNetTokenizer(vocab=word_piece(MPNET, 260)),
}


def random_character(rng):
    kind = rng.random()
    if kind < 0.55:
        return rng.choice("".join(CORPUS))
    if kind < 0.75:
        return rng.choice(ODD)
    planes = [(0x20, 0x250), (0x300, 0x600), (0x900, 0xE00), (0x1E00, 0x2C00), (0x3000, 0xD7A4)]
    planes += [(0xE000, 0xFFFE), (0x1F300, 0x1FAFF), (0x20000, 0x20100), (0, 0x20)]
    return chr(rng.randrange(*rng.choice(planes)))


def random_text(seed):
    rng = random.Random(seed)
    words = CORPUS[seed % len(CORPUS)].split()
    text = "".join(random_character(rng) for _ in range(rng.randrange(1, 40)))
    return text + rng.choice(["", " ", "  "]) + " ".join(rng.sample(words, 3))


TEXTS = [*CORPUS, "", " ", "\n\t ", "the [MASK] gate <mask> [SEP] </s> [PAD]<pad>"]
TEXTS += [random_text(seed) for seed in range(240)]
PAIRS = [(0, 1), (6, 2), (3, 7), (9, 4), *((seed, seed + 40) for seed in range(10, 40))]


def main():
    expected = {"texts": TEXTS, "pairs": PAIRS, "families": {}}
    for family, build in FAMILIES.items():
        folder = HERE / family
        folder.mkdir(exist_ok=True)
        build().save_pretrained(folder)
        (folder / "config.json").write_text(json.dumps({"model_type": family}) + "\n")
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        assert type(tokenizer).__name__ == type(build()).__name__
        single = [" ".join(map(str, tokenizer(text)["input_ids"])) for text in TEXTS]
        pairs = []
        for first, second in PAIRS:
            row = tokenizer(TEXTS[first], TEXTS[second])
            types = row.get("token_type_ids")
            digits = "" if types is None else "".join(map(str, types))
            pairs.append([" ".join(map(str, row["input_ids"])), digits])
        expected["families"][family] = {"single": single, "pairs": pairs}
        unknown = tokenizer.unk_token_id
        shares = [ids.split().count(str(unknown)) for ids in single]
        print(family, len(tokenizer), "unknown tokens", sum(shares))
    text = json.dumps(expected, ensure_ascii=True)
    data = gzip.compress(text.encode(), mtime=0)
    (HERE / "expected.json.gz").write_bytes(data)


if __name__ == "__main__":
    main()
