"""A trained detector finds no defect on it, and everything that belongs there.

Any detector of the families of `vision.detect`: one that has learned scratches and dents, or screws and labels.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

from pydantic import Field

from vision.detect.base import Detections
from vision.detect.session import DetectorOptions, OnnxDetector
from vision.geometry import Box
from vision.inspect.check import Assets, Check, CheckParams, register
from vision.inspect.part import View
from vision.inspect.result import CheckResult, Finding


class DetectorParams(CheckParams):
    """Parameters of the defect detector."""

    type: Literal["detector"] = "detector"
    model: str = Field(min_length=1, description="The ONNX file; a relative path counts from the recipe's folder.")
    family: Literal["yolox", "yolov5", "yolov8", "yolo26", "nanodet"] | None = Field(
        None, description="The model's output family; default: recognised from the file."
    )
    labels: tuple[str, ...] | None = Field(None, description="Class names; default: those in the file.")
    confidence: float = Field(0.4, ge=0.05, le=1, description="How sure the detector must be.")
    defects: tuple[str, ...] | None = Field(
        None, description="Classes that reject the part; default: all that `expect` does not name."
    )
    expect: dict[str, int] = Field({}, description="How many of a class must be there: {screw: 4}.")


@register
class DetectorCheck(Check[DetectorParams]):
    """What a detector sees on the part."""

    Params = DetectorParams

    def __init__(self, params: DetectorParams, assets: Assets) -> None:
        super().__init__(params, assets)
        options = DetectorOptions(family=params.family, names=params.labels, min_score=min(0.05, params.confidence))
        self._detector = OnnxDetector(assets.read(params.model), params.model, options)

    def look(self, view: View) -> CheckResult:
        """Defects that are seen, and things that are missing."""
        params = self.params
        found = self._detector.detect([view.image])[0]
        wrong, best = [], 0.0
        counted: Counter[str] = Counter()
        for row in range(len(found)):
            label, score = found.label(row), float(found.score[row])
            if not _judged(view, found.box(row)):
                continue
            counted[label] += score >= params.confidence
            if label in params.defects if params.defects is not None else label not in params.expect:
                best = max(best, score)
                if score >= params.confidence:
                    wrong.append(_finding(view, found, row))
        gone = {label: many - counted[label] for label, many in params.expect.items() if counted[label] != many}
        reasons = [f"{n} × {kind}" if n > 1 else kind for kind, n in Counter(f.kind for f in wrong).most_common()]
        told = [f"found {', '.join(reasons)}"] if reasons else []
        told += [f"{counted[label]} × {label} instead of {params.expect[label]}" for label in gone]
        score = max(best, 1.0 if gone else 0.0)
        return CheckResult(
            check=params.title,
            outcome="reject" if told else "pass",
            score=score,
            # a detection counts from its confidence on, and a score rejects above its threshold
            threshold=params.confidence if not told else min(params.confidence, score - 1e-6),
            findings=tuple(wrong),
            measures={f"{label}_count": float(n) for label, n in sorted(counted.items()) if n},
            reasons=tuple(told),
            region=view.region,
        )


def _judged(view: View, box: Box) -> bool:
    """Whether the middle of a box lies on what is judged."""
    if view.mask is None:
        return True
    width, height = view.size
    x, y = box.centre
    return bool(view.mask[min(height - 1, max(0, int(y))), min(width - 1, max(0, int(x)))])


def _finding(view: View, found: Detections, row: int) -> Finding:
    box = view.native_box(found.box(row).clipped(*view.size))
    return Finding(box, found.label(row), round(box.area, 1), round(float(found.score[row]), 4))
