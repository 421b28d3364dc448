"""The MNIST job of benches/jobs.rs in NumPy or PyTorch: prints its seconds.

usage: mnist.py {numpy|torch} {f32|f64} {train|whole} DATA_DIRECTORY
One thread. Needs: pip install numpy (and torch).
"""

import gzip
import sys
import time

import numpy as np

peer, dtype, job, data = sys.argv[1], np.dtype({"f32": "float32", "f64": "float64"}[sys.argv[2]]), *sys.argv[3:]
ITERATIONS, BATCH, RATE = 10_000, 100, 0.1


def read(name, offset):
    with gzip.open(f"{data}/{name}.gz") as file:
        return np.frombuffer(file.read(), np.uint8, offset=offset)


def images(name):
    return read(name, 16).reshape(-1, 784).astype(dtype) / dtype.type(255)


x, labels = images("train-images-idx3-ubyte"), read("train-labels-idx1-ubyte", 8)
x_test, labels_test = images("t10k-images-idx3-ubyte"), read("t10k-labels-idx1-ubyte", 8)


def run_numpy():
    rng = np.random.default_rng(0)
    w1, b1 = (0.01 * rng.standard_normal((784, 50))).astype(dtype), np.zeros(50, dtype)
    w2, b2 = (0.01 * rng.standard_normal((50, 10))).astype(dtype), np.zeros(10, dtype)
    targets, rate = np.eye(10, dtype=dtype)[labels], dtype.type(RATE)

    def forward(x):
        hidden = 1 / (1 + np.exp(-(x @ w1 + b1)))
        logits = hidden @ w2 + b2
        logits -= logits.max(axis=1, keepdims=True)
        e = np.exp(logits)
        return hidden, e / e.sum(axis=1, keepdims=True)

    def accuracy(x, labels):
        return (forward(x)[1].argmax(1) == labels).mean()

    losses, start = [], time.perf_counter()
    for i in range(ITERATIONS):
        pick = rng.integers(0, len(x), BATCH)
        xb, tb = x[pick], targets[pick]
        hidden, p = forward(xb)
        delta = (p - tb) / dtype.type(BATCH)
        delta_hidden = (delta @ w2.T) * hidden * (1 - hidden)
        w2 -= rate * (hidden.T @ delta)
        b2 -= rate * delta.sum(0)
        w1 -= rate * (xb.T @ delta_hidden)
        b1 -= rate * delta_hidden.sum(0)
        if job == "whole":
            losses.append(-np.log((p * tb).sum(1) + 1e-7).mean())
            if i % 600 == 0:
                accuracy(x, labels), accuracy(x_test, labels_test)
    return time.perf_counter() - start, accuracy(x_test, labels_test)


def run_torch():
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    xt, tt = torch.from_numpy(x), torch.from_numpy(labels.astype(np.int64))
    xe, te = torch.from_numpy(x_test), torch.from_numpy(labels_test.astype(np.int64))
    network = torch.nn.Sequential(torch.nn.Linear(784, 50), torch.nn.Sigmoid(), torch.nn.Linear(50, 10)).to(xt.dtype)
    with torch.no_grad():
        for layer in (network[0], network[2]):
            layer.weight.normal_(0, 0.01)
            layer.bias.zero_()
    loss_of, descent = torch.nn.CrossEntropyLoss(), torch.optim.SGD(network.parameters(), lr=RATE)

    def accuracy(x, targets):
        with torch.no_grad():
            return (network(x).argmax(1) == targets).double().mean().item()

    losses, start = [], time.perf_counter()
    for i in range(ITERATIONS):
        pick = torch.randint(0, len(xt), (BATCH,))
        descent.zero_grad()
        loss = loss_of(network(xt[pick]), tt[pick])
        loss.backward()
        descent.step()
        if job == "whole":
            losses.append(loss.item())
            if i % 600 == 0:
                accuracy(xt, tt), accuracy(xe, te)
    return time.perf_counter() - start, accuracy(xe, te)


seconds, accuracy = run_numpy() if peer == "numpy" else run_torch()
print(f"{seconds} s, accuracy on the test images {accuracy:.4f}")
