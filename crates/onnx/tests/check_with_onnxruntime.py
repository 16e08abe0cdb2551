"""Runs the files that the tests export with onnxruntime, and prints how far the answers are from ours.

    pip install onnx==1.23.2 onnxruntime==1.32.0
    FINETUNE_ONNX_DIR=cases cargo test --release -p finetune-onnx --test main   # an empty directory
    python crates/onnx/tests/check_with_onnxruntime.py cases

What belongs to padding is expected to be 0 in the cases, and is not compared.
"""

import argparse
import collections
import json
import pathlib

import numpy
import onnx
import onnxruntime


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    worst, count = collections.defaultdict(float), collections.Counter()
    for path in sorted(parser.parse_args().directory.glob("*.onnx")):
        onnx.checker.check_model(str(path), full_check=True)
        case = json.loads(path.with_suffix(".json").read_text())
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = {value.name for value in session.get_inputs()}
        inputs = {
            prefix + name: numpy.array(values, dtype=numpy.int64).reshape(case["shape"])
            for prefix in case["prefixes"]
            for name, values in case["inputs"].items()
            if prefix + name in names
        }
        [found] = session.run([case["output"]], inputs)
        expected = numpy.array(case["expected"])
        kept = slice(numpy.flatnonzero(expected)[-1] + 1)
        error = numpy.abs(found.ravel()[kept] - expected[kept]).max() / numpy.abs(expected).max()
        test = path.stem.rsplit("-", 1)[0]
        worst[test], count[test] = max(worst[test], error), count[test] + 1
    for test, error in worst.items():
        print(f"{test}: {count[test]} files, largest error {error:.1e}")


if __name__ == "__main__":
    main()
