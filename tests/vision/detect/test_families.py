"""Each output family: told from the file alone, decoded to the same box, and refused with one clear line."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tests.vision.detect.onnx_files import constant_model, names
from vision.detect.session import DetectorOptions, open_detector
from vision.errors import ModelError

CELLS = 8 * 8 + 4 * 4 + 2 * 2  # strides 8, 16, 32 of a 64 x 64 input
PICTURE = np.zeros((64, 64, 3), np.uint8)
BOX = (16.0, 8.0, 40.0, 56.0)  # what every model below says, in pixels
CX, CY, W, H = 28.0, 32.0, 24.0, 48.0


def yolox() -> list[np.ndarray]:
    """The box in the cell of column 3, row 4 of stride 8, second of two classes."""
    out = np.zeros((1, CELLS, 7))
    out[0, 4 * 8 + 3] = [CX / 8 - 3, CY / 8 - 4, math.log(W / 8), math.log(H / 8), 0.9, 0.0, 1.0]
    return [out]


def yolov8() -> list[np.ndarray]:
    out = np.zeros((1, 6, CELLS))
    out[0, :, 10] = [CX, CY, W, H, 0.0, 0.9]
    return [out]


def yolov5() -> list[np.ndarray]:
    out = np.zeros((1, 3 * CELLS, 7))
    out[0, 100] = [CX, CY, W, H, 0.9, 0.0, 1.0]
    return [out]


def end2end() -> list[np.ndarray]:
    out = np.zeros((1, 300, 6))
    out[0, 7] = [*BOX, 0.9, 1]
    return [out]


def nanodet() -> list[np.ndarray]:
    """Distances of 1.5, 3, 1.5 and 3 strides from the centre (27.5, 27.5) of a cell: one bin, or two in equal parts."""
    outputs: list[np.ndarray] = []
    for stride in (8, 16, 32):
        cells = (64 // stride) ** 2
        score, sides = np.zeros((cells, 2)), np.full((cells, 32), -50.0)
        if stride == 8:
            score[3 * 8 + 3, 1] = 0.9
            for edge, bins in enumerate(((1, 2), (3,), (1, 2), (3,))):
                sides[3 * 8 + 3, [edge * 8 + b for b in bins]] = 50.0
        outputs += [sides, score]
    return outputs


FAMILIES = {"yolox": yolox, "yolov8": yolov8, "yolov5": yolov5, "yolo26": end2end, "nanodet": nanodet}


@pytest.mark.parametrize("family", FAMILIES)
def test_family_is_told_from_the_file_and_decoded(family: str, tmp_path: Path) -> None:
    detector = open_detector(constant_model(tmp_path / "m.onnx", FAMILIES[family](), metadata=names("dog", "person")))
    found = detector.detect([PICTURE])[0]
    assert detector.family.name == family
    assert len(found) == 1
    assert found.label(0) == "person"
    assert found.score[0] == pytest.approx(0.9)
    expected = (15.5, 3.5, 39.5, 51.5) if family == "nanodet" else BOX
    np.testing.assert_allclose(found.xyxy[0], expected, atol=0.01)


@pytest.mark.parametrize("family", FAMILIES)
def test_boxes_come_back_to_the_pixels_of_a_larger_picture(family: str, tmp_path: Path) -> None:
    path = constant_model(tmp_path / "m.onnx", FAMILIES[family](), metadata=names("dog", "person"))
    detector = open_detector(path, DetectorOptions(square=True))
    small = detector.detect([PICTURE])[0].xyxy[0]
    large = detector.detect([np.zeros((256, 256, 3), np.uint8)])[0].xyxy[0]
    np.testing.assert_allclose(large, small * 4, atol=0.05)


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_above_the_floor_is_no_detection(family: str, tmp_path: Path) -> None:
    path = constant_model(tmp_path / "m.onnx", FAMILIES[family](), metadata=names("dog", "person"))
    assert len(open_detector(path, DetectorOptions(min_score=0.95)).detect([PICTURE])[0]) == 0


def test_the_config_may_name_the_family(tmp_path: Path) -> None:
    ambiguous = np.zeros((1, 6, 6))  # could be anything
    path = constant_model(tmp_path / "m.onnx", [ambiguous], metadata=names("a", "b"))
    assert open_detector(path, DetectorOptions(family="yolov8")).family.name == "yolov8"


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


BAD = {
    # what is wrong: (how to make it, what the line must say)
    "missing": (lambda d: d / "no.onnx", "cannot be read (No such file"),
    "a folder": (lambda d: d, "cannot be read (Is a directory"),
    "empty": (lambda d: write(d / "e.onnx", b""), "onnxruntime cannot load it"),
    "text": (lambda d: write(d / "t.onnx", b"not a model"), "onnxruntime cannot load it"),
    "cut off": (
        lambda d: write(d / "c.onnx", constant_model(d / "m.onnx", yolox()).read_bytes()[:999]),
        "cannot load it",
    ),
    "a classifier": (
        lambda d: constant_model(d / "m.onnx", [np.zeros((1, 1000))]),
        "no known family writes outputs [1, 1000]",
    ),
    "two inputs": (lambda d: constant_model(d / "m.onnx", yolox(), inputs=2), "one float input"),
    "unknown family in the file": (
        lambda d: constant_model(d / "m.onnx", yolox(), metadata={"family": "yolo99"}),
        "no family is called 'yolo99'; known: nanodet",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_no_detector_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    make, expected = BAD[case]
    path = make(tmp_path)
    with pytest.raises(ModelError) as caught:
        open_detector(path)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 3


def test_labels_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "m.onnx", yolox())
    with pytest.raises(ModelError, match="3 labels for 2 classes"):
        _ = open_detector(path, DetectorOptions(names=("a", "b", "c"))).names


def test_a_provider_that_is_not_there_is_said_and_the_cpu_runs(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "m.onnx", yolox(), metadata=names("a", "b"))
    detector = open_detector(path, DetectorOptions(providers=("tensorrt", "cpu")))
    assert detector.notes == (
        "tensorrt is not in the installed onnxruntime; install the build of onnxruntime that has it",
    )
    assert "on cpu" in detector.description
