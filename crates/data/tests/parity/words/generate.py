"""Encodings of sentences whose words are known, by transformers' fast tokenizers.

    pip install transformers==5.23.0 tokenizers==0.23.3
    python generate.py

reads the vocabularies beside it, in ../tokenizers, and writes expected.json: for each tokenizer the
token ids and the first tokens of words of each sentence. What ends within a word is not compared:
transformers cuts there, and this crate does not.
"""

import json
import pathlib
import tempfile

import tokenizers
import transformers

assert transformers.__version__ == "5.23.0", transformers.__version__
assert tokenizers.__version__ == "0.23.3", tokenizers.__version__

HERE = pathlib.Path(__file__).resolve().parent
FILES = HERE.parent / "tokenizers"

SENTENCES = [
    "The cat sat on the mat .".split(),
    "don't say that the cats ' resumes sat".split(),
    "Résumé NAÏVE 2012 中国 news😀 $1,000.00".split(),
    ["the", "[SEP]", "cat", "[MASK]", "<mask>", "</s>"],
    ["qqzxé", "well-known", "a/b", "U.S."],
    ["mat"],
]


def encoded(tokenizer):
    rows = []
    for words in SENTENCES:
        encoding = tokenizer(words, is_split_into_words=True)
        ids, found = encoding["input_ids"], encoding.word_ids()
        starts = [int(word is not None and word != last) for word, last in zip(found, [None, *found])]
        rows.append({"words": words, "ids": ids, "starts": starts})
    return rows


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name in ["vocab.json", "merges.txt"]:
            (pathlib.Path(folder) / name).write_bytes((FILES / "roberta" / name).read_bytes())
        roberta = transformers.RobertaTokenizerFast.from_pretrained(folder, add_prefix_space=True)
    bert = {
        name: transformers.PreTrainedTokenizerFast(tokenizer_file=str(FILES / name / "tokenizer.json"))
        for name in ["uncased", "cased"]
    }
    expected = {name: encoded(tokenizer) for name, tokenizer in (bert | {"roberta": roberta}).items()}
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
