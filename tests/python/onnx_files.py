"""Runs the ONNX files that gradus wrote.

usage: onnx_files.py CASES
  CASES  a JSON file: of each file its name, number type, layers, and `inputs` and `outputs`, lists of samples
Fails unless each file is valid ONNX and ONNX Runtime's outputs agree: to 1e-6 for float32, and to 1e-12 for float64 where
no operator is computed in float32 and no hyper-parameter is an attribute, which is a float32.
Needs: pip install numpy onnx onnxruntime
"""

import json
import os
import sys

import numpy as np
import onnx
import onnxruntime

(cases,) = sys.argv[1:]
NARROW = ["LeakyRelu", "Elu", "Gelu", "Softplus", "LayerNormalization"]
failed = False
for case in json.load(open(cases)):
    path = os.path.join(os.path.dirname(cases), case["file"])
    number = case["number"].split("_")[0]
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert (given.name, made.name) == ("input", "output")
    inputs, expected = np.array(case["inputs"]), np.array(case["outputs"])
    assert given.shape == ["samples", inputs.shape[1]] and made.shape == ["samples", expected.shape[1]], made.shape
    (outputs,) = session.run(["output"], {"input": inputs.astype(number)})
    assert outputs.dtype == number and outputs.shape == expected.shape
    difference = (np.abs(outputs - expected) / np.maximum(1, np.abs(expected))).max()
    exact = number == "float64" and not any(layer in case["layers"] for layer in NARROW)
    tolerance = 1e-12 if exact else 1e-6
    print(f"{number}, {case['layers']}: {difference:.1e}")
    if not difference <= tolerance:
        print(f"expected at most {tolerance}", file=sys.stderr)
        failed = True
sys.exit(failed)
