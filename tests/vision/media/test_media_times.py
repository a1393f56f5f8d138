"""Times that rise and samples that are even, whatever the file says."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.media.sampling import Sampler
from vision.media.times import Timeline

NOTHING: list[str] = []


@pytest.mark.parametrize(
    ("stamps", "times", "note"),
    [
        ([5.0, 5.1, 5.2], [0, 0.1, 0.2], ""),  # any start is 0
        ([0, 0.04, 0.08, 0.4, 0.44], [0, 0.04, 0.08, 0.4, 0.44], ""),  # a variable rate is kept
        ([0, 0.1, None, 0.3], [0, 0.1, 0.2, 0.3], "1 frame had no usable timestamp"),
        ([None, None, None], [0, 0.1, 0.2], "3 frames had no usable timestamp"),  # a bare H.264 stream
        ([None, 7.0, 7.1], [0, 0.1, 0.2], "1 frame had no"),  # the first stamp after none is anchored
        ([0, 0.1, 0.1, 0.2], [0, 0.1, 0.101, 0.2], "backwards or stood still 1 time"),  # twice the same
        ([0, 0.2, 0.15, 0.3], [0, 0.2, 0.201, 0.3], "backwards or stood still 1 time"),  # a little back
        ([9.0, 9.1, 9.2, 1.3, 1.4], [0, 0.1, 0.2, 0.3, 0.4], "backwards or stood still 1 time"),  # clock set anew
        ([1.0, 1.1, 91.0, 1.3, 1.4], [0, 0.1, 0.2, 0.3, 0.4], "1 frame had no usable"),  # one stray stamp ahead
        ([5.0, 5.1, 1.0, 5.3, 5.4], [0, 0.1, 0.2, 0.3, 0.4], "1 frame had no usable"),  # one stray stamp back
        ([0, 0.1, 60.1, 60.2], [0, 0.1, 60.1, 60.2], "1 gap without pictures, the longest 60.0 s at 0.1 s"),  # kept
        ([0, 1.0, 2.0], [0, 1.0, 2.0], ""),  # slower than stated, but no gap
    ],
)
def test_times(stamps: list[float | None], times: list[float], note: str) -> None:
    line = Timeline(0.1)
    got = [line.place(a, b) for a, b in itertools.zip_longest(stamps, stamps[1:])]
    assert got == pytest.approx(times)
    assert note in " ".join(line.notes())
    assert bool(note) == bool(line.notes())


@given(st.lists(st.none() | st.floats(-1e4, 1e4), max_size=40), st.none() | st.floats(0.01, 10))
def test_times_always_rise(stamps: list[float | None], interval: float | None) -> None:
    line = Timeline(interval)
    got = [line.place(a, b) for a, b in itertools.zip_longest(stamps, stamps[1:])]
    assert all(a < b for a, b in itertools.pairwise(got))
    assert not got or got[0] == 0


def taken(times: list[float], fps: float) -> list[float]:
    sampler = Sampler(fps)
    return [t for t in times if sampler.take(t)]


@pytest.mark.parametrize("source", [5, 7, 10, 12.5, 15, 20, 23.976, 25, 29.97, 30, 50, 60])
@pytest.mark.parametrize("fps", [1, 2, 5, 10])
def test_samples_are_even(source: float, fps: float) -> None:
    """Neighbouring samples are one sampling interval apart, to within one source interval."""
    got = taken([i / source for i in range(int(60 * source))], fps)
    wanted = 1 / min(source, fps)
    steps = [b - a for a, b in itertools.pairwise(got)]
    assert got[0] == 0
    assert abs(len(got) - 60 * min(source, fps)) <= 1
    assert all(abs(step - wanted) <= 1 / source + 1e-9 for step in steps)
    if source % fps == 0:
        assert all(abs(step - wanted) < 1e-9 for step in steps)


def test_rounded_timestamps_skip_no_beat() -> None:
    """Matroska rounds to milliseconds: 30 a second come at 33, 67, 100; every sixth is taken all the same."""
    got = taken([round(i / 30, 3) for i in range(300)], 5)
    assert got == pytest.approx([i / 5 for i in range(50)], abs=0.001)


def test_wobbling_timestamps_skip_no_beat() -> None:
    """A network camera's times wobble by some milliseconds around 10 a second: still every second frame."""
    wobble = [0, 3, -8, 9, -9, 4, -2, 8, -6, 1]
    got = taken([i / 10 + wobble[i % 10] / 1000 for i in range(200)], 5)
    assert len(got) == 100
    assert all(0.18 < b - a < 0.22 for a, b in itertools.pairwise(got))


def test_slow_sources_are_taken_whole() -> None:
    assert len(taken([i / 4 for i in range(40)], 5)) == 40


def test_after_a_gap_sampling_goes_on() -> None:
    times = [i / 10 for i in range(20)] + [100 + i / 10 for i in range(20)]
    assert len([t for t in taken(times, 5) if t >= 100]) == 10


@given(st.lists(st.floats(0.001, 2), min_size=1, max_size=200), st.floats(0.5, 30))
def test_never_more_than_asked_for(steps: list[float], fps: float) -> None:
    times = [0.0, *itertools.accumulate(steps)]
    assert len(taken(times, fps)) <= times[-1] * fps + 2


def test_zero_fps_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Sampler(0)
