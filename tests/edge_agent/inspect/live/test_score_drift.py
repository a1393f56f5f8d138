"""Rising scores of good parts become an event while the line runs."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace
from typing import Any, cast

from edge_agent.inspect.live.drift import DriftWatches
from edge_agent.inspect.live.station import Decision
from vision.events import Event
from vision.inspect.result import CheckResult, combine
from vision.language.template import summarize


def decision(number: int, score: float, threshold: float = 0.5) -> Decision:
    """A part judged by one check; a second one has no scores."""
    told = CheckResult("anomaly", "reject" if score > threshold else "pass", score, threshold, reasons=("seen",))
    verdict = combine([told, CheckResult("code", "pass")])
    trigger = SimpleNamespace(t=1000.0 + number)
    return cast(
        "Decision", SimpleNamespace(key=f"P{number}", verdict=verdict, trigger=trigger, decided=1000.2 + number)
    )


def events(scores: list[float]) -> list[Event]:
    watches = DriftWatches()
    return [event for n, score in enumerate(scores) for event in watches.update(decision(n, score), "line")]


def scores(count: int, rise: float, seed: int = 1) -> list[float]:
    r = random.Random(seed)
    return [0.2 * math.exp(0.15 * r.gauss(0, 1) + rise * max(0, n - 60)) for n in range(count)]


def test_quiet_while_nothing_rises() -> None:
    assert events(scores(160, 0.0)) == []


def test_a_rise_is_told_before_parts_are_rejected() -> None:
    rising = scores(160, 0.01)
    first = next(n for n, score in enumerate(rising) if score > 0.5)
    told = events(rising[: first + 1])
    assert told
    facts: dict[str, Any] = told[0].facts
    assert (told[0].type, told[0].state, facts["check"], facts["region"]) == (
        "score_drift",
        "closed",
        "anomaly",
        "part",
    )
    assert facts["score_now"] > facts["score_before"]
    assert facts["false_rejects_now"] > facts["false_rejects_before"]
    assert int(facts["part"][1:]) < first
    assert "scores of good parts have risen" in summarize(told[0]).text
    assert "合格零件" in summarize(told[0], "zh").text


def test_rejected_parts_say_nothing_of_good_ones() -> None:
    assert events([*scores(60, 0.0), *[0.9] * 40]) == []
