"""Writes what transformers makes of tokenizer directories whose files say the same thing twice.

    pip install transformers==5.23.0 tokenizers==0.23.3
    python generate.py                      # writes cases.json.gz
    python generate.py check DIRECTORY      # loads what the test saved, compares with cases.json.gz

Writing needs `OTHER_PYTHON`, the interpreter of an environment with transformers==4.57.6 and
tokenizers==0.22.2: a case on which the two versions differ is marked, and may be refused.

A directory is a few files of `BASES`, changed by a case: "set" replaces values of a JSON file at
JSON pointers, "text" is the whole content of another file. All cases are the same on every run.
"""

import gzip
import hashlib
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "critical"

import transformers  # noqa: E402

HERE = pathlib.Path(__file__).parent
OUTPUT = HERE / "cases.json.gz"

PIECES = "the cat sat résumé resume cafe café Café The über on mat user covid 19 said wor ld".split()
LETTERS = "abcdefghilmnorstuvwxyzTCéüÉÜ0129.,!<>[]中国#"
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
ABSENT = "absent"


def random_text(seed):
    """Letters of the vocabulary and characters of all kinds."""
    rng = random.Random(seed)
    kinds = [LETTERS, " \t\n\u00a0\u3000\u200b", "ßİıñøéǅΩяあ한😀", "\u0301\u0000\u00ad\ufffd\u0085"]
    return "".join(rng.choice(rng.choices(kinds, [6, 2, 1, 1])[0]) for _ in range(30))


TEXTS = [
    "The cat sat on the mat.",
    "Café résumé ÜBER cafe\u0301",
    "中国 the中cat国",
    "  the  cat\tsat\n",
    "<user> has covid19 now, covid19!",
    "<USER> COVID19 Covid19 the<user>cat ubercovid19s",
    "the [MASK] cat[MASK] [SEP] <mask> sat<mask> <unk> [UNK]",
    "cat\u0000sat\u0001on\u00ad the\u200bmat\ufffd",
    "",
    "Tag tag <s> [PAD] <pad></s>",
    random_text(1),
    random_text(2),
]
PAIRS = [(0, 1), (4, 5), (3, 8), (6, 10)]


def added(content, **flags):
    flags = {"lstrip": False, "rstrip": False, "single_word": False, "special": False} | flags
    return {"content": content, "normalized": not flags["special"]} | flags


def special(content, **flags):
    return added(content, special=True, **flags)


def bert_tokens(lower):
    tokens = BERT_SPECIAL + list(dict.fromkeys(LETTERS)) + [f"##{c}" for c in "abcdefhilmnorstuxé19."]
    words = [word.lower() for word in PIECES] if lower else PIECES
    return tokens + [word for word in dict.fromkeys(words) if word not in tokens]


def frame(first, last, pair, types):
    """A template: tokens around a text and around two."""

    def piece(token, kind):
        name = "Sequence" if token in "AB" else "SpecialToken"
        return {name: {"id": token, "type_id": kind}}

    both = [*pair]
    kinds = [0] * (both.index("B")) + [types] * (len(both) - both.index("B"))
    return {
        "type": "TemplateProcessing",
        "single": [piece(token, 0) for token in [first[0], "A", last[0]]],
        "pair": [piece(token, kind) for token, kind in zip(both, kinds)],
        "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in [first, last]},
    }


def bert_frame(cls=("[CLS]", 2), sep=("[SEP]", 3), types=1):
    return frame(cls, sep, [cls[0], "A", sep[0], "B", sep[0]], types)


def normalizer(**flags):
    defaults = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    return {"type": "BertNormalizer"} | defaults | flags


def tokenizer_json(tokens, normalizer, pre_tokenizer, post_processor, decoder, model):
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i} | special(t) for i, t in enumerate(tokens)],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": post_processor,
        "decoder": decoder,
        "model": model,
    }


def bert_json(lower):
    model = {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": {token: i for i, token in enumerate(bert_tokens(lower))},
    }
    decoder = {"type": "WordPiece", "prefix": "##", "cleanup": True}
    pre = {"type": "BertPreTokenizer"}
    return tokenizer_json(BERT_SPECIAL, normalizer(lowercase=lower), pre, bert_frame(), decoder, model)


