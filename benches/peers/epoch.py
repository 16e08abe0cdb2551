"""An epoch of fine-tuning from raw text to trained model: the example `ag_news` against transformers' Trainer.

    pip install torch==2.9.0 transformers==5.23.0 accelerate==1.15.0 pyarrow==22.0.0
    cargo build --release --example ag_news  # target/release/examples/ag_news
    python benches/peers/epoch.py --program PATH --model DIR --data DIR --rounds 3 --out results.json

All read the same Parquet files and checkpoint, train one epoch with the same batch size, length limit and
learning rate, and test; all else is the default of each, but for `--precision bf16`, which all are given. The Trainer runs twice:
with padding to the longest of a batch (its default, rows in random order), and with rows grouped by length.

Each is a process of its own, and they take turns, in an order that turns around every round. What is printed
are medians over the rounds, and the medians of the ratios within a round: rows trained on a second from the
start of the process to the saved model, of the training loop alone, tested rows a second, and peak memory.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

TRAINERS = {"trainer": "random", "trainer-grouped": "group_by_length"}
FIGURES = {
    "rows_per_second": "rows a second from text to model",
    "train_rows_per_second": "rows a second in the loop",
    "test_rows_per_second": "tested rows a second",
    "peak_megabytes": "peak memory in MB",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=pathlib.Path, help="the example ag_news")
    parser.add_argument("--devices", nargs="+", default=["flex"], help="of the example, each a run of its own")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with train.parquet and test.parquet")
    parser.add_argument("--max-train-samples", type=int, default=512)
    parser.add_argument("--max-test-samples", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--trainer", choices=TRAINERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.trainer:
        print(json.dumps(train(arguments)))
        return
    turns = {name: [] for name in [*arguments.devices, *TRAINERS]}
    with tempfile.TemporaryDirectory() as data:
        rows = {"train": arguments.max_train_samples, "test": arguments.max_test_samples}
        for split, count in rows.items():
            subset(arguments.data, pathlib.Path(data), split, count)
        arguments.data = data
        for number in range(arguments.rounds):
            names = list(turns)
            for name in names if number % 2 == 0 else reversed(names):
                turns[name].append(turn(name, arguments))
                print(name, turns[name][-1], flush=True)
                if arguments.out:
                    arguments.out.write_text(json.dumps(turns, indent=1) + "\n")
    for device in arguments.devices:
        for figure, meaning in FIGURES.items():
            print(line(turns, device, figure, meaning))


def subset(source, target, split, count):
    """Rows at even distances: the files are in no order."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(source / f"{split}.parquet")
    rows = range(0, table.num_rows, max(1, table.num_rows // count))[:count]
    pyarrow.parquet.write_table(table.take(list(rows)), target / f"{split}.parquet")


def turn(name, arguments):
    """Runs one of them; its figures."""
    environment = os.environ | {
        "RAYON_NUM_THREADS": str(arguments.threads), "OMP_NUM_THREADS": str(arguments.threads),
        "TOKENIZERS_PARALLELISM": "true"}
    shared = ["--model", arguments.model, "--data", arguments.data, "--batch-size", arguments.batch_size,
              "--max-length", arguments.max_length, "--learning-rate", arguments.learning_rate, "--precision", arguments.precision]
    with tempfile.TemporaryDirectory() as folder:
        if name in TRAINERS:
            command = [sys.executable, __file__, *shared, "--threads", arguments.threads, "--trainer", name]
        else:
            run = pathlib.Path(folder, "run")
            command = [arguments.program, *shared, "--epochs", 1, "--device", name, "--run-dir", run]
        start = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=environment, cwd=folder)
        output, errors = process.communicate()
        seconds = time.perf_counter() - start
        if process.returncode:
            sys.exit(f"{name} failed:\n{errors}")
        if name not in TRAINERS:
            report = json.loads((run / "report.json").read_text())
            figures = {
                "train_rows_per_second": report["train"]["samples_per_second"],
                "test_rows_per_second": report["test"]["samples_per_second"],
                "accuracy": report["test"]["accuracy"],
                "peak_megabytes": report["peak_rss_bytes"] / 1e6,
            }
        else:
            figures = json.loads(output.splitlines()[-1])
    # What was tested on does not belong to the way from text to model.
    seconds -= arguments.max_test_samples / figures["test_rows_per_second"]
    return figures | {"rows_per_second": arguments.max_train_samples / seconds}


def train(arguments):
    """The Trainer, in a process of its own."""
    import pyarrow.parquet
    import torch
    import transformers

    torch.set_num_threads(arguments.threads)
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)

    def rows(split):
        table = pyarrow.parquet.read_table(arguments.data / f"{split}.parquet").to_pydict()
        encoded = tokenizer(table["text"], truncation=True, max_length=arguments.max_length)
        return [{"input_ids": ids, "attention_mask": mask, "labels": label}
                for ids, mask, label in zip(encoded["input_ids"], encoded["attention_mask"], table["label"])]

    model = transformers.AutoModelForSequenceClassification.from_pretrained(arguments.model, num_labels=4)
    settings = transformers.TrainingArguments(
        output_dir="trainer", num_train_epochs=1, per_device_train_batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate, train_sampling_strategy=TRAINERS[arguments.trainer], use_cpu=True,
        bf16=arguments.precision == "bf16",
        save_strategy="no", report_to="none", disable_tqdm=True)
    trainer = transformers.Trainer(
        model=model, args=settings, train_dataset=rows("train"), processing_class=tokenizer,
        data_collator=transformers.DataCollatorWithPadding(tokenizer))
    trained = trainer.train().metrics
    trainer.save_model()
    test = rows("test")
    start = time.perf_counter()
    predictions = trainer.predict(test)
    seconds = time.perf_counter() - start
    right = (predictions.predictions.argmax(-1) == predictions.label_ids).mean()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "train_rows_per_second": trained["train_samples_per_second"],
        "test_rows_per_second": len(test) / seconds,
        "accuracy": float(right),
        "peak_megabytes": peak * 1024 / 1e6,
    }


def line(turns, device, figure, meaning):
    ours = [turn[figure] for turn in turns[device]]
    words = [f"{meaning}: {device} {statistics.median(ours):.1f}"]
    for name in TRAINERS:
        theirs = [turn[figure] for turn in turns[name]]
        ratio = statistics.median(our / their for our, their in zip(ours, theirs))
        words.append(f"{name} {statistics.median(theirs):.1f} ({ratio:.2f} times)")
    return ", ".join(words)


if __name__ == "__main__":
    main()
