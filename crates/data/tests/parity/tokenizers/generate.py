"""Writes what transformers' BertTokenizerFast makes of vocab.txt, and RobertaTokenizerFast of
vocab.json and merges.txt, which are written too.

    pip install transformers==5.23.0 tokenizers==0.23.3
    python generate.py

The texts are those on which tokenizers differ: other scripts, accents, control characters, very
long words, special tokens written out, and texts that must be truncated.

uncased/ and cased/ get tokenizer.json, and expected.json their token ids. encodings/ gets all that
an encoding holds, a line a row: token ids, token types, special-token mask, character offsets and
first tokens of words (attention mask in padded batches instead of the last two), with a bar between.
"""

import json
import pathlib
import shutil
import tempfile

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
    "spaces around": "  the   cat \n sat\t",
    "RoBERTa's special tokens": "the <mask> cat<mask> <s></s> <pad><unk>  <mask>",
    "letters and digits": "cat2the 's don'tcat THE2.5",
    "stacked marks": "z\u0351\u0306a\u0489\u0334l\u0353g\u0321o",
}

PAIRS = [
    ("plain", "digits"),
    ("empty", "plain"),
    ("plain", "empty"),
    ("empty", "empty"),
    ("long text", "long text"),
    ("long text", "one too many"),
    ("plain", "long text"),
    ("exactly full", "cut within a word"),
    ("emoji", "CJK"),
    ("Arabic and Hebrew", "stacked marks"),
    ("control characters", "other spaces"),
    ("special tokens written out", "punctuation"),
    ("spaces around", "spaces around"),
    ("unknown pieces", "word of 10,000 characters"),
    ("letters and digits", "RoBERTa's special tokens"),
]

CONFIGS = {"uncased": {"do_lower_case": True}, "cased": {"do_lower_case": False}}

SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
CORPUS = ["The cat sat on the mat, and the cats sat on 2012 resumes.", "don't say that the dog sat", "é中😀"]

# As published with roberta-base, and as for pre-tokenized text.
ROBERTA = {
    "roberta": {},
    "roberta_prefix": {
        "add_prefix_space": True,
        "mask_token": {
            "__type": "AddedToken",
            "content": "<mask>",
            "lstrip": True,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        },
    },
    "roberta_untrimmed": {"trim_offsets": False},
}


def ids(encodings):
    """One line a text, so that a difference shows as one line."""
    return {key: " ".join(map(str, row["input_ids"])) for key, row in encodings.items()}


def digits(values):
    return "".join(map(str, values))


def word_starts(words):
    """1 for the first token of each word; special tokens are of no word."""
    before = [None, *words[:-1]]
    return digits(int(word is not None and word != last) for word, last in zip(words, before))


def line(encoding, words):
    """All of one row."""
    offsets = " ".join(f"{start},{end}" for start, end in encoding.offsets)
    parts = [" ".join(map(str, encoding.ids)), digits(encoding.type_ids)]
    parts += [digits(encoding.special_tokens_mask), offsets]
    return "|".join(parts + ([word_starts(encoding.word_ids)] if words else []))


def rows(tokenizer, texts, settings):
    """The rows of a text or a pair, or None if transformers refuses."""
    truncation = settings["truncation"]
    windows = isinstance(truncation, dict)
    tokenizer.truncation_side = "left" if truncation == "tail" else "right"
    arguments = {"truncation": settings.get("pair_truncation", "longest_first")}
    if windows:
        arguments |= {"stride": truncation["sliding_window"]["stride"], "return_overflowing_tokens": True}
    try:
        encoded = tokenizer(
            *([text] for text in texts),
            max_length=settings["max_length"],
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            **arguments,
        )
    except BaseException as error:  # the Rust side's panics too
        assert "too short" in str(error) or "stride" in str(error), error
        return None
    assert not windows or set(encoded["overflow_to_sample_mapping"]) == {0}
    # The first token of a row cut from the middle of a word is no first token of a word: only
    # whole texts say where words begin.
    return [line(encoding, settings["max_length"] == FULL) for encoding in encoded.encodings]


FULL = 100_000

SINGLE_SETTINGS = [
    {"max_length": FULL, "truncation": "head"},
    {"max_length": 16, "truncation": "head"},
    {"max_length": 16, "truncation": "tail"},
    {"max_length": 40, "truncation": {"sliding_window": {"stride": 7}}},
]

