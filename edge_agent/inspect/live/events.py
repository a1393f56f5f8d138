"""Verdicts as events like any other: facts from the checks and the boxes, a picture, words."""

from __future__ import annotations

import math

from edge_agent.inspect.live.outputs import Missed
from edge_agent.inspect.live.station import Decision
from edge_agent.language.service import Shot
from edge_agent.live.worker import Happening
from vision.events import Event, Fact, Severity, event_id
from vision.geometry import Box
from vision.inspect.place import Whereabouts, whereabouts
from vision.inspect.recipe import Recipe
from vision.inspect.result import Finding

DEFECT, OUTPUT_MISSED, RULE = "defect", "output_missed", "inspection"
_REASONS = 8
_BOXES = 16


def happening_of(decision: Decision, recipe: Recipe, camera: str, severity: Severity, digest: str) -> Happening:
    """The event of a verdict with its picture; `digest` names the recipe with all its files."""
    event = event_of(decision, recipe, camera, severity, digest)
    frame = decision.taken.frame
    if frame is None:
        return Happening(event, None, None)
    shots = (Shot(frame.picture, event.box, frame.t),) if event.facts["verdict"] == "reject" and event.box else ()
    return Happening(event, None, frame.picture, shots)


def event_of(decision: Decision, recipe: Recipe, camera: str, severity: Severity, digest: str) -> Event:
    """A closed event: nothing goes on once a part has been judged."""
    verdict, trigger, frame = decision.verdict, decision.trigger, decision.taken.frame
    findings = verdict.findings
    worst = findings[0] if findings and verdict.outcome == "reject" else None
    leading = verdict.leading
    facts: dict[str, Fact] = {
        "verdict": verdict.outcome,
        "part": decision.key,
        "trigger": trigger.source,
        "recipe": recipe.name,
        "recipe_version": recipe.version,
        "recipe_digest": digest,
        "reasons": list(verdict.reasons[:_REASONS]),
        "defects": len(findings),
        "decided_s": decision.decided - trigger.t,
        "inspect_s": decision.inspect_s,
        "sharpness": decision.taken.sharpness,
    }
    if leading is not None and leading.score is not None and leading.threshold is not None:
        facts |= {"check": leading.check, "check_score": leading.score, "check_threshold": leading.threshold}
    for result in verdict.results:
        facts |= {key: value for key, value in result.measures.items() if math.isfinite(value)}
    if worst is not None:
        facts |= _where(decision, worst, recipe)
    box = None
    if worst is not None and frame is not None:
        box = Box(*worst.box).clipped(frame.width, frame.height).relative(frame.width, frame.height)
    return Event(
        id=event_id(trigger.t, DEFECT, camera, decision.key),
        type=DEFECT,
        rule=RULE,
        camera=camera,
        severity=severity if verdict.outcome != "pass" else "info",
        start=trigger.t,
        opened=max(trigger.t, decision.decided),
        at=trigger.t if frame is None else frame.t,
        end=max(trigger.t, decision.decided),
        label=None if worst is None else worst.kind,
        count=max(1, len(findings)),
        box=None if box is None else (box.x1, box.y1, box.x2, box.y2),
        facts=facts,
        state="closed",
    )


def missed_event(missed: Missed, camera: str) -> Event:
    """An output that was not acknowledged in time: a bad part may go on to the customer."""
    decision = missed.decision
    start = decision.trigger.t
    facts: dict[str, Fact] = {
        "output": missed.output,
        "part": decision.key,
        "part_verdict": decision.verdict.outcome,
        "reasons": [missed.reason],
        "deadline_s": missed.deadline_s,
        "certainly_not_switched": missed.certain,
    }
    end = max(start, decision.decided)
    return Event(
        id=event_id(start, OUTPUT_MISSED, camera, decision.key, missed.output),
        type=OUTPUT_MISSED,
        rule=RULE,
        camera=camera,
        severity="alert",
        start=start,
        opened=end,
        at=start,
        end=end,
        facts=facts,
        state="closed",
    )


def _where(decision: Decision, worst: Finding, recipe: Recipe) -> dict[str, Fact]:
    """Kind, place and extent of the worst finding, as its box has them; the further boxes beside it."""
    found = _whereabouts(decision, worst, recipe)
    boxes = [side for finding in decision.verdict.findings[:_BOXES] for side in finding.box]
    facts: dict[str, Fact] = {"kind": worst.kind, "boxes_px": [float(side) for side in boxes]}
    if found is None:
        return facts
    return facts | {
        "place": found.place,
        "places": list(found.places),
        "extent": found.extent,
        "extents": list(found.extents),
        "extent_percent": found.percent,
    }


def _whereabouts(decision: Decision, worst: Finding, recipe: Recipe) -> Whereabouts | None:
    """Where on the whole part; a finding does not say which region found it, its check's result does."""
    names = [r.region for r in decision.verdict.results if worst in r.findings]
    views = {view.region: view for view in decision.inspection.prepared.views}
    regions = {region.name: region for region in recipe.regions}
    name = next((name for name in names if name in views and name in regions), None)
    return None if name is None else whereabouts(Box(*worst.box), views[name], regions[name])
