"""Pictures and clips of live events: where they are, what they show, and what happens when the disk does not play along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_agent.config import CameraConfig, EvidenceConfig
from edge_agent.live.evidence import LiveEvidence, ring_seconds
from edge_agent.live.retention import Retention
from tests.conftest import ROOT
from tests.media_files import picture, write_video
from tests.peers.small_disk import mounted
from tests.ring_feed import EPOCH, feed, shown
from vision.delivery.store import Store
from vision.errors import StoreError
from vision.events import Event, Evidence
from vision.frame import ArrayPicture
from vision.media.ring import PacketRing
from vision.rules.base import View

MB = 2**20
DAY = datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%d")
VIEW = View(64, 48)


def event(name: str = "E", start: float = 8.0, opened: float = 9.0, end: float | None = None, **more: Any) -> Event:
    """An intrusion; times in seconds after EPOCH."""
    return Event(
        **{
            "id": name, "type": "intrusion", "camera": "yard", "severity": "alert", "start": EPOCH + start,
            "opened": EPOCH + opened, "at": EPOCH + opened, "end": None if end is None else EPOCH + end,
            "state": "open" if end is None else "closed", **more,
        }
    )  # fmt: skip


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


class Desk:
    """A `LiveEvidence` with a clock that is set by hand."""

    def __init__(self, folder: Path, **config: float | bool) -> None:
        self.folder, self.now = folder, EPOCH
        self.attached: list[tuple[str, Evidence]] = []
        self.evidence = LiveEvidence(
            folder, EvidenceConfig.model_validate({"pre_s": 2, "post_s": 3, **config}), self._attach, lambda: self.now
        )
        self.evidence.start()

    def _attach(self, event_id: str, evidence: Evidence) -> None:
        self.attached.append((event_id, evidence))

    def settle(self) -> None:
        """Until it has looked at the rings once more: footage is fed much faster than it happens."""
        for _ in range(2):
            looked = threading.Event()
            self.evidence._orders.put(looked.set)
            assert looked.wait(20)

    def numbers(self, clip: str | None) -> list[int]:
        """The numbers of the pictures that a clip shows."""
        assert clip is not None
        return [number for number, _ in shown(self.folder / clip)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "evidence")
    yield made
    assert made.evidence.finish(10)


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s, 10 pictures and one key frame a second, each with its number."""
    path = tmp_path_factory.mktemp("camera") / "camera.mp4"
    write_video(path, count=200, fps=10)
    return path


@pytest.mark.parametrize(
    ("start", "opened", "end", "max_s", "first", "last"),
    [
        (8.0, 9.0, 12.0, 60, 60, 150),  # from 2 s before to 3 s after
        (8.0, 8.0, 8.0, 60, 60, 110),  # a crossing opens and closes at once
        (8.5, 9.0, 11.0, 60, 60, 140),  # begins at a key frame
        (4.0, 9.0, 10.0, 60, 20, 130),  # a long dwell before the alarm
        (8.0, 9.0, 16.0, 2, 60, 140),  # longer than max_s from the alarm: its beginning, and post_s
        (8.0, 9.0, 19.0, 60, 60, 199),  # the stream stops before post_s is over: what there is
    ],
)
def test_clips(
    tmp_path: Path, camera: Path, start: float, opened: float, end: float, max_s: float, first: int, last: int
) -> None:
    desk = Desk(tmp_path, max_s=max_s)
    ring = PacketRing(10.0, MB)
    told: list[str] = []

    def then(t: float) -> None:
        desk.now = t
        if t >= EPOCH + opened and not told:
            desk.evidence.opened(event("E", start, opened), ring)
            told.append("opened")
        if t >= EPOCH + end and "closed" not in told:
            desk.evidence.closed(event("E", start, opened, end))
            told.append("closed")
        if round((t - EPOCH) * 10) % 10 == 0:
            desk.settle()

    feed(ring, camera, then=then)
    desk.now += 60
    until(lambda: desk.attached)
    path = f"clips/{DAY}/E.mp4"
    assert desk.attached == [("E", Evidence(clip=path))]
    assert desk.evidence.planned_clip(event()) == path
    numbers = desk.numbers(path)
    assert numbers == list(range(first, last + 1))
    assert desk.evidence.finish(5)
    stats = desk.evidence.stats
    assert (stats.clips, stats.clips_failed, stats.recording) == (1, 0, 0)
    assert stats.bytes == (tmp_path / path).stat().st_size


