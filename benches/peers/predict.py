"""Predictions per second in 32-bit floats, bfloat16 and 8-bit integers: against PyTorch, ONNX Runtime and OpenVINO.

    pip install torch==2.9.0 transformers==5.23.0 onnxruntime==1.32.0 onnx==1.23.2 openvino==2026.4.1
    cargo build --release --bin finetune
    cargo bench -p finetune-benches --bench train_step --no-run  # prints the program's path
    python benches/peers/predict.py --exporter target/release/finetune --rounds 5 --out results.json PATH

All predict with a BERT of MiniLM's shape or with `--shape bert-base`, with its pooler and a head for 4 classes, from
fresh weights and without padding. ONNX Runtime runs the model as `finetune export --format onnx` writes it, and what its
own dynamic quantization makes of it, with a scale for each output; OpenVINO runs the floats, in 32 bits and in bfloat16. The
programs take turns as in `train_step.py`.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy
import onnxruntime
import openvino
import torch
import transformers
from onnxruntime.quantization import QuantType, quantize_dynamic

import train_step

PEERS = [("f32", "pytorch"), ("bf16", "pytorch bf16"), ("int8", "pytorch"), ("f32", "onnxruntime"),
         ("int8", "onnxruntime int8"), ("f32", "openvino f32"), ("bf16", "openvino bf16")]
BATCHES = [(rows, tokens) for rows in (1, 8, 32) for tokens in (16, 64, 256)]


class Runtime:
    """A model in this process, which answers what `predict` is given, by the names of its inputs."""

    def run(self, what, rows, tokens, times):
        ids = (numpy.arange(rows * tokens) * 7919 % 30_000).reshape(rows, tokens)
        values = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
        feed = {name: values[name] for name in self.inputs}
        start, before = train_step.time.perf_counter(), train_step.processor_seconds()
        for _ in range(times):
            self.predict(feed)
        return train_step.time.perf_counter() - start, train_step.processor_seconds() - before

    def peak_memory(self):
        return train_step.own_peak_memory()


class OnnxRuntime(Runtime):
    def __init__(self, path, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
        self.inputs = [entry.name for entry in session.get_inputs()]
        self.predict = lambda feed: session.run(None, feed)


class OpenVino(Runtime):
    def __init__(self, path, threads, precision):
        settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        model = openvino.Core().compile_model(str(path), "CPU", settings)
        self.inputs = [entry.any_name for entry in model.inputs]
        request = model.create_infer_request()
        self.predict = lambda feed: request.infer(feed)


def exported(exporter, shape, folder):
    """Writes fresh weights, and returns the exported model in floats and in integers."""
    family, sizes = train_step.SHAPES[shape]
    config = transformers.AutoConfig.for_model(family, **sizes, num_labels=4)
    torch.manual_seed(0)
    transformers.AutoModelForSequenceClassification.from_config(config).save_pretrained(f"{folder}/model")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(str, range(config.vocab_size - 5))]
    pathlib.Path(f"{folder}/vocab.txt").write_text("\n".join(vocabulary))
    transformers.BertTokenizerFast(f"{folder}/vocab.txt").save_pretrained(f"{folder}/model")
    command = [exporter, "export", "--model", f"{folder}/model", "--format", "onnx", "--output", f"{folder}/onnx"]
    subprocess.run(command, check=True)
    floats = f"{folder}/onnx/model.onnx"
    quantize_dynamic(floats, f"{folder}/int8.onnx", per_channel=True, weight_type=QuantType.QInt8)
    return floats, f"{folder}/int8.onnx"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the bench train_step")
    parser.add_argument("--exporter", required=True, help="the program finetune")
    parser.add_argument("--shape", choices=["minilm", "bert-base"], default="minilm")
    parser.add_argument("--precisions", nargs="+", choices=["f32", "bf16", "int8"], default=["f32", "bf16", "int8"])
    parser.add_argument("--batches", nargs="+", type=train_step.batch, default=BATCHES, metavar="ROWSxTOKENS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turn-seconds", type=float, default=1.0)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    threads, shape = arguments.threads, arguments.shape
    results = []
    with tempfile.TemporaryDirectory() as folder:
        floats, integers = exported(arguments.exporter, shape, folder)
        programs = {}
        for precision in arguments.precisions:
            programs[precision] = train_step.Program(arguments.program, threads, shape, precision)
        programs["pytorch"] = train_step.PyTorch(shape, "f32", "cpu", False)
        if "bf16" in arguments.precisions:
            programs["pytorch bf16"] = train_step.PyTorch(shape, "bf16", "cpu", False)
        programs["onnxruntime"] = OnnxRuntime(floats, threads)
        programs["onnxruntime int8"] = OnnxRuntime(integers, threads)
        for precision in [one for one in ("f32", "bf16") if one in arguments.precisions]:
            programs[f"openvino {precision}"] = OpenVino(floats, threads, precision)
        for rows, tokens in arguments.batches:
            results.append(train_step.measure(programs, "predict", rows, tokens, arguments))
            print(line(results[-1]), flush=True)
            if arguments.out:
                arguments.out.write_text(json.dumps(results, indent=1) + "\n")


def line(result):
    median = train_step.statistics.median
    rates = {name: [turn["samples_per_second"] for turn in turns] for name, turns in result["turns"].items()}
    words = [f"{name} {median(rate):.1f}" for name, rate in rates.items()]
    ratios = [
        f"{name} / {peer} {median(ours / theirs for ours, theirs in zip(rates[name], rates[peer])):.2f}"
        for name, peer in PEERS
        if name in rates
    ]
    return f"{result['rows']}x{result['tokens']}: {', '.join(words)}; {', '.join(ratios)}"


if __name__ == "__main__":
    main()
