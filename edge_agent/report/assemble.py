"""From the results of a replay to the report's data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_agent import output
from edge_agent.config import Config
from edge_agent.replay import ClipResult, TrackRow
from edge_agent.report.model import ClipReport, NearMissRow, ReportData, Totals, TrackPath
from edge_agent.report.write import write_report
from edge_agent.snapshot import encode_jpeg
from vision.rulebook import Miss

_POINTS = 240  # of a track's path; more is not seen


def write(
    out: Path, config: Config, config_path: Path, results: Sequence[ClipResult], totals: Mapping[str, Any]
) -> Path:
    """Write `report.html` below `out`; its path."""
    data = ReportData(
        title=_title(results, config.language.locale),
        generated_from=f"sightline replay · {config_path.name} · {totals['model']}",
        locale=config.language.locale,
        config_text=config_path.read_text(encoding="utf-8"),
        clips=tuple(_clip(result) for result in results if result.error is None),
        totals=Totals(
            footage_s=totals["footage_s"],
            wall_s=totals["wall_s"],
            cpu_s=totals["cpu_s"],
            frames=totals["frames"],
            frames_sampled=totals["frames_sampled"],
            inferences=totals["inferences"],
        ),
        notes=(*totals["notes"], *totals["errors"]),
    )
    return write_report(out, data)


def _title(results: Sequence[ClipResult], locale: str) -> str:
    if len(results) == 1:
        return results[0].name
    return f"{len(results)} 段录像" if locale == "zh" else f"{len(results)} clips"


def _clip(result: ClipResult) -> ClipReport:
    camera = result.camera
    return ClipReport(
        name=result.name,
        camera=camera.name,
        width=result.width,
        height=result.height,
        duration_s=result.seconds,
        fps=result.fps,
        events=tuple(result.events),
        near_misses=_near_misses(result.misses),
        stages=result.stages,
        dropped=output.dropped(result),
        notes=tuple(result.notes),
        tracks=_paths(result.tracks, result.width, result.height),
        background_jpeg=encode_jpeg(result.background.image) if result.background is not None else None,
        zones={zone.name: zone.polygon for zone in camera.zones},
        lines={line.name: line.points for line in camera.lines},
    )


def _near_misses(misses: Sequence[Miss]) -> tuple[NearMissRow, ...]:
    """One row for each text of a gate of a rule, with its first time and how often it came."""
    counts = Counter((m.rule, m.miss.gate, m.miss.text, m.miss.zone) for m in misses)
    rows: dict[tuple[str, str, str, str | None], NearMissRow] = {}
    for m in misses:
        key = (m.rule, m.miss.gate, m.miss.text, m.miss.zone)
        rows.setdefault(
            key,
            NearMissRow(
                m.rule, m.miss.gate, m.miss.text, m.miss.start, m.miss.end, m.miss.fraction, m.miss.zone,
                m.miss.subject.label, counts[key],
            ),
        )  # fmt: skip
    return tuple(rows.values())


def _paths(rows: Sequence[TrackRow], width: int, height: int) -> tuple[TrackPath, ...]:
    """The foot points of each track in 0..1 of the picture, thinned evenly."""
    by_id: dict[int, list[TrackRow]] = {}
    for row in rows:
        by_id.setdefault(row.id, []).append(row)
    paths = []
    for number, part in sorted(by_id.items()):
        step = -(-len(part) // _POINTS)
        thin = part[::step] if part[::step][-1] is part[-1] else [*part[::step], part[-1]]
        points = tuple((row.t, row.box.foot[0] / width, row.box.foot[1] / height) for row in thin)
        paths.append(TrackPath(number, part[-1].label, points))
    return tuple(paths)
