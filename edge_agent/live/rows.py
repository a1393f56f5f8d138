"""The lines of the terminal view: as much as fits, the important first. Pure: status and size in, lines out.

Lines are put together by hand, cell by cell: a table of rich's measures every cell at every refresh, which costs several
times as much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from edge_agent.live.status import AgentStatus, CameraStatus
from edge_agent.live.usage import Usage
from vision.events import Event
from vision.language.phrases import phrasebook

_STATE = {"online": "green", "connecting": "yellow", "offline": "bold red", "stopped": "dim"}
_SEVERITY = {"alert": "bold red", "warning": "yellow", "info": "cyan"}
_DELIVERED = {"sent": "green", "failed": "bold red", "waiting": "yellow", "merged": "dim", "": "dim"}
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Told:
    """An event and what became of its alerts: sent, waiting, merged, failed, or empty where there are none."""

    event: Event
    delivered: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything the view shows, at `now` (epoch seconds UTC). `cpu` in cores, over the last seconds."""

    status: AgentStatus
    events: Sequence[Told]
    now: float
    usage: Usage
    cpu: float = 0.0


@dataclass(frozen=True, slots=True)
class _Column:
    """`rank`: what is left out first where the terminal is narrow has the highest."""

    title: str
    width: int
    value: Callable[[CameraStatus, float], str]
    rank: int


_COLUMNS = (
    _Column("in/s", 5, lambda c, _: f"{c.fps_in:.1f}", 3),
    _Column("look/s", 6, lambda c, _: f"{c.fps_detect:.1f}", 1),
    _Column("tracks", 6, lambda c, _: f"{c.tracks}" if c.tracks else "·", 2),
    _Column("events", 6, lambda c, _: f"{c.open_events}" if c.open_events else "·", 6),
    _Column("latency", 7, lambda c, _: "–" if c.latency_s is None else seconds(c.latency_s), 4),
    _Column("dropped", 7, lambda c, _: short(sum(c.drops.values())), 5),
    _Column("picture", 7, lambda c, now: "–" if c.last_t is None else seconds(max(0.0, now - c.last_t)), 0),
    _Column("again", 5, lambda c, _: f"{c.reconnects}" if c.reconnects else "·", 8),
    _Column("stream", 18, lambda c, _: f"{c.codec} {c.width}x{c.height}" if c.codec else "–", 7),
)


def lines(moment: Moment, width: int, height: int) -> list[Text]:
    """At most `height` lines of at most `width` cells."""
    status = moment.status
    top = _head(moment, width) + ([_cut(status.config_error, width, "bold red")] if status.config_error else [])
    bottom = _words(status, width) + _outbox(status, width)
    room = max(0, height - len(top) - len(bottom))
    wanted_events = min(len(moment.events), 8)
    cameras_room = min(len(status.cameras) + 1, max(2, room - min(wanted_events, 2) - 1)) if room > 1 else 0
    cameras = _cameras(status.cameras, moment.now, width, cameras_room) if cameras_room else []
    events = _events(moment.events[: max(0, min(wanted_events, room - len(cameras) - 1))], moment.now, width)
    return [*top, *cameras, *events, *bottom][:height]


def seconds(value: float) -> str:
    """A span in at most seven cells."""
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 99.5:
        return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"
    if value < 3600 * 1.5:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.0f} h" if value < 3600 * 48 else f"{value / 86400:.0f} d"


def short(value: float) -> str:
    """A number in at most five cells."""
    for unit in ("", "k", "M", "G"):
        if value < 999.5 or unit == "G":
            return f"{value:.0f}{unit}" if value >= 9.95 or unit == "" else f"{value:.1f}{unit}"
        value /= 1000
    return ""


def size(value: float) -> str:
    """Bytes."""
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def _head(moment: Moment, width: int) -> list[Text]:
    status = moment.status
    states = Counter(camera.state for camera in status.cameras)
    parts = [
        f"sightline {status.version}",
        f"{states['online']} of {len(status.cameras)} online",
        f"up {seconds(max(0.0, moment.now - status.started))}",
        f"cpu {moment.cpu:.0%}",
        *([] if moment.usage.rss_bytes is None else [size(moment.usage.rss_bytes)]),
        *([f"disk {size(status.disk_free_bytes)} free"] if status.disk_free_bytes else []),
        status.config,
    ]
    line = ""
    for part in parts:
        longer = f"{line} · {part}" if line else part
        if cell_len(longer) <= width:
            line = longer
    return [Text(line, "bold")]


