"""`sightline replay`: recorded clips through the pipeline, with a table of events and a report."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import closing, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge_agent import output
from edge_agent.config import Config, load_with_warnings
from edge_agent.config.check import check_classes
from edge_agent.config.detector import open_model
from edge_agent.language.settings import model_for
from edge_agent.replay import ClipResult, ReplayOptions
from edge_agent.replay import replay as run_replay
from edge_agent.report.assemble import write as write_report
from edge_agent.scoring import Score, load_expectation, score
from vision.errors import InputError, MediaError

_COLOURS = {"alert": "red", "warning": "yellow", "info": "cyan"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    clips: Annotated[
        list[Path], typer.Argument(help="Video files, pictures or folders of pictures.", show_default=False)
    ],
    config: Annotated[Path, typer.Option(help="The config file.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for events, pictures, clips and the report.", show_default=False)],
    camera: Annotated[
        str | None, typer.Option(help="Whose rules hold; default: the camera named like the clip.")
    ] = None,
    speed: Annotated[
        Literal["max", "real"], typer.Option(help="As fast as possible, or in the footage's time.")
    ] = "max",
    expect: Annotated[Path | None, typer.Option(help="Score the events against this file; exit 1 if not met.")] = None,
    tracks: Annotated[Path | None, typer.Option(help="Write tracks as MOTChallenge rows to this file.")] = None,
    start: Annotated[
        str | None, typer.Option(help="When the footage began, ISO 8601 with offset; schedules need it.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Clips at the same time.")] = 1,
    image_fps: Annotated[
        float, typer.Option(min=0.01, max=240, help="Pictures a second in a folder of pictures.")
    ] = 10.0,
) -> None:
    """Replay recorded footage through the pipeline that live cameras run."""
    settings, notes = load_with_warnings(config)
    expectation = load_expectation(expect) if expect else None
    options = ReplayOptions(real=speed == "real", epoch=_epoch(start), jobs=jobs, image_fps=image_fps)
    out = _folder(out)
    detector = open_model(settings.model)
    notes += [*check_classes(config, settings, detector.names), *detector.notes, *_notes(settings, start)]
    wall, cpu = time.monotonic(), time.process_time()
    console = Console(stderr=True)
    language = model_for(settings.language)
    with _Bars(console) as bars, closing(language) if language is not None else nullcontext():
        results = run_replay(
            settings,
            clips,
            out,
            camera=camera,
            options=options,
            detector=detector,
            progress=bars.show,
            language=language,
        )
    console.print(f"[dim]{detector.description}[/dim]", highlight=False)
    if all(result.error is not None for result in results):
        raise _failure(results)
    output.write_events(results, out)
    if tracks:
        output.write_tracks(results, tracks)
    wall_s, cpu_s = time.monotonic() - wall, time.process_time() - cpu
    totals = output.summary(results, wall_s=wall_s, cpu_s=cpu_s, model=detector.description, notes=notes)
    scored = None
    if expectation is not None:
        came = {result.name: result.events for result in results}
        scored = score(expectation, came, sum(result.seconds for result in results) / 3600)
        totals["score"] = _score_values(scored)
    (out / "summary.json").write_text(json.dumps(totals, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    report = write_report(out, settings, config, results, totals)
    _print(results, totals, notes, report)
    if scored is not None:
        _print_score(scored)
    if any(result.error is not None for result in results):
        raise _failure(results)
    if scored is not None and not scored.met:
        raise typer.Exit(1)


def _failure(results: list[ClipResult]) -> MediaError:
    """What to say of the clips that could not be read: a line each."""
    return MediaError("\n".join(str(result.error) for result in results if result.error is not None))


class _Bars:
    """A progress bar for each clip, with its speed and the time left; silent where stderr is no terminal."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[speed]:>8}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._tasks: dict[Path, tuple[int, float]] = {}

    def __enter__(self) -> Self:
        self._bars.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.__exit__(None, None, None)

    def show(self, clip: Path, done: float, total: float | None) -> None:
        """`done` of `total` seconds of the clip are through."""
        if self._bars.disable:
            return
        now = time.monotonic()
        if clip not in self._tasks:
            self._tasks[clip] = self._bars.add_task(clip.name, total=total, speed=""), now
        task, began = self._tasks[clip]
        speed = f"{done / (now - began):.1f}x" if now > began else ""
        self._bars.update(task, completed=done, total=total, speed=speed)  # type: ignore[arg-type]  # rich's TaskID is an int


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be made a folder ({error.strerror}); name another") from None
    return out