def test_two_events_overlap(desk: Desk, camera: Path) -> None:
    ring = PacketRing(10.0, MB)
    feed(ring, camera, until=9.0)
    desk.evidence.opened(event("A", 8.0, 9.0), ring)
    desk.settle()
    feed(ring, camera, at=EPOCH + 9.1, until=3.0)
    desk.evidence.opened(event("B", 11.0, 12.0), ring)
    desk.evidence.closed(event("A", 8.0, 9.0, 10.0))
    desk.evidence.closed(event("B", 11.0, 12.0, 15.0))
    desk.settle()
    feed(ring, camera, at=EPOCH + 12.2, until=8.0)
    desk.settle()
    desk.now = EPOCH + 40
    until(lambda: len(desk.attached) == 2)
    clips = {name: desk.numbers(evidence.clip) for name, evidence in desk.attached}
    assert clips["A"] == [*range(60, 91), *range(31), *range(9)]  # three connections, one clip
    assert clips["B"] == [*range(90, 91), *range(31), *range(59)]


@pytest.mark.parametrize(
    ("more", "config"),
    [
        ({"type": "counting"}, {}),  # a count over an hour has no clip
        ({"type": "camera_offline"}, {}),  # an event of the agent's own
        ({}, {"clips": False, "snapshots": False}),  # not wanted
    ],
)
def test_events_without_evidence(tmp_path: Path, camera: Path, more: dict[str, Any], config: dict[str, bool]) -> None:
    desk = Desk(tmp_path, **config)
    ring = PacketRing(10.0, MB)
    feed(ring, camera, until=9.0)
    assert desk.evidence.snapshot(event(**more), ArrayPicture(picture(1)), VIEW) is None
    assert desk.evidence.planned_clip(event(**more)) is None
    desk.evidence.opened(event(**more), ring)
    desk.evidence.closed(event(end=9.5, **more))
    assert desk.evidence.finish(5)
    assert desk.attached == []
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("ring", [None, PacketRing(10.0, MB)])
def test_no_packets_of_that_time(desk: Desk, ring: PacketRing | None) -> None:
    """The picture is there, and whoever waits for the clip waits no longer."""
    name = desk.evidence.snapshot(event(), ArrayPicture(picture(1)), VIEW)
    desk.evidence.opened(event(), ring)
    desk.evidence.closed(event(end=10.0))
    desk.now = EPOCH + 20
    until(lambda: desk.attached)
    assert desk.attached == [("E", Evidence(snapshot=name, clip=None))]
    assert desk.evidence.stats.clips_failed == 1


def test_the_better_picture_stays(desk: Desk) -> None:
    names = set()
    for grey in range(10, 250, 10):
        shot = ArrayPicture(np.full((48, 64, 3), grey, np.uint8))
        names.add(desk.evidence.snapshot(event(), shot, VIEW))
    assert names == {f"snapshots/{DAY}/E.jpg"}
    desk.evidence.opened(event(), None)
    desk.evidence.closed(event(end=10.0))
    until(lambda: desk.attached)
    last = cv2.imread(str(desk.folder / "snapshots" / DAY / "E.jpg"))
    assert last is not None
    assert np.median(last) == pytest.approx(240, abs=4)
    assert 2 <= desk.evidence.stats.snapshots <= 24


