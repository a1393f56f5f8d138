"""`--expect`: what matches, what is missing, what is too much, and wrong files."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.scoring import Expectation, load_expectation, score
from vision.errors import InputError
from vision.events import Event


def event(kind: str, start: float, zone: str | None = None, **facts: str) -> Event:
    return Event(
        id=f"{kind}{start}",
        type=kind,
        camera="c",
        severity="info",
        start=start,
        opened=start + 1,
        at=start,
        zone=zone,
        facts=facts,
    )


FALL = {"type": "fall", "start": [10, 12]}
CASES = [
    # What should come; what came; how many matched, are missing, are too many:
    ([FALL], [event("fall", 11)], (1, 0, 0)),
    ([FALL], [event("fall", 12.5)], (0, 1, 1)),  # outside the window
    ([FALL], [event("climbing", 11)], (0, 1, 1)),  # another type
    ([FALL], [event("fall", 11), event("fall", 11.5)], (1, 0, 1)),  # one too many
    ([FALL, FALL], [event("fall", 11), event("fall", 11.5)], (2, 0, 0)),
    ([], [event("fall", 11)], (0, 0, 1)),  # a clip in which nothing may happen
    ([], [event("counting", 11)], (0, 0, 0)),  # a type that is ignored
    ([{**FALL, "zone": "yard"}], [event("fall", 11, "gate"), event("fall", 11, "yard")], (1, 0, 1)),
    ([{**FALL, "facts": {"direction": "in"}}], [event("fall", 11, direction="out")], (0, 1, 1)),
    # the earlier window is served first, so that both find one
    ([{"type": "fall", "start": [0, 20]}, FALL], [event("fall", 11), event("fall", 15)], (2, 0, 0)),
]


@pytest.mark.parametrize(("expected", "came", "result"), CASES)
def test_matching(expected: list[object], came: list[Event], result: tuple[int, int, int]) -> None:
    expectation = Expectation.model_validate({"clips": {"a.mp4": expected}, "ignore": ["counting"]})
    got = score(expectation, {"a.mp4": came, "not named.mp4": [event("fall", 1)]}, hours=0.5)
    assert (got.matched, len(got.missing), len(got.extra)) == result
    assert got.met == (result[1:] == (0, 0))
    assert got.false_per_hour == result[2] * 2


def test_delay_is_from_the_middle_of_the_window_to_the_alarm() -> None:
    expectation = Expectation.model_validate({"clips": {"a.mp4": [FALL]}})
    assert score(expectation, {"a.mp4": [event("fall", 11.5)]}, 1).delay_s == 1.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clips: [", "is no YAML"),
        ("[]", "the file"),
        ("clips: {a.mp4: [{type: fall}]}", "clips.a.mp4.0.start"),
        ("clips: {a.mp4: [{type: fall, start: [2, 1]}]}", "runs backwards"),
        ("clips: {a.mp4: [{type: fall, start: [1, 2], zoen: yard}]}", "zoen"),
    ],
)
def test_a_wrong_file_is_one_line(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "expected.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_expectation(path)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
