"""`sightline events`: look at what happened, take it elsewhere, send messages again; also beside a running agent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, tzinfo
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edge_agent import event_table
from edge_agent.config import Config, load_config
from edge_agent.export import export, format_of, walk
from edge_agent.live.folder import data_dir_of, running_agent
from edge_agent.when import moment
from vision.delivery.records import Delivery, DeliveryState, EventFilter, StoredEvent
from vision.delivery.senders.base import target_names
from vision.delivery.store import FILE, Store, open_store
from vision.errors import InputError
from vision.events import SEVERITIES, Severity
from vision.language.base import LOCALES
from vision.language.digest import digest

CONFIG = Path("sightline.yaml")
_IN_TERMINAL = 50  # events, where nobody says how many
_EXPIRE_S = 86400.0  # of messages sent again, where no config says otherwise
_ENDED: tuple[DeliveryState, ...] = ("sent", "dead", "expired", "withheld")
_LETTERS: tuple[DeliveryState, ...] = ("dead", "expired")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="The agent's config file; default: ./sightline.yaml.", show_default=False),
]
DataOption = Annotated[
    Path | None, typer.Option("--data-dir", help="The agent's data folder, instead of a config.", show_default=False)
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", help="From here on: 2h, 30m, 7d (so long ago), today, yesterday, a date or time (ISO 8601)."
    ),
]
UntilOption = Annotated[str | None, typer.Option("--until", help="Before this time; a date is its beginning.")]
CameraOption = Annotated[list[str] | None, typer.Option("--camera", help="Of this camera; may be repeated.")]
TypeOption = Annotated[list[str] | None, typer.Option("--type", help="Of this type; may be repeated.")]
StateOption = Annotated[str | None, typer.Option("--state", help="open or closed.")]
SeverityOption = Annotated[
    str | None, typer.Option("--min-severity", help="That matter at least so much: info, warning or alert.")
]
UtcOption = Annotated[bool, typer.Option("--utc", help="Times in UTC instead of this machine's time zone.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit", min=0, help="At most so many; 0: all. Default: 50 in a terminal, else all.", show_default=False
    ),
]

events_app = typer.Typer(
    name="events",
    help="Events of the agent and the messages about them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(events_app)


@dataclass(frozen=True, slots=True)
class _Place:
    """What the commands work on; `folder` holds the evidence."""

    store: Store
    folder: Path
    config: Config | None


@events_app.command("list")
def list_command(
    config: ConfigOption = None,
    data_dir: DataOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    camera: CameraOption = None,
    kind: TypeOption = None,
    state: StateOption = None,
    min_severity: SeverityOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    utc: UtcOption = False,
) -> None:
    """Events, the newest first: a table in a terminal, tab-separated lines in a pipe."""
    zone = UTC if utc else None
    wanted = _filter(since, until, camera, kind, state, min_severity, zone)
    console = Console(highlight=False)
    rich = console.is_terminal and not as_json
    most = (_IN_TERMINAL if rich else None) if limit is None else (limit or None)
    with _opened(config, data_dir) as place:
        found = walk(place.store, wanted, limit=most, newest_first=True)
        if as_json:
            _print(json.dumps(stored.event.to_dict(), ensure_ascii=False) for stored in found)
        elif not rich:
            _print(event_table.plain(found, zone))
        else:
            listed = list(found)
            console.print(event_table.table(listed, zone) if listed else "No events.")
            if limit is None and len(listed) == most:
                console.print(f"[dim]the newest {most}; --limit 0 shows all[/dim]")


@events_app.command("show")
def show_command(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="Of the event; its beginning will do.")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
    utc: UtcOption = False,
) -> None:
    """Everything about one event: facts, words, evidence, and what became of each message."""
    with _opened(config, data_dir) as place:
        stored = _event(place.store, event_id)
        messages = place.store.deliveries(event_id=stored.event.id)
        if as_json:
            typer.echo(json.dumps(event_table.details_json(stored, messages), ensure_ascii=False))
            return
        console = Console(highlight=False)
        for line in event_table.details(stored, messages, place.folder, UTC if utc else None):
            console.print(line, soft_wrap=True)


@events_app.command("describe")
def describe_command(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="Of the event; its beginning will do.")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
    from_dir: Annotated[
        Path | None, typer.Option("--from", help="Folder that `replay --out` has written.", show_default=False)
    ] = None,
    show_prompt: Annotated[
        bool, typer.Option("--show-prompt", help="Also the whole question: prompt, schema, options, picture.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds for loading the model and its answer.")
    ] = 120,
    as_json: JsonOption = False,
) -> None:
    """Asks the language model again what it was asked about an event, and compares: same picture, prompt, seed, model."""
    from edge_agent.language.retold import Retelling, replayed_event  # loads what asks models

    if from_dir is not None:
        if data_dir is not None:
            raise InputError("--from and --data-dir: give one of them")
        settings = None if config is None else load_config(config)
        retelling = Retelling.of(replayed_event(from_dir, event_id), from_dir, settings)
    else:
        with _opened(config, data_dir) as place:
            retelling = Retelling.of(_event(place.store, event_id).event, place.folder, place.config)
    if as_json:
        typer.echo(json.dumps(retelling.as_json(timeout), ensure_ascii=False))
        return
    console = Console(highlight=False)
    for line in retelling.lines(timeout, show_prompt=show_prompt):
        console.print(line, soft_wrap=True)


@events_app.command("digest")
def digest_command(
    config: ConfigOption = None,
    data_dir: DataOption = None,
    since: SinceOption = "12h",
    until: UntilOption = None,
    camera: CameraOption = None,
    lines: Annotated[int, typer.Option("--lines", min=1, max=100, help="At most so many lines.")] = 10,
    locale: Annotated[str | None, typer.Option(help="en or zh; default: the config's.", show_default=False)] = None,
    utc: UtcOption = False,
) -> None:
    """What happened, in a few lines: the worst first told, then how often what; all of it from the stored events."""
    zone = UTC if utc else None
    wanted = _filter(since, until, camera, None, None, None, zone)
    with _opened(config, data_dir) as place:
        found = [stored.event for stored in walk(place.store, wanted)]
        spoken = locale or (place.config.language.locale if place.config is not None else "en")
        if spoken not in LOCALES:
            raise InputError(f"--locale {spoken}: is none; there are {', '.join(LOCALES)}")
        verdicts = {e.id: e.described["verdict"] for e in found if e.described and e.described.get("verdict")}
        told = digest(
            found,
            wanted.since or min((event.start for event in found), default=time.time()),
            wanted.until or time.time(),
            locale=spoken,
            timezone=zone or _zone_of(place.config),
            lines=lines,
            verdicts=verdicts,
            withheld=[event.id for event in found if "withheld" in event.facts],
        )
        typer.echo(told.text)


@events_app.command("export")
def export_command(
    out: Annotated[Path, typer.Option("--out", help="The file to write: .jsonl, .csv or .zip.")],
    form: Annotated[
        str | None, typer.Option("--format", help="jsonl, csv or zip; default: from the file's suffix.")
    ] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    camera: CameraOption = None,
    kind: TypeOption = None,
    state: StateOption = None,
    min_severity: SeverityOption = None,
    utc: UtcOption = False,
) -> None:
    """Events into a file; a zip also holds their evidence, what a language model was asked, a manifest and SHA256SUMS."""
    wanted = _filter(since, until, camera, kind, state, min_severity, UTC if utc else None)
    chosen = format_of(out, form)
    about = {
        "format": "sightline-export-1",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version("sightline"),
        "filter": asdict(wanted),
    }
    with _opened(config, data_dir) as place:
        done = export(walk(place.store, wanted), out, chosen, place.folder, about)
    files = f", {done.files} files" if chosen == "zip" else ""
    typer.echo(f"{out}: {_many(done.events, 'event')}{files}")
    if done.missing:
        typer.echo(f"{_many(len(done.missing), 'file')} of evidence no more there, listed in manifest.json", err=True)


@events_app.command("redeliver")
def redeliver_command(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Of events; default: all.", show_default=False)
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only messages that were given up: refused or expired.")] = False,
    target: Annotated[str | None, typer.Option("--target", help="Only messages to this alert target.")] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    camera: CameraOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many it would be.")] = False,
    utc: UtcOption = False,
) -> None:
    """Send messages again, with the same ids: receivers that keep ids see no double. The running agent sends them."""
    if not (ids or dead or since):
        raise InputError("say which messages: ids of events, --dead (all that were given up) or --since TIME")
    wanted = _filter(since, until, camera, None, None, None, UTC if utc else None)
    with _opened(config, data_dir) as place:
        chosen = _chosen(place.store, ids or [], wanted, _LETTERS if dead else _ENDED, target)
        if not chosen and target is not None:
            _check_target(place, target)
        now = time.time()
        if not dry_run:
            for name in dict.fromkeys(message.target for message in chosen):
                numbers = [message.number for message in chosen if message.target == name]
                place.store.redeliver(numbers, now, now + _expire_s(place.config, name))
    count = _many(len(chosen), "message")
    if dry_run or not chosen:
        typer.echo(f"{count} would be sent again" if dry_run else "no such messages: nothing to send again")
        return
    who = "the running agent sends them" if running_agent(place.folder) else "they go out when the agent runs"
    typer.echo(f"{count} to be sent again; {who}")


def _filter(
    since: str | None,
    until: str | None,
    cameras: Sequence[str] | None,
    types: Sequence[str] | None,
    state: str | None,
    severity: str | None,
    zone: tzinfo | None,
) -> EventFilter:
    now = time.time()
    if state not in (None, "open", "closed"):
        raise InputError(f"--state {event_table.one_line(state or '')}: open or closed")
    matters: Severity | None = next((known for known in SEVERITIES if known == severity), None)
    if severity is not None and matters is None:
        raise InputError(f"--min-severity {event_table.one_line(severity)}: {', '.join(SEVERITIES)}")
    wanted = EventFilter(
        since=None if since is None else moment(since, now, zone, "--since"),
        until=None if until is None else moment(until, now, zone, "--until"),
        cameras=tuple(cameras or ()),
        types=tuple(types or ()),
        states=() if state is None else (state,),
        min_severity=matters,
    )
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        raise InputError("--until is before --since: nothing can lie between")
    return wanted


def _zone_of(config: Config | None) -> tzinfo:
    """The time zone that the config names for words, else this machine's."""
    if config is not None and config.language.timezone is not None:
        return config.language.zone
    return datetime.now().astimezone().tzinfo or UTC


