"""Detectors from ONNX files through ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vision.detect import labels
from vision.detect.base import Detections
from vision.detect.families.base import Candidates, Family, Signature, families
from vision.detect.letterbox import Fit, letterbox
from vision.detect.nms import nms
from vision.detect.rectangular import rectangle, resized
from vision.detect.runtime import open_session
from vision.errors import ModelError
from vision.frame import Pixels

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """How a model is run.

    `providers` in order of preference, the first that the installed onnxruntime has is taken, the CPU takes what is left;
    `threads` for one inference; `min_score` 0..1 below which nothing is reported; `square` keeps the input size of
    the file where it could follow the picture's proportions; `side` is the longer side of an input the file leaves free,
    `input_size` width and height of the input where neither should be found out. `batch`: pictures at once where the model
    leaves that free; None for what pays: 4 on an accelerator, 1 on the CPU, where one by one is as fast.
    """

    family: str | None = None
    names: tuple[str, ...] | None = None
    providers: tuple[str, ...] = ("cpu",)
    threads: int = 1
    min_score: float = 0.05
    square: bool = False
    side: int = 640
    input_size: tuple[int, int] | None = None
    batch: int | None = None


_BATCH = 4


class OnnxDetector:
    """A detector over one ONNX file; knows the families of `vision.detect.families`."""

    def __init__(self, model: bytes, source: str, options: DetectorOptions) -> None:
        self.source = source
        self._options = options
        self._model = model
        self._providers, self.notes = _available(options.providers)
        session = self._session(model)
        inputs = session.get_inputs()
        shape = [dim if isinstance(dim, int) and dim > 0 else None for dim in inputs[0].shape]
        if len(inputs) != 1 or len(shape) != 4 or "float" not in inputs[0].type:
            raise ModelError(f"{source}: not a detector with one float input [1, 3, height, width]")
        self._input = inputs[0].name
        self.batch = self._batch(shape[0])
        metadata = dict(session.get_modelmeta().custom_metadata_map)
        outputs = tuple(tuple(d if isinstance(d, int) else None for d in out.shape) for out in session.get_outputs())
        self._signature = Signature(shape[2], shape[3], outputs, metadata)
        self.family = _family(self._signature, options.family, source)
        self._sessions: dict[tuple[int, int], Any] = {}
        if shape[2] is not None and shape[3] is not None:
            self._sessions[shape[3], shape[2]] = session
        self._fixed = (shape[3], shape[2]) if shape[2] and shape[3] and options.square else None
        if options.input_size is not None:
            if options.input_size not in self._sessions and not self._try(options.input_size):
                raise ModelError(
                    f"{source}: the model does not run with an input of {options.input_size}; drop input_size"
                )
            self._fixed = options.input_size

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Class names by class number: from the options, the file, or COCO's for 80 classes."""
        given = self._options.names or labels.from_metadata(self._signature.metadata)
        count = self.family.classes(self._signature)
        if given is None:
            return labels.for_classes(count or 80)
        if count is not None and len(given) != count:
            raise ModelError(f"{self.source}: {len(given)} labels for {count} classes; give a labels file that fits")
        return given

    @property
    def description(self) -> str:
        """One line for people: file, family, classes and where it runs."""
        where = next(name for name, provider in PROVIDERS.items() if provider == self._providers[0])
        threads = "1 thread" if self._options.threads == 1 else f"{self._options.threads} threads"
        return f"{Path(self.source).name} ({self.family.name}, {len(self.names)} classes) on {where}, {threads}"

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the network input that a picture of this size gets."""
        if self._fixed is not None:
            return self._fixed
        declared_w, declared_h = self._signature.width, self._signature.height
        if declared_w is not None and declared_h is not None and declared_w != declared_h:
            return declared_w, declared_h  # exported for one shape on purpose
        side = declared_w or declared_h or self._options.side
        size = rectangle(width, height, side)
        if size in self._sessions or self._try(size):
            return size
        self._fixed = (side, side)
        return self._fixed

    def detect(self, images: Sequence[Pixels]) -> list[Detections]:
        """Objects of each picture (BGR uint8 [height, width, 3]), best first, boxes in its pixels."""
        if self.batch == 1 or len({image.shape for image in images}) != 1:
            return [self._detect([image])[0] for image in images]
        return [
            found for at in range(0, len(images), self.batch) for found in self._detect(images[at : at + self.batch])
        ]

    def _detect(self, images: Sequence[Pixels]) -> list[Detections]:
        """One run of the network for pictures of one size."""
        width, height = self.input_size(images[0].shape[1], images[0].shape[0])
        made = [letterbox(image, width, height, self.family.style) for image in images]
        blob = made[0][0] if len(made) == 1 else np.concatenate([blob for blob, _ in made])
        outputs = self._sessions[width, height].run(None, {self._input: blob})
        return [
            self._decoded(outputs if len(made) == 1 else [out[at : at + 1] for out in outputs], fit, width, height)
            for at, (_, fit) in enumerate(made)
        ]

    def _decoded(self, outputs: Any, fit: Fit, width: int, height: int) -> Detections:
        found = self.family.decode(outputs, height, width, self._options.min_score)
        rows = _suppressed(found, self.family.nms_iou)
        return Detections(fit.back(found.xyxy[rows]), found.score[rows], found.class_id[rows], self.names)

    def _batch(self, declared: int | None) -> int:
        """Pictures at once: what was asked for, else what pays, where the model takes more than one."""
        if declared is not None:
            return 1
        if self._options.batch is not None:
            return self._options.batch
        return 1 if self._providers[0] == PROVIDERS["cpu"] else _BATCH

    def _try(self, size: tuple[int, int]) -> bool:
        """Whether the model runs with an input of this width and height; keeps the session if so."""
        width, height = size
        blob = np.zeros((1, 3, height, width), np.float32)
        try:
            session = self._session(resized(self._model, width, height, one=self.batch == 1))
            outputs = session.run(None, {self._input: blob})
            self.family.decode(outputs, height, width, 0.5)
        except Exception:  # noqa: BLE001  # onnxruntime's own exceptions share no base class; any of them means no
            return False
        self._sessions[size] = session
        return True

    def _session(self, model: bytes) -> Any:
        return open_session(model, self.source, threads=self._options.threads, providers=self._providers)


def open_detector(path: str | Path, options: DetectorOptions | None = None) -> OnnxDetector:
    """The detector in an ONNX file.

    Raises:
        ModelError: the file is missing, no ONNX model, or of no known family.

    """
    path = Path(path)
    try:
        model = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: the model file cannot be read ({error.strerror}); check model.path") from None
    return OnnxDetector(model, str(path), options or DetectorOptions())


def _suppressed(found: Candidates, iou: float | None) -> Any:
    if iou is None:
        return np.argsort(-found.score, kind="stable")
    return nms(found.xyxy, found.score, found.class_id, iou)


def _family(signature: Signature, wanted: str | None, source: str) -> Family:
    known = families()
    wanted = wanted or signature.metadata.get("family")
    if wanted is not None:
        if wanted not in known:
            raise ModelError(f"{source}: no family is called {wanted!r}; known: {', '.join(known)}")
        return known[wanted]
    fitting = [family for family in known.values() if family.matches(signature)]
    if not fitting:
        shapes = " and ".join(str(list(shape)) for shape in signature.outputs)
        raise ModelError(
            f"{source}: no known family writes outputs {shapes}; set model.family to one of {', '.join(known)}"
        )
    return fitting[0]


def _available(wanted: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Execution providers to ask for, and what to tell the user about those that are not there."""
    import onnxruntime as ort

    have = set(ort.get_available_providers())
    chosen, notes = [], []
    for name in wanted:
        if PROVIDERS[name] in have:
            chosen.append(PROVIDERS[name])
        else:
            notes.append(f"{name} is not in the installed onnxruntime; install the build of onnxruntime that has it")
    if PROVIDERS["cpu"] not in chosen:
        chosen.append(PROVIDERS["cpu"])
    return tuple(chosen), tuple(notes)
