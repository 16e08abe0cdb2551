"""Loads servers with wrk: with batching beside without, and ten times too much.

    python3 load.py SERVE_PROGRAM RESULTS.json [NAME=MODEL_DIR ...]

SERVE_PROGRAM is target/release/examples/serve. Without models the bundled one is loaded. The
servers that are compared run at the same time and are loaded in turn, so that whatever else the
machine does meets all of them.
"""

import csv
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[2]
ROUNDS, SECONDS = 5, 4
CONNECTIONS, OVERLOAD = 32, 320
ARMS = {
    "batch_1": ["--batch-size", "1"],
    "batch_32": ["--batch-size", "32"],
    "batch_32_no_delay": ["--batch-size", "32", "--max-delay-ms", "0"],
}


def bodies(folder):
    """Whole messages, about 25 words, and their first 8 words."""
    with open(PROJECT / "datasets/customer_messages/sample/test.csv") as file:
        messages = [row["message"] for row in csv.DictReader(file)]
    for name, words in [("message", None), ("8_words", 8)]:
        texts = [" ".join(message.split()[:words]) for message in messages]
        lines = "".join(json.dumps({"inputs": text}) + "\n" for text in texts)
        (folder / name).write_text(lines)
        yield name, folder / name


class Server:
    def __init__(self, program, model, arguments):
        models = ["--model", model] if model else []
        command = [program, "--port", "0", *models, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        listed = subprocess.run(["curl", "-sf", self.url + "/v1/models"], capture_output=True, check=True)
        self.name = json.loads(listed.stdout)["models"][0]["name"]

    def load(self, bodies, connections, seconds=SECONDS):
        command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "30s"]
        command += ["-s", str(HERE / "classify.lua"), f"{self.url}/v1/models/{self.name}/classify"]
        output = subprocess.run(command + ["--", str(bodies)], capture_output=True, text=True, check=True)
        return json.loads(output.stdout.split("RESULT ")[1])

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {key: int(re.search(rf"{key}:\s+(\d+)", status)[1]) for key in ["VmRSS", "VmHWM"]}

    def metric(self, series):
        text = subprocess.run(["curl", "-sf", self.url + "/metrics"], capture_output=True, text=True, check=True)
        return next(float(line.split()[-1]) for line in text.stdout.splitlines() if line.startswith(series))

    def stop(self):
        self.process.terminate()
        return self.process.wait(30)


def rate(result):
    return result["statuses"].get("200", 0) / result["seconds"]


def throughput(program, model, bodies):
    servers = {arm: Server(program, model, arguments) for arm, arguments in ARMS.items()}
    for server in servers.values():
        server.load(bodies, CONNECTIONS, 2)
    rounds = [
        {arm: server.load(bodies, CONNECTIONS) for arm, server in servers.items()} for _ in range(ROUNDS)
    ]
    batches = {
        arm: server.metric("finetune_batch_rows_sum") / server.metric("finetune_batch_rows_count")
        for arm, server in servers.items()
    }
    one = {arm: server.load(bodies, 1, 3) for arm, server in servers.items()}
    for arm, rows in batches.items():
        rates = sorted(rate(round[arm]) for round in rounds)
        middle = sorted((round[arm] for round in rounds), key=rate)[ROUNDS // 2]
        print(f"  {arm:20} {rates[ROUNDS // 2]:8.0f}/s ({rates[0]:.0f} to {rates[-1]:.0f}), "
              f"p50 {middle['p50_ms']:.1f} ms, p99 {middle['p99_ms']:.1f} ms, {rows:.1f} rows a batch; "
              f"one client: p50 {one[arm]['p50_ms']:.2f} ms", flush=True)
    ratios = sorted(rate(round["batch_32"]) / rate(round["batch_1"]) for round in rounds)
    print(f"  with batching / without: {', '.join(f'{ratio:.2f}' for ratio in ratios)}", flush=True)
    for server in servers.values():
        assert server.stop() == 0
    return {"rounds": rounds, "rows_a_batch": batches, "one_client": one, "ratios": ratios}


def overload(program, model, bodies):
    """Ten times the connections that fit into the queue."""
    server = Server(program, model, ["--queue", str(CONNECTIONS)])
    before, memory = server.load(bodies, CONNECTIONS), [server.memory()]
    during = []
    for _ in range(3):
        during.append(server.load(bodies, OVERLOAD, 10))
        memory.append(server.memory())
    after = server.load(bodies, CONNECTIONS)
    for name, result in [("before", before), *(("overload", one) for one in during), ("after", after)]:
        print(f"  {name:9} {result['statuses']} {rate(result):.0f} answers/s, p50 {result['p50_ms']:.1f} ms, "
              f"p99 {result['p99_ms']:.1f} ms, socket errors {result['socket_errors']}", flush=True)
    print(f"  resident KiB {[one['VmRSS'] for one in memory]}, highest {memory[-1]['VmHWM']}", flush=True)
    waiting = server.metric("finetune_queue_rows")
    assert server.stop() == 0
    return {"before": before, "during": during, "after": after, "memory_kib": memory, "waiting_after": waiting}


def main(program, results, *models):
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        texts = dict(bodies(pathlib.Path(folder)))
        for model in models or [None]:
            name = model.split("=")[0] if model else "message_topics"
            for length, file in texts.items():
                print(f"{name}, {length}", flush=True)
                measured[f"{name} {length}"] = throughput(program, model, file)
            print(f"{name}, overload", flush=True)
            measured[f"{name} overload"] = overload(program, model, texts["message"])
    pathlib.Path(results).write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
