"""One picture of one part: windows, sharpness, triggers that come twice, triggers in the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision.frame import Frame, Pixels
from vision.inspect.trigger import Taken, Taker, Trigger, WindowParams, sharpness
from vision.inspect.trigger_view import LineTrigger, StandstillTrigger, blobs

RNG = np.random.default_rng(3)
SHARP = np.kron(RNG.integers(0, 255, (16, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def blurred(sigma: float) -> Pixels:
    return SHARP if sigma == 0 else np.asarray(cv2.GaussianBlur(SHARP, (0, 0), sigma), np.uint8)


def taker(**params: float) -> Taker:
    return Taker(WindowParams(**{"before_s": 0.1, "after_s": 0.1, "wait_s": 0.5, "same_part_s": 0.3, **params}))  # type: ignore[arg-type]  # numbers all


def test_sharpness_falls_with_blur() -> None:
    values = [sharpness(cv2.cvtColor(blurred(sigma), cv2.COLOR_BGR2GRAY)) for sigma in (0, 0.7, 1.5, 3)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 10 * values[-1]


def test_the_sharpest_of_the_window_is_taken() -> None:
    one = taker()
    for i, sigma in enumerate((0, 3, 1.5, 0.7, 2)):  # the first one is the sharpest, and outside
        one.frame(Frame.from_array(blurred(sigma), t=10 + 0.05 * (i - 3)))
        if i == 3:
            assert one.trigger(Trigger(10.0, "http"))
    assert one.due(10.05) == []  # the window is not over
    one.frame(Frame.from_array(blurred(0), t=10.2))
    (found,) = one.due(10.21)
    assert found.frame is not None
    assert found.frame.t == pytest.approx(10.0)
    assert found.looked_at == 4
    assert one.due(99.0) == []


# what the camera showed, and what the reason says
UNUSABLE: list[tuple[list[tuple[float, Pixels]], str]] = [
    ([], "the camera shows none"),
    ([(9.0, SHARP)], "0.90 s too early"),
    ([(11.0, SHARP)], "0.90 s too late"),
    ([(10.0, np.zeros_like(SHARP))], "sharpness 0.0"),  # the light is off
    ([(10.0, np.full_like(SHARP, 128))], "covered or out of focus"),
]


@pytest.mark.parametrize(("frames", "reason"), UNUSABLE)
def test_a_part_without_a_picture_is_told(frames: list[tuple[float, Pixels]], reason: str) -> None:
    one = taker()
    for t, image in frames[:1] if frames and frames[0][0] <= 10 else []:
        one.frame(Frame.from_array(image, t=t))
    one.trigger(Trigger(10.0, "mqtt", "A"))
    for t, image in frames if frames and frames[0][0] > 10 else []:
        one.frame(Frame.from_array(image, t=t))
    (found,) = one.due(10.7)
    assert found.frame is None
    assert reason in found.reason


# triggers (moment, source, part), and how many parts they are
REPEATED = [
    ([(1.0, "mqtt", ""), (1.1, "line", "")], 1),  # two sources tell of one part
    ([(1.0, "mqtt", ""), (1.4, "mqtt", "")], 2),
    ([(1.0, "mqtt", "A"), (1.1, "mqtt", "B")], 2),  # two names are two parts
    ([(1.0, "mqtt", "A"), (9.0, "mqtt", "A")], 1),  # one name is one part
    ([(1.0, "line", ""), (1.1, "mqtt", "A")], 1),
    ([(1.0, "modbus", ""), (0.9, "mqtt", "")], 1),  # told late, of before
]


@pytest.mark.parametrize(("triggers", "parts"), REPEATED)
def test_a_part_that_triggers_twice_is_one_part(triggers: list[tuple[float, str, str]], parts: int) -> None:
    one = taker()
    for t, source, part in triggers:
        one.trigger(Trigger(t, source, part))
    assert len(one.due(float("inf"))) == parts
    assert one.repeated == len(triggers) - parts


def test_memory_is_bounded() -> None:
    one = taker()
    for i in range(2000):
        one.frame(Frame.from_array(SHARP, t=i * 0.04))
    assert len(one._frames) <= 60  # about 1.7 s of 25 a second
    one.frame(Frame.from_array(SHARP, t=-1000.0))  # the camera's clock was set back
    assert len(one._frames) == 1


def test_a_delay_moves_the_window() -> None:
    one = taker(delay_s=2.0)
    one.trigger(Trigger(10.0, "modbus"))
    for i in range(60):
        one.frame(Frame.from_array(SHARP, t=10 + 0.05 * i))
    found: list[Taken] = one.due(13.0)
    assert found[0].frame is not None
    assert 11.9 - 1e-9 <= found[0].frame.t <= 12.1 + 1e-9


def belt(x: float, y: float = 60.0) -> Pixels:
    """A grey table with a part of 40 x 40 around x, y in a picture of 200 x 120."""
    picture = np.full((120, 200, 3), 90, np.uint8)
    cv2.rectangle(picture, (round(x) - 20, round(y) - 20), (round(x) + 20, round(y) + 20), (30, 60, 200), -1)
    return picture


def test_blobs() -> None:
    (blob,) = blobs(belt(100), 0.02)
    assert (blob.x, blob.y, blob.whole) == (pytest.approx(0.5, abs=0.02), pytest.approx(0.5, abs=0.02), True)
    assert not blobs(belt(5), 0.02)[0].whole
    assert blobs(np.full((120, 200, 3), 90, np.uint8), 0.02) == []
    assert blobs(belt(100), 0.5) == []


# the way of the centre, and how often it crosses x = 0.5
WAYS: list[tuple[list[float], int]] = [
    ([40, 60, 80, 95, 105, 120, 140], 1),
    ([140, 120, 105, 95, 80], 1),  # the other way
    ([40, 60, 80, 90], 0),
    ([80, 95, 105, 95, 105, 95, 120], 1),  # trembles on the line: one part
    ([110, 115, 120], 0),  # came into view behind it
]


@pytest.mark.parametrize(("way", "times"), WAYS)
def test_a_line_in_the_picture(way: list[float], times: int) -> None:
    line = LineTrigger(((0.5, 0.0), (0.5, 1.0)), 0.02)
    assert sum(line.look(belt(x), 0.1 * i) for i, x in enumerate(way)) == times


def test_two_parts_one_after_the_other_cross_twice() -> None:
    line = LineTrigger(((0.5, 0.0), (0.5, 1.0)), 0.02)
    told = 0
    for i in range(25):
        picture = np.minimum(belt(20 + 10 * i), belt(-60 + 10 * i))
        told += line.look(picture, 0.1 * i)
    assert told == 2


# the way of the centre at 10 pictures a second, and how often it stands for 0.3 s
STANDS: list[tuple[list[float], int]] = [
    ([40, 60, 80, 100, 100, 100, 100, 100, 100, 100], 1),
    ([100] * 5 + [101, 100, 101] + [100] * 5, 1),  # trembles
    ([40, 60, 80, 100, 100, 120, 140], 0),  # too short
    ([5] * 10, 0),  # half of it is outside
    ([100] * 6 + [120, 140, 160, 175] + [400] * 8 + [100] * 6, 2),  # the next one
]


@pytest.mark.parametrize(("way", "times"), STANDS)
def test_standstill(way: list[float], times: int) -> None:
    still = StandstillTrigger(0.3, 0.01, 0.02)
    assert sum(still.look(belt(x), 0.1 * i) for i, x in enumerate(way)) == times