def test_ending_in_the_middle(tmp_path: Path, camera: Path) -> None:
    """SIGTERM: clips get what there is."""
    desk = Desk(tmp_path)
    ring = PacketRing(10.0, MB)
    feed(ring, camera, until=10.0)
    desk.evidence.opened(event(), ring)
    assert desk.evidence.finish(10)
    assert desk.numbers(desk.attached[0][1].clip) == list(range(60, 101))
    assert not any(thread.is_alive() for thread in (desk.evidence._recorder, desk.evidence._finisher))


def test_a_second_one_leaves_the_clips_of_the_first_alone(tmp_path: Path, camera: Path) -> None:
    """A new config: the one with the old settings finishes its clips beside the new one."""
    before = Desk(tmp_path)
    ring = PacketRing(10.0, MB)
    feed(ring, camera, until=10.0)
    before.evidence.opened(event(), ring)
    before.settle()
    assert list(tmp_path.rglob("*.part"))
    after = Desk(tmp_path)
    after.evidence.opened(event("F"), ring)
    after.settle()
    assert before.evidence.finish(10)
    assert after.evidence.finish(10)
    assert before.numbers(before.attached[0][1].clip) == list(range(60, 101))
    assert [name for name, _ in after.attached] == ["F"]


def test_nobody_started_it(tmp_path: Path) -> None:
    evidence = LiveEvidence(tmp_path, EvidenceConfig(), lambda *_: None, time.time)
    assert evidence.finish(1)


def test_one_bad_attach_does_not_end_it(tmp_path: Path, camera: Path, caplog: pytest.LogCaptureFixture) -> None:
    ring = PacketRing(60.0, MB)
    feed(ring, camera)
    seen: list[str] = []

    def attach(event_id: str, _: Evidence) -> None:
        seen.append(event_id)
        if event_id == "A":
            raise RuntimeError("the store is away")

    evidence = LiveEvidence(tmp_path, EvidenceConfig(), attach, lambda: EPOCH + 99)
    evidence.start()
    for name in "AB":
        evidence.opened(event(name), ring)
        evidence.closed(event(name, end=10.0))
    assert evidence.finish(10)
    assert seen == ["A", "B"]
    assert "the store is away" in caplog.text


def test_the_store_is_away_for_a_while(tmp_path: Path, camera: Path) -> None:
    ring = PacketRing(60.0, MB)
    feed(ring, camera)
    told: list[str] = []

    def attach(event_id: str, _: Evidence) -> None:
        told.append(event_id)
        if told == ["A"]:
            raise StoreError("the database is away")

    evidence = LiveEvidence(tmp_path, EvidenceConfig(), attach, lambda: EPOCH + 99)
    evidence.start()
    for name in "AB":
        evidence.opened(event(name), ring)
        evidence.closed(event(name, end=10.0))
        until(lambda: told)
    assert evidence.finish(10)
    assert told == ["A", "A", "B"]