@contextmanager
def _opened(config_path: Path | None, data_dir: Path | None) -> Iterator[_Place]:
    """The store that config or folder name; a file that is not there is an error, not a new database."""
    if config_path is not None and data_dir is not None:
        raise InputError("--config and --data-dir: give one of them")
    config, url = None, None
    if data_dir is None:
        if config_path is None and not CONFIG.is_file():
            raise InputError("no sightline.yaml here; say --config FILE or --data-dir DIR")
        path = config_path or CONFIG
        config = load_config(path)
        data_dir = data_dir_of(config, path)
        url = None if config.store.url is None else config.store.url.filled_in()
    if url is None and not (data_dir / FILE).is_file():
        raise InputError(f"{data_dir}: no {FILE} there; has an agent run with this folder?")
    store = open_store(url, data_dir, check=False)
    try:
        yield _Place(store, data_dir, config)
    finally:
        store.close()


def _event(store: Store, event_id: str) -> StoredEvent:
    """The event of this id or beginning of an id, in capitals or not. Raises `InputError`."""
    spellings = dict.fromkeys((event_id, event_id.upper()))
    for spelling in spellings:
        if (found := store.event(spelling)) is not None:
            return found
    shown = event_table.one_line(event_id)[:40]
    several = [name for spelling in spellings for name in store.ids(spelling)]
    if several:
        raise InputError(f"{shown}: several events begin so ({', '.join(several[:5])}…); give more of the id")
    raise InputError(f"{shown}: no such event; see sightline events list")


