"""Keeps the evidence within its age and its space; what is worth least goes first.

too old (keep_days) ------------------------------> deleted
over max_gb, or less than min_free_gb on the disk -> least valuable deleted; storage low, until there is room again
disk full while something is written --------------> the same at once, then the write is tried again
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from edge_agent.config import EvidenceConfig
from vision.delivery.records import EventFilter, StoredEvent
from vision.errors import StoreError
from vision.events import SEVERITIES, Fact

log = logging.getLogger("sightline.retention")

KINDS = ("clip", "asked", "snapshot")
_FOLDERS = {"clips": "clip", "asked": "asked", "snapshots": "snapshot"}
_TOLD = ("clip", "snapshot")  # kinds that the store names; questions to a model are found by the id of their event
_ENDINGS = frozenset({"mp4", "jpg", "json"})
_GB = 1e9
_EVERY_S = 60.0
_HOUR_S, _DAY_S = 3600.0, 86400.0
_TO_BUDGET = 0.9  # delete down to this part of the budget, so that it is not over again with the next clip
_OK_BUDGET, _OK_FREE = 0.8, 1.25  # storage is well again below this part of the budget and above this of the free space
_PICTURE_AGE = 0.25  # a picture is small and tells most: it counts as a quarter of its age; so does a question
_AT_ONCE = 8 * 2**20  # so much is freed when the disk is full, or 5 % of a small one
_BATCH = 500  # evidence told to the store as gone in one transaction
_UNKNOWN = (SEVERITIES.index("warning"), False)  # how an event counts that the store cannot tell of


class Keeper(Protocol):
    """What retention asks of the store (`vision.delivery.store.Store` has it)."""

    def events(self, wanted: EventFilter, *, limit: int | None = None, newest_first: bool = False) -> list[StoredEvent]:
        """Events by start."""

    def evidence_gone(self, paths: Mapping[str, list[str]], now: float) -> None:
        """Evidence that is no more."""

    def forget(self, before: float) -> int:
        """Delete old events."""


class _File(NamedTuple):
    path: str
    kind: str
    event: str
    day: str
    size: int
    changed: float


class _Rank(NamedTuple):
    """What of an event decides about its evidence; the smaller, the sooner it goes."""

    severity: int
    open: bool


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: files and bytes deleted."""

    files: int = 0
    bytes: int = 0


