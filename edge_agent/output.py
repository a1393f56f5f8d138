"""The files that a replay leaves behind: events.jsonl, summary.json, MOTChallenge rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_agent.replay import ClipResult
from vision.events import Event
from vision.rulebook import Miss

_SKIPPED = {
    "frames_unchanged": "nothing changed since the last look",
    "frames_steady": "steady tracks were predicted",
    "frames_idle": "only idle motion",
}


def ordered(results: Sequence[ClipResult]) -> list[Event]:
    """The events of all clips by start; at the same time in the order of the clips."""
    numbered = [(event.start, n, event.id, event) for n, result in enumerate(results) for event in result.events]
    return [event for *_, event in sorted(numbered, key=lambda row: row[:3])]


def write_events(results: Sequence[ClipResult], out: Path) -> Path:
    """`events.jsonl`: one event a line, in its final state, ordered by start."""
    path = out / "events.jsonl"
    lines = [json.dumps(event.to_dict(), ensure_ascii=False) + "\n" for event in ordered(results)]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def write_tracks(results: Sequence[ClipResult], path: Path) -> list[Path]:
    """MOTChallenge rows (frame,id,x,y,w,h,score,-1,-1,-1); with several clips one file each, `NAME-CLIP.txt`."""
    paths = []
    for result in results:
        target = path if len(results) == 1 else path.with_name(f"{path.stem}-{result.path.stem}{path.suffix}")
        target.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            f"{row.frame},{row.id},{row.box.x1:.2f},{row.box.y1:.2f},{row.box.width:.2f},{row.box.height:.2f},"
            f"{row.score:.4f},-1,-1,-1\n"
            for row in result.tracks
        ]
        target.write_text("".join(rows), encoding="utf-8")
        paths.append(target)
    return paths


def summary(
    results: Sequence[ClipResult], *, wall_s: float, cpu_s: float, model: str, notes: Sequence[str]
) -> dict[str, Any]:
    """What `summary.json` holds: frames, seconds, inferences, time by stage, events by type, near misses, notes."""
    seconds = sum(result.seconds for result in results)
    counters: Counter[str] = sum((result.counters for result in results), Counter[str]())
    stages: dict[str, float] = {}
    for result in results:
        for name, spent in result.stages.items():
            stages[name] = stages.get(name, 0.0) + spent
    return {
        "model": model,
        "footage_s": round(seconds, 3),
        "wall_s": round(wall_s, 3),
        "cpu_s": round(cpu_s, 3),
        "speed": round(seconds / wall_s, 2) if wall_s > 0 else None,
        "cpu_s_per_camera_hour": round(cpu_s / seconds * 3600, 1) if seconds > 0 else None,
        "frames": sum(result.frames for result in results),
        "frames_sampled": counters["frames"],
        "inferences": counters["inferences"],
        "stage_cpu_s": {name: round(spent, 4) for name, spent in sorted(stages.items())},
        "language": _words(results),
        "events": dict(sorted(Counter(event.type for result in results for event in result.events).items())),
        "dropped_frames": dict(sum((Counter(dropped(result)) for result in results), Counter[str]())),
        "near_misses": [{"clip": result.name, **near_miss(miss)} for result in results for miss in result.misses],
        "notes": list(notes),
        "errors": [str(result.error) for result in results if result.error is not None],
        "clips": [_clip(result) for result in results if result.error is None],
    }


def dropped(result: ClipResult) -> dict[str, int]:
    """Frames of a clip that the detector did not look at, by reason."""
    reasons = {"not sampled": result.frames - result.counters["frames"]}
    reasons |= {reason: result.counters[name] for name, reason in _SKIPPED.items()}
    return {reason: count for reason, count in reasons.items() if count}


def near_miss(miss: Miss) -> dict[str, Any]:
    """One near miss as plain values."""
    detail = miss.miss
    return {
        "camera": miss.camera,
        "rule": miss.rule,
        "type": miss.type,
        "gate": detail.gate,
        "text": detail.text,
        "start": round(detail.start, 3),
        "end": round(detail.end, 3),
        "zone": detail.zone,
        "label": detail.subject.label,
        "track_id": detail.subject.track_id,
    }


def _words(results: Sequence[ClipResult]) -> dict[str, Any]:
    """Who put the events into words: which model, for how many, which fields it filled and what came from the facts."""
    events = [event for result in results for event in result.events]
    described = [event.described for event in events if event.described is not None]
    return {
        "models": sorted({str(one["model"]) for one in described}) or ["template"],
        "events_described": len(described),
        "events_from_template": len(events)
        - sum(event.summary is not None and event.summary.source != "template" for event in events),
        "fields_from_facts": dict(sorted(Counter(name for one in described for name in one["from_facts"]).items())),
        "fields_from_model": dict(sorted(Counter(name for one in described for name in one["told"]).items())),
        "fields_dropped": dict(sorted(Counter(name for one in described for name in one["dropped"]).items())),
        "verdicts": dict(sorted(Counter(str(one["verdict"]) for one in described).items())),
        "unanswered": [text for result in results for text in result.unanswered],
    }


def _clip(result: ClipResult) -> dict[str, Any]:
    return {
        "clip": result.name,
        "camera": result.camera.name,
        "width": result.width,
        "height": result.height,
        "fps": None if result.fps is None else round(result.fps, 3),
        "seconds": round(result.seconds, 3),
        "frames": result.frames,
        "frames_sampled": result.counters["frames"],
        "inferences": result.counters["inferences"],
        "tracks": len({row.id for row in result.tracks}),
        "events": len(result.events),
        "notes": result.notes,
    }