def _chosen(
    store: Store, ids: Sequence[str], wanted: EventFilter, states: Sequence[DeliveryState], target: str | None
) -> list[Delivery]:
    """Messages of these events, or of all that the filter takes, in the order of commit."""
    if not ids and wanted == EventFilter():
        return store.deliveries(states=states, target=target)
    names = {_event(store, event_id).event.id for event_id in ids}
    if not names:
        names = {stored.event.id for stored in walk(store, wanted)}
    elif wanted != EventFilter():
        raise InputError("ids of events and --since, --until or --camera: give one of them")
    found = [m for name in names for m in store.deliveries(event_id=name, target=target, states=states)]
    return sorted(found, key=lambda message: message.number)


def _expire_s(config: Config | None, target: str) -> float:
    """How long the target's messages may take, as the config says."""
    if config is None:
        return _EXPIRE_S
    known = dict(zip(target_names(config.alerts), config.alerts, strict=True))
    return known[target].expire_s if target in known else _EXPIRE_S


def _check_target(place: _Place, target: str) -> None:
    names = {name for name, _ in place.store.stats(time.time()).depth}
    if place.config is not None:
        names.update(target_names(place.config.alerts))
    if target not in names:
        known = ", ".join(sorted(names)) or "none yet"
        raise InputError(f"--target {event_table.one_line(target)}: no such target; known: {known}")


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        typer.echo(line)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
