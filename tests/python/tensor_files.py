"""Writes the tensors of a network as PyTorch does, for gradus to load.

usage: tensor_files.py WRITE
The network is Sequential(Linear(4, 6), LayerNorm(6), ReLU(), Dropout(0.1), Linear(6, 1), Sigmoid()); WRITE has what
`safetensors.torch.save_file(network.state_dict(), WRITE)` would write, tensors without metadata. Prints as JSON `inputs`
and `outputs` of some samples, one after the other, computed by NumPy.
Needs: pip install numpy safetensors
"""

import json
import sys

import numpy as np
from safetensors.numpy import save_file

(write,) = sys.argv[1:]
rng = np.random.default_rng(0)
shapes = {"0.weight": (6, 4), "0.bias": 6, "1.weight": 6, "1.bias": 6, "4.weight": (1, 6), "4.bias": 1}
tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
save_file(tensors, write)

inputs = rng.normal(size=(10, 4)).astype(np.float32)
tensors = {name: tensor.astype(float) for name, tensor in tensors.items()}
x = inputs @ tensors["0.weight"].T + tensors["0.bias"]
x = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
x = np.maximum(x * tensors["1.weight"] + tensors["1.bias"], 0)
x = 1 / (1 + np.exp(-(x @ tensors["4.weight"].T + tensors["4.bias"])))
print(json.dumps({"inputs": inputs.ravel().tolist(), "outputs": x.ravel().tolist()}))
