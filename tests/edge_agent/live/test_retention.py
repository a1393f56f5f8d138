"""What goes first when there is no room, what never goes, and that a sweep costs little."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config import EvidenceConfig
from edge_agent.live.retention import Retention
from tests.peers.small_disk import mounted
from vision.delivery.records import EventFilter
from vision.delivery.store import Store
from vision.errors import StoreError
from vision.events import Event, Evidence, Fact, Severity

HOUR, DAY = 3600.0, 86400.0
NOW = datetime(2025, 6, 15, 12, tzinfo=UTC).timestamp()


class House:
    """A folder with evidence, a store, and a disk of any size."""

    def __init__(self, folder: Path, **config: float) -> None:
        self.folder, self.now = folder / "evidence", NOW
        self.store = Store(f"sqlite:///{folder / 'store.db'}")
        self.disk: int | None = None  # its size in bytes
        self.low: list[dict[str, Fact]] = []
        self.ok: list[dict[str, Fact]] = []
        self.retention = Retention(
            self.folder,
            EvidenceConfig.model_validate({"min_free_gb": 0, **config}),
            self.store,
            lambda: self.now,
            self.low.append,
            self.ok.append,
            disk=self._disk_usage,
        )

    def add(
        self,
        name: str,
        age_s: float,
        severity: Severity = "warning",
        *,
        is_open: bool = False,
        clip: int = 1000,
        snapshot: int = 100,
        known: bool = True,
    ) -> None:
        start = self.now - age_s
        day = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d")
        evidence: dict[str, str] = {}
        for kind, folder, ending, size in (("clip", "clips", "mp4", clip), ("snapshot", "snapshots", "jpg", snapshot)):
            if size:
                path = self.folder / folder / day / f"{name}.{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(bytes(size))
                os.utime(path, (start, start))
                evidence[kind] = path.relative_to(self.folder).as_posix()
        if known:
            event = Event(
                id=name, type="intrusion", camera="c", severity=severity, start=start, opened=start, at=start,
                state="open" if is_open else "closed", evidence=Evidence(**evidence),
            )  # fmt: skip
            self.store.record(event, [], self.now)

    @property
    def left(self) -> set[str]:
        return {path.name for path in self.folder.rglob("*") if path.is_file()}

    def evidence(self, name: str) -> Evidence:
        found = self.store.event(name)
        assert found is not None
        return found.event.evidence

    def _disk_usage(self, path: Path) -> tuple[int, int, int]:
        if self.disk is None:
            return 10**15, 0, 10**15
        used = sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())
        return self.disk, used, max(0, self.disk - used)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, max_gb=1.0)
    yield made
    made.store.close()


# name, age in seconds, severity, open; from the first to go to the last
ORDER: list[tuple[str, float, Severity, bool, str]] = [
    ("A", 9 * DAY, "info", False, "clip"),  # info first, old before new
    ("A", 9 * DAY, "info", False, "snapshot"),  # a picture counts as a quarter of its age, here 2.25 days
    ("B", 2 * DAY, "info", False, "clip"),
    ("B", 2 * DAY, "info", False, "snapshot"),  # the picture after the clip of its event
    ("C", 20 * DAY, "info", True, "clip"),  # still open: after all of that severity that are over
    ("C", 20 * DAY, "info", True, "snapshot"),
    ("D", 5 * DAY, "warning", False, "clip"),  # then warnings
    ("D", 5 * DAY, "warning", False, "snapshot"),
    ("E", 25 * DAY, "alert", False, "clip"),  # an old alert is worth more than a new warning
    ("E", 25 * DAY, "alert", False, "snapshot"),
    ("F", 0.5 * HOUR, "info", False, "clip"),  # the newest hour last, whatever it is
    ("F", 0.5 * HOUR, "info", False, "snapshot"),
    ("G", 0.4 * HOUR, "alert", False, "clip"),
    ("G", 0.4 * HOUR, "alert", False, "snapshot"),
]


@pytest.mark.parametrize("gone", range(len(ORDER)))
def test_the_least_valuable_goes_first(house: House, gone: int) -> None:
    for name, age, severity, is_open, kind in ORDER:
        if kind == "clip":
            house.add(name, age, severity, is_open=is_open, clip=1000, snapshot=1000)
    house.retention.sweep()
    house.disk = 1000 * len(ORDER)
    for _ in range(gone):  # each time one file's room is asked for
        assert house.retention.make_room(1)
        house.disk -= 1000
    expected = [f"{name}.{'mp4' if kind == 'clip' else 'jpg'}" for name, *_, kind in ORDER]
    assert house.left == set(expected[gone:])
    assert len(house.low) == (gone > 0)
    for name, *_, kind in ORDER[:gone]:
        assert getattr(house.evidence(name), kind) is None  # the store knows
    for name, *_, kind in ORDER[gone:]:
        assert getattr(house.evidence(name), kind) is not None


@pytest.mark.parametrize(
    ("age_days", "stays"),
    [
        (29.9, True),
        (30.1, False),  # older than keep_days
        (400.0, False),
    ],
)
def test_age(house: House, age_days: float, stays: bool) -> None:
    house.add("A", age_days * DAY, "alert")
    swept = house.retention.sweep()
    assert (len(house.left), swept.files) == ((2, 0) if stays else (0, 2))
    assert house.evidence("A") == (Evidence() if not stays else house.evidence("A"))
    assert stays or not list(house.folder.glob("clips/*"))  # empty folders go
    assert house.low == []  # nothing is low: it is only old


def test_budget(tmp_path: Path) -> None:
    """Beyond the budget down to 90 % of it; said once; well again below 80 %."""
    house = House(tmp_path, max_gb=1e-5)  # 10 000 bytes
    for i in range(9):
        house.add(f"E{i}", DAY - i, snapshot=0)
    assert house.retention.sweep().files == 0
    for i in (9, 10):
        house.add(f"E{i}", DAY - i, snapshot=0)
        house.retention.wrote(1000)
    assert house.retention.used_bytes == 11_000
    assert house.retention.sweep().files == 2
    assert house.left == {f"E{i}.mp4" for i in range(2, 11)}
    assert house.retention.used_bytes == 9_000
    assert [facts["reason"] for facts in house.low] == ["budget"]
    for i in (11, 12):
        house.add(f"E{i}", DAY - i, snapshot=0)
        house.retention.wrote(1000)
    house.retention.sweep()
    assert (len(house.low), len(house.ok)) == (1, 0)  # over again, but that is known
    house.now += 30 * DAY
    house.retention.sweep()
    assert (house.left, len(house.low), len(house.ok)) == (set(), 1, 1)
    house.store.close()


def test_free_space(tmp_path: Path) -> None:
    house = House(tmp_path, max_gb=1.0, min_free_gb=5e-6)
    for i in range(10):
        house.add(f"E{i}", DAY - i, snapshot=0)
    house.disk = 16_000
    assert house.retention.sweep().files == 0
    house.disk = 13_000  # somebody else has filled the disk
    assert house.retention.sweep().files == 2
    assert house.low[0]["reason"] == "free_space"
    house.retention.sweep()
    assert house.ok == []  # just enough is not well
    house.disk = 20_000
    house.retention.sweep()
    assert len(house.ok) == 1
    house.store.close()


def test_a_full_disk_is_told_once(house: House) -> None:
    """With no space asked to stay free, what was just freed is not yet a disk that is well."""
    for i in range(50):
        house.add(f"E{i}", DAY - i, snapshot=0)
    house.disk = 50_000
    for _ in range(3):
        assert house.retention.make_room(500)
        house.retention.sweep()
        house.disk -= 1000
        house.now += 60
    assert (len(house.low), len(house.ok)) == (1, 0)
    assert house.low[0]["reason"] == "full"
    house.disk = 100_000
    house.retention.sweep()
    assert len(house.ok) == 1


def test_what_belongs_to_nobody(house: House) -> None:
    house.add("KNOWN", 3 * HOUR)
    house.add("STRAY", 3 * HOUR, known=False)
    house.add("NEW", 0.5 * HOUR, known=False)  # its event may be committed any moment
    folder = house.folder / "clips" / "2025-06-15"
    for name, age in (("OLD.mp4.part", 2 * HOUR), ("RUNNING.mp4.part", 10)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (NOW - age, NOW - age))
    (house.folder / "notes.txt").write_text("not ours")
    house.retention.sweep()
    assert house.left == {"KNOWN.mp4", "KNOWN.jpg", "NEW.mp4", "NEW.jpg", "RUNNING.mp4.part", "notes.txt"}


def test_another_database_is_no_reason_to_delete(house: House) -> None:
    house.add("A", 3 * DAY, known=False)
    house.add("B", 3 * DAY, clip=0, snapshot=0)
    house.retention.sweep()
    assert house.left == {"A.mp4", "A.jpg"}


def test_events_are_forgotten_after_their_time(house: House) -> None:
    for name, age in (("OLD", 401 * DAY), ("YOUNG", 399 * DAY)):
        house.add(name, age, clip=0, snapshot=0)
    house.retention.sweep()
    assert [stored.event.id for stored in house.store.events(EventFilter())] == ["YOUNG"]


def test_a_store_that_is_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is made all the same, by age; the store is told when it is back."""
    house.add("A", 3 * DAY, "alert", snapshot=0)
    house.add("B", 2 * DAY, "info", snapshot=0)
    house.retention.sweep()

    def away(*_: Any, **__: Any) -> None:
        raise StoreError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(house.store, "events", away)
        patched.setattr(house.store, "evidence_gone", away)
        house.disk = 2000
        assert house.retention.make_room(1)
    assert house.left == {"B.mp4"}
    assert house.evidence("A").clip is not None
    house.retention.sweep()
    assert house.evidence("A").clip is None
    assert house.evidence("B").clip is not None


