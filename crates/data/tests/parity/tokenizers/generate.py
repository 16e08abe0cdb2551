"""Writes expected.json and tokenizer.json: what transformers' BertTokenizerFast makes of vocab.txt.

    pip install transformers==5.23.0 tokenizers==0.23.3
    python generate.py

The texts are those on which tokenizers differ: other scripts, accents, control characters, very
long words, special tokens written out, and texts that must be truncated.
"""

import json
import pathlib

import tokenizers
import transformers

assert transformers.__version__ == "5.23.0", transformers.__version__
assert tokenizers.__version__ == "0.23.3", tokenizers.__version__

HERE = pathlib.Path(__file__).parent
MAX_LENGTH = 16

TEXTS = {
    "plain": "The cat sat on the mat.",
    "empty": "",
    "only spaces": " \t\r\n ",
    "case and accents": "Résumé, NAÏVE CAFÉ: Über London",
    "decomposed accents": "re\u0301sume\u0301 cafe\u0301",
    "letters that keep their form": "Straße Ødegård ıstanbul İstanbul",
    "emoji": "news 😀 sport😀 👍🏽 🇩🇪 👩‍👩‍👧",
    "CJK": "中国人の東京 world日カタカナ",
    "Hangul": "한국 각",
    "rare CJK": "𠀀𪜀㐀豈",
    "Arabic and Hebrew": "السلام עליכם",
    "control characters": "the\u0000 ca\u0001t\u200b sat\u007f\ufffd on\u00adthe\u2028mat\u0085x",
    "other spaces": "the\u00a0cat\u3000sat\u2009on",
    "byte order mark": "\ufeffthe cat",
    "punctuation": "don't \"oil-price\" (a/b) $1,000.00 100% -- ... «é» ¿que? \\ \\n",
    "symbols": "a+b=c <d> ^e` |f| ~g §h ©",
    "digits": "2012 012 ①② ½ ٣",
    "ligatures and full width": "ﬁne ＡＢＣ ｶﾞ",
    "special tokens written out": "the [SEP] cat [MASK] [PAD] [unk] [CLS]",
    "unknown pieces": "qqzxé the 1ω",
    "word of 100 characters": "a" * 100 + " the",
    "word of 101 characters": "a" * 101 + " the",
    "word of 10,000 characters": "the " + "cat" * 3333 + "s on",
    "long text": "the cat sat on the mat and " * 40,
    "exactly full": "the cat sat on the mat and the cat sat on the mat.",
    "one too many": "the cat sat on the mat and the cat sat on the mat ..",
    "cut within a word": "the cat sat on the mat and the cat sat on resumes",
    "stacked marks": "z\u0351\u0306a\u0489\u0334l\u0353g\u0321o",
}

CONFIGS = {"uncased": {"do_lower_case": True}, "cased": {"do_lower_case": False}}


def ids(encodings):
    """One line a text, so that a difference shows as one line."""
    return {key: " ".join(map(str, row["input_ids"])) for key, row in encodings.items()}


def main():
    expected = {
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "max_length": MAX_LENGTH,
        "texts": TEXTS,
        "ids": {},
    }
    for name, config in CONFIGS.items():
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        vocabulary = transformers.models.bert.tokenization_bert.load_vocab(HERE / "vocab.txt")
        tokenizer = transformers.BertTokenizerFast(vocab=dict(vocabulary), **config)
        # With truncation and padding of its own, as many published files have.
        backend = tokenizer.backend_tokenizer
        full = {key: tokenizer(text) for key, text in TEXTS.items()}
        cut = {
            key: tokenizer(text, truncation=True, max_length=MAX_LENGTH)
            for key, text in TEXTS.items()
        }
        for encodings in (full, cut):
            assert all(not any(row["token_type_ids"]) for row in encodings.values())
        backend.enable_truncation(max_length=8)
        backend.enable_padding(length=32)
        backend.save(str(folder / "tokenizer.json"), pretty=False)
        expected["ids"][name] = {"full": ids(full), "truncated": ids(cut)}
    text = json.dumps(expected, ensure_ascii=True, indent=1)
    (HERE / "expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