def test_a_disk_that_does_not_write(tmp_path: Path, camera: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file where the folder should be: no picture, no clip, one line, and no exception."""
    folder = tmp_path / "evidence"
    folder.write_text("in the way")
    desk = Desk(folder)
    ring = PacketRing(60.0, MB)
    feed(ring, camera)
    for name in "ABC":
        assert desk.evidence.snapshot(event(name), ArrayPicture(picture(1)), VIEW) is None
        desk.evidence.opened(event(name), ring)
        desk.evidence.closed(event(name, end=10.0))
    until(lambda: len(desk.attached) == 3)
    assert [evidence for _, evidence in desk.attached] == [Evidence()] * 3
    assert desk.evidence.finish(5)
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


KILLED = """
import sys, time
from pathlib import Path
from edge_agent.config import EvidenceConfig
from edge_agent.live.evidence import LiveEvidence
from tests.edge_agent.live.test_live_evidence import EPOCH, VIEW, event
from tests.media_files import picture
from tests.ring_feed import feed
from vision.frame import ArrayPicture
from vision.media.ring import PacketRing
evidence = LiveEvidence(Path(sys.argv[2]), EvidenceConfig(), print, lambda: EPOCH)
evidence.start()
ring = PacketRing(60.0, 2**20)
evidence.snapshot(event(), ArrayPicture(picture(1)), VIEW)
evidence.opened(event(start=2.0, opened=2.0), ring)
def then(t):
    time.sleep(0.01)
    if t > EPOCH + 15:
        print("here", flush=True)
        time.sleep(60)
feed(ring, Path(sys.argv[1]), then=then)
"""


def test_killed_while_it_records(tmp_path: Path, camera: Path) -> None:
    """The next start makes the clip of what was written, and tells of it."""
    folder = tmp_path / "evidence"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(camera), str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert list(folder.rglob("*.part"))
    desk = Desk(folder)
    until(lambda: desk.attached)
    clip = f"clips/{DAY}/E.mp4"
    assert desk.attached == [("E", Evidence(snapshot=f"snapshots/{DAY}/E.jpg", clip=clip))]
    numbers = desk.numbers(clip)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 100
    assert desk.evidence.finish(5)
    assert not list(folder.rglob("*.part"))


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [
        ([], 8.0),  # pre_s and a margin
        ([{"type": "intrusion", "min_seconds": 1}], 9.0),
        ([{"type": "intrusion"}, {"type": "loitering", "seconds": 40}], 48.0),  # the longest counts
        ([{"type": "fall", "seconds": 3, "drop_seconds": 1.5}], 12.5),  # sinking, then lying
        ([{"type": "left_object", "seconds": 15}], 38.0),  # waits twice as long where nobody was seen to leave it
        ([{"type": "counting", "zone": "yard", "period_s": 3600}], 8.0),  # has no clip
    ],
)
def test_how_much_a_ring_must_hold(rules: list[dict[str, object]], seconds: float) -> None:
    camera = CameraConfig.model_validate(
        {"name": "yard", "rules": rules, "zones": [{"name": "yard", "polygon": [[0, 0], [1, 0], [1, 1]]}]}
    )
    assert ring_seconds(camera, EvidenceConfig()) == seconds


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    with mounted(tmp_path / "disk", 1) as folder:
        yield folder


def test_a_disk_that_is_really_full(small_disk: Path, tmp_path: Path) -> None:
    """Event after event on a disk for a few of them: each gets its evidence, the old ones lose theirs, it is said once."""
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    low: list[object] = []
    config = EvidenceConfig(min_free_gb=0, pre_s=5, post_s=3)
    retention = Retention(small_disk, config, store, time.time, low.append, lambda _: None)
    retention.sweep()
    attached: dict[str, Evidence] = {}
    evidence = LiveEvidence(small_disk, config, attached.__setitem__, lambda: EPOCH + 99, room=retention)
    evidence.start()
    ring = PacketRing(60.0, 8 * MB)
    feed(ring, ROOT / "demo" / "clips" / "quiet.mp4")
    old = ROOT / "demo" / "clips" / "quiet.mp4"
    for i in range(12):
        name = f"E{i:02}"
        happening = event(name, 8.0, 9.0, 10.0)
        store.record(happening, [], EPOCH)
        assert evidence.snapshot(happening, ArrayPicture(np.zeros((360, 640, 3), np.uint8)), VIEW) is not None
        evidence.opened(happening, ring)
        evidence.closed(happening)
        until(lambda name=name: name in attached)
        for path in small_disk.rglob(f"{name}.*"):
            os.utime(path, (EPOCH + i, EPOCH + i))
    assert evidence.finish(10)
    assert old.stat().st_size > 200_000
    assert all(made.clip is not None and made.snapshot is not None for made in attached.values())
    assert evidence.stats.clips == 12
    assert evidence.stats.clips_failed == evidence.stats.snapshots_failed == 0
    clips = sorted(path.name for path in small_disk.rglob("*.mp4"))
    assert 1 <= len(clips) < 5
    assert clips[-1] == "E11.mp4"
    assert len(low) == 1
    found = store.event("E00")
    assert found is not None
    assert found.event.evidence.clip is None
    store.close()