def _cameras(cameras: Sequence[CameraStatus], now: float, width: int, room: int) -> list[Text]:
    """A heading, a row for each camera, and one line for those that found no room."""
    shown, rest = _chosen(cameras, room - 1)
    name_width = min(max(6, *(cell_len(camera.name) for camera in shown)) if shown else 6, max(8, width // 4), 24)
    columns = _fitting(width - name_width - len(_GAP) - 10)
    heading = set_cell_size("camera", name_width) + _GAP + set_cell_size("state", 10)
    made = [Text(heading + "".join(_GAP + column.title.rjust(column.width) for column in columns), "dim")]
    made += [_camera(camera, now, width, name_width, columns) for camera in shown]
    if rest:
        states = Counter(camera.state for camera in rest)
        made.append(_cut(f"and {len(rest)} more: {', '.join(f'{n} {s}' for s, n in states.items())}", width, "dim"))
    return made


def _chosen(cameras: Sequence[CameraStatus], room: int) -> tuple[list[CameraStatus], list[CameraStatus]]:
    """Those with trouble or something going on first, where not all fit; both lists in the order of the config."""
    if len(cameras) <= room:
        return list(cameras), []
    ranked = sorted(cameras, key=lambda c: (c.state == "online", c.open_events == 0, c.tracks == 0))
    names = {camera.name for camera in ranked[: max(0, room - 1)]}
    return [c for c in cameras if c.name in names], [c for c in cameras if c.name not in names]


def _fitting(width: int) -> list[_Column]:
    kept: set[str] = set()
    for column in sorted(_COLUMNS, key=lambda one: one.rank):
        width -= column.width + len(_GAP)
        if width < 0:
            break
        kept.add(column.title)
    return [column for column in _COLUMNS if column.title in kept]


def _camera(camera: CameraStatus, now: float, width: int, name_width: int, columns: Sequence[_Column]) -> Text:
    line = Text(_name(camera.name, name_width) + _GAP, no_wrap=True)
    line.append(set_cell_size(camera.state, 10), _STATE.get(camera.state, ""))
    if camera.state in {"offline", "stopped"} or (camera.state == "connecting" and camera.reason):
        since = seconds(now - camera.since) if 0 < camera.since < now else ""
        why = " · ".join(part for part in (since, camera.reason or camera.fault) if part)
        line.append(_GAP + _fit(why, width - cell_len(line.plain) - 2).rstrip())
        return line
    style = "" if camera.moving else "dim"
    for column in columns:
        line.append(_GAP + column.value(camera, now)[: column.width].rjust(column.width), style)
    return line


def _events(events: Sequence[Told], now: float, width: int) -> list[Text]:
    if not events:
        return []
    name_width = min(max(cell_len(told.event.camera) for told in events), max(6, width // 5), 24)
    made = [Text("─" * width, "dim")]
    for told in events:
        event = told.event
        line = Text(_time(event.opened, now) + _GAP, no_wrap=True)
        line.append(_name(event.camera, name_width) + _GAP)
        room = width - cell_len(line.plain) - 9
        line.append(_fit(words(event), room) if room > 0 else "", _SEVERITY.get(event.severity, ""))
        line.append(_GAP + told.delivered, _DELIVERED.get(told.delivered, ""))
        made.append(line)
    return made


def words(event: Event) -> str:
    """What happened, shortly; a model's own words where it found some."""
    summary = event.summary
    if summary is not None and summary.source != "template":
        return summary.text
    who = f"{event.count} × {event.label}" if event.label and event.count > 1 else event.label
    parts = [part for part in (phrasebook("en").title(event.type), who, event.zone) if part]
    lasted = (event.end - event.start) if event.end is not None else None
    if event.state == "open":
        return " · ".join([*parts, "going on"])
    return " · ".join([*parts, *([seconds(lasted)] if lasted else [])])


def _words(status: AgentStatus, width: int) -> list[Text]:
    """One line for the language model, where there is one."""
    now = status.language
    if now is None:
        return []
    parts: list[str] = [now.state if now.state != "server" else "a server's"]
    parts += [size(now.rss_bytes)] if now.rss_bytes else []
    parts += [_many(now.answered, "answer")]
    parts += [f"{now.waiting} waiting"] if now.waiting else []
    parts += [_many(now.contradictions, "contradiction")] if now.contradictions else []
    parts += [f"{now.withheld} withheld"] if now.withheld else []
    trouble = ", ".join(f"{count} {name}" for name, count in now.troubles.items())
    parts += [trouble] if trouble else []
    return [_cut(f"words by {now.model}: {', '.join(parts)}", width, "yellow" if trouble else "")]


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _outbox(status: AgentStatus, width: int) -> list[Text]:
    """One line for each alert target, at most three; those in trouble first."""
    depth: dict[str, dict[str, int]] = {}
    for (target, state), count in status.outbox.depth.items():
        depth.setdefault(target, {})[state] = count
    names = sorted({*status.targets, *depth}, key=lambda name: (status.targets.get(name, "ok") == "ok", name))
    made = [_target(name, status, depth.get(name, {}), width) for name in names[:3]]
    if len(names) > 3:
        made[-1] = Text(f"and {len(names) - 2} more alert targets", "dim")
    return made


def _target(name: str, status: AgentStatus, depth: Mapping[str, int], width: int) -> Text:
    state, oldest = status.targets.get(name, "ok"), status.outbox.oldest_age_s.get(name)
    waiting = depth.get("pending", 0) + depth.get("held", 0)
    parts = [f"{depth.get('sent', 0)} sent", f"{waiting} waiting"]
    parts += [f"oldest {seconds(oldest)}"] if oldest and waiting else []
    lost = depth.get("dead", 0) + depth.get("expired", 0)
    parts += [f"{lost} given up"] if lost else []
    parts += [] if state == "ok" else [state]
    return _cut(f"→ {name}: {', '.join(parts)}", width, "" if state == "ok" else "yellow")


def _time(t: float, now: float) -> str:
    when, today = datetime.fromtimestamp(t).astimezone(), datetime.fromtimestamp(now).astimezone()
    return when.strftime("%H:%M:%S" if when.date() == today.date() else "%d. %H:%M")


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _fit(text: str, width: int) -> str:
    """Exactly so many cells."""
    text = _printable(text)
    if cell_len(text) <= width:
        return set_cell_size(text, max(0, width))
    return set_cell_size(text, max(0, width - 1)) + "…" if width > 0 else ""


def _name(name: str, width: int) -> str:
    """A name in so many cells; of a longer one both ends are kept, as names often differ in their last sign only."""
    name = _printable(name)
    if cell_len(name) <= width or len(name) != cell_len(name):
        return _fit(name, width)
    tail = (width - 1) // 2
    return name[: width - 1 - tail] + "…" + name[len(name) - tail :]


def _cut(text: str, width: int, style: str) -> Text:
    return Text(_fit(text, width).rstrip(), style, no_wrap=True)
