"""Letterbox and suppression against slow, obvious versions of themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.detect.onnx_files import constant_model
from vision.detect.letterbox import InputStyle, fit_into, letterbox
from vision.detect.nms import nms
from vision.detect.rectangular import rectangle, resized
from vision.geometry import Box

SIZES = st.integers(16, 2000)


@given(SIZES, SIZES, st.integers(1, 20).map(lambda n: n * 32), st.integers(1, 20).map(lambda n: n * 32), st.booleans())
def test_a_box_goes_into_the_input_and_back(width: int, height: int, net_w: int, net_h: int, centred: bool) -> None:
    fit = fit_into(width, height, net_w, net_h, centred=centred)
    box = np.array([[width * 0.25, height * 0.25, width * 0.75, height]], np.float32)
    there = box * fit.scale + np.array([fit.left, fit.top] * 2, np.float32)
    assert there.min() >= -0.01
    assert there[0, 2] <= net_w + 0.51
    assert there[0, 3] <= net_h + 0.51
    np.testing.assert_allclose(fit.back(there.astype(np.float32)), box, atol=max(width, height) * 1e-4)


@given(SIZES, SIZES, st.sampled_from([320, 416, 640]))
def test_the_rectangle_holds_the_whole_picture_at_the_scale_of_the_square(width: int, height: int, side: int) -> None:
    w, h = rectangle(width, height, side)
    assert w % 32 == h % 32 == 0
    assert max(w, h) == side
    assert (
        fit_into(width, height, w, h, centred=False).scale == fit_into(width, height, side, side, centred=False).scale
    )


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_nms_is_the_greedy_one(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    corner, size = random.uniform(0, 80, (count, 2)), random.uniform(5, 40, (count, 2))
    xyxy = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    score = random.uniform(0, 1, count).astype(np.float32)
    class_id = random.integers(0, 3, count).astype(np.int32)
    kept: list[int] = []
    for row in np.argsort(-score, kind="stable").tolist():
        box = Box(*xyxy[row].tolist())
        if all(class_id[row] != class_id[k] or box.iou(Box(*xyxy[k].tolist())) <= 0.5 for k in kept):
            kept.append(row)
    assert nms(xyxy, score, class_id, 0.5).tolist() == kept


def test_letterbox_pads_and_normalises() -> None:
    image = np.full((10, 20, 3), (10, 20, 30), np.uint8)  # B, G, R
    blob, fit = letterbox(image, 20, 20, InputStyle(rgb=True, centred=True, pad=114, std=(255.0, 255.0, 255.0)))
    assert (fit.left, fit.top, fit.scale) == (0, 5, 1.0)
    np.testing.assert_allclose(blob[0, :, 0, 0], 114 / 255, atol=1e-6)
    np.testing.assert_allclose(blob[0, :, 10, 10], np.array([30, 20, 10]) / 255, atol=1e-6)


def test_a_model_is_resized_as_the_onnx_package_would(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "m.onnx", [np.zeros((1, 84, 7))])
    model = onnx.load_from_string(resized(path.read_bytes(), 96, 32))
    onnx.checker.check_model(model)
    dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert dims == [1, 3, 32, 96]
    out = model.graph.output[0].type.tensor_type
    assert [d.WhichOneof("value") for d in out.shape.dim] == [None, None, None]
    assert not model.graph.value_info
    before = onnx.load(path)
    assert model.graph.node == before.graph.node
    assert model.graph.initializer == before.graph.initializer
    assert model.opset_import == before.opset_import


@pytest.mark.parametrize("size", [(416, 256), (416, 416), (192, 192)])
def test_a_resized_real_model_equals_the_onnx_package(size: tuple[int, int], shared_data: Path) -> None:
    raw = (shared_data / "models/yolox_nano_416.onnx").read_bytes()
    proto = onnx.load_from_string(raw)
    for dim, value in zip(proto.graph.input[0].type.tensor_type.shape.dim, (1, 3, size[1], size[0]), strict=True):
        dim.dim_value = value
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        for dim in output.type.tensor_type.shape.dim:
            dim.Clear()
    assert onnx.load_from_string(resized(raw, *size)) == proto