def test_a_sweep_with_nothing_to_do_looks_at_no_file(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    scandir = os.scandir

    def counted(path: Any) -> Any:
        looked.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    house.add("A", DAY)
    house.retention.sweep()
    assert looked
    looked.clear()
    for _ in range(50):
        house.now += 60
        house.retention.sweep()
    assert looked == []
    house.now += 600  # counted anew once an hour
    house.retention.sweep()
    assert looked


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    with mounted(tmp_path / "disk", 2) as folder:
        yield folder


def test_a_disk_that_is_really_full(small_disk: Path, tmp_path: Path) -> None:
    """Written until nothing fits: room is made of the least valuable, never of what matters, and it is said once."""
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    low: list[dict[str, Fact]] = []
    config = EvidenceConfig(min_free_gb=0)
    retention = Retention(small_disk, config, store, time.time, low.append, lambda _: None)
    retention.sweep()
    now = time.time()
    folder = small_disk / "clips" / datetime.fromtimestamp(now - 7200, UTC).strftime("%Y-%m-%d")
    folder.mkdir(parents=True)
    for i in range(60):
        severity: Severity = "alert" if i % 10 == 0 else "info"
        path, data = folder / f"E{i:02}.mp4", bytes(100_000)
        store.record(
            Event(id=f"E{i:02}", type="fall", camera="c", severity=severity, start=now - 7200 + i, opened=now, at=now),
            [],
            now,
        )
        for attempt in (1, 2):
            try:
                path.write_bytes(data)
                break
            except OSError:
                assert attempt == 1
                assert retention.make_room(len(data))
        os.utime(path, (now - 7200 + i, now - 7200 + i))
        retention.wrote(len(data))
    left = {path.stem for path in folder.iterdir()}
    assert {f"E{i:02}" for i in range(0, 60, 10)} <= left
    assert "E59" in left
    assert len(left) > 10
    assert [facts["reason"] for facts in low] == ["full"]
    store.close()
