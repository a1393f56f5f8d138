"""Person AP50 of four real models on the PETS clip, against the figures of an independent decoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vision.detect.ap import PUBLISHED, ground_truth, person_ap50, pictures
from vision.detect.session import DetectorOptions, open_detector
from vision.frame import Pixels

CASES = [(model, True) for model in PUBLISHED] + [("yolox_nano_416.onnx", False)]  # the others hold fixed reshapes


@pytest.fixture(scope="module")
def images(shared_data: Path) -> dict[int, Pixels]:
    return pictures(shared_data)


@pytest.mark.parametrize(("model", "square"), CASES)
def test_person_ap50_is_that_of_an_independent_decoder(
    model: str, square: bool, shared_data: Path, images: dict[int, Pixels]
) -> None:
    truth = ground_truth(shared_data)
    assert sum(len(truth.get(index, ())) for index in images) == 467
    detector = open_detector(shared_data / "models" / model, DetectorOptions(square=square))
    assert person_ap50(detector, images, truth) >= PUBLISHED[model] - 0.01


def test_a_square_model_is_cut_to_the_picture_only_where_it_can(shared_data: Path) -> None:
    wide = {"yolox_nano_416.onnx": (416, 256), "nanodet_m_320.onnx": (320, 320), "yolo11n_int8_320.onnx": (320, 320)}
    for model, size in wide.items():
        assert open_detector(shared_data / "models" / model).input_size(1280, 720) == size
