"""When a lost camera is told of."""

from __future__ import annotations

import pytest

from edge_agent.live.system_events import Outage
from vision.language.template import summarize


def told(*steps: tuple[float, str]) -> list[tuple[float, str, str]]:
    """Steps of (time, what happens); what was told: time, type, state."""
    outage, said = Outage("yard", 5.0, 0.0), []
    for t, step in steps:
        if step == "lost":
            outage.lost(t, "stall", "no data for 5 s")
        events = {"back": outage.back, "check": outage.check, "stop": outage.stop}[step](t) if step != "lost" else []
        said += [(t, event.type, event.state) for event in events]
    return said


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # it comes up at once: nothing to tell
        ([(1, "back"), (9, "check")], []),
        # it never comes up
        ([(1, "lost"), (4.9, "check"), (5, "check"), (20, "check")], [(5, "camera_offline", "open")]),
        # a gap too short to be told
        ([(1, "back"), (10, "lost"), (14, "check"), (14.5, "back"), (30, "check")], []),
        # gone and back
        (
            [(1, "back"), (10, "lost"), (15, "check"), (40, "back")],
            [(15, "camera_offline", "open"), (40, "camera_offline", "closed"), (40, "camera_online", "closed")],
        ),
        # a second fault while it is away is the same outage
        (
            [(1, "back"), (10, "lost"), (12, "lost"), (15, "check"), (16, "lost"), (60, "check")],
            [(15, "camera_offline", "open")],
        ),
        # the agent ends meanwhile
        (
            [(1, "back"), (10, "lost"), (15, "check"), (20, "stop"), (30, "check")],
            [(15, "camera_offline", "open"), (20, "camera_offline", "closed")],
        ),
        # two outages are two events
        (
            [(1, "back"), (10, "lost"), (15, "check"), (20, "back"), (30, "lost"), (35, "check")],
            [
                (15, "camera_offline", "open"),
                (20, "camera_offline", "closed"),
                (20, "camera_online", "closed"),
                (35, "camera_offline", "open"),
            ],
        ),
    ],
)
def test_an_outage_is_told_once_it_lasts(
    steps: list[tuple[float, str]], expected: list[tuple[float, str, str]]
) -> None:
    assert told(*steps) == expected


def test_what_it_says() -> None:
    outage = Outage("yard", 5.0, 1_763_900_000.0)
    outage.lost(1_763_900_000.0, "auth", "wrong user or password")
    (event,) = outage.check(1_763_900_006.0)
    assert event.start == 1_763_900_000.0
    assert event.opened == 1_763_900_006.0
    assert event.facts == {"cause": "auth", "reason": "wrong user or password"}
    assert summarize(event).text.startswith("The camera has refused user and password since 2025-11-23 12:13:20")
    closed, back = outage.back(1_763_900_100.0)
    assert closed.id == event.id
    assert closed.facts["offline_s"] == 100.0
    assert (
        summarize(back).text
        == "The camera was back at 2025-11-23 12:15:00 UTC after 1 minute 40 seconds offline (camera yard)."
    )
    assert summarize(back, "zh").text.startswith("2025-11-23")
