"""Saves a dataset with class names, with the `datasets` library, to `saved/` (two splits, the first
in two files) and to `reviews.parquet`.

    pip install datasets==5.2.0 pyarrow==26.0.1
    python generate.py
"""

import pathlib
import shutil

import datasets
import pyarrow

assert datasets.__version__ == "5.2.0", datasets.__version__
assert pyarrow.__version__ == "26.0.1", pyarrow.__version__

HERE = pathlib.Path(__file__).parent
FEATURES = datasets.Features({
    "text": datasets.Value("string"),
    "label": datasets.ClassLabel(names=["negative", "neutral", "positive"]),
    "stars": datasets.Value("float32"),
})

train = datasets.Dataset.from_dict({
    "text": ["The soup was cold.", "It is a restaurant.", "The best bread in town."],
    "label": [0, 1, 2],
    "stars": [1.5, 3.0, 5.0],
}, features=FEATURES)
test = datasets.Dataset.from_dict({
    "text": ["Friendly and fast.", "Nobody came."],
    "label": [2, 0],
    "stars": [4.5, 1.0],
}, features=FEATURES)

shutil.rmtree(HERE / "saved", ignore_errors=True)
saved = datasets.DatasetDict(train=train, test=test)
saved.save_to_disk(HERE / "saved", num_shards={"train": 2, "test": 1})
# -1 is a label that is kept secret.
secret = datasets.Dataset.from_dict(
    {"text": ["Who knows?"], "label": [-1], "stars": [0.0]}, features=FEATURES)
datasets.concatenate_datasets([train, secret]).to_parquet(HERE / "reviews.parquet")
