"""Loads servers of one model in several precisions, and of transformers, in turn with wrk.

    python load.py FINETUNE_PROGRAM MODEL_DIR RESULTS.json

FINETUNE_PROGRAM is target/release/finetune. All servers run at the same time and are loaded in turn; the others are stopped meanwhile, since LitServe's
worker polls.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SERVING = HERE.parent / "2026-11-21-serving"
PROJECT = HERE.parents[2]
sys.path.insert(0, str(SERVING))
import load as serving  # noqa: E402

PRECISIONS = ["f32", "bf16", "int8"]
ROUNDS, SECONDS, CONNECTIONS = 3, 6, 32
PORT = 8765


def wrk(url, bodies, connections, seconds):
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "30s"]
    command += ["-s", str(SERVING / "classify.lua"), url, "--", str(bodies)]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(output.stdout.split("RESULT ")[1])


def alone(servers, name, *arguments):
    """Loads one server, with the others stopped."""
    for other, (process, _) in servers.items():
        os.killpg(process.pid, signal.SIGCONT if other == name else signal.SIGSTOP)
    return wrk(servers[name][1], *arguments)


def memory(process):
    """Resident memory in MiB of a process and of those that it started."""
    pids, total = [str(process.pid)], 0
    for pid in pids:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        if children.exists():
            pids += children.read_text().split()
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(status.split("VmRSS:")[1].split()[0]) if "VmRSS" in status else 0
    return round(total / 1024)


def main(program, model, results):
    servers = {}
    for precision in PRECISIONS:
        command = [program, "serve", "--port", "0", "--model", f"model={model}@{precision}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        url = process.stdout.readline().split()[-1]
        servers[precision] = process, f"{url}/v1/models/model/classify"
    command = [sys.executable, str(HERE / "transformers_server.py"), model, str(PORT)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    servers["transformers"] = process, f"http://127.0.0.1:{PORT}/predict"
    while subprocess.run(["curl", "-sf", f"http://127.0.0.1:{PORT}/health"], capture_output=True).returncode:
        time.sleep(1)
    measured = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            for length, bodies in serving.bodies(pathlib.Path(folder)):
                measured[length] = load(servers, bodies)
                print(json.dumps({length: summary(measured[length])}, indent=1), flush=True)
                pathlib.Path(results).write_text(json.dumps(measured, indent=1) + "\n")
    finally:
        for process, _ in servers.values():
            os.killpg(process.pid, signal.SIGKILL)


def load(servers, bodies):
    for name in servers:
        alone(servers, name, bodies, CONNECTIONS, 2)
    rounds = [{name: alone(servers, name, bodies, CONNECTIONS, SECONDS) for name in servers} for _ in range(ROUNDS)]
    one = {name: alone(servers, name, bodies, 1, 3) for name in servers}
    return {"rounds": rounds, "one_client": one,
            "memory_mib": {name: memory(process) for name, (process, _) in servers.items()}}


def summary(measured):
    lines = {}
    for name, one in measured["one_client"].items():
        middle = sorted((turn[name] for turn in measured["rounds"]), key=serving.rate)[ROUNDS // 2]
        lines[name] = {"answers_per_second": round(serving.rate(middle), 1), "p50_ms": round(middle["p50_ms"], 1),
                       "p99_ms": round(middle["p99_ms"], 1), "one_client_p50_ms": round(one["p50_ms"], 1),
                       "memory_mib": measured["memory_mib"][name]}
    return lines


if __name__ == "__main__":
    main(*sys.argv[1:])
