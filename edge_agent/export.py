"""Events out of the store into files: JSON Lines, CSV, or a zip with their evidence and its hashes.

Everything streams: events page by page into a spool beside the target, evidence in blocks into the zip. A file appears
under its name once it is whole.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal

from edge_agent.language.asked import question_files
from vision.delivery.records import EventFilter, StoredEvent
from vision.delivery.store import Store
from vision.errors import InputError, OutsideError
from vision.events import Event

Format = Literal["jsonl", "csv", "zip"]
_SUFFIXES: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".zip": "zip"}
_PAGE = 500
_BLOCK = 1 << 20
_LIVE_FROM_S = 1e8  # what is smaller is a place in a clip and no time of day
# A spreadsheet takes a cell that begins so for a formula and runs it: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠|%]|[\t\r\n]")
_COLUMNS = (
    "id", "type", "camera", "severity", "state", "start", "end", "opened", "start_utc", "end_utc", "zone", "label",
    "score", "track_id", "count", "box", "rule", "summary", "snapshot", "clip",
)  # fmt: skip


@dataclass(slots=True)
class Exported:
    """What was written; `missing`: evidence that an event names and that is no more, as (event id, path)."""

    events: int = 0
    files: int = 0
    missing: list[tuple[str, str]] = field(default_factory=list)


def walk(
    store: Store, wanted: EventFilter, *, limit: int | None = None, newest_first: bool = False
) -> Iterator[StoredEvent]:
    """Events in order, read page by page: the store stays free for others in between."""
    last: StoredEvent | None = None
    left = limit
    while left is None or left > 0:
        size = _PAGE if left is None else min(_PAGE, left)
        page = store.events(wanted, limit=size, newest_first=newest_first, after=last)
        yield from page
        if len(page) < size:
            return
        last = page[-1]
        left = None if left is None else left - size


def format_of(out: Path, wanted: str | None) -> Format:
    """The format that is wanted, or that of the suffix. Raises `InputError`."""
    found = _SUFFIXES.get(f".{wanted.lower()}" if wanted else out.suffix.lower())
    if found is None:
        what = f"--format {wanted}" if wanted else f"--out {out.name}"
        raise InputError(f"{what}: no known format; say --format jsonl, csv or zip")
    return found


def export(
    events: Iterable[StoredEvent], out: Path, form: Format, evidence: Path, about: Mapping[str, Any]
) -> Exported:
    """Write `out`. `evidence`: the folder that the paths in events count from; `about` goes into the zip's manifest.

    Raises `OutsideError` where the file cannot be written.
    """
    try:
        with _appearing(out) as part, tempfile.TemporaryFile("w+", encoding="utf-8", dir=out.parent) as spool:
            done, facts = _spool(events, spool)
            if form == "zip":
                _write_zip(spool, facts, part, evidence, about, done)
            else:
                with part.open("w", encoding="utf-8", newline="") as file:
                    file.writelines(spool if form == "jsonl" else csv_lines(spool, facts))
            return done
    except OSError as error:
        raise OutsideError(f"--out {out}: {error.strerror or error}") from None


def _spool(events: Iterable[StoredEvent], spool: IO[str]) -> tuple[Exported, list[str]]:
    """The events as JSON Lines, and the names of all facts in them."""
    done, facts = Exported(), dict[str, None]()
    for stored in events:
        raw = stored.event.to_dict()
        spool.write(json.dumps(raw, ensure_ascii=False) + "\n")
        facts.update(dict.fromkeys(raw["facts"]))
        done.events += 1
    spool.seek(0)
    return done, sorted(facts)


def csv_lines(lines: Iterable[str], facts: Iterable[str]) -> Iterator[str]:
    """The CSV (RFC 4180) of events given as JSON Lines; every fact is a column of its own."""
    facts = list(facts)
    pipe = _Pipe()
    writer = csv.writer(pipe)
    writer.writerow([*_COLUMNS, *(cell(f"facts.{name}") for name in facts)])
    yield pipe.text
    for line in lines:
        raw = json.loads(line)
        plain = [cell(value) for value in _row(raw)]
        writer.writerow(plain + [cell(raw["facts"].get(name)) for name in facts])
        yield pipe.text


class _Pipe:
    """Hands a written line on."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def _row(raw: Mapping[str, Any]) -> list[Any]:
    flat = {
        **raw,
        "start_utc": _utc(raw["start"]),
        "end_utc": _utc(raw["end"]),
        "summary": (raw.get("summary") or {}).get("text"),
        "snapshot": raw["evidence"]["snapshot"],
        "clip": raw["evidence"]["clip"],
    }
    return [flat.get(name) for name in _COLUMNS]


