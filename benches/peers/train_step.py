"""Training steps and predictions per second: `train_step` of the benches against PyTorch.

    pip install torch==2.9.0 transformers==5.23.0
    cargo bench -p finetune-benches --bench train_step --no-run  # prints the program's path
    python benches/peers/train_step.py --rounds 7 --out results.json finetune=PATH

Both train a BERT of MiniLM's shape (6 layers, width 384, 12 heads, feed-forward 1536), or with `--shape` of another
of `SHAPES`, with its embeddings, pooler and a head for 4 classes, from fresh weights, in 32-bit floats or with
`--precision bf16` (PyTorch: autocast), with the dropout of its configuration: a step is forward, backward, clipping by
the norm of all gradients, and AdamW. A prediction is a forward without dropout. No row is padded. PyTorch's attention is
its fused one, its AdamW the fused one. `--torch-device cuda` puts PyTorch on a GPU, where `--compile` adds a compiled one.

The programs take turns, in an order that turns around every round, and stay loaded between them; a
turn is a few seconds of one kind of work. The peak memory is that of the process since it began, of PyTorch's
with its libraries. On a machine with other work, threads that wait for each
other lose the most, and PyTorch's spin while they wait: `--threads 1` compares the work alone, in
processor seconds. Several programs can be named, such as that of another commit, or the same on
another device or in another precision as `libtorch=PATH@libtorch` or `bf16=PATH@flex@bf16`. What is printed are medians over the rounds, and the medians of
the ratios within a round.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import time

import torch
import transformers

BATCHES = [(32, 64), (32, 128), (16, 256)]
SHAPES = {
    "minilm": ("bert", {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}),
    "bert-base": ("bert", {}),
    "modernbert-base": ("modernbert", {}),
    "modernbert-17m": ("modernbert", {"hidden_size": 256, "num_hidden_layers": 7, "num_attention_heads": 4,
                                      "intermediate_size": 384}),
    "deberta-v3-base": ("deberta-v2", {
        "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
        "vocab_size": 128_100, "type_vocab_size": 0, "relative_attention": True, "position_buckets": 256,
        "pos_att_type": ["p2c", "c2p"], "share_att_key": True, "norm_rel_ebd": "layer_norm",
        "position_biased_input": False, "max_relative_positions": -1,
    }),
}


class PyTorch:
    def __init__(self, shape, precision, device, compiled):
        self.device = device
        self.autocast = torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16")
        family, sizes = SHAPES[shape]
        config = transformers.AutoConfig.for_model(family, **sizes, num_labels=4)
        model = transformers.AutoModelForSequenceClassification
        # DeBERTa's attention has no fused form there.
        attention = "eager" if family == "deberta-v2" else "sdpa"
        self.model = model.from_config(config, attn_implementation=attention).to(device)
        groups = [
            {"params": [p for n, p in self.model.named_parameters() if p.ndim > 1], "weight_decay": 0.01},
            {"params": [p for n, p in self.model.named_parameters() if p.ndim == 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=2.5e-5, fused=True)
        self.forward = torch.compile(self.model) if compiled else self.model

    def run(self, what, rows, tokens, times):
        ids = (torch.arange(rows * tokens, device=self.device) * 7919 % 30_000).reshape(rows, tokens)
        batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        labels = torch.arange(rows, device=self.device) % 4
        self.model.train(what == "train")
        start, before = time.perf_counter(), processor_seconds()
        for _ in range(times):
            if what == "train":
                self.optimizer.zero_grad()
                with self.autocast:
                    loss = self.forward(**batch, labels=labels).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self.optimizer.step()
            else:
                with torch.inference_mode(), self.autocast:
                    self.forward(**batch).logits.float().cpu().numpy()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start, processor_seconds() - before

    def peak_memory(self):
        return own_peak_memory()


class Program:
    def __init__(self, program, threads, shape, precision):
        path, *options = program.split("@")
        device, precision = (options + ["", ""])[0] or "flex", (options + ["", ""])[1] or precision
        pipe = subprocess.PIPE
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads),
                                    "FINETUNE_SHAPE": shape, "FINETUNE_PRECISION": precision,
                                    "FINETUNE_DEVICE": device}
        self.process = subprocess.Popen([path, "--stdin"], stdin=pipe, stdout=pipe, text=True, env=environment)

    def peak_memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def run(self, what, rows, tokens, times):
        print(what, rows, tokens, times, file=self.process.stdin, flush=True)
        seconds, processor = self.process.stdout.readline().split()
        return float(seconds), float(processor)


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def own_peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", nargs="+", metavar="NAME=PATH[@DEVICE[@PRECISION]]")
    parser.add_argument("--shape", choices=SHAPES, default="minilm")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--what", nargs="+", choices=["train", "predict"], default=["train", "predict"])
    parser.add_argument("--batches", nargs="+", type=batch, default=BATCHES, metavar="ROWSxTOKENS")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turn-seconds", type=float, default=2.5)
    parser.add_argument("--torch-device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--compile", action="store_true", help="compare with torch.compile, too")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    named = (program.split("=", 1) for program in arguments.programs)
    settings = arguments.shape, arguments.precision
    programs = {name: Program(program, arguments.threads, *settings) for name, program in named}
    programs["pytorch"] = PyTorch(*settings, arguments.torch_device, False)
    if arguments.compile:
        programs["pytorch compiled"] = PyTorch(*settings, arguments.torch_device, True)
    results = []
    for what in arguments.what:
        for rows, tokens in arguments.batches:
            results.append(measure(programs, what, rows, tokens, arguments))
            print(line(results[-1]), flush=True)
            if arguments.out:
                arguments.out.write_text(json.dumps(results, indent=1) + "\n")


def batch(words):
    rows, tokens = words.split("x")
    return int(rows), int(tokens)


def measure(programs, what, rows, tokens, arguments):
    times = {}
    for name, program in programs.items():
        # The first is slower everywhere, and on a GPU it compiles kernels: it is not counted.
        program.run(what, rows, tokens, 1)
        seconds, _ = program.run(what, rows, tokens, 2)
        times[name] = max(1, round(arguments.turn_seconds * 2 / seconds))
    turns = {name: [] for name in programs}
    for number in range(arguments.rounds):
        order = list(programs)
        for name in order if number % 2 == 0 else reversed(order):
            seconds, processor = programs[name].run(what, rows, tokens, times[name])
            examples = rows * times[name]
            turns[name].append({"samples_per_second": examples / seconds,
                                "examples_per_processor_second": examples / processor})
    peaks = {name: round(program.peak_memory()) for name, program in programs.items()}
    return {"what": what, "rows": rows, "tokens": tokens, "turns": turns, "peak_memory_mib": peaks}


def line(result):
    words = [f"{result['what']} {result['rows']}x{result['tokens']}:"]
    peer = result["turns"]["pytorch"]
    for name, turns in result["turns"].items():
        wall, processor = (statistics.median(turn[key] for turn in turns) for key in turns[0])
        words.append(f"{name} {wall:.2f} ({processor:.2f} a processor second)")
        if not name.startswith("pytorch"):
            ratios = [statistics.median(ours[key] / theirs[key] for ours, theirs in zip(turns, peer))
                      for key in turns[0]]
            words.append(f"= {ratios[0]:.2f} ({ratios[1]:.2f}) times;")
    words.append(f"peak memory so far, MiB: {result['peak_memory_mib']}")
    return " ".join(words)


if __name__ == "__main__":
    main()
