"""Times on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from edge_agent.when import local_iso, local_text, moment
from vision.errors import InputError

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 13, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", "2026-11-23T13:28:30+00:00"),
        ("30m", "2026-11-23T13:00:00+00:00"),
        (" 2H ", "2026-11-23T11:30:00+00:00"),
        ("7d", "2026-11-16T13:30:00+00:00"),
        ("2w ago", "2026-11-09T13:30:00+00:00"),
        ("now", "2026-11-23T13:30:00+00:00"),
        ("today", "2026-11-22T23:00:00+00:00"),  # midnight in Berlin
        ("Yesterday", "2026-11-21T23:00:00+00:00"),
        ("2026-11-23", "2026-11-22T23:00:00+00:00"),
        ("2026-07-01", "2026-06-30T22:00:00+00:00"),  # summer time then, although it is winter now
        ("2026-11-23T18:30", "2026-11-23T17:30:00+00:00"),
        ("2026-11-23 18:30:05.5", "2026-11-23T17:30:05.500000+00:00"),
        ("2026-11-23T18:30Z", "2026-11-23T18:30:00+00:00"),
        ("2026-11-23T18:30+08:00", "2026-11-23T10:30:00+00:00"),
        ("20261123T183000", "2026-11-23T17:30:00+00:00"),
    ],
)
def test_times(text: str, expected: str) -> None:
    assert moment(text, NOW, BERLIN) == datetime.fromisoformat(expected).timestamp()


def test_the_day_before_a_change_of_the_clock() -> None:
    after = datetime(2026, 10, 26, 12, tzinfo=BERLIN).timestamp()  # the night to the 25th has 25 hours
    assert moment("yesterday", after, BERLIN) == datetime(2026, 10, 25, tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize("text", ["", "soon", "2h3", "-2h", "2026-13-01", "25:00", "99999999d", "\x1b[31m", "1" * 400])
def test_what_is_no_time_says_what_is(text: str) -> None:
    with pytest.raises(InputError) as caught:
        moment(text, NOW, BERLIN, "--until")
    said = str(caught.value)
    assert said.startswith("--until ")
    assert "yesterday" in said
    assert said.isprintable()
    assert len(said) < 200


def test_shown_in_the_zone_that_is_wanted() -> None:
    assert local_iso(NOW + 0.9, BERLIN) == "2026-11-23T14:30:00+01:00"
    assert local_text(NOW, UTC) == "2026-11-23 13:30:00"
    assert local_iso(None) == local_text(None) == ""