def _utc(seconds: float | None) -> str | None:
    if seconds is None or seconds < _LIVE_FROM_S:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cell(value: Any) -> str | int | float:
    """One value for CSV; text that a spreadsheet would take for a formula gets a quote before it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if _FORMULA.match(text) else text


def _write_zip(
    spool: IO[str], facts: list[str], part: Path, evidence: Path, about: Mapping[str, Any], done: Exported
) -> None:
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        files: list[dict[str, Any]] = []
        _add_text(archive, "events.jsonl", spool, files)
        spool.seek(0)
        _add_text(archive, "events.csv", csv_lines(spool, facts), files)
        spool.seek(0)
        taken = {entry["path"] for entry in files}
        for event_id, path in _evidence_of(spool, evidence):
            if path not in taken:
                taken.add(path)
                _add_evidence(archive, evidence, path, event_id, files, done)
        manifest = {
            **about,
            "events": done.events,
            "files": files,
            "missing": [{"event": event_id, "path": path} for event_id, path in done.missing],
        }
        _add_text(archive, "manifest.json", [json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"], files)
        sums = [f"{entry['sha256']}  {entry['path']}\n" for entry in files]
        _add_text(archive, "SHA256SUMS", sums, [])
        done.files = len(files)


def _evidence_of(spool: IO[str], root: Path) -> Iterator[tuple[str, str]]:
    """Event id and path of its pictures and clips, and of what a language model was asked about it."""
    for line in spool:
        event = Event.model_validate_json(line)
        named = (event.evidence.snapshot, event.evidence.clip)
        yield from ((event.id, path) for path in (*named, *question_files(root, event)) if path)


def _add_text(archive: zipfile.ZipFile, name: str, lines: Iterable[str], files: list[dict[str, Any]]) -> None:
    info = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    _copy(archive, info, (line.encode() for line in lines), files, None)


def _add_evidence(
    archive: zipfile.ZipFile, root: Path, path: str, event_id: str, files: list[dict[str, Any]], done: Exported
) -> None:
    """One file of evidence as it is; what is gone, or lies outside of the folder, is listed as missing."""
    try:
        source = _inside(root, path).open("rb")
    except OSError:
        done.missing.append((event_id, path))
        return
    with source:
        time = datetime.fromtimestamp(os.fstat(source.fileno()).st_mtime, UTC).timetuple()[:6]
        info = zipfile.ZipInfo(path, max(time, (1980, 1, 1, 0, 0, 0)))  # pictures and clips are compressed already
        info.external_attr = 0o644 << 16
        _copy(archive, info, iter(lambda: source.read(_BLOCK), b""), files, event_id)


def _inside(root: Path, path: str) -> Path:
    """The file of that path. Raises `OSError` for one that is no plain file within `root`."""
    relative = PurePosixPath(path)
    full = (root / relative).resolve()
    odd = relative.is_absolute() or ".." in relative.parts or not path.isprintable() or "\\" in path
    if odd or not full.is_relative_to(root.resolve()) or not full.is_file():
        raise FileNotFoundError(path)
    return full


def _copy(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    blocks: Iterable[bytes],
    files: list[dict[str, Any]],
    event_id: str | None,
) -> None:
    digest, size = hashlib.sha256(), 0
    with archive.open(info, "w", force_zip64=True) as target:
        for block in blocks:
            target.write(block)
            digest.update(block)
            size += len(block)
    entry: dict[str, Any] = {"path": info.filename, "bytes": size, "sha256": digest.hexdigest()}
    files.append(entry if event_id is None else {**entry, "event": event_id})


@contextmanager
def _appearing(out: Path) -> Iterator[Path]:
    """A path to write to, which becomes `out` when all went well."""
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
