"""Reads a model file that gradus wrote, and writes one for gradus to read.

usage: model_files.py READ CASES WRITE
  READ   a safetensors file; CASES a JSON file with `inputs` and `outputs`, lists of samples
Predicts the inputs with NumPy alone from the file's tensors and metadata, and fails unless the outputs agree to 1e-6.
Then writes to WRITE the same architecture with other parameters, and to WRITE.json its inputs and outputs.
Needs: pip install numpy safetensors
"""

import json
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


ACTIVATIONS = {
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Softmax": softmax,
    "Tanh": np.tanh,
    "Relu": lambda x: np.maximum(x, 0),
}


def scaled(x, scaling, inverse):
    if scaling is None:
        return x
    mean, scale = np.array(scaling["mean"]), np.array(scaling["scale"])
    return x * scale + mean if inverse else (x - mean) / scale


def predict(architecture, tensors, x):
    """One sample a row, as PyTorch has it: y = x Wᵀ + b."""
    x = scaled(x, architecture["inputs"], inverse=False)
    for index, layer in enumerate(architecture["layers"]):
        if isinstance(layer, dict) and "Dense" in layer:
            x = x @ tensors[f"{index}.weight"].astype(float).T + tensors[f"{index}.bias"].astype(float)
        else:
            x = ACTIVATIONS[layer](x)
    return scaled(x, architecture["outputs"], inverse=True)


read, cases, write = sys.argv[1:]
with safe_open(read, "np") as file:
    metadata = file.metadata()
    tensors = {name: file.get_tensor(name) for name in file.keys()}
architecture = json.loads(metadata["gradus"])
cases = json.load(open(cases))
inputs, expected = np.array(cases["inputs"]), np.array(cases["outputs"])
difference = np.abs(predict(architecture, tensors, inputs) - expected).max()
print(f"NumPy's outputs differ by {difference:.1e}")
if not difference <= 1e-6:
    sys.exit(1)

rng = np.random.default_rng(0)
tensors = {name: rng.normal(size=tensor.shape).astype(tensor.dtype) for name, tensor in tensors.items()}
save_file(tensors, write, metadata)
outputs = predict(architecture, tensors, inputs)
json.dump({"inputs": inputs.tolist(), "outputs": outputs.tolist()}, open(write + ".json", "w"))
