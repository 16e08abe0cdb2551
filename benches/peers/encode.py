"""Rows per second of reading and tokenizing: the example `tokenize_dataset` against Hugging Face datasets.

    pip install transformers==5.23.0 datasets==5.2.0
    cargo build --release --example tokenize_dataset
    python benches/peers/encode.py --model DIR --rounds 5 --out results.json \
        ag_news=DIR/test.parquet imdb=DIR/train.parquet

The two programs take turns on the same file. Each starts from nothing: a new process, an empty
cache, the file as the operating system keeps it. What is measured is the time from the file to a
tokenized data set on disk, of the reading and the tokenizing alone (not of starting Python or of
importing its modules), with truncation at 512 tokens and the fast tokenizer, on two processes
there and two threads here.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

PEER = """
import json, sys, time
import datasets, transformers
path, model, cache = sys.argv[1:]
datasets.disable_progress_bars()
tokenizer = transformers.AutoTokenizer.from_pretrained(model)
# The tokenizer is used once, so that nothing of its own start is measured.
tokenizer(["warm"], truncation=True, max_length=512)
start = time.perf_counter()
data = datasets.load_dataset("parquet", data_files=path, split="train", cache_dir=cache)
read = time.perf_counter()
data = data.map(lambda rows: tokenizer(rows["text"], truncation=True, max_length=512),
                batched=True, num_proc=2, remove_columns=["text"])
end = time.perf_counter()
print(json.dumps({"rows": len(data), "tokens": sum(map(len, data["input_ids"][:])),
                  "reading": read - start, "tokenizing": end - read, "seconds": end - start}))
"""


def peer(path, model, folder):
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, "-c", PEER, path, model, folder]
    return json.loads(run(command, environment).splitlines()[-1])


def ours(path, model, folder):
    report = f"{folder}/report.json"
    command = [ROOT / "target/release/examples/tokenize_dataset", "--input-file", path, "--model", model,
               "--max-length", "512", "--tokenizer-cache", f"{folder}/cache", "--report", report]
    run(command, os.environ | {"RAYON_NUM_THREADS": "2"})
    first = json.loads(pathlib.Path(report).read_text())
    run(command, os.environ)
    second = json.loads(pathlib.Path(report).read_text())
    assert second["reused"] and not first["reused"]
    return {"rows": first["rows"], "tokens": first["tokens"], "seconds": first["seconds"],
            "opening": second["seconds"], "peak_rss_bytes": first["peak_rss_bytes"]}


def run(command, environment):
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("files", nargs="+", metavar="NAME=FILE.parquet")
    arguments = parser.parse_args()
    results = {}
    for name, path in (entry.split("=", 1) for entry in arguments.files):
        rounds = {"ours": [], "peer": []}
        for _ in range(arguments.rounds):
            for system, measure in (("ours", ours), ("peer", peer)):
                with tempfile.TemporaryDirectory() as folder:
                    rounds[system].append(measure(path, arguments.model, folder))
        assert {r["tokens"] for r in rounds["ours"]} == {r["tokens"] for r in rounds["peer"]}
        rows = rounds["ours"][0]["rows"]
        rate = {s: statistics.median(rows / r["seconds"] for r in rounds[s]) for s in rounds}
        results[name] = {
            "rows": rows,
            "rows_per_second": rate,
            "ratio": rate["ours"] / rate["peer"],
            "opening_seconds": statistics.median(r["opening"] for r in rounds["ours"]),
            "rounds": rounds,
        }
        print(f"{name}: {rows} rows, ours {rate['ours']:.0f}, datasets {rate['peer']:.0f} rows/s, "
              f"ratio {results[name]['ratio']:.2f}, "
              f"opening {1000 * results[name]['opening_seconds']:.1f} ms", flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
