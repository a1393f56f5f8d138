from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.media.live.clock import RisingClock, StreamClock

T0 = 1_800_000_000.0


class Machine:
    """A wall clock that can be set, and a monotonic one that cannot."""

    def __init__(self) -> None:
        self.wall, self.mono = T0, 100.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += seconds

    def clock(self) -> RisingClock:
        return RisingClock(lambda: self.wall, lambda: self.mono)


def test_a_clock_that_is_not_set_is_the_wall_clock() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(50):
        machine.passes(0.37)
        assert clock.now() == machine.wall


def test_a_clock_set_back_goes_on_and_draws_in() -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock.now()
    machine.wall -= 5.0
    told = []
    for _ in range(1200):  # two minutes
        machine.passes(0.1)
        told.append(clock.now())
    assert told[0] > before
    steps = [b - a for a, b in itertools.pairwise(told)]
    assert min(steps) >= 0.0949
    assert max(steps) <= 0.1001
    assert told[-1] == machine.wall


def test_a_clock_set_forward_is_followed() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.wall += 3600
    assert clock.now() == machine.wall


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(-1e5, 1e5)), max_size=40))
def test_it_never_falls(steps: list[tuple[float, float]]) -> None:
    machine = Machine()
    clock = machine.clock()
    last = clock.now()
    for passed, jump in steps:
        machine.passes(passed)
        machine.wall += jump
        now = clock.now()
        assert now >= last
        last = now


class Stream:
    """A stream clock and what it noted."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.clock = StreamClock(10.0, lambda word, text: self.notes.append(word))
        self.shift = 0.0
        self.last = float("-inf")

    def packet(self, stamp: float, now: float, taken: float | None = None) -> float:
        self.shift += self.clock.leap(stamp + self.shift, now)
        return self.clock.arrived(stamp + self.shift, now, taken)


def test_jitter_of_the_network_is_taken_out() -> None:
    stream, chance = Stream(), random.Random(1)
    times = [stream.packet(i / 15, T0 + i / 15 + 0.2 * chance.random()) for i in range(300)]
    steps = [b - a for a, b in itertools.pairwise(times[60:])]
    assert min(steps) > 0.05
    assert max(steps) < 0.09
    assert stream.notes == []


def test_a_backlog_at_the_start_does_not_reach_into_the_future() -> None:
    stream = Stream()
    times = [stream.packet(i / 15, T0) for i in range(20)]  # more than a second of pictures at once
    assert max(times) <= T0
    assert stream.packet(20 / 15 + 0.1, T0 + 0.1) == pytest.approx(T0 + 0.1)


def test_the_cameras_clock_is_taken_once_it_is_known() -> None:
    stream = Stream()
    t = [stream.packet(i / 15, T0 + i / 15, T0 + i / 15 - 0.5 if i > 30 else None) for i in range(450)]
    assert t[0] == T0
    assert t[-1] == pytest.approx(T0 + 449 / 15 - 0.5, abs=0.01)
    assert all(0.05 < b - a < 0.08 for a, b in itertools.pairwise(t))  # gradually
    assert stream.clock.skew == pytest.approx(-0.5)
    assert stream.notes == []


@pytest.mark.parametrize("off", [-3600.0, -8.0, 20.0, 1e7])
def test_a_camera_with_a_wrong_clock_is_told_once(off: float) -> None:
    stream = Stream()
    times = [stream.packet(i / 15, T0 + i / 15 + 0.05, T0 + i / 15 + off) for i in range(60)]
    assert stream.notes == ["clock_off"]
    assert times[-1] == pytest.approx(T0 + 59 / 15 + 0.05)


@pytest.mark.parametrize("jump", [3600.0, 5.0, -60.0, -3600.0])
def test_a_jump_of_the_stream_time_does_not_show(jump: float) -> None:
    stream = Stream()
    times = [stream.packet(i / 15 + (jump if i > 50 else 0), T0 + i / 15) for i in range(120)]
    assert stream.notes == ["clock_jump"]
    assert all(0.05 < b - a < 0.08 for a, b in itertools.pairwise(times))


def test_a_stream_that_is_slow_is_followed() -> None:
    stream = Stream()
    rate = 0.999  # 3.6 s an hour
    for i in range(15 * 3600):
        now = T0 + i / 15
        t = stream.packet(i / 15 * rate, now)
        assert now - 0.2 < t <= now
    assert stream.notes == []


def test_packets_without_a_stamp_are_of_their_arrival() -> None:
    stream = Stream()
    assert stream.clock.arrived(None, T0) == T0
    assert stream.clock.at(None, T0 + 1) == T0 + 1
    assert stream.clock.at(5.0, T0 + 1) == T0 + 1


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(-1e4, 1e4)), max_size=60))
def test_times_rise_whatever_the_camera_says(packets: list[tuple[float, float]]) -> None:
    stream, now, last = Stream(), T0, float("-inf")
    for passed, stamp in packets:
        now += passed
        t = stream.clock.rising(stream.packet(stamp, now))
        assert t > last
        assert t <= now + 0.001 * len(packets)
        last = t