PAIR_SETTINGS = [
    {"max_length": FULL, "truncation": "head"},
    *(
        {"max_length": max_length, "truncation": side, "pair_truncation": pair}
        for max_length, pair in [
            (16, "longest_first"),
            (17, "longest_first"),
            (40, "only_first"),
            (40, "only_second"),
        ]
        for side in ["head", "tail"]
    ),
    *(
        {"max_length": 60, "truncation": {"sliding_window": {"stride": 9}}, "pair_truncation": pair}
        for pair in ["only_first", "only_second"]
    ),
]

# The texts of a padded batch: the first, of which none has as many tokens as the second batch may.
PADDED = 8
PADDINGS = [
    ("longest", 15, {"padding": True}),
    ({"multiple_of": 8}, 64, {"padding": True, "pad_to_multiple_of": 8}),
    ({"fixed": 24}, 24, {"padding": "max_length"}),
]


def padded(tokenizer, max_length, arguments):
    tokenizer.truncation_side = "right"
    batch = tokenizer(
        list(TEXTS.values())[:PADDED],
        truncation=True,
        max_length=max_length,
        return_special_tokens_mask=True,
        return_token_type_ids=True,
        **arguments,
    )
    keys = ["token_type_ids", "special_tokens_mask", "attention_mask"]
    return [
        "|".join([" ".join(map(str, row)), *(digits(batch[key][index]) for key in keys)])
        for index, row in enumerate(batch["input_ids"])
    ]


def encodings(tokenizer, longest):
    """All that the tokenizer makes of the texts and pairs of at most `longest` characters."""
    texts = {name: text for name, text in TEXTS.items() if len(text) <= longest}
    singles = [
        settings | {"rows": {name: rows(tokenizer, [text], settings) for name, text in texts.items()}}
        for settings in SINGLE_SETTINGS
    ]
    pairs = []
    for settings in PAIR_SETTINGS:
        # Thousands of tokens in hundreds of windows show nothing new.
        most = longest if settings["max_length"] < 20 else min(longest, 2_000)
        kept = [pair for pair in PAIRS if max(len(TEXTS[name]) for name in pair) <= most]
        found = {
            f"{first} + {second}": rows(tokenizer, [TEXTS[first], TEXTS[second]], settings)
            for first, second in kept
        }
        pairs.append(settings | {"rows": found})
    batches = [
        {"padding": padding, "max_length": length, "rows": padded(tokenizer, length, arguments)}
        for padding, length, arguments in PADDINGS
    ]
    return {"singles": singles, "pairs": pairs, "padded": batches}


def train_roberta(folder):
    """A few merges on top of all bytes; the ids in RoBERTa's order."""
    trained = tokenizers.ByteLevelBPETokenizer()
    trained.train_from_iterator(
        CORPUS * 3, vocab_size=310, special_tokens=SPECIAL_TOKENS, show_progress=False
    )
    folder.mkdir(exist_ok=True)
    trained.save_model(str(folder))


def write_encodings(name, tokenizer, longest=FULL):
    text = json.dumps(encodings(tokenizer, longest), ensure_ascii=True, indent=0)
    (HERE / "encodings").mkdir(exist_ok=True)
    (HERE / "encodings" / f"{name}.json").write_text(text + "\n")


def roberta(config):
    """Loaded as from a published folder with these files."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ["vocab.json", "merges.txt"]:
            shutil.copy(HERE / "roberta" / name, folder)
        (pathlib.Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
        return transformers.RobertaTokenizerFast.from_pretrained(folder)


def main():
    train_roberta(HERE / "roberta")
    for name, config in ROBERTA.items():
        # The variants differ in spaces, not in long texts.
        write_encodings(name, roberta(config), 1_000 if config else FULL)
    (HERE / "roberta" / "configs.json").write_text(json.dumps(ROBERTA, indent=1) + "\n")
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
        if name == "uncased":
            write_encodings(name, tokenizer)
        backend.enable_truncation(max_length=8)
        backend.enable_padding(length=32)
        backend.save(str(folder / "tokenizer.json"), pretty=False)
        expected["ids"][name] = {"full": ids(full), "truncated": ids(cut)}
    text = json.dumps(expected, ensure_ascii=True, indent=1)
    (HERE / "expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
