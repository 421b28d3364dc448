"""How good the weights are that a network starts from, beside PyTorch's and scikit-learn's: `just compare-start`.

Six data sets of scikit-learn's, or drawn as it draws them; of each 30 splits into training and test samples, inputs (and
the target of the regression) standardized on the training samples. On each split a network with two hidden layers of
32 units is trained by everyone, from its own defaults for the layers and with the same optimizer, batches of 32 shuffled
each epoch, and as many epochs as bring PyTorch about to its lowest loss on the test samples. What a network says of the
test samples is scored here for all alike: R² for the regression, else accuracy.

A difference is that of the scores on the same split, as a mean over the splits with its standard error. Ours is called
worse where that is below zero by more than three standard errors (of a few dozen comparisons, one beyond two is
expected); the exit code is 1 then. Shown for comparison are networks of ours that start from He's weights (and Glorot's
in the last layer) and from Glorot's, with zero biases.

Needs: pip install numpy scikit-learn torch. Takes about ten minutes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import sklearn
import torch
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPLITS, HIDDEN, BATCH = 30, 32, 32
ADAM_RATE, MOMENTUM_RATE, MOMENTUM = 1e-3, 1e-2, 0.9
SETTINGS = [("relu", "adam"), ("relu", "momentum"), ("tanh", "adam")]

options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
options.add_argument("--only", default="", help="run what has this in its name, as diabetes or relu-adam")
options.add_argument("--layers", type=int, default=2, help="the number of hidden layers")
options = options.parse_args()
warnings.simplefilter("ignore", ConvergenceWarning)  # The number of epochs is given.
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def spirals(samples, noise, rng):
    """Two arms of one and a half turns."""
    angle, arm = 3 * np.pi * np.sqrt(rng.random(samples)), np.arange(samples) % 2
    turned = angle + np.pi * arm
    x = np.stack([angle * np.cos(turned), angle * np.sin(turned)], axis=1)
    return x + noise * rng.standard_normal((samples, 2)), arm


# What is learned, for how many epochs, and from what.
SETS = {
    "digits": ("classes", 20, datasets.load_digits(return_X_y=True)),
    "breast cancer": ("yes or no", 30, datasets.load_breast_cancer(return_X_y=True)),
    "wine": ("classes", 50, datasets.load_wine(return_X_y=True)),
    "diabetes": ("number", 20, datasets.load_diabetes(return_X_y=True)),
    "moons": ("yes or no", 100, datasets.make_moons(400, noise=0.2, random_state=0)),
    "spirals": ("yes or no", 200, spirals(400, 0.3, np.random.default_rng(0))),
}


def split(task, x, y, seed):
    """Training inputs and targets, test inputs and targets; a target is a number or a class."""
    x, x_test, y, y_test = train_test_split(
        x, y, test_size=0.25, random_state=seed, stratify=None if task == "number" else y
    )
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    deviation[deviation == 0] = 1
    if task == "number":
        middle, scale = y.mean(), y.std()
        y, y_test = (y - middle) / scale, (y_test - middle) / scale
    return (x - mean) / deviation, y, (x_test - mean) / deviation, y_test


def score(task, outputs, y):
    """Of the outputs of the last layer, without a softmax."""
    if task == "number":
        return 1 - ((outputs[:, 0] - y) ** 2).mean() / y.var()
    return ((outputs[:, 0] > 0) == y if task == "yes or no" else outputs.argmax(axis=1) == y).mean()


def built():
    """The path of the program that runs our side."""
    command = ["cargo", "bench", "--bench", "jobs", "--no-run", "--message-format=json"]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    messages = map(json.loads, output.splitlines())
    return next(m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "jobs")


JOBS = built()


def gradus(start):
    def run(task, epochs, activation, optimizer, parts):
        x, y, x_test, _ = parts[0]
        outputs = y.max() + 1 if task == "classes" else 1
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "splits")
            with open(path, "wb") as file:
                for x, y, x_test, _ in parts:
                    targets = np.eye(outputs)[y] if task == "classes" else y
                    for block in (x, targets, x_test):
                        file.write(np.ascontiguousarray(block, "<f8").tobytes())
            sizes = [*x.shape, outputs, len(x_test)]
            words = [path, *sizes, task, activation, optimizer, epochs, options.layers, start]
            subprocess.run([JOBS, "start", *map(str, words)], check=True)
            predicted = np.fromfile(f"{path}.predicted", "<f8")
        return predicted.reshape(len(parts), len(x_test), outputs)

    return run


def pytorch(task, epochs, activation, optimizer, parts):
    predicted = []
    for seed, (x, y, x_test, _) in enumerate(parts):
        torch.manual_seed(seed)
        outputs = y.max() + 1 if task == "classes" else 1
        act = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[activation]
        widths = [x.shape[1]] + options.layers * [HIDDEN]
        hidden = [layer for sizes in zip(widths, widths[1:]) for layer in (torch.nn.Linear(*sizes), act())]
        network = torch.nn.Sequential(*hidden, torch.nn.Linear(HIDDEN, outputs))
        x, y = torch.from_numpy(x), torch.from_numpy(y if task == "classes" else y[:, None].astype(float))
        loss = {"number": torch.nn.MSELoss, "yes or no": torch.nn.BCEWithLogitsLoss, "classes": torch.nn.CrossEntropyLoss}[task]()
        if optimizer == "adam":
            method = torch.optim.Adam(network.parameters(), lr=ADAM_RATE)
        else:
            method = torch.optim.SGD(network.parameters(), lr=MOMENTUM_RATE, momentum=MOMENTUM)
        for _ in range(epochs):
            for batch in torch.randperm(len(x)).split(BATCH):
                method.zero_grad()
                loss(network(x[batch]), y[batch]).backward()
                method.step()
        with torch.no_grad():
            predicted.append(network(torch.from_numpy(x_test)).numpy())
    return predicted


def scikit_learn(task, epochs, activation, optimizer, parts):
    predicted = []
    for seed, (x, y, x_test, _) in enumerate(parts):
        if optimizer == "adam":
            method = dict(solver="adam", learning_rate_init=ADAM_RATE)
        else:
            # Its squared error is half of the others'.
            rate = MOMENTUM_RATE * (2 if task == "number" else 1)
            method = dict(solver="sgd", learning_rate_init=rate, momentum=MOMENTUM, nesterovs_momentum=False)
        network = (MLPRegressor if task == "number" else MLPClassifier)(
            hidden_layer_sizes=options.layers * (HIDDEN,), activation=activation, alpha=0, batch_size=BATCH,
            max_iter=epochs, n_iter_no_change=epochs, tol=0, random_state=seed, **method,
        ).fit(x, y)  # fmt: skip
        function = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh}[activation]
        signal = x_test
        for layer, (weights, biases) in enumerate(zip(network.coefs_, network.intercepts_)):
            signal = (function(signal) if layer else signal) @ weights + biases
        predicted.append(signal)
    return predicted


WHO = {"gradus": gradus("default"), "PyTorch": pytorch, "scikit-learn": scikit_learn, "He": gradus("he"), "Glorot": gradus("glorot")}
print(f"PyTorch {torch.__version__}, scikit-learn {sklearn.__version__}; {SPLITS} splits of each set\n")
print(f"{'':32} {'who':12} {'median':>7} {'quartiles':>15}   ours less theirs")
worse = []
for activation, optimizer in SETTINGS:
    for name, (task, epochs, (x, y)) in SETS.items():
        job = f"{name}, {activation}-{optimizer}"
        if options.only not in job:
            continue
        parts = [split(task, x, y, seed) for seed in range(SPLITS)]
        scores = {}
        for who, run in WHO.items():
            outputs = run(task, epochs, activation, optimizer, parts)
            scores[who] = np.array([score(task, z, part[3]) for z, part in zip(outputs, parts)])
            low, median, high = np.quantile(scores[who], [0.25, 0.5, 0.75])
            line = f"{job:32} {who:12} {median:7.4f} {low:7.4f} {high:7.4f}"
            if who != "gradus":
                less = scores["gradus"] - scores[who]
                error = less.std(ddof=1) / np.sqrt(SPLITS)
                line += f"   {less.mean():+.4f} ± {error:.4f}"
                if who in ("PyTorch", "scikit-learn") and less.mean() < -3 * error:
                    worse.append(f"{job}, than {who}")
                    line += "  WORSE"
            print(line, flush=True)
print(f"\nworse: {'; '.join(worse) or 'nowhere'}")
sys.exit(bool(worse))
