"""Writes expected.json: terms and matrices by scikit-learn's vectorizers.

Made with Python 3.11, scikit-learn==1.9.1, scipy==1.17.1, numpy==2.4.6:

    python -m venv /tmp/parity
    /tmp/parity/bin/pip install scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
    /tmp/parity/bin/python generate.py

A case has the settings as this crate reads them, the terms of the columns (none for hashing), the
rows of the matrix of TEXTS after fitting to them, and those of OTHERS; a row is a list of columns
and a list of values.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfVectorizer,
)

PINNED = {"scikit-learn": "1.9.1", "scipy": "1.17.1", "numpy": "2.4.6"}

TEXTS = [
    "Smoke over the harbour: the harbour is closed, says @port_office.",
    "The crème brûlée was GOOD — the café, naïve as ever, was full!",
    "",
    "a I . !",
    "🔥🔥 fire at the 3rd street, fire crews on site 🚒 http://t.example/x1_y2",
    "地震が来た。東京は無事です",
    "Tōkyō is fine, the earthquake was far away; fine, fine, fine",
    "don't panic, it's only smoke\n\nsmoke\tsmoke  \u3000 smoke",
    "ΟΔΟΣ Οδός İstanbul straße ﬁre ½ x² Ⅷ",
    "की आग में धुआँ",
    "the the the THE",
    "zero\u200dwidth joiner and soft\u00adhyphen, line\u2028separator\x1cfile",
    "École fermée, l'école est fermée : neige, neige, neige",
    "harbour closed; street closed; café closed",
]
OTHERS = [
    "The harbour café is on fire",
    "nothing known here",
    "",
    "école 東京 🔥",
    "smoke smoke smoke STREET",
]

STOP_WORDS = ["the", "is", "was", "at", "on"]

WORD_CASES = {
    "defaults": {},
    "as written": {"lowercase": False},
    "accents to ascii": {"strip_accents": "ascii"},
    "accents by unicode": {"strip_accents": "unicode"},
    "words of one character": {"token_pattern": r"(?u)\b\w+\b"},
    "words of three characters": {"token_pattern": r"(?u)\b\w\w\w+\b"},
    "pattern without boundaries": {"token_pattern": r"[\w']+"},
    "what is no space": {"token_pattern": r"\S+"},
    "pattern with a group": {"token_pattern": r"([a-z]+)[,;:]"},
    "stop words": {"stop_words": STOP_WORDS},
    "one to three words": {"ngram_range": [1, 3]},
    "two words without stop words": {"ngram_range": [2, 2], "stop_words": STOP_WORDS},
    "characters": {"kind": "char", "ngram_range": [1, 3]},
    "long runs of characters": {"kind": "char", "ngram_range": [4, 5], "lowercase": False},
    "characters within words": {"kind": "char_wb", "ngram_range": [2, 4]},
    "long runs within words": {
        "kind": "char_wb",
        "ngram_range": [5, 7],
        "strip_accents": "unicode",
    },
}

COUNT_CASES = {
    "at least two texts": {"min_df": 2},
    "at least a share": {"min_df": 0.2},
    "at most three texts": {"max_df": 3},
    "at most a share": {"max_df": 0.15, "min_df": 2},
    "the most frequent": {"max_features": 4},
    "the most frequent, once a text": {"max_features": 1, "binary": True},
    "once a text": {"binary": True},
}

TFIDF_CASES = {
    "defaults": {},
    "l1": {"norm": "l1"},
    "no norm": {"norm": "none"},
    "no idf": {"use_idf": False},
    "idf as it is": {"smooth_idf": False},
    "sublinear": {"sublinear_tf": True, "norm": "none"},
    "everything": {"sublinear_tf": True, "smooth_idf": False, "norm": "l1"},
}

HASHING_CASES = {
    "defaults": {},
    "few columns": {"n_features": 16},
    "few columns, once": {"n_features": 16, "binary": True, "norm": "none"},
    "no signs": {"n_features": 1000, "alternate_sign": False, "norm": "l1"},
    "one column": {"n_features": 1, "norm": "none"},
}


def options(settings):
    """The settings of this crate as arguments of scikit-learn."""
    settings = dict(settings)
    settings.pop("kind", None)
    arguments = {}
    for nested in ("counts", "analyzer"):
        if isinstance(settings.get(nested), dict):
            inner = settings.pop(nested)
            kind = {"analyzer": inner["kind"]} if nested == "analyzer" and "kind" in inner else {}
            arguments |= options(inner) | kind
    for name, value in settings.items():
        if value == "none":
            value = None
        arguments[name] = tuple(value) if name == "ngram_range" else value
    return arguments


def rows(matrix):
    matrix = matrix.tocsr()
    matrix.sort_indices()
    found = []
    for row in range(matrix.shape[0]):
        range_ = slice(matrix.indptr[row], matrix.indptr[row + 1])
        values = [float(value) for value in matrix.data[range_]]
        values = [int(value) if value.is_integer() else value for value in values]
        found.append([matrix.indices[range_].tolist(), values])
    return found


def case(name, settings):
    kind = {"count": CountVectorizer, "tfidf": TfidfVectorizer, "hashing": HashingVectorizer}
    vectorizer = kind[settings["kind"]](**options(settings))
    matrix = vectorizer.fit_transform(TEXTS)
    has_terms = settings["kind"] != "hashing"
    if has_terms and vectorizer.max_features is not None:
        check_cut(settings, vectorizer.max_features)
    return {
        "name": name,
        "features": settings,
        "columns": int(matrix.shape[1]),
        "terms": vectorizer.get_feature_names_out().tolist() if has_terms else None,
        "rows": rows(matrix),
        "others": rows(vectorizer.transform(OTHERS)),
    }


def check_cut(settings, limit):
    """scikit-learn chooses at random among equally frequent terms: there must be none at the cut."""
    everything = options(settings) | {"max_features": None}
    totals = np.sort(CountVectorizer(**everything).fit_transform(TEXTS).sum(axis=0).A1)[::-1]
    assert totals[limit - 1] > totals[limit], totals


def cases():
    for name, text in WORD_CASES.items():
        yield case(f"count, {name}", {"kind": "count", "analyzer": text})
    for name, counts in COUNT_CASES.items():
        yield case(f"count, {name}", {"kind": "count", **counts})
    for name, tfidf in TFIDF_CASES.items():
        yield case(f"tfidf, {name}", {"kind": "tfidf", **tfidf})
    counts = {"analyzer": WORD_CASES["characters within words"], "min_df": 2}
    yield case("tfidf, characters within words", {"kind": "tfidf", "counts": counts})
    for name, hashing in HASHING_CASES.items():
        yield case(f"hashing, {name}", {"kind": "hashing", **hashing})
    text = WORD_CASES["one to three words"]
    yield case("hashing, one to three words", {"kind": "hashing", "analyzer": text})


def main():
    for package in (sklearn, scipy, np):
        name = "scikit-learn" if package is sklearn else package.__name__
        assert package.__version__ == PINNED[name], (name, package.__version__)
    warnings.simplefilter("error")
    # One case a line: a change shows up where it is.
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in cases())
    head = json.dumps({"made_with": PINNED, "texts": TEXTS, "other_texts": OTHERS}, ensure_ascii=False)
    Path(__file__).with_name("expected.json").write_text(
        f'{head[:-1]}, "cases": [\n{lines}\n]}}\n', encoding="utf-8"
    )


if __name__ == "__main__":
    main()