MERGES = ["t h", "th e", "Ġ c", "Ġc a", "Ġca t", "Ġ the", "a t", "s at", "c a", "ca f", "u s"]


def roberta_tokens():
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    tokens = ROBERTA_SPECIAL + sorted(bytes_to_unicode().values())
    return tokens + [merge.replace(" ", "") for merge in MERGES]


def byte_level(**flags):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True} | flags


def roberta_frame(**flags):
    ends = {"sep": ["</s>", 2], "cls": ["<s>", 0]}
    return {"type": "RobertaProcessing"} | ends | {"trim_offsets": True, "add_prefix_space": False} | flags


def roberta_json():
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {token: i for i, token in enumerate(roberta_tokens())},
        "merges": [merge.split(" ") for merge in MERGES],
    }
    return tokenizer_json(ROBERTA_SPECIAL, None, byte_level(), roberta_frame(), byte_level(), model)


def metaspace(scheme="always"):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": True}


def unigram_json():
    words = ["▁the", "▁cat", "▁sat", "▁on", "▁", "the", "cat", "at", "▁us", "er", "covid", "▁caf", "é"]
    pieces = [*words, *"abcdefghilmnorstuvwxyzTC019.,!<>[]中国"]
    vocab = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]
    vocab += [[piece, -2.0 - 0.125 * i] for i, piece in enumerate(dict.fromkeys(pieces))]
    vocab += [["<mask>", 0.0]]
    model = {"type": "Unigram", "unk_id": 3, "vocab": vocab, "byte_fallback": False}
    pre = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace()]}
    ends = frame(("<s>", 0), ("</s>", 2), ["<s>", "A", "</s>", "</s>", "B", "</s>"], 0)
    file = tokenizer_json(ROBERTA_SPECIAL[:4], None, pre, ends, metaspace(), model)
    file["added_tokens"].append({"id": len(vocab) - 1} | special("<mask>", lstrip=True))
    return file


def modern_bert_tokens():
    return ["[UNK]", "[CLS]", "[SEP]", "[PAD]"] + roberta_tokens()[len(ROBERTA_SPECIAL) :]


def modern_bert_json():
    """Byte-level BPE with BERT's special tokens, and words and spaces added after the vocabulary."""
    tokens = modern_bert_tokens()
    model = roberta_json()["model"] | {"vocab": {token: i for i, token in enumerate(tokens)}}
    ends = bert_frame(("[CLS]", 1), ("[SEP]", 2), 0)
    file = tokenizer_json(tokens[:4], {"type": "NFC"}, byte_level(), ends, byte_level(), model)
    more = [special("[MASK]", lstrip=True), added("   "), added("covid19")]
    file["added_tokens"] += [{"id": len(tokens) + i} | token for i, token in enumerate(more)]
    return file


BASES = {
    "modern_bert.json": modern_bert_json(),
    "lower.json": bert_json(True),
    "cased.json": bert_json(False),
    "lower.txt": "\n".join(bert_tokens(True)) + "\n",
    "cased.txt": "\n".join(bert_tokens(False)) + "\n",
    "roberta.json": roberta_json(),
    "vocab.json": {token: i for i, token in enumerate(roberta_tokens())},
    "merges.txt": "#version: 0.2\n" + "\n".join(MERGES) + "\n",
    "unigram.json": unigram_json(),
}
SIZE = {
    "lower": len(bert_tokens(True)),
    "cased": len(bert_tokens(False)),
    "roberta": len(roberta_tokens()),
    "unigram": len(BASES["unigram.json"]["model"]["vocab"]),
}


def base(name, **changes):
    """A base file; keys are JSON pointers with __ for /."""
    return {"base": name, "set": {"/" + key.replace("__", "/"): value for key, value in changes.items()}}


