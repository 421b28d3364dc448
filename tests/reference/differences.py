"""What PyTorch does where the crate does otherwise: the tests, and the page for those who come from PyTorch, have these
values beside the crate's.

Run in this directory: python3 differences.py. It writes differences.json.
"""

import json
import math
import platform

import torch
from torch.nn import functional
from torch.optim import lr_scheduler

torch.set_default_dtype(torch.float64)


def parameter(*values):
    return torch.nn.Parameter(torch.tensor(values))


def steps(optimizer, x, gradients, rates=None):
    """x after each step by a given gradient."""
    points = []
    for i, gradient in enumerate(gradients):
        if rates:
            optimizer.param_groups[0]["lr"] = rates[i]
        x.grad = torch.tensor(gradient)
        optimizer.step()
        points.append(x.tolist())
    return points


def clipped(gradient, limit):
    x = parameter(*gradient)
    x.grad = torch.tensor(gradient)
    torch.nn.utils.clip_grad_norm_([x], limit)
    return x.grad.tolist()


def rates(schedule, count, **options):
    optimizer = torch.optim.SGD([parameter(0.0)], lr=1.0)
    schedule = getattr(lr_scheduler, schedule)(optimizer, **options)
    series = []
    for _ in range(count):
        series.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return series


def plateau(values, rate, **options):
    optimizer = torch.optim.SGD([parameter(0.0)], lr=rate)
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, **options)
    series = []
    for value in values:
        schedule.step(value)
        series.append(optimizer.param_groups[0]["lr"])
    return series


logits, label, weights = torch.tensor([[0.0, math.log(3.0)]]), torch.tensor([0]), torch.tensor([3.0, 1.0])
soft = torch.tensor([[1.0, 0.0], [0.25, 0.75]])
nothing = torch.zeros(2, 2)
momentum, adam = parameter(0.0), parameter(0.0)
nan = parameter(1.0)
differences = {
    "cosine annealing": rates("CosineAnnealingLR", 9, T_max=4),
    "class weights with smoothing": functional.cross_entropy(logits, label, weights, label_smoothing=0.5).item(),
    "class weights of soft targets": functional.cross_entropy(nothing, soft, weights).item(),
    "weight of positives": functional.binary_cross_entropy_with_logits(
        torch.zeros(2), torch.tensor([1.0, 0.0]), pos_weight=torch.tensor(3.0)
    ).item(),
    "impossible probability": functional.binary_cross_entropy(torch.zeros(1), torch.ones(1)).item(),
    "smooth l1": functional.smooth_l1_loss(torch.tensor([1.0, 4.0]), torch.zeros(2), beta=2.0).item(),
    "clipped by norm": clipped([6.0, 8.0], 5.0),
    "not clipped by norm": clipped([3.0, 4.0], 5.0),
    "momentum from a rate of zero": steps(torch.optim.SGD([momentum], lr=0.0, momentum=0.5), momentum, [[1.0], [1.0]], [0.0, 1.0]),
    "adam from a rate of zero": steps(torch.optim.Adam([adam], lr=0.0), adam, [[4.0], [1.0]], [0.0, 1.0]),
    "parameters lost by a slope of nan": int(math.isnan(steps(torch.optim.SGD([nan], lr=1.0), nan, [[math.nan]])[0][0])),
    "plateau of negative values": plateau([-2.0, -1.9999], 1.0, factor=0.5),
    "plateau of a small rate": plateau([1.0, 1.0], 1e-8, factor=0.5),
    "softplus of 21": functional.softplus(torch.tensor(21.0)).item(),
    "lbfgs history": torch.optim.LBFGS([parameter(0.0)]).defaults["history_size"],
}

with open("differences.json", "w", encoding="ascii") as file:
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    json.dump({"made by": "differences.py", "versions": versions, **differences}, file, indent=1)
    file.write("\n")
