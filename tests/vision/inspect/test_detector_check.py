"""The detector check with a real model: what must be there, and what must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.vision.inspect.drawn import view_of
from vision.errors import ModelError
from vision.inspect.check import ScriptedAssets
from vision.inspect.checks.detector import DetectorCheck, DetectorParams
from vision.inspect.part import View


@pytest.fixture(scope="module")
def street(shared_data: Path) -> tuple[bytes, View]:
    """A detector of everyday things, and a photo with people: people stand for defects."""
    photo = next(path for path in sorted((shared_data / "images/photos").iterdir()) if path.suffix in (".jpg", ".png"))
    image = cv2.imread(str(photo))
    assert image is not None
    return (shared_data / "models/yolox_nano_416.onnx").read_bytes(), view_of(np.asarray(image, np.uint8))


def made(model: bytes, **values: Any) -> DetectorCheck:
    return DetectorCheck(DetectorParams(model="m.onnx", **values), ScriptedAssets({"m.onnx": model}))


def test_defects_and_what_belongs_there(street: tuple[bytes, View]) -> None:
    model, view = street
    everything = made(model).look(view)
    assert everything.outcome == "reject"
    counted = {key.removesuffix("_count"): int(value) for key, value in everything.measures.items()}
    assert counted
    assert len(everything.findings) == sum(counted.values())
    kind = max(counted, key=lambda label: counted[label])
    for values, outcome in (
        ({"expect": counted}, "pass"),  # all that is seen belongs there
        ({"expect": {**counted, kind: counted[kind] + 1}}, "reject"),  # one is missing
        ({"defects": ("giraffe",)}, "pass"),
        ({"defects": (kind,)}, "reject"),
        ({"confidence": 1.0}, "pass"),
    ):
        result = made(model, **values).look(view)  # type: ignore[arg-type]  # a table of any values
        assert result.outcome == outcome, (values, result.reasons)
        assert result.score is not None
        assert result.threshold is not None
        assert (result.score > result.threshold) == (outcome == "reject")
    away = View(view.image, mask=np.zeros(view.image.shape[:2], np.uint8))
    assert made(model).look(away).outcome == "pass"  # nothing of it is judged


def test_a_file_that_is_no_model() -> None:
    with pytest.raises(ModelError, match=r"m\.onnx"):
        made(b"no model")
