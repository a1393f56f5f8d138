"""Tiny ONNX models that write what they are told to: for tests of families without real weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def constant_model(
    path: Path,
    outputs: Sequence[np.ndarray],
    *,
    height: int | str = 64,
    width: int | str = 64,
    metadata: dict[str, str] | None = None,
    inputs: int = 1,
) -> Path:
    """A model with an image input whose outputs are constants (plus 0 times the input, so that it is used)."""
    values = [
        helper.make_tensor_value_info(f"images{i or ''}", TensorProto.FLOAT, [1, 3, height, width])
        for i in range(inputs)
    ]
    zero = numpy_helper.from_array(np.zeros((), np.float32), "zero")
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["peak"], keepdims=0),
        helper.make_node("Mul", ["peak", "zero"], ["nothing"]),
    ]
    tensors, infos = [zero], []
    for number, array in enumerate(outputs):
        tensors.append(numpy_helper.from_array(array.astype(np.float32), f"c{number}"))
        nodes.append(helper.make_node("Add", [f"c{number}", "nothing"], [f"out{number}"]))
        infos.append(helper.make_tensor_value_info(f"out{number}", TensorProto.FLOAT, list(array.shape)))
    model = helper.make_model(
        helper.make_graph(nodes, "constant", values, infos, tensors), opset_imports=[helper.make_opsetid("", 13)]
    )
    model.ir_version = 8
    helper.set_model_props(model, metadata or {})
    onnx.save(model, str(path))
    return path


def names(*labels: str) -> dict[str, str]:
    """Metadata that names the classes."""
    return {"names": json.dumps(dict(enumerate(labels)))}