def text(value):
    return {"text": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def config(**settings):
    return {key: value for key, value in settings.items() if value is not ABSENT}


CASES = []


def case(name, files, model_type=None, settings=None, **other):
    """Adds a case; `files` are file names with `base` or `text`."""
    files = dict(files)
    if model_type:
        files["config.json"] = text({"model_type": model_type})
    if settings is not None:
        files["tokenizer_config.json"] = text(settings)
    files |= {key: value if "base" in value else text(value) for key, value in other.items()}
    CASES.append({"name": name, "files": files})


def bert_files(form, casing, **changes):
    return {
        "json": {"tokenizer.json": base(f"{casing}.json", **changes)},
        "vocab": {"vocab.txt": base(f"{casing}.txt")},
        "both": {"tokenizer.json": base(f"{casing}.json", **changes), "vocab.txt": base(f"{casing}.txt")},
        "other vocab": {"tokenizer.json": base(f"{casing}.json", **changes), "vocab.txt": base("cased.txt")},
    }[form]


def roberta_files(form, **changes):
    vocabulary = {"vocab.json": base("vocab.json"), "merges.txt": base("merges.txt")}
    file = {"tokenizer.json": base("roberta.json", **changes)}
    return {"json": file, "vocab": vocabulary, "both": file | vocabulary}[form]


def normalizer_cases():
    flags = itertools.product(
        [ABSENT, True, False], [ABSENT, None, True, False], [ABSENT, True, False], ["json", "vocab"]
    )
    families = itertools.cycle(["bert", "distilbert", "electra", "bert"])
    casings = itertools.cycle(["lower", "cased", "cased", "lower", "cased"])
    for (lower, accents, chinese, form), model_type in zip(flags, families):
        casing = next(casings)
        settings = config(do_lower_case=lower, strip_accents=accents, tokenize_chinese_chars=chinese)
        name = f"normalizer: {model_type} {form} {casing} {settings}"
        case(name, bert_files(form, casing), model_type, settings or None)
    for flags, chinese in itertools.product([(True, False), (False, True), (False, None)], [True, False]):
        inner = normalizer(lowercase=flags[0], strip_accents=flags[1], handle_chinese_chars=chinese)
        for settings in [{}, {"do_lower_case": False}, {"strip_accents": False}, {"tokenize_chinese_chars": True}]:
            name = f"normalizer of tokenizer.json: {inner} {settings}"
            case(name, bert_files("both", "cased", normalizer=inner), "bert", settings)


def added_cases():
    for form, casing, place in itertools.product(
        ["json", "vocab", "both"],
        ["lower", "cased"],
        ["added_tokens.json", "decoder", "decoder and file", "tokenizer.json", "additional", "map", "map objects"],
    ):
        add_case("bert", bert_files, form, casing, place, SIZE[casing], BERT_SPECIAL, {"do_lower_case": casing == "lower"})
    for form, place in itertools.product(
        ["json", "vocab", "both"],
        ["added_tokens.json", "decoder", "decoder and file", "tokenizer.json", "additional", "map"],
    ):
        files = lambda form, casing, **changes: roberta_files(form, **changes)  # noqa: E731
        add_case("roberta", files, form, "roberta", place, SIZE["roberta"], ROBERTA_SPECIAL, {})


def add_case(model_type, files, form, casing, place, size, specials, settings):
    user, covid = special("<user>"), added("covid19")
    name = f"added: {model_type} {form} {casing} {place}"
    kept = {str(i): special(t) for i, t in enumerate(specials)}
    decoder = kept | {str(size): user, str(size + 1): covid}
    encoder = {"<user>": size, "covid19": size + 1}
    other, changes = {}, {}
    if "file" in place or place == "added_tokens.json":
        other["added_tokens.json"] = encoder
        settings = settings | {"additional_special_tokens": ["<user>"]}
    if "decoder" in place:
        settings = settings | {"added_tokens_decoder": decoder}
    if place == "tokenizer.json":
        if form == "vocab":
            return
        tokens = [{"id": i} | special(t) for i, t in enumerate(specials)]
        changes["added_tokens"] = tokens + [{"id": size} | user, {"id": size + 1} | covid]
    if place == "additional":
        settings = settings | {"additional_special_tokens": ["<user>", "Tag"]}
    if place.startswith("map"):
        extra = special("Tag", lstrip=True) if "objects" in place else "Tag"
        other["special_tokens_map.json"] = {"additional_special_tokens": ["<user>", extra]}
    case(name, files(form, casing, **changes), model_type, settings, **other)


def added_flag_cases():
    """Flags of added tokens, and lists that lack or change tokens of tokenizer.json."""
    for flag in ["lstrip", "rstrip", "single_word", "normalized", "special"]:
        size = SIZE["lower"]
        token = added("covid19")
        token[flag] = not token[flag]
        kept = {str(i): special(t) for i, t in enumerate(BERT_SPECIAL)}
        for form in ["json", "vocab"]:
            settings = {"added_tokens_decoder": kept | {str(size): token}}
            case(f"added flag: {form} {flag}", bert_files(form, "lower"), "bert", settings)
        tokens = [{"id": i} | special(t) for i, t in enumerate(BERT_SPECIAL)]
        changes = {"added_tokens": tokens + [{"id": size} | added("covid19")]}
        settings = {"added_tokens_decoder": kept | {str(size): token}}
        case(f"added flag: both {flag}", bert_files("json", "lower", **changes), "bert", settings)
        case(f"added only in tokenizer.json: {flag}", bert_files("json", "lower", added_tokens=tokens + [{"id": size} | token]), "bert", {})
    partial = {"added_tokens_decoder": {"0": special("[PAD]")}}
    case("a decoder without most tokens", bert_files("json", "lower"), "bert", partial)
    case("a decoder without most tokens, vocab", bert_files("vocab", "lower"), "bert", partial)
    case("an empty decoder", bert_files("json", "lower"), "bert", {"added_tokens_decoder": {}})
    tokens = [{"id": i} | special(t) for i, t in enumerate(BERT_SPECIAL)]
    case(
        "a decoder without a token of tokenizer.json",
        bert_files("json", "lower", added_tokens=tokens + [{"id": SIZE["lower"]} | added("covid19")]),
        "bert",
        {"added_tokens_decoder": {str(i): special(t) for i, t in enumerate(BERT_SPECIAL)}},
    )
    case(
        "added_tokens.json with other tokens than tokenizer.json",
        bert_files("json", "lower", added_tokens=tokens + [{"id": SIZE["lower"]} | added("<user>")]),
        "bert",
        {},
        **{"added_tokens.json": {"<user>": SIZE["lower"], "covid19": SIZE["lower"] + 1}},
    )
    case(
        "an added word of the vocabulary",
        bert_files("json", "lower"),
        "bert",
        {"added_tokens_decoder": {str(i): special(t) for i, t in enumerate(BERT_SPECIAL)} | {str(bert_tokens(True).index("cat")): added("cat")}},
    )


def special_token_cases():
    """Special tokens with other names in one of the files."""
    for form, place in itertools.product(["json", "vocab", "both"], ["config", "map", "both", "decoder"]):
        for key, token in [("mask_token", "on"), ("mask_token", "the"), ("cls_token", "[MASK]"), ("sep_token", "[MASK]"), ("pad_token", "[UNK]"), ("unk_token", "[PAD]"), ("bos_token", "[CLS]"), ("eos_token", "Tag")]:
            if form == "both" and key in ("bos_token", "pad_token"):
                continue
            settings, other = {}, {}
            if place in ("config", "decoder", "both"):
                settings[key] = token if place != "both" else "[MASK]"
            if place == "decoder":
                settings["added_tokens_decoder"] = {str(i): special(t) for i, t in enumerate(BERT_SPECIAL)}
                other["special_tokens_map.json"] = {key: "[MASK]"}
            if place in ("map", "both"):
                other["special_tokens_map.json"] = {key: token}
            name = f"special: {form} {place} {key} {token}"
            case(name, bert_files(form, "lower"), "bert", settings, **other)
    for form, value in itertools.product(
        ["json", "vocab"], ["<mask>", None, {"__type": "AddedToken"} | special("<mask>", lstrip=True)]
    ):
        for place in ["config", "map", "decoder"]:
            settings, other = {"mask_token": value}, {}
            if place == "map":
                plain = {k: v for k, v in value.items() if k != "__type"} if isinstance(value, dict) else value
                settings, other = {}, {"special_tokens_map.json": {"mask_token": plain}}
            if place == "decoder":
                settings["added_tokens_decoder"] = {str(i): special(t, rstrip=i == 4) for i, t in enumerate(ROBERTA_SPECIAL)}
            case(f"special: roberta {form} {place} {value}", roberta_files(form), "roberta", settings, **other)
    new = bert_frame(("[MASK]", 4), ("[PAD]", 0))
    for settings in [{}, {"cls_token": "[MASK]", "sep_token": "[PAD]"}]:
        case(f"template of tokenizer.json with other tokens {settings}", bert_files("json", "lower", post_processor=new), "bert", settings)


def class_cases():
    names = [
        "BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast", "ElectraTokenizer",
        "ElectraTokenizerFast", "PreTrainedTokenizerFast", "RobertaTokenizer", "MPNetTokenizer", "UnknownTokenizer",
        "TokenizersBackend", None,
    ]
    for name, (form, casing), model_type in itertools.product(
        names, [("json", "cased"), ("json", "lower"), ("vocab", "lower")], ["bert", "electra", None]
    ):
        case(f"class: {name} {form} {casing} {model_type}", bert_files(form, casing), model_type, {"tokenizer_class": name})
    for name in ["PreTrainedTokenizerFast", "BertTokenizer"]:
        files = bert_files("json", "cased") | {"config.json": text({"model_type": "bert", "tokenizer_class": name})}
        case(f"class of config.json: {name}", files)
        case(f"class of config.json and another: {name}", files, None, {"tokenizer_class": "DistilBertTokenizer"})
    generic = {"tokenizer_class": "PreTrainedTokenizerFast"}
    names = {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}
    for settings in [{"do_lower_case": True}, {"add_prefix_space": True}, {"cls_token": "[MASK]"}, {"mask_token": "on"}, {"additional_special_tokens": ["Tag"]}, {"pad_token": "[PAD]"}]:
        case(f"generic class: {settings}", bert_files("json", "cased"), "bert", generic | names | settings)
    for prefix, setting in itertools.product([True, False], [ABSENT, True, False]):
        files = roberta_files("json", pre_tokenizer=byte_level(add_prefix_space=prefix))
        case(f"generic class: {prefix} {setting}", files, "roberta", generic | names | config(add_prefix_space=setting))
    case("no class, a setting against tokenizer.json", bert_files("json", "cased"), None, {"do_lower_case": True})
    case("no class", bert_files("json", "cased"), None, None)


def other_setting_cases():
    settings = [
        {"model_input_names": ["input_ids", "attention_mask"]},
        {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]},
        {"do_basic_tokenize": False},
        {"do_basic_tokenize": True},
        {"never_split": ["covid19", "Café"]},
        {"split_special_tokens": True},
        {"clean_up_tokenization_spaces": True},
        {"padding_side": "left"},
        {"model_max_length": 5},
        {"add_bos_token": True},
        {"do_lower_case": False},
    ]
    for first, second in itertools.combinations(settings, 2):
        if set(first) & set(second):
            continue
        form = ["json", "vocab", "both"][(settings.index(first) + settings.index(second)) % 3]
        case(f"other settings: {form} {first} {second}", bert_files(form, "lower"), "bert", first | second)
    for name in ["truncation", "padding"]:
        value = {
            "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
            "padding": {"strategy": {"Fixed": 24}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        }[name]
        for model_type in ["bert", "distilbert"]:
            case(f"{name} of tokenizer.json {model_type}", bert_files("json", "lower", **{name: value}), model_type, {})
    case("another vocab.txt beside tokenizer.json", bert_files("other vocab", "lower"), "bert", {})
    for key, value in {
        "normalizer": normalizer(clean_text=False),
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": bert_frame(types=0),
        "model__max_input_chars_per_word": 3,
        "model__unk_token": "[PAD]",
    }.items():
        case(f"tokenizer.json with another {key}", bert_files("json", "lower", **{key: value}), "bert", {})
        case(f"tokenizer.json with another {key}, as it is", bert_files("json", "lower", **{key: value}), "bert", {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids", "token_type_ids", "attention_mask"]})


def roberta_cases():
    for prefix, trim, (form, inner) in itertools.product(
        [ABSENT, True, False], [ABSENT, True, False], [("json", True), ("json", False), ("vocab", None)]
    ):
        changes = {}
        if form == "json":
            changes = {"pre_tokenizer": byte_level(add_prefix_space=inner), "post_processor": roberta_frame(add_prefix_space=not inner)}
        settings = config(add_prefix_space=prefix, trim_offsets=trim)
        case(f"roberta: {form} {inner} {settings}", roberta_files(form, **changes), "roberta", settings)
    for key, value in {
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": byte_level(use_regex=False),
        "post_processor": frame(("<s>", 0), ("</s>", 2), ["<s>", "A", "</s>", "</s>", "B", "</s>"], 0),
        "model__ignore_merges": True,
    }.items():
        case(f"roberta tokenizer.json with another {key}", roberta_files("json", **{key: value}), "roberta", {})


def unigram_cases():
    for model_type, prefix, name in itertools.product(
        ["xlm-roberta", None], [ABSENT, True, False], [ABSENT, "XLMRobertaTokenizer", "XLMRobertaTokenizerFast", "PreTrainedTokenizerFast"]
    ):
        settings = config(add_prefix_space=prefix, tokenizer_class=name)
        case(f"unigram: {model_type} {settings}", {"tokenizer.json": base("unigram.json")}, model_type, settings)
    for key, value in {
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": metaspace("first"),
        "model__unk_id": 1,
    }.items():
        case(f"unigram tokenizer.json with another {key}", {"tokenizer.json": base("unigram.json", **{key: value})}, "xlm-roberta", {})
    size = SIZE["unigram"]
    for settings in [
        {"additional_special_tokens": ["<user>"]},
        {"mask_token": "cat"},
        {"cls_token": "<pad>"},
        {"bos_token": "<pad>"},
        {"added_tokens_decoder": {str(i): special(t) for i, t in enumerate(ROBERTA_SPECIAL[:4])} | {str(size - 1): special("<mask>"), str(size): added("covid19")}},
    ]:
        case(f"unigram: {settings}", {"tokenizer.json": base("unigram.json")}, "xlm-roberta", settings)
    case("unigram of a BERT", {"tokenizer.json": base("unigram.json")}, "bert", {})


def mixed_cases():
    """Several settings at random."""
    rng = random.Random(7)
    pick = lambda *values: rng.choice([ABSENT, *values])  # noqa: E731
    for number in range(70):
        casing, form = rng.choice(["lower", "cased"]), rng.choice(["json", "vocab", "both", "other vocab"])
        size = SIZE[casing]
        kept = {str(i): special(t) for i, t in enumerate(BERT_SPECIAL)}
        settings = config(
            do_lower_case=pick(True, False),
            strip_accents=pick(None, True, False),
            tokenize_chinese_chars=pick(True, False),
            tokenizer_class=pick("BertTokenizer", "DistilBertTokenizerFast", "ElectraTokenizer"),
            added_tokens_decoder=pick(kept | {str(size): rng.choice([special, added])("<user>", lstrip=rng.random() < 0.5)}),
            additional_special_tokens=pick(["Tag"], ["covid19", "<user>"]),
            mask_token=pick("[MASK]", "on"),
            split_special_tokens=pick(True, False),
        )
        other = {}
        if rng.random() < 0.4:
            other["added_tokens.json"] = {"<user>": size}
        if rng.random() < 0.4:
            other["special_tokens_map.json"] = {"mask_token": rng.choice(["[MASK]", "the"]), "cls_token": "[CLS]"}
        case(f"mixed: {number}", bert_files(form, casing), rng.choice(["bert", "distilbert", "electra"]), settings, **other)


def modern_bert_cases():
    """As the hub has them: a general class, and special tokens in tokenizer_config.json."""
    named = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}
    names = {"model_input_names": ["input_ids", "attention_mask"]}
    file = modern_bert_json()
    decoder = {"added_tokens_decoder": {str(token["id"]): {k: v for k, v in token.items() if k != "id"} for token in file["added_tokens"]}}
    for name, inputs, listed in itertools.product([ABSENT, "PreTrainedTokenizerFast", "TokenizersBackend"], [{}, names], [{}, decoder]):
        settings = named | inputs | listed | config(tokenizer_class=name)
        shown = config(tokenizer_class=name) | inputs | {"listed": bool(listed)}
        case(f"modernbert: {shown}", {"tokenizer.json": base("modern_bert.json")}, "modernbert", settings)
    general = named | names | decoder | {"tokenizer_class": "PreTrainedTokenizerFast"}
    for key, value in {"model__ignore_merges": True, "post_processor": bert_frame(("[CLS]", 1), ("[SEP]", 2), 1)}.items():
        case(f"modernbert with another {key}", {"tokenizer.json": base("modern_bert.json", **{key: value})}, "modernbert", general)


def content(file):
    if "text" in file:
        return file["text"]
    value = BASES[file["base"]]
    if isinstance(value, str):
        return value
    value = json.loads(json.dumps(value))
    for pointer, new in file["set"].items():
        *parents, last = pointer.split("/")[1:]
        target = value
        for parent in parents:
            target = target[parent]
        target[last] = new
    return json.dumps(value, ensure_ascii=False)


def encode(directory):
    """Rows of all texts and pairs; None if transformers refuses."""
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
        tokenizer.backend_tokenizer.no_padding()
        rows = [tokenizer([entry]) for entry in TEXTS]
        # As lists: an empty second text alone counts as none.
        rows += [tokenizer([TEXTS[a]], [TEXTS[b]]) for a, b in PAIRS]
    except BaseException as error:  # the library's panics too
        if isinstance(error, KeyboardInterrupt):
            raise
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
    ids = [row["input_ids"][0] for row in rows]
    types = [row["token_type_ids"][0] if "token_type_ids" in row else [0] * len(row["input_ids"][0]) for row in rows]
    named = {key: tokenizer.convert_tokens_to_ids(str(getattr(tokenizer, key))) for key in ["pad_token", "mask_token"] if getattr(tokenizer, key) is not None}
    return {
        "ids": [" ".join(map(str, row)) for row in ids],
        "types": ["".join(map(str, row)) for row in types],
        "named": named,
    }


def encode_all():
    found = []
    for entry in CASES:
        with tempfile.TemporaryDirectory() as directory:
            for name, file in entry["files"].items():
                (pathlib.Path(directory) / name).write_text(content(file), encoding="utf-8")
            found.append(encode(directory))
    return found


def write():
    assert transformers.__version__ == "5.23.0", transformers.__version__
    found = encode_all()
    command = [os.environ["OTHER_PYTHON"], __file__, "encode"]
    other = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    for entry, here, there in zip(CASES, found, other, strict=True):
        entry["other"] = here["ids"] != there["ids"] if "ids" in here and "ids" in there else "error"
        if entry["other"] is False and here["types"] != there["types"]:
            entry["other"] = "types"
        entry |= here
    output = {"bases": BASES, "texts": TEXTS, "pairs": PAIRS, "cases": CASES}
    data = json.dumps(output, ensure_ascii=False, separators=(",", ":")).encode()
    OUTPUT.write_bytes(gzip.compress(data, 9, mtime=0))
    counts = [sum(entry["other"] == kind for entry in CASES) for kind in [False, True, "types", "error"]]
    print(f"{len(CASES)} cases, same and other in 4.57: {counts}, {OUTPUT.stat().st_size} bytes")
    print(hashlib.sha256(data).hexdigest())


def check(directory):
    """Compares what transformers makes of the directories that the test saved."""
    cases = json.loads(gzip.decompress(OUTPUT.read_bytes()))["cases"]
    same, wrong, refused = 0, [], 0
    for number, entry in enumerate(cases):
        saved = pathlib.Path(directory) / str(number)
        if not saved.is_dir():
            refused += 1
            continue
        found = encode(str(saved))
        ours = json.loads((saved / "expected.json").read_text())
        if found.get("ids") == ours["ids"] and found.get("types") == ours["types"]:
            same += 1
        else:
            wrong.append(entry["name"])
            print(entry["name"], found.get("error", "other tokens"), file=sys.stderr)
    print(f"transformers {transformers.__version__}: {same} same, {len(wrong)} not, {refused} not saved")


normalizer_cases()
added_cases()
added_flag_cases()
special_token_cases()
class_cases()
other_setting_cases()
roberta_cases()
unigram_cases()
mixed_cases()
modern_bert_cases()

if __name__ == "__main__":
    if sys.argv[1:2] == ["check"]:
        check(sys.argv[2])
    elif sys.argv[1:2] == ["encode"]:
        print(json.dumps(encode_all()))
    else:
        write()
