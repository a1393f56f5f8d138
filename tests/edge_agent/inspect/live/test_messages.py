"""What triggers and sensors send: everything that may come makes a trigger or a reading, never an exception."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.inspect.live.messages import TriggerReader, reading_of

# message, name of the part
TRIGGERS: list[tuple[bytes, str]] = [
    (b"", ""),
    (b"A-17", "A-17"),
    (b"17", "17"),
    (b'"A-17"', "A-17"),
    (b'{"part": "A-17"}', "A-17"),
    (b'{"part": 17}', "17"),
    (b'{"part": ["x"]}', ""),
    (b"{}", ""),
    (b"[1, 2]", "[1, 2]"),
    (b"a\nb", "ab"),
    (b"\xff\xfe", "\ufffd\ufffd"),
    (b"x" * 1000, "x" * 120),
]


@pytest.mark.parametrize(("payload", "name"), TRIGGERS)
def test_trigger(payload: bytes, name: str) -> None:
    trigger = TriggerReader("mqtt").read(payload, 5.0)
    assert (trigger.t, trigger.part) == (5.0, name)


def test_a_sender_s_clock() -> None:
    reader = TriggerReader("mqtt")
    assert reader.read(b'{"t": 1000}', 5.0).t == 5.0
    assert reader.read(b'{"t": 1002}', 7.5).t == pytest.approx(7.0)  # half a second on the way
    assert reader.read(b'{"t": 1004}', 8.9).t == pytest.approx(8.9)  # never later than it came


def test_order() -> None:
    trigger = TriggerReader("mqtt").read(b'{"order": {"code": "4006", "count": 3, "deep": {}}}', 5.0)
    assert trigger.order == {"code": "4006", "count": "3"}


# message, what of the reading
READINGS: list[tuple[bytes, dict[str, Any]]] = [
    (b"12.5", {"value": 12.5}),
    (b'"12.5"', {"value": 12.5}),
    (b'{"value": 3, "unit": "g", "t": 7, "part": "A"}', {"value": 3.0, "unit": "g", "sent": 7.0, "part": "A"}),
    (b'{"samples": [1, 2, 3], "rate": 100}', {"samples": (1.0, 2.0, 3.0), "rate": 100.0}),
    (b"true", {"value": None}),
    (b"null", {"value": None}),
    (b"12,5", {"value": None}),  # a comma is no point
    (b"", {"value": None}),
    (b"1e999", {"value": math.inf}),
]


@pytest.mark.parametrize(("payload", "has"), READINGS)
def test_reading(payload: bytes, has: dict[str, Any]) -> None:
    reading = reading_of("scale", payload, 5.0)
    assert {key: getattr(reading, key) for key in has} == has


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_nothing_raises(payload: bytes) -> None:
    TriggerReader("mqtt").read(payload, 5.0)
    reading_of("scale", payload, 5.0)
