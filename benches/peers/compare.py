"""Times gradus beside what a user would pick instead, on this machine: `just compare`.

Every job is run in turns, ours and the peers', five times (--runs), each in a process of its own on one core (but for
those on two threads); medians are compared. Needs Linux with taskset, and: pip install numpy scikit-learn torch; burn and
candle are built by `just peers`. Peers that are not there are left out.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DATA = os.path.join(ROOT, "data", "mnist")
SHAPES = [(1_000_000, 10), (100_000, 100), (20_000, 1_000)]

options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
options.add_argument("--runs", type=int, default=5)
options.add_argument("--core", default="1", help="the core that everything is pinned to")
options.add_argument("--only", default="", help="run the jobs with this in their name")
options = options.parse_args()


def build(*features):
    """The path of the program that runs our side."""
    command = ["cargo", "bench", "--bench", "jobs", "--no-run", "--message-format=json", *features]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    for line in output.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "jobs":
            return message["executable"]
    sys.exit("cargo built no jobs")


JOBS = build()
THREADED = build("--features", "threads")
ONE = dict.fromkeys(["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"], "1")
ENVIRONMENT = dict(os.environ, **ONE)


def measure(command):
    """The number that a command prints first, and its peak memory in MB."""
    pinned = [] if command[0] == "threads" else ["taskset", "-c", options.core]
    environment = ENVIRONMENT
    if command[0] == "threads":
        environment, command = dict(ENVIRONMENT, GRADUS_THREADS=command[1]), command[2:]
    result = subprocess.run(
        [*pinned, sys.executable, "-c", MEMORY, *command], env=environment, capture_output=True, text=True
    )
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr}")
    return float(result.stdout.split()[0]), int(re.search(r"(\d+) MB", result.stderr).group(1))


MEMORY = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, "MB", file=sys.stderr)
sys.exit(code)
"""


def ours(*words):
    return [JOBS, *map(str, words)]


def threaded(threads, *words):
    return ["threads", str(threads), THREADED, *map(str, words)]


def python(script, *words):
    return [sys.executable, os.path.join(HERE, script), *map(str, words)]


def rust(name):
    """The path of a peer in Rust; None if it has not been built."""
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, name, "target"))
    path = os.path.join(target, "release", f"peer-{name}")
    if os.path.exists(path):
        return path
    print(f"{name} is left out: `cargo build --release` in benches/peers/{name} makes it")


def has(module):
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0


peers = [name for name, module in [("NumPy", "numpy"), ("scikit-learn", "sklearn"), ("PyTorch", "torch")] if has(module)]
rust_peers = {name: path for name in ["burn", "candle"] if (path := rust(name))}
jobs = []
for dtype, job in [("f32", "train"), ("f32", "whole"), ("f64", "train")]:
    commands = {"gradus": ours("mnist", dtype, job)}
    for name, peer in [("NumPy", "numpy"), ("PyTorch", "torch")]:
        if name in peers:
            commands[name] = python("mnist.py", peer, dtype, job, DATA)
    if (dtype, job) == ("f32", "train"):
        commands.update({name: [path, DATA] for name, path in rust_peers.items()})
    if job == "train":
        commands["gradus, in 2 parts"] = threaded(1, "mnist", dtype, "parts")
        commands["gradus, 2 threads"] = threaded(2, "mnist", dtype, "parts")
    jobs.append((f"MNIST, {dtype}, {job}", commands))
for n, p in SHAPES:
    commands = {"gradus": ours("regression", n, p, "fit")}
    commands["gradus, not refined"] = ours("regression", n, p, "plain")
    commands["gradus, 2 threads"] = threaded(2, "regression", n, p, "fit")
    commands["gradus, streaming"] = ours("regression", n, p, "stream")
    for name, peer in [("NumPy", "numpy"), ("scikit-learn", "sklearn")]:
        if name in peers:
            commands[name] = python("regression.py", peer, n, p)
    jobs.append((f"regression, {n} x {p}", commands))

with open("/proc/cpuinfo") as file:
    cpu = re.search(r"model name\s*: (.*)", file.read()).group(1)
peak = {dtype: measure(ours("peak", dtype))[0] for dtype in ("f32", "f64")}
print(f"{cpu}; a core makes {peak['f32']:.0f} GFLOP/s in f32 and {peak['f64']:.0f} in f64 at best\n")
print(f"{'job':28} {'who':20} {'median s':>9} {'least':>7} {'memory':>8} {'ours is faster by':>18}")
for job, commands in jobs:
    if options.only not in job:
        continue
    runs = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, command in commands.items():
            runs[name].append(measure(command))
    first = statistics.median(seconds for seconds, _ in runs["gradus"])
    for name, measured in runs.items():
        median = statistics.median(seconds for seconds, _ in measured)
        least, memory = min(seconds for seconds, _ in measured), max(memory for _, memory in measured)
        ratio = "" if name == "gradus" else f"{median / first:17.2f}x"
        print(f"{job:28} {name:20} {median:9.3f} {least:7.3f} {memory:5} MB {ratio:>18}", flush=True)
    if job.startswith("MNIST"):
        # 10 000 steps of 100 samples, 6 operations a weight forward and back but for the first layer's input gradient;
        # the whole job also 17 passes forward over 70 000 samples.
        operations = 1e6 * (4 * 784 * 50 + 6 * 50 * 10)
        operations += 17 * 7e4 * 2 * (784 * 50 + 50 * 10) if job.endswith("whole") else 0
        limit = operations / peak[job.split(", ")[1]] / 1e9
        print(f"{job:28} {'limit of the products':20} {limit:9.3f} {'':7} {'':8} {limit / first:17.2f}x", flush=True)
