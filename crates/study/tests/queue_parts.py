"""A HyperQueue server, a worker, or a job, from the Python package (hyperqueue 0.27.0).

    queue_parts.py server FOLDER           serves until its standard input ends
    queue_parts.py worker FOLDER           works until its standard input ends
    queue_parts.py submit FOLDER N CRASHES PROGRAM...
                                          runs PROGRAM N times, with HQ_TASK_ID from 0, and waits

The package has no program `hq`; it starts workers beside a server, in its process. A worker that can
be killed alone has a server of its own here that nobody uses: its folder is pointed at the other.
"""

import os
import sys
from pathlib import Path

from hyperqueue import Client, Job
from hyperqueue.ffi.cluster import Cluster


def ready():
    """Says so, then falls silent: nobody reads on."""
    print("ready", flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def serve(folder):
    cluster = Cluster(str(folder / "server"))
    ready()
    sys.stdin.read()
    cluster.stop()


def work(folder):
    own = folder / f"worker-{os.getpid()}"
    cluster = Cluster(str(own))
    current = own / "hq-current"
    current.unlink()
    current.symlink_to((folder / "server" / "hq-current").resolve())
    cluster.add_worker(1)
    ready()
    sys.stdin.read()


def submit(folder, tasks, crash_limit, program):
    client = Client(folder / "server")
    job = Job(max_fails=None)
    for task in range(tasks):
        job.program(
            program,
            env={"HQ_TASK_ID": str(task)},
            cwd=folder,
            stdout=None,
            stderr=None,
            crash_limit=crash_limit,
        )
    good = client.wait_for_jobs([client.submit(job)], raise_on_error=False)
    sys.exit(0 if good else 1)


def main():
    command, folder, *rest = sys.argv[1:]
    if command == "server":
        serve(Path(folder))
    elif command == "worker":
        work(Path(folder))
    else:
        submit(Path(folder), int(rest[0]), int(rest[1]), rest[2:])


main()
