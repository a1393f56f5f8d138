"""A model of good parts: everything that is needed to score another part, in one file.

The file: eight bytes that say what it is, the length of a JSON header (4 bytes, little endian), the header, then the
arrays it lists and the cut backbone, one after another, little endian. No pickle, nothing that runs.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vision.detect.letterbox import InputStyle
from vision.errors import ModelError
from vision.frame import Pixels
from vision.geometry import Box
from vision.inspect.anomaly.backbone import Backbone, Session
from vision.inspect.anomaly.bank import Bank
from vision.inspect.anomaly.grid import Array, places_of, score_of, smoothed

FORMAT = 1
_MAGIC = b"SLPARTS\x01"
_TYPES = {"float32": "<f4", "float16": "<f2"}


@dataclass(frozen=True, slots=True)
class Look:
    """What the model says of a part: its score, and how unusual each pixel is (above 1: too much)."""

    score: float
    heat: Array = field(repr=False)

    def boxes(self) -> list[tuple[Box, float, int]]:
        """Where the heat is above 1: boxes in pixels of the picture, the heat's peak and the area in pixels, hottest first.

        Where it is above 1 nowhere, many places being a little unusual, the hottest place.
        """
        least = min(1.0, 0.9 * float(self.heat.max()))
        _, labels, stats, _ = cv2.connectedComponentsWithStats((self.heat > least).astype(np.uint8))
        found = []
        for label in range(1, len(stats)):
            x, y, w, h, area = (int(v) for v in stats[label])
            peak = float(self.heat[y : y + h, x : x + w][labels[y : y + h, x : x + w] == label].max())
            found.append((Box(float(x), float(y), float(x + w), float(y + h)), peak, area))
        return sorted(found, key=lambda item: -item[1])


@dataclass(frozen=True)
class AnomalyModel:
    """Good parts as learned: `backbone` for inputs of `size` (width, height), `bank`, and the limits.

    A part is rejected when its score is above `threshold`; a place is shown as faulty when its distance is above `limit`.
    `about` says what it was made of: files with their hashes, the interval of the rate of false rejects, and so on.
    """

    backbone: Backbone
    size: tuple[int, int]
    bank: Bank
    threshold: float
    limit: float
    about: Mapping[str, Any]

    @cached_property
    def _session(self) -> Session:
        return self.backbone.session(*self.size)

    def look(self, picture: Pixels, mask: Pixels | None = None) -> Look:
        """Score and heat map of a part, BGR uint8 [height, width, 3]; `mask` is 255 where there is part to judge.

        Raises:
            ValueError: the mask leaves nothing to judge.

        """
        places, judged = places_of(picture, self._session, mask)
        distances = self.bank.distances(places.reshape(-1, places.shape[2])).reshape(judged.shape)
        heat = smoothed(distances, judged)
        height, width = picture.shape[:2]
        full = cv2.resize(heat / np.float32(self.limit), (width, height), interpolation=cv2.INTER_LINEAR)
        return Look(score_of(heat, judged), np.asarray(full, np.float32))

    @cached_property
    def sha256(self) -> str:
        """The hash of the model's file: its identity."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """The content of the model's file."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "mean": self.bank.mean,
            "whiten": self.bank.whiten,
            "memory": self.bank.memory,
        }
        style = self.backbone.style
        header = {
            "format": FORMAT,
            "size": list(self.size),
            "threshold": self.threshold,
            "limit": self.limit,
            "backbone": {
                "name": self.backbone.name,
                "sha256": self.backbone.sha256,
                "bytes": len(self.backbone.data),
                "style": {"rgb": style.rgb, "mean": list(style.mean), "std": list(style.std)},
            },
            "arrays": {name: {"type": a.dtype.name, "shape": list(a.shape)} for name, a in arrays.items()},
            "about": dict(self.about),
        }
        text = json.dumps(header, ensure_ascii=False, sort_keys=True).encode()
        parts = [a.astype(_TYPES[a.dtype.name]).tobytes() for a in arrays.values()]
        return b"".join([_MAGIC, struct.pack("<I", len(text)), text, *parts, self.backbone.data])

    @classmethod
    def from_bytes(cls, data: bytes, source: str) -> AnomalyModel:
        """The model in a file's content; `source` is what to call it in errors.

        Raises:
            ModelError: it is damaged, of a newer format or no such model at all.

        """
        if data[: len(_MAGIC)] != _MAGIC:
            raise ModelError(f"{source}: is no model of good parts; make one with sightline inspect train")
        try:
            return _read(data)
        except (ValueError, KeyError, TypeError, struct.error) as error:
            raise ModelError(
                f"{source}: the model is damaged or was written by a newer version ({error}); train it again"
            ) from None


def _read(data: bytes) -> AnomalyModel:
    at = len(_MAGIC) + 4
    (length,) = struct.unpack("<I", data[at - 4 : at])
    header = json.loads(data[at : at + length])
    if header["format"] != FORMAT:
        raise ValueError(f"format {header['format']}")
    at += length
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name in ("mean", "whiten", "memory"):
        entry = header["arrays"][name]
        dtype, shape = np.dtype(_TYPES[entry["type"]]), tuple(int(n) for n in entry["shape"])
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(data, dtype, count, at).reshape(shape)
        at += count * dtype.itemsize
    entry = header["backbone"]
    network = data[at : at + entry["bytes"]]
    if len(network) != entry["bytes"] or len(data) != at + entry["bytes"]:
        raise ValueError(f"{len(data)} bytes instead of {at + entry['bytes']}")
    style = entry["style"]
    pixels = InputStyle(rgb=bool(style["rgb"]), centred=False, mean=tuple(style["mean"]), std=tuple(style["std"]))
    backbone = Backbone(str(entry["name"]), network, str(entry["sha256"]), pixels)
    bank = Bank(arrays["mean"], arrays["whiten"], arrays["memory"])
    size = (int(header["size"][0]), int(header["size"][1]))
    return AnomalyModel(backbone, size, bank, float(header["threshold"]), float(header["limit"]), header["about"])
