"""The scores of good parts are watched while the line runs: an event before they turn into false rejects."""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.inspect.live.station import Decision
from vision.events import Event, Fact, event_id
from vision.inspect.spc.drift import Drift, DriftWatch

SCORE_DRIFT, RULE = "score_drift", "inspection"
_MATTERS = 0.005  # of good parts that it would have rejected: from there on it is a warning


class DriftWatches:
    """A watch for each check that gives scores; what is usual is learned from the first good parts of each run."""

    def __init__(self) -> None:
        self._watches: dict[tuple[str, str], DriftWatch] = {}

    def update(self, decision: Decision, camera: str) -> Iterator[Event]:
        """An event for each check whose scores have risen, seen by this part; only parts that passed say anything."""
        if decision.verdict.outcome != "pass":
            return
        for result in decision.verdict.results:
            if result.score is None or result.threshold is None or not result.threshold > 0:
                continue
            watch = self._watches.setdefault((result.region, result.check), DriftWatch(1.0))
            drift = watch.update(result.severity)
            if drift is not None:
                yield _event(drift, result.region, result.check, decision, camera)


def _event(drift: Drift, region: str, check: str, decision: Decision, camera: str) -> Event:
    start = decision.trigger.t
    end = max(start, decision.decided)
    facts: dict[str, Fact] = {
        "check": check,
        "region": region,
        "part": decision.key,
        "score_before": drift.before,
        "score_now": drift.now,
        "parts_since": drift.index - drift.since + 1,
        "reasons": [str(drift)],
    }
    if drift.rate_before is not None and drift.rate_now is not None:
        facts |= {"false_rejects_before": drift.rate_before, "false_rejects_now": drift.rate_now}
    return Event(
        id=event_id(start, SCORE_DRIFT, camera, decision.key, region, check),
        type=SCORE_DRIFT,
        rule=RULE,
        camera=camera,
        severity="warning" if (drift.rate_now or 0.0) >= _MATTERS else "info",
        start=start,
        opened=end,
        at=start,
        end=end,
        facts=facts,
        state="closed",
    )
