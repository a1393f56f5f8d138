"""Figures of a stream, and what is advised."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge_agent.doctor.advice import Seen, Use, advise, faulty
from vision.media.live.base import Fault

SOUND = Seen("h264", 640, 360, fps=15.0, key_s=2.0, kbps=600, clock_s=0.1, transport="rtsp/tcp", first_s=0.4)
LOOKED = Use(looked=True, kept=False, has_record_source=True)
KEPT = Use(looked=False, kept=True)
BOTH = Use(looked=True, kept=True)


def warnings(seen: Seen, use: Use) -> list[str]:
    first, *rest = advise(seen, use)
    assert first.level == "ok"
    assert all(finding.fix for finding in rest)
    return [f"{finding.text} -> {finding.fix}" for finding in rest if finding.level == "warn"]


def test_a_small_stream_for_both_is_told_of_the_main_stream() -> None:
    tips = {use: [f.fix for f in advise(SOUND, use) if f.fix] for use in (BOTH, KEPT, LOOKED, BOTH.of_a_file())}
    assert "record_source" in tips.pop(BOTH)[0]
    assert not any(tips.values())


@pytest.mark.parametrize(
    ("change", "use", "words"),
    [
        ({"key_s": 10.0}, BOTH, "clips begin late -> set the I-frame interval to 2 s (30 frames)"),
        ({"key_s": 6.0, "key_more": True, "fps": None}, KEPT, "6.0 s or more"),  # none came while it was watched
        ({"key_s": 10.0}, LOOKED, "the picture comes back late"),  # no clips from this one
        ({"width": 3840, "height": 2160}, BOTH, "sub stream (about 640x360) into source, and this one into record_source"),
        ({"width": 3840, "height": 2160}, LOOKED, "sub stream (about 640x360) into source; "),  # has a record_source
        ({"width": 160, "height": 120}, LOOKED, "shows too little"),
        ({"codec": "hevc"}, KEPT, "H.264"),  # clips for the browser
        ({"codec": "mjpeg"}, BOTH, "motion JPEG"),
        ({"fps": 3.0}, LOOKED, "set detect.fps to 3"),
        ({"fps": 1.0, "transport": "http/snapshot"}, LOOKED, "stream: {poll_s: 0.2}"),
        ({"clock_s": -40.0}, LOOKED, "40 s behind; events go by the time of arrival -> set NTP"),
        ({"clock_s": 3600.0}, LOOKED, "3600 s ahead"),
        ({"transport": "rtsp/udp", "lost": 0.05}, LOOKED, "5.0% of the pictures are damaged"),
        ({"kbps": 24_000.0}, KEPT, "24 Mbit/s -> lower"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_change(change: dict[str, Any], use: Use, words: str) -> None:
    (line,) = warnings(replace(SOUND, **change), use)
    assert words in line


@pytest.mark.parametrize(
    ("change", "use"),
    [
        ({}, BOTH),
        ({"key_s": None, "clock_s": None, "kbps": None, "first_s": None, "fps": None}, BOTH),  # nothing is known
        ({"width": 3840, "height": 2160}, KEPT),  # a main stream is large
        ({"codec": "hevc"}, LOOKED),  # nobody keeps it
        ({"fps": 4.8}, LOOKED),  # near enough to 5
        ({"clock_s": 1.9}, LOOKED),
        ({"transport": "rtsp/tcp", "lost": 0.05}, LOOKED),  # what TCP cannot help is no reason to change to it
        ({"key_s": 10.0}, BOTH.of_a_file()),  # a file is as it is
    ],
)
def test_what_is_right_is_left_alone(change: dict[str, Any], use: Use) -> None:
    assert warnings(replace(SOUND, **change), use) == []


@pytest.mark.parametrize("fault", [*Fault.__args__])  # type: ignore[attr-defined]  # the words of the Literal
def test_every_fault_has_a_fix(fault: Fault) -> None:
    found = faulty(fault, "rtsp://192.0.2.1/sub: it is so; do that")
    assert (found.level, found.text) == ("fail", "rtsp://192.0.2.1/sub: it is so")
    assert found.fix
