"""Writes the tensors of a network as PyTorch does, for gradus to load.

usage: tensor_files.py PLAIN NAMED
The network is Sequential(Linear(4, 6), LayerNorm(6), ReLU(), Dropout(0.1), Linear(6, 1), Sigmoid()). PLAIN has what
`safetensors.torch.save_file(network.state_dict(), PLAIN)` would write, tensors without metadata. NAMED has what a compiled
DataParallel of a module with the parts fc1, norm and fc2 would, rounded to half precision, bfloat16, single and double,
and beside it the extra tensors of a BatchNorm1d. Prints as JSON `inputs` of some samples, one after the other, and the
outputs of both, `plain` and `named`, computed by NumPy.
Needs: pip install numpy safetensors
"""

import json
import struct
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

plain, named = sys.argv[1:]
rng = np.random.default_rng(0)
shapes = {"0.weight": (6, 4), "0.bias": 6, "1.weight": 6, "1.bias": 6, "4.weight": (1, 6), "4.bias": 1}
tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
save_file(tensors, plain)
inputs = rng.normal(size=(10, 4)).astype(np.float32)


def outputs(tensors):
    tensors = {name: tensor.astype(float) for name, tensor in tensors.items()}
    x = inputs @ tensors["0.weight"].T + tensors["0.bias"]
    x = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    x = np.maximum(x * tensors["1.weight"] + tensors["1.bias"], 0)
    x = 1 / (1 + np.exp(-(x @ tensors["4.weight"].T + tensors["4.bias"])))
    return x.ravel().tolist()


# NumPy has no bfloat16: it is the upper half of a float32.
cut = (tensors["4.weight"].view(np.uint32) >> 16).astype(np.uint16)
rounded = tensors | {
    "0.weight": tensors["0.weight"].astype(np.float16),
    "1.weight": tensors["1.weight"].astype(float) / 3,
    "4.weight": (cut.astype(np.uint32) << 16).view(np.float32),
}
module = {
    "fc1.weight": ("F16", rounded["0.weight"]),
    "fc1.bias": ("F32", rounded["0.bias"]),
    "norm.gamma": ("F64", rounded["1.weight"]),
    "norm.beta": ("F32", rounded["1.bias"]),
    "fc2.weight": ("BF16", cut),
    "fc2.bias": ("F32", rounded["4.bias"]),
    "bn.num_batches_tracked": ("I64", np.array(7)),
    "bn.running_mean": ("F32", np.full(6, np.nan, np.float32)),
    "bn.running_var": ("F32", np.ones(6, np.float32)),
}
header, data = {}, b""
for name, (kind, tensor) in module.items():
    offsets = [len(data), len(data) + tensor.nbytes]
    header["_orig_mod.module." + name] = {"dtype": kind, "shape": tensor.shape, "data_offsets": offsets}
    data += tensor.tobytes()
header = json.dumps(header).encode()
with open(named, "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + data)
with safe_open(named, framework="numpy") as file:
    assert len(file.keys()) == len(module)
    assert (file.get_tensor("_orig_mod.module.fc1.weight") == rounded["0.weight"]).all()

print(json.dumps({"inputs": inputs.ravel().tolist(), "plain": outputs(tensors), "named": outputs(rounded)}))
