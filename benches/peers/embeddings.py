"""Training of an embedding model: the example `embeddings` against sentence-transformers.

    pip install torch==2.9.0 transformers==5.23.0 sentence-transformers==6.2.0 accelerate==1.15.0 datasets==5.2.0
    cargo build --release --example embeddings  # target/release/examples/embeddings
    python benches/peers/embeddings.py --program PATH --model DIR --pairs FILE.tsv --rounds 3 --out results.json

FILE has the columns sentence1, sentence2 and is_duplicate; the pairs with 1.0 are trained on in the order of the file,
with multiple negatives ranking, the same batch size, length limit, learning rate and precision. All else is the default of
each. With --without-dropout the losses of the first step are to be equal.

Each run is a process of its own, and they take turns, in an order that turns around every round. What is printed are
medians over the rounds, and the medians of the ratios within a round: pairs a second in the training loop.
"""

import argparse
import csv
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

NAMES = ["finetune", "sentence-transformers"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=pathlib.Path, help="the example embeddings")
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--pairs", type=pathlib.Path, required=True)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--max-steps", type=int, default=20)
    parser.add_argument("--learning-rate", type=float, default=2e-5)
    parser.add_argument("--without-dropout", action="store_true")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--trainer", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.trainer:
        print(json.dumps(train(arguments)))
        return
    turns = {name: [] for name in NAMES}
    with tempfile.TemporaryDirectory() as folder:
        prepare(arguments, pathlib.Path(folder))
        for number in range(arguments.rounds):
            for name in NAMES if number % 2 == 0 else reversed(NAMES):
                turns[name].append(turn(name, arguments))
                print(name, turns[name][-1], flush=True)
                if arguments.out:
                    arguments.out.write_text(json.dumps(turns, indent=1) + "\n")
    speeds = {name: [turn["pairs_per_second"] for turn in turns[name]] for name in NAMES}
    medians = {name: round(statistics.median(values), 2) for name, values in speeds.items()}
    ratio = statistics.median(ours / theirs for ours, theirs in zip(*speeds.values()))
    print(f"pairs a second: {medians}, ratio {ratio:.2f}")


def prepare(arguments, folder):
    """Writes the pairs of the first steps, and a copy of the model without dropout if asked for."""
    with open(arguments.pairs, newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["is_duplicate"] == "1.0"]
    rows = rows[:arguments.batch_size * arguments.max_steps]
    arguments.pairs = folder / "pairs.csv"
    with open(arguments.pairs, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["anchor", "positive"])
        writer.writerows([row["sentence1"], row["sentence2"]] for row in rows)
    if arguments.without_dropout:
        model = shutil.copytree(arguments.model, folder / "model")
        config = json.loads((model / "config.json").read_text())
        config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        (model / "config.json").write_text(json.dumps(config))
        arguments.model = model


def turn(name, arguments):
    """Runs one of them; its figures."""
    threads = str(arguments.threads)
    environment = os.environ | {"RAYON_NUM_THREADS": threads, "OMP_NUM_THREADS": threads,
                                "TOKENIZERS_PARALLELISM": "true"}
    shared = ["--model", arguments.model, "--batch-size", arguments.batch_size, "--max-length", arguments.max_length,
              "--max-steps", arguments.max_steps, "--learning-rate", arguments.learning_rate,
              "--precision", arguments.precision]
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder, "run")
        if name == "finetune":
            command = [arguments.program, *shared, "--train-file", arguments.pairs, "--run-dir", run,
                       "--set", "train.sampling_strategy=sequential"]
        else:
            command = [sys.executable, __file__, *shared, "--pairs", arguments.pairs, "--threads", threads, "--trainer"]
        process = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment,
                                 cwd=folder)
        if process.returncode:
            sys.exit(f"{name} failed:\n{process.stderr}")
        if name != "finetune":
            return json.loads(process.stdout.splitlines()[-1])
        report = json.loads((run / "report.json").read_text())
        lines = (run / "metrics.jsonl").read_text().splitlines()
        losses = [line["loss"] for line in map(json.loads, lines) if "loss" in line]
        return {"pairs_per_second": report["train"]["samples_per_second"], "first_loss": losses[0],
                "last_loss": losses[-1], "peak_megabytes": report["peak_rss_bytes"] / 1e6}


def train(arguments):
    """The trainer of sentence-transformers, in a process of its own."""
    import resource

    import datasets
    import sentence_transformers
    import torch
    from sentence_transformers import losses
    from sentence_transformers.models import Pooling, Transformer

    torch.set_num_threads(arguments.threads)
    with open(arguments.pairs, newline="") as file:
        rows = datasets.Dataset.from_list(list(csv.DictReader(file)))
    encoder = Transformer(str(arguments.model), max_seq_length=arguments.max_length)
    size = json.loads((arguments.model / "config.json").read_text())["hidden_size"]
    model = sentence_transformers.SentenceTransformer(modules=[encoder, Pooling(size, "mean")], device="cpu")

    class InOrder(sentence_transformers.SentenceTransformerTrainer):
        def get_batch_sampler(self, dataset, batch_size, drop_last, **_):
            sampler = torch.utils.data.SequentialSampler(dataset)
            return torch.utils.data.BatchSampler(sampler, batch_size=batch_size, drop_last=drop_last)

    settings = sentence_transformers.SentenceTransformerTrainingArguments(
        "run", use_cpu=True, bf16=arguments.precision == "bf16", max_steps=arguments.max_steps,
        per_device_train_batch_size=arguments.batch_size, learning_rate=arguments.learning_rate,
        logging_steps=1, save_strategy="no", report_to="none", disable_tqdm=True, seed=1)
    trainer = InOrder(model, settings, train_dataset=rows, loss=losses.MultipleNegativesRankingLoss(model))
    trainer.train()
    logged = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    seconds = next(line["train_runtime"] for line in trainer.state.log_history if "train_runtime" in line)
    return {"pairs_per_second": len(rows) / seconds, "first_loss": float(logged[0]), "last_loss": float(logged[-1]),
            "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}


if __name__ == "__main__":
    main()