class Retention:
    """Sweeps the evidence below `folder`, every minute once started, and makes room when a write fails.

    `on_low(facts)` and `on_ok(facts)` are called in turn, from the thread that found out; they must be quick and not call
    back. Events themselves are kept for `events_days`. Safe from any thread.
    """

    def __init__(
        self,
        folder: Path,
        config: EvidenceConfig,
        store: Keeper,
        clock: Callable[[], float],
        on_low: Callable[[dict[str, Fact]], None],
        on_ok: Callable[[dict[str, Fact]], None],
        *,
        events_days: float = 400.0,
        disk: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage,
    ) -> None:
        self._folder, self._config, self._store, self._clock = folder, config, store, clock
        self._on_low, self._on_ok, self._events_days, self._disk = on_low, on_ok, events_days, disk
        self._lock = threading.RLock()
        self._count_lock = threading.Lock()
        self._used: int | None = None
        self._low = False
        self._well = 0  # bytes that must be free after the disk was full, before that is over
        self._untold: dict[str, set[str]] = {}
        self._tidied = self._day_tidied = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Sweep every minute from now on, in a thread of its own."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Sweep no more."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def configure(self, config: EvidenceConfig) -> None:
        """Other limits from now on."""
        self._config = config

    @property
    def used_bytes(self) -> int:
        """Size of all evidence; 0 before the first sweep."""
        return self._used or 0

    @property
    def free_bytes(self) -> int:
        """Space on the disk that may be used; 0 where that cannot be found out."""
        try:
            return self._disk(self._folder)[2]
        except OSError:
            return 0

    def wrote(self, size: int) -> None:
        """So many bytes of evidence more (or fewer) are there."""
        with self._count_lock:
            if self._used is not None:
                self._used += size

    def sweep(self) -> Swept:
        """Delete what is too old and what there is no room for. Cheap while there is nothing to do."""
        with self._lock:
            now = self._clock()
            self._folder.mkdir(parents=True, exist_ok=True)
            self._tell_store((), now)
            tidied = self._tidy(now) if now - self._tidied >= _HOUR_S or self._used is None else Swept()
            reason, need = self._lack()
            swept = self._free(need, now) if need > 0 else Swept()
            tell = self._news(reason, swept)
        tell()
        return Swept(tidied.files + swept.files, tidied.bytes + swept.bytes)

    def make_room(self, size: int) -> bool:
        """The disk is full and `size` bytes are to be written: delete the least valuable; False where that does not help."""
        with self._lock:
            total, _, free = self._disk(self._folder)
            wanted = max(2 * size, min(_AT_ONCE, total // 20))
            if free >= wanted:
                return True  # somebody else has just made room
            self._well = min(2 * wanted, total // 10)
            swept = self._free(wanted - free, self._clock())
            tell = self._news("full", swept)
        tell()
        return swept.bytes > 0

    def _run(self) -> None:
        wait = 0.0
        while not self._stop.wait(wait):
            wait = _EVERY_S
            try:
                self.sweep()
            except Exception:
                log.exception("evidence could not be swept")

    def _lack(self) -> tuple[str | None, int]:
        """Why something must go, and how many bytes."""
        used, free = self.used_bytes, self.free_bytes
        budget, least = self._config.max_gb * _GB, self._config.min_free_gb * _GB
        over = used - budget * _TO_BUDGET if used > budget else 0.0
        short = least - free if free < least else 0.0
        return ("free_space" if short > over else "budget" if over else None), round(max(over, short))

    def _news(self, reason: str | None, swept: Swept) -> Callable[[], None]:
        """What is to be told without holding the lock: once that storage is low, once that it is well again."""
        used, free = self.used_bytes, self.free_bytes
        budget, least = self._config.max_gb * _GB, self._config.min_free_gb * _GB
        facts: dict[str, Fact] = {
            "reason": reason or "",
            "used_gb": used / _GB,
            "max_gb": self._config.max_gb,
            "free_gb": free / _GB,
            "min_free_gb": self._config.min_free_gb,
            "deleted_files": swept.files,
            "deleted_mb": swept.bytes / 1e6,
        }
        if reason is not None and not self._low:
            self._low = True
            log.warning("storage is low (%s); the least valuable evidence is deleted", reason, extra=facts)
            return lambda: self._on_low(facts)
        if self._low and reason is None and used < _OK_BUDGET * budget and free >= max(_OK_FREE * least, self._well):
            self._low, self._well = False, 0
            log.info("storage is well again", extra=facts)
            return lambda: self._on_ok(facts)
        return lambda: None

    def _free(self, need: int, now: float) -> Swept:
        """Delete the least valuable evidence until `need` bytes are freed."""
        files = list(self._files())
        ranks = self._ranks({file.day for file in files})
        goes = []
        for file in sorted(files, key=lambda file: _value(file, ranks, now)):
            if need <= 0:
                break
            need -= file.size
            goes.append(file)
        return self._delete(goes, now)

    def _tidy(self, now: float) -> Swept:
        """Once an hour: count anew, and delete what is too old, was left half written or belongs to no event."""
        self._tidied = now
        files = list(self._files())
        with self._count_lock:
            self._used = sum(file.size for file in files)
        oldest = now - self._config.keep_days * _DAY_S
        goes = [file for file in files if file.changed < oldest]
        for part in self._parts(now - _HOUR_S):
            part.unlink(missing_ok=True)
        if now - self._day_tidied >= _DAY_S:
            self._day_tidied = now
            goes += self._orphans([file for file in files if oldest <= file.changed < now - _HOUR_S])
            with suppress(StoreError):
                self._store.forget(now - max(self._events_days, self._config.keep_days) * _DAY_S)
        swept = self._delete(goes, now)
        self._remove_empty()
        return swept

    def _orphans(self, files: list[_File]) -> list[_File]:
        """Files that belong to no event; where none belongs to any, this is another database: then nothing."""
        ranks = self._ranks({file.day for file in files})
        if not any(file.event in ranks for file in files):
            return []
        return [file for file in files if file.event not in ranks]

    def _ranks(self, days: Iterable[str]) -> dict[str, _Rank]:
        """Events that started on these days; empty where the store cannot tell."""
        ranks: dict[str, _Rank] = {}
        for day in sorted(days):
            begin = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
            try:  # a second more: the store rounds
                for stored in self._store.events(EventFilter(since=begin - 1, until=begin + _DAY_S + 1)):
                    event = stored.event
                    ranks[event.id] = _Rank(SEVERITIES.index(event.severity), event.state == "open")
            except StoreError:
                return {}
            time.sleep(0)  # let those run that look at pictures
        return ranks

    def _delete(self, files: list[_File], now: float) -> Swept:
        count = freed = 0
        gone: list[_File] = []
        for file in files:
            try:
                Path(file.path).unlink(missing_ok=True)
            except OSError as error:
                log.warning("evidence cannot be deleted: %s", error.strerror)
                break
            gone.append(file)
            count, freed = count + 1, freed + file.size
        self.wrote(-freed)
        self._tell_store(gone, now)
        if count:
            log.info("%d files of evidence deleted (%.1f MB)", count, freed / 1e6)
        return Swept(count, freed)

    def _tell_store(self, gone: Iterable[_File], now: float) -> None:
        """What is gone; where the store cannot be written, it is told with the next sweep."""
        for file in gone:
            if file.kind in _TOLD:
                self._untold.setdefault(file.event, set()).add(file.kind)
        while self._untold:
            batch = {event: sorted(self._untold[event]) for event in list(self._untold)[:_BATCH]}
            try:
                self._store.evidence_gone(batch, now)
            except StoreError:
                return
            for event in batch:
                del self._untold[event]

    def _days(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Folders of single days, each with the kind of evidence in it."""
        for folder, kind in _FOLDERS.items():
            with suppress(FileNotFoundError), os.scandir(self._folder / folder) as days:
                for day in days:
                    if day.is_dir(follow_symlinks=False) and _is_day(day.name):
                        yield kind, day

    def _files(self) -> Iterator[_File]:
        """All finished evidence."""
        for kind, day in self._days():
            with suppress(FileNotFoundError), os.scandir(day.path) as entries:
                for entry in entries:
                    name, _, ending = entry.name.rpartition(".")
                    if ending in _ENDINGS:
                        event = name.partition("-")[0] if kind == "asked" else name  # of several pictures
                        with suppress(FileNotFoundError):
                            facts = entry.stat(follow_symlinks=False)
                            yield _File(entry.path, kind, event, day.name, facts.st_size, facts.st_mtime)
            time.sleep(0)

    def _parts(self, before: float) -> Iterator[Path]:
        """Half written files that nobody has touched since."""
        for folder in _FOLDERS:
            for part in self._folder.glob(f"{folder}/*/*.part"):
                with suppress(FileNotFoundError):
                    if part.stat().st_mtime < before:
                        yield part

    def _remove_empty(self) -> None:
        today = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%d")
        for _, day in self._days():
            if day.name < today:
                with suppress(OSError):  # not empty
                    Path(day.path).rmdir()


def _value(file: _File, ranks: Mapping[str, _Rank], now: float) -> tuple[bool, int, bool, float, int]:
    """Sorts the least valuable first: not of the last hour, by severity, over before open, old before new, clip first."""
    severity, is_open = ranks.get(file.event, _UNKNOWN)
    age = max(0.0, now - file.changed)
    recent = age < _HOUR_S
    return recent, severity, is_open, -age * (1.0 if file.kind == "clip" else _PICTURE_AGE), KINDS.index(file.kind)


def _is_day(name: str) -> bool:
    try:
        datetime.strptime(name, "%Y-%m-%d")  # noqa: DTZ007  # only its form is of interest
    except ValueError:
        return False
    return True
