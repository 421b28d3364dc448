"""The ways of PyTorch's optimizers and schedules, in double precision: the tests compare the crate's with them.

Run in this directory: python3 optimizers.py. It writes optimizers.json and schedules.json.
"""

import json
import math
import platform

import torch
from torch.optim import lr_scheduler

VERSIONS = {"python": platform.python_version(), "torch": torch.__version__}

# f(x) = 1/2 sum_i c_i (x_i - a_i)^2 + 1/4 sum_i x_i^2 x_(i+1)^2
C = [0.5, 1.0, 2.0, 4.0, 8.0]
A = [1.0, -2.0, 0.5, 3.0, -1.0]
START = [-1.5, 2.0, 0.25, -0.75, 1.0]
STEPS = [1, 2, 3, 5, 10, 20, 30, 40, 50]

# Of every case, the keywords of PyTorch.
CASES = [
    ("SGD", dict(lr=0.02)),
    ("SGD", dict(lr=0.02, weight_decay=0.1)),
    ("SGD", dict(lr=0.01, momentum=0.9)),
    ("SGD", dict(lr=0.01, momentum=0.8, nesterov=True, weight_decay=0.05)),
    ("Adagrad", dict(lr=0.3)),
    ("Adagrad", dict(lr=0.5, eps=1e-3, weight_decay=0.1)),
    ("RMSprop", dict(lr=0.02)),
    ("RMSprop", dict(lr=0.01, alpha=0.9, eps=1e-4, momentum=0.7)),
    ("RMSprop", dict(lr=0.01, centered=True, weight_decay=0.05)),
    ("RMSprop", dict(lr=0.005, alpha=0.95, centered=True, momentum=0.5)),
    ("Adam", dict(lr=0.05)),
    ("Adam", dict(lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
    ("AdamW", dict(lr=0.05)),
    ("AdamW", dict(lr=0.1, betas=(0.5, 0.9), eps=1e-6, weight_decay=0.3)),
    ("NAdam", dict(lr=0.05)),
    ("NAdam", dict(lr=0.03, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1, momentum_decay=0.05)),
]


def gradient(x):
    squares = x * x
    neighbors = torch.zeros_like(x)
    neighbors[:-1] += squares[1:]
    neighbors[1:] += squares[:-1]
    return torch.tensor(C) * (x - torch.tensor(A)) + x * neighbors / 2


def path(name, options):
    x = torch.nn.Parameter(torch.tensor(START))
    optimizer = getattr(torch.optim, name)([x], **options)
    points = []
    for step in range(1, STEPS[-1] + 1):
        x.grad = gradient(x.detach())
        optimizer.step()
        if step in STEPS:
            points.append(x.tolist())
    return {"optimizer": name, "options": options, "points": points}


# The rate of each of 60 steps; ReduceLROnPlateau is shown value i of the series after step i.
SCHEDULES = [
    ("StepLR", dict(step_size=10, gamma=0.5)),
    ("StepLR", dict(step_size=7)),
    ("MultiStepLR", dict(milestones=[5, 20, 45], gamma=0.2)),
    ("ExponentialLR", dict(gamma=0.95)),
    ("CosineAnnealingLR", dict(T_max=59)),
    ("CosineAnnealingLR", dict(T_max=59, eta_min=0.01)),
    ("CosineAnnealingWarmRestarts", dict(T_0=20)),
    ("CosineAnnealingWarmRestarts", dict(T_0=8, T_mult=2, eta_min=0.001)),
    ("LinearLR", dict(start_factor=0.1, total_iters=10)),
    ("LinearLR", dict()),
    ("PolynomialLR", dict(total_iters=40, power=2.0)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=60)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=60, pct_start=0.4, div_factor=10.0, final_div_factor=100.0)),
    ("ReduceLROnPlateau", dict()),
    ("ReduceLROnPlateau", dict(factor=0.5, patience=3, threshold=1e-2, cooldown=2, min_lr=0.01)),
    ("ReduceLROnPlateau", dict(factor=0.5, patience=2, threshold=0.05, threshold_mode="abs")),
]
BASE = 0.2


def plateau_values():
    """Falls, stays, falls a little with ripples, stays again; multiples of 1/1024."""
    values = []
    for i in range(60):
        trend = 2.0 * 0.8 ** min(i, 12) + (0.3 * 0.7 ** (i - 30) if i >= 30 else 0.3)
        values.append(round(1024 * (trend + 0.02 * math.sin(2.5 * i))) / 1024)
    return values


def rates(name, options, values):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=BASE)
    schedule = getattr(lr_scheduler, name)(optimizer, **options)
    series = []
    for i in range(60):
        series.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if name == "ReduceLROnPlateau":
            schedule.step(values[i])
        elif i < 59:
            schedule.step()
    return {"schedule": name, "options": options, "rates": series}


def write(name, document, cases):
    """One case a line."""
    head = json.dumps({"made by": "optimizers.py", "versions": VERSIONS, **document}, indent=1)
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    with open(name, "w", encoding="ascii") as file:
        file.write(f'{head[:-2]},\n "cases": [\n{lines}\n ]\n}}\n')


def main():
    torch.set_default_dtype(torch.float64)
    write("optimizers.json", {"c": C, "a": A, "start": START, "steps": STEPS}, [path(*case) for case in CASES])
    values = plateau_values()
    schedules = [rates(name, options, values) for name, options in SCHEDULES]
    write("schedules.json", {"base": BASE, "values": values}, schedules)


main()
