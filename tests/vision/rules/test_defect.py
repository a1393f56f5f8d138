"""Defects that a detector sees on a web of material."""

from __future__ import annotations

from vision.geometry import Box
from vision.motion.base import STILL
from vision.rules.base import Closed, NearMiss, Opened, Updated, View
from vision.rules.defect import Defect, DefectParams
from vision.track.base import Track

VIEW = View(1000, 500, zones={"web": ((0.0, 0.0), (500.0, 0.0), (500.0, 500.0), (0.0, 500.0))})


def seen(number: int, x: float, t: float, side: float = 60.0) -> Track:
    box = Box(x, 100, x + side, 100 + side / 2)
    return Track(number, "hole", 0.9, box, (0, 0), t, t, 3, observed=True)


def test_one_event_for_each_defect() -> None:
    rule = Defect(DefectParams(zone="web"), VIEW)
    told = []
    for i in range(20):
        t = i * 0.1
        tracks = [seen(1, 50 + 20 * i, t)] if i < 6 else []
        tracks += [seen(2, 300, t, 320.0)] if 3 <= i < 10 else []
        tracks += [seen(3, 700, t)]  # outside of the zone
        told += rule.step(tracks, STILL, t)
    opened = [signal for signal in told if isinstance(signal, Opened)]
    closed = [signal for signal in told if isinstance(signal, Closed)]
    assert [signal.key for signal in opened] == ["1", "2"] == [signal.key for signal in closed]
    assert any(isinstance(signal, Updated) for signal in told)
    assert (opened[0].facts["kind"], opened[0].facts["place"], opened[0].facts["extent"]) == (
        "hole",
        "upper_left",
        "small",
    )
    assert opened[1].facts["extent"] == "large"
    assert closed[0].end == 0.5


def test_a_glint_is_a_near_miss() -> None:
    rule = Defect(DefectParams(min_seconds=0.5), VIEW)
    told = [*rule.step([seen(1, 50, 0.0)], STILL, 0.0), *rule.step([seen(1, 50, 0.2)], STILL, 0.2)]
    assert told == []
    (miss,) = rule.step([], STILL, 2.0)
    assert isinstance(miss, NearMiss)
    assert miss.text == "seen 0.2 s < 0.5 s"


def test_the_end_settles_what_is_pending() -> None:
    rule = Defect(DefectParams(), VIEW)
    list(rule.step([seen(1, 50, 0.0)], STILL, 0.0))
    assert [type(signal) for signal in rule.finish(0.1)] == [NearMiss]
