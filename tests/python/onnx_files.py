"""Runs the ONNX files that gradus wrote.

usage: onnx_files.py CASES
  CASES  a JSON file: of each file its name, number type, layers, operator set, and `inputs` and `outputs`, lists of samples
Fails unless each file is valid ONNX of its operator set, the lowest that will do (but 7 at least), and ONNX Runtime's
outputs agree in batches of 1, 7 and all: to 4e-6 for float32, and for float64 to 1e-12 where no operator is computed in
float32 and no hyper-parameter is an attribute, which is a float32; else to 1e-6.
Needs: pip install numpy onnx onnxruntime
"""

import json
import os
import sys

import numpy as np
import onnx
import onnxruntime

(cases,) = sys.argv[1:]
NARROW = {"LeakyRelu", "Elu", "Gelu", "Softplus"}
LEAST = 7  # The oldest that ONNX Runtime runs.
failed = False


def is_valid(model, operator_set):
    model = onnx.ModelProto.FromString(model.SerializeToString())
    model.opset_import[0].version = operator_set
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return False
    return True


for case in json.load(open(cases)):
    path = os.path.join(os.path.dirname(cases), case["file"])
    number = case["number"].split("_")[0]
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    operator_set = case["operator_set"]
    assert model.ir_version == 4 and [(opset.domain, opset.version) for opset in model.opset_import] == [("", operator_set)]
    assert operator_set == LEAST or not is_valid(model, operator_set - 1), f"{case['layers']}: {operator_set}"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert (given.name, made.name) == ("input", "output")
    inputs, expected = np.array(case["inputs"]), np.array(case["outputs"])
    assert given.shape == ["samples", inputs.shape[1]] and made.shape == ["samples", expected.shape[1]], made.shape
    difference = 0
    for batch in [1, 7, len(inputs)]:
        (outputs,) = session.run(["output"], {"input": inputs[:batch].astype(number)})
        assert outputs.dtype == number and outputs.shape == expected[:batch].shape
        error = np.abs(outputs - expected[:batch]) / np.maximum(1, np.abs(expected[:batch]))
        # Not a number is larger than anything.
        difference = max(difference, error.max() if np.isfinite(error).all() else np.inf)
    kinds = {layer.split(" ")[0].split("(")[0] for layer in case["layers"]}
    # Sums of another order, of numbers above 1, differ by some roundings.
    tolerance = 4e-6 if number == "float32" else 1e-6 if kinds & NARROW else 1e-12
    print(f"{number}, {', '.join(case['layers'])}: {difference:.1e}")
    if not difference <= tolerance:
        print(f"expected at most {tolerance}", file=sys.stderr)
        failed = True
sys.exit(failed)
