"""Feature maps of any convolutional network in an ONNX file: found, cut out and computed.

Which maps: the last one of each resolution before the network goes on to the next coarser one, at a quarter, an eighth and
a sixteenth of the input. Finer ones see only edges, coarser ones see what the thing is instead of how it looks (Roth et
al., "Towards Total Recall in Industrial Anomaly Detection", 2022, take the same levels). A network made for this names its
outputs "features…"; those are taken as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vision.detect.families.base import Signature, families
from vision.detect.letterbox import InputStyle
from vision.detect.rectangular import resized
from vision.detect.runtime import open_session
from vision.errors import ModelError
from vision.inspect.anomaly.graph import cut, nodes

Array = npt.NDArray[np.float32]
BUILT_IN = "surface"  # the network that comes with the program
STRIDES = (4, 8, 16)
_PROBE = 256  # pixels: the input at which the maps are searched for
_LEAST_CHANNELS = 8
_AT_ONCE = 4  # channels that every function of OpenCV takes
_IMAGENET = InputStyle(rgb=True, centred=False, mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network cut to its feature maps: `data` is a whole ONNX file, `sha256` that of the file it was cut from."""

    name: str
    data: bytes = field(repr=False)
    sha256: str
    style: InputStyle

    def session(self, width: int, height: int) -> Session:
        """The network for inputs of this size.

        Raises:
            ModelError: it does not run with it.

        """
        return Session(self, width, height)


class Session:
    """A backbone ready for inputs of one size."""

    def __init__(self, backbone: Backbone, width: int, height: int) -> None:
        self._style, self.size = backbone.style, (width, height)
        self._session = open_session(resized(backbone.data, width, height), backbone.name)
        self._input = self._session.get_inputs()[0].name

    def maps(self, picture: Array) -> list[Array]:
        """The feature maps [height, width, channels] of a picture, float32 [height, width, 3] in BGR order, 0..255."""
        style = self._style
        pixels: Array = picture[..., ::-1] if style.rgb else picture
        if style.mean != (0.0, 0.0, 0.0) or style.std != (1.0, 1.0, 1.0):
            pixels = np.asarray(
                (pixels - np.array(style.mean, np.float32)) / np.array(style.std, np.float32), np.float32
            )
        blob = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
        return [
            np.asarray(out[0].transpose(1, 2, 0), np.float32) for out in self._session.run(None, {self._input: blob})
        ]


def open_backbone(path: str | Path | None = None) -> Backbone:
    """The backbone in an ONNX file; without a path the one that comes with the program.

    Raises:
        ModelError: the file is missing, no ONNX network, or has no feature maps to take.

    """
    if path is None:
        return _built_in()
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: the backbone cannot be read ({error.strerror}); check --backbone") from None
    return backbone_of(data, Path(path).name)


@lru_cache(maxsize=1)
def _built_in() -> Backbone:
    path = Path(__file__).parent / f"{BUILT_IN}.onnx"
    return backbone_of(path.read_bytes(), BUILT_IN)


def backbone_of(data: bytes, name: str) -> Backbone:
    """The backbone in the bytes of an ONNX file.

    Raises:
        ModelError: see `open_backbone`.

    """
    session = open_session(data, name)
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or "float" not in inputs[0].type:
        raise ModelError(f"{name}: a backbone has one float input [1, 3, height, width]; this file has another")
    declared = [out.name for out in session.get_outputs()]
    made_for_this = all(out.startswith("features") for out in declared)
    outputs = declared if made_for_this else _stages(data, name)
    style = InputStyle(rgb=False, centred=False) if made_for_this else _style(session)
    return Backbone(name, cut(data, outputs), hashlib.sha256(data).hexdigest(), style)


def _stages(data: bytes, name: str) -> list[str]:
    """The names of the maps to take: see the module."""
    written = [out for node in nodes(data) for out in node.outputs if out]
    try:
        session = open_session(resized(cut(data, written), _PROBE, _PROBE), name)
        blob = np.zeros((1, 3, _PROBE, _PROBE), np.float32)
        values = session.run(None, {session.get_inputs()[0].name: blob})
    except Exception as error:  # noqa: BLE001  # onnxruntime's own exceptions share no base class
        first = str(error).splitlines()[0]
        raise ModelError(
            f"{name}: the network does not run with an input of {_PROBE} x {_PROBE} ({first}); "
            "export it with a free input size, or take another backbone"
        ) from None
    taken: dict[int, str] = {}
    deepest = 1
    for out, value in zip(session.get_outputs(), values, strict=True):
        stride = _stride(value)
        if stride is not None and stride >= deepest:
            deepest = stride
            taken[stride] = out.name
    found = [taken[stride] for stride in STRIDES if stride in taken]
    if not found:
        raise ModelError(f"{name}: no feature maps at 1/4, 1/8 or 1/16 of the input; take a convolutional network")
    return found


def _stride(value: Any) -> int | None:
    """How much coarser than the input a tensor is; None where it is no feature map."""
    if not isinstance(value, np.ndarray) or value.dtype != np.float32 or value.ndim != 4:
        return None
    _, channels, height, width = value.shape
    if channels < _LEAST_CHANNELS or height != width or height < 8 or _PROBE % height:
        return None
    return _PROBE // int(height)


def _style(session: Any) -> InputStyle:
    """How the network wants its pixels: as its detector family does, else as ImageNet classifiers do."""
    shape = [dim if isinstance(dim, int) and dim > 0 else None for dim in session.get_inputs()[0].shape]
    outputs = tuple(tuple(d if isinstance(d, int) else None for d in out.shape) for out in session.get_outputs())
    signature = Signature(shape[2], shape[3], outputs, dict(session.get_modelmeta().custom_metadata_map))
    fitting = [family for family in families().values() if family.matches(signature)]
    return fitting[0].style if fitting else _IMAGENET


def features_of(maps: Sequence[Array], rows: int, columns: int) -> Array:
    """The maps brought to one grid and stacked: float32 [rows, columns, channels of all].

    Each is averaged over 3 x 3 of its own places first, as PatchCore does: what matters is what is there, not exactly where.
    """
    import cv2

    stacked: list[Array] = []
    for grid in maps:
        way = cv2.INTER_AREA if grid.shape[0] > rows else cv2.INTER_LINEAR
        for at in range(0, grid.shape[2], _AT_ONCE):
            part = cv2.blur(np.ascontiguousarray(grid[..., at : at + _AT_ONCE]), (3, 3))
            if part.shape[:2] != (rows, columns):
                part = cv2.resize(part, (columns, rows), interpolation=way)
            stacked.append(np.asarray(part, np.float32).reshape(rows, columns, -1))
    return np.concatenate(stacked, axis=2)
