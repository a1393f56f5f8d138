"""Class names of a model: from its own metadata, from a labels file, or COCO's where it has 80 classes."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path

from vision.errors import ModelError

# The 80 classes of COCO 2017 in their usual order (https://cocodataset.org).
# fmt: off
COCO = (
    "person", "bicycle", "car", "motorbike", "aeroplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "sofa",
    "pottedplant", "bed", "diningtable", "toilet", "tvmonitor", "laptop", "mouse", "remote", "keyboard",
    "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)
# fmt: on


def from_metadata(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """Names stored in the model under `names` (JSON or a Python literal; a list, or a dict by class number)."""
    text = metadata.get("names")
    if not text:
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError):
            continue
        if isinstance(value, dict):
            return tuple(str(value[key]) for key in sorted(value, key=int))
        if isinstance(value, list):
            return tuple(str(name) for name in value)
    return None


def from_file(path: Path) -> tuple[str, ...]:
    """One name a line; empty lines at the end do not count."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: the labels file cannot be read ({error}); write one class name a line") from None
    return tuple(line.strip() for line in lines if line.strip())


def for_classes(count: int) -> tuple[str, ...]:
    """Names where nobody gave any: COCO's for 80 classes, else the class numbers."""
    return COCO if count == len(COCO) else tuple(f"class {i}" for i in range(count))