def _epoch(start: str | None) -> float | None:
    if start is None:
        return None
    try:
        moment = datetime.fromisoformat(start)
    except ValueError:
        raise InputError(f"--start {start}: is no time; write 2026-03-01T22:15:00+08:00") from None
    if moment.tzinfo is None:
        raise InputError(f"--start {start}: has no offset from UTC; write {start}+00:00 or another offset")
    return moment.timestamp()


def _notes(settings: Config, start: str | None) -> list[str]:
    """What the user should know before relying on the result."""
    notes = []
    scheduled = [c.name for c in settings.cameras if c.schedule or any(rule.schedule for rule in c.rules)]
    if start is None and scheduled:
        names = ", ".join(scheduled)
        notes.append(f"schedules of {names} count as armed: give --start to say when the footage began")
    return notes


def _wide() -> Console:
    """The terminal; into a file or pipe, lines that are not cut at 80 columns."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)


def _print(results: list[ClipResult], totals: dict[str, object], notes: list[str], report: Path) -> None:
    console = _wide()
    events = output.ordered(results)
    if events:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for title, justify in (
            ("clip", "left"),
            ("start", "right"),
            ("end", "right"),
            ("event", "left"),
            ("what happened", "left"),
        ):
            table.add_column(title, justify=justify)  # type: ignore[arg-type]  # rich's literal
        for event in events:
            colour = _COLOURS[event.severity]
            end = "" if event.end is None else f"{event.end:.1f}"
            text = event.summary.text if event.summary else ""
            table.add_row(event.clip, f"{event.start:.1f}", end, f"[{colour}]{event.rule}[/{colour}]", text)
        console.print(table)
    else:
        console.print("No events.")
    for note in [*notes, *(f"{result.name}: {note}" for result in results for note in result.notes)]:
        console.print(f"[yellow]note[/yellow] {escape(note)}")
    console.print(
        f"[dim]{len(events)} events in {totals['footage_s']} s of footage, {totals['speed']}x real time, "
        f"{totals['inferences']} inferences on {totals['frames_sampled']} pictures[/dim]"
    )
    words = totals["language"]
    if isinstance(words, dict) and words["models"] != ["template"]:
        filled = ", ".join(f"{name} ({count})" for name, count in words["fields_from_model"].items()) or "nothing"
        console.print(
            f"[dim]words: {', '.join(words['models'])} looked at {words['events_described']} of {len(events)} events and "
            f"added {filled}; everything else is from the facts[/dim]"
        )
    silent = Counter(text.partition(": ")[2] for text in words["unanswered"]) if isinstance(words, dict) else Counter()
    for reason, count in silent.items():
        console.print(f"[yellow]note[/yellow] no words of the model for {count} events: {escape(reason)}")
    console.print(f"report: {report}", soft_wrap=True)


def _score_values(scored: Score) -> dict[str, object]:
    return {
        "met": scored.met,
        "precision": round(scored.precision, 4),
        "recall": round(scored.recall, 4),
        "median_delay_s": None if scored.delay_s is None else round(scored.delay_s, 3),
        "false_alarms_per_hour": round(scored.false_per_hour, 3),
    }


def _print_score(scored: Score) -> None:
    console = _wide()
    for clip, expected in scored.missing:
        window = f"{expected.start[0]:g}..{expected.start[1]:g} s"
        console.print(f"[red]missing[/red] {clip}: {expected.type} {expected.zone or ''} in {window}")
    for clip, event in scored.extra:
        console.print(f"[red]unexpected[/red] {clip}: {event.type} {event.zone or ''} at {event.start:.1f} s")
    delay = "" if scored.delay_s is None else f", median delay {scored.delay_s:.1f} s"
    console.print(
        f"{'met' if scored.met else 'NOT met'}: precision {scored.precision:.2f}, recall {scored.recall:.2f}{delay}, "
        f"{scored.false_per_hour:.1f} false alarms an hour"
    )
