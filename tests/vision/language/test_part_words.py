"""Inspected parts in words, and a model's words against the boxes."""

from __future__ import annotations

from typing import Any

import pytest

from vision.events import Event, Fact
from vision.language.fields import schema_for
from vision.language.grounding import ground
from vision.language.template import summarize


def event(type_: str = "defect", label: str | None = None, **facts: Fact) -> Event:
    return Event(
        id="1", type=type_, camera="line", severity="warning", start=2, end=2, opened=2, at=2, label=label, facts=facts,
        state="closed",
    )  # fmt: skip


SCRATCH: dict[str, Any] = {
    "verdict": "reject", "part": "A-17", "kind": "scratch", "place": "lower_left", "places": ["lower_left"],
    "extent": "large", "extents": ["large", "medium"], "reasons": ["face: dark line"],
}  # fmt: skip

SENTENCES: list[tuple[Event, str, str]] = [
    (
        event(label="scratch", **SCRATCH),
        "A defect was found on part A-17 at 0:02: a scratch in the lower left (large) (camera line).",
        "0:02，零件 A-17 检出缺陷：左下方有划痕（较大）（摄像机 line）。",
    ),
    (event(verdict="pass", part="A-17"), "Part A-17 passed at 0:02 (camera line).", "0:02，零件 A-17 合格（摄像机 line）。"),
    (
        event(verdict="no_decision", part="A-17", reasons=["scale: no reading has ever come"]),
        "No decision on part A-17 at 0:02: scale: no reading has ever come (camera line).",
        "0:02，零件 A-17 无法判定：scale: no reading has ever come（摄像机 line）。",
    ),
    (
        event(verdict="reject", part="A-17", reasons=["scale 140 g is above 110"]),
        "Part A-17 was rejected at 0:02: scale 140 g is above 110 (camera line).",
        "0:02，零件 A-17 不合格：scale 140 g is above 110（摄像机 line）。",
    ),
    (
        event("output_missed", part="A-17", output="rejector", reasons=["no acknowledgement within 1 s"]),
        "Output rejector was not acknowledged in time for part A-17 at 0:02: no acknowledgement within 1 s (camera line).",
        "0:02，零件 A-17 的输出 rejector 未按时确认：no acknowledgement within 1 s（摄像机 line）。",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("told", "english", "chinese"), SENTENCES)
def test_sentence(told: Event, english: str, chinese: str) -> None:
    assert summarize(told).text == english
    assert summarize(told, "zh").text == chinese


# what a check calls it, in words
KINDS = [
    ("dark line", "a dark line", "暗线"),
    ("open", "an open", "断路"),
    ("missing", "something missing", "缺件"),
    ("crack", "a crack", "crack"),  # of the user's own detector
]


@pytest.mark.parametrize(("kind", "english", "chinese"), KINDS)
def test_kind(kind: str, english: str, chinese: str) -> None:
    told = event(label=kind, verdict="reject", kind=kind)
    assert summarize(told).text == f"A defect was found at 0:02: {english} (camera line)."
    assert summarize(told, "zh").text == f"0:02，检出缺陷：{chinese}（摄像机 line）。"


# what the model says, and what of it falls
SAID: list[tuple[dict[str, str], set[str]]] = [
    ({"place": "lower_left", "extent": "large"}, set()),
    ({"place": "lower_left", "extent": "medium"}, set()),  # near the border between the two
    ({"place": "upper_right", "extent": "large"}, {"place"}),
    ({"place": "lower_left", "extent": "small"}, {"extent"}),
    ({"place": "unsure", "extent": "unsure"}, set()),
]


@pytest.mark.parametrize(("said", "falls"), SAID)
def test_what_contradicts_the_boxes_falls(said: dict[str, str], falls: set[str]) -> None:
    answer = {"verdict": "reject", "defect": "scratch", "material": "metal", "visibility": "clear", "supports": "yes"}
    grounded = ground(event(label="scratch", **SCRATCH), {**answer, **said}, schema_for("defect"))
    assert set(grounded.dropped) == falls
