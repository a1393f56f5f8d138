"""The spool: order, room, what is held for the day, and what it makes of damage."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edge_agent.uplink.parcel import unpacked
from edge_agent.uplink.spool import Day, Limits, Spool
from tests.edge_agent.uplink.making import START, Clock, parcel
from tests.peers.small_disk import mounted
from vision.errors import InputError, StoreError
from vision.wire.messages import CaptureRequest


def spool(folder: Path, *, clock: Clock | None = None, **limits: float) -> Spool:
    wanted: dict[str, float] = {"min_free": 0} | limits
    return Spool(folder, Limits(**wanted), clock or Clock())  # type: ignore[arg-type]  # whole numbers where they must be


def drained(kept: Spool, now: float = START) -> list[str]:
    order = []
    while (found := kept.next(now)) is not None:
        order.append(found.id)
        kept.sent(found)
    return order


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "frames").iterdir())


def test_alarms_go_first_and_of_each_kind_the_newest(tmp_path: Path) -> None:
    kinds = ["normal", "backfill", "alarm", "follow_up", "alarm", "normal"]
    with spool(tmp_path) as kept:
        for number, kind in enumerate(kinds):
            assert kept.put(parcel(number, kind=kind)) == "stored"
        order = [int(frame[-5:]) for frame in drained(kept)]
        assert order == [4, 2, 3, 5, 0, 1]
        assert files(tmp_path) == []
        assert kept.stats().counts["sent"] == 6


def test_what_is_there_or_was_sent_is_known_also_after_a_start(tmp_path: Path) -> None:
    with spool(tmp_path) as kept:
        assert kept.put(parcel(1)) == "stored"
        assert kept.put(parcel(1)) == "known"
        assert drained(kept) == ["frame-00001"]
        assert kept.put(parcel(1)) == "known"
    with spool(tmp_path) as kept:
        assert kept.put(parcel(1)) == "known"
        assert kept.next(START) is None


def test_a_parcel_comes_back_as_it_was(tmp_path: Path) -> None:
    whole = parcel(3, kind="alarm", facts={"label": "person", "box": [0.1, 0.2, 0.3, 0.4]}, quality={"blur": 0.2})
    with spool(tmp_path) as kept:
        kept.put(whole)
    with spool(tmp_path) as kept:
        assert kept.next(START) == whole


SIZE = len(parcel(0).packed())
EVICTED = {
    # the oldest of equals goes for the newest
    "normal for normal": (["normal", "normal", "normal"], "normal", [1, 2, 3]),
    # an alarm takes the place of the least valuable
    "backfill first": (["alarm", "backfill", "normal"], "alarm", [0, 2, 3]),
    # what is worth less than all that lies there is not kept
    "nothing for backfill": (["normal", "alarm", "follow_up"], "backfill", [0, 1, 2]),
    "normal does not evict alarms": (["alarm", "alarm", "alarm"], "normal", [0, 1, 2]),
}


@pytest.mark.parametrize("name", EVICTED)
def test_a_full_spool_gives_up_the_least_valuable(tmp_path: Path, name: str) -> None:
    before, new, left = EVICTED[name]
    with spool(tmp_path, max_bytes=3 * SIZE + SIZE // 2) as kept:
        for number, kind in enumerate(before):
            kept.put(parcel(number, kind=kind, data=parcel(0).data))
        result = kept.put(parcel(3, kind=new, data=parcel(0).data))
        assert result == ("stored" if 3 in left else "full")
        counts = kept.stats().counts
        assert sorted(int(frame[-5:]) for frame in drained(kept)) == left
        assert counts == ({"evicted": 1} if 3 in left else {"full": 1})
        assert files(tmp_path) == []


def test_refused_pictures_are_kept_for_a_look_and_go_first(tmp_path: Path) -> None:
    with spool(tmp_path, max_bytes=2 * SIZE + SIZE // 2) as kept:
        for number in (0, 1):
            kept.put(parcel(number, kind="alarm", data=parcel(0).data))
        kept.aside("frame-00001", "HTTP 409: another picture has this id")
        assert kept.next(START) == parcel(0, kind="alarm")
        assert kept.stats().aside == 1
        assert kept.put(parcel(2, kind="backfill", data=parcel(0).data)) == "stored"
        assert kept.stats().aside == 0


def test_one_larger_than_the_spool_costs_no_other(tmp_path: Path) -> None:
    with spool(tmp_path, max_bytes=3 * SIZE) as kept:
        kept.put(parcel(0))
        assert kept.put(parcel(1, kind="alarm", data=b"\xff\xd8" + bytes(4 * SIZE))) == "full"
        assert kept.stats().waiting == 1


def test_on_a_disk_that_others_fill_only_as_many_go_as_come(tmp_path: Path) -> None:
    with spool(tmp_path) as kept:
        for number in range(8):
            kept.put(parcel(number, data=parcel(0).data))
    with spool(tmp_path, min_free=1 << 60) as kept:
        assert kept.put(parcel(8, data=parcel(0).data)) == "stored"
        assert kept.stats().waiting == 8
        assert kept.stats().counts == {"evicted": 1}


def test_a_full_disk_keeps_the_most_valuable_and_heals(tmp_path: Path) -> None:
    """A real disk of 3 MB: alarms take the place of others, nothing that was said to be stored is lost."""
    body = b"\xff\xd8" + bytes(200_000)
    with mounted(tmp_path / "disk", 3) as disk, spool(disk / "spool", min_free=0) as kept:
        stored = []
        for number in range(40):
            kind = "alarm" if number % 4 == 0 else "normal"
            if kept.put(parcel(number, kind=kind, data=body)) == "stored":
                stored.append(number)
        counts = kept.stats().counts
        assert counts["evicted"] > 0
        left = [int(frame[-5:]) for frame in drained(kept)]
        alarms = [number for number in left if number % 4 == 0]
        assert set(left) <= set(stored)
        assert alarms == sorted(alarms, reverse=True)
        assert len(alarms) >= 8, "alarms lie where normal pictures lay"
        assert kept.put(parcel(99, data=body)) == "stored"


# -- the day's floor -----------------------------------------------------------------------------------------------------


def test_the_best_refused_picture_of_a_day_is_held_and_goes_up_when_it_is_over(tmp_path: Path) -> None:
    with spool(tmp_path) as kept:
        assert kept.put(parcel(1), Day("2026-11-23", 1.0, held=0.3)) == "stored"
        assert kept.put(parcel(2), Day("2026-11-23", 2.0, held=0.2)) == "worse"
        assert kept.moment("field-3") == 2.0
        assert kept.put(parcel(3), Day("2026-11-23", 3.0, held=0.6)) == "stored"
        assert kept.next(START) is None
        assert kept.held_days("field-3") == ["2026-11-23"]
    with spool(tmp_path) as kept:
        assert files(tmp_path) == ["frame-00003.frame"]
        assert kept.release("field-3", "2026-11-23") == 1
        assert kept.sent_on("field-3", "2026-11-23") == 1
        assert drained(kept) == ["frame-00003"]


def test_a_good_picture_makes_the_held_one_needless(tmp_path: Path) -> None:
    with spool(tmp_path) as kept:
        kept.put(parcel(1), Day("2026-11-23", held=0.3))
        kept.put(parcel(2), Day("2026-11-24", held=0.3))
        kept.put(parcel(3), Day("2026-11-23", 9.0))
        assert kept.held_days("field-3") == ["2026-11-24"]
        assert kept.sent_on("field-3", "2026-11-23") == 1
        assert files(tmp_path) == ["frame-00002.frame", "frame-00003.frame"]


# -- time -------------------------------------------------------------------------------------------------------------------


def test_old_pictures_expire_and_are_counted(tmp_path: Path) -> None:
    clock = Clock()
    with spool(tmp_path, clock=clock, expire_s=3600) as kept:
        kept.put(parcel(1, captured=START - 1e6))  # an old picture is not one that waited long
        clock.at += 3000
        kept.put(parcel(2))
        assert kept.expire() == 0
        clock.at += 1200
        assert kept.expire() == 1
        assert kept.stats().counts["expired"] == 1
        assert drained(kept, clock.at) == ["frame-00002"]


def test_a_picture_that_failed_waits_and_others_go(tmp_path: Path) -> None:
    with spool(tmp_path) as kept:
        kept.put(parcel(1, kind="alarm"))
        kept.put(parcel(2))
        kept.later("frame-00001", START + 60, "HTTP 500")
        assert kept.attempts("frame-00001") == 1
        first = kept.next(START)
        assert first is not None
        assert first.id == "frame-00002"
        kept.sent(first)
        assert kept.next(START) is None
        assert kept.next_at() == START + 60
        assert drained(kept, START + 60) == ["frame-00001"]


def test_wishes_are_kept_with_the_picture_that_brought_them(tmp_path: Path) -> None:
    wish = CaptureRequest(id="wish-0001", camera="field-3", profile="potato", after=1.0, until=START + 10)
    with spool(tmp_path) as kept:
        kept.put(parcel(1))
        kept.sent(parcel(1), (wish,))
    with spool(tmp_path) as kept:
        assert kept.asked() == [wish]
        kept.answered("wish-0001", "done")
        kept.ask([wish])  # told again by the next acknowledgement
        assert kept.asked() == []


# -- damage -----------------------------------------------------------------------------------------------------------------


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with spool(tmp_path), pytest.raises(InputError, match="another program"):
        spool(tmp_path)
    spool(tmp_path).close()


def test_leftovers_of_a_cut_are_removed(tmp_path: Path) -> None:
    with spool(tmp_path) as kept:
        kept.put(parcel(1))
    frames = tmp_path / "frames"
    (frames / "frame-00007.frame.part").write_bytes(b"half")
    (frames / "frame-00008.frame").write_bytes(parcel(8).packed())  # written, and the row was never committed
    with spool(tmp_path) as kept:
        assert files(tmp_path) == ["frame-00001.frame"]
        assert drained(kept) == ["frame-00001"]


DAMAGE = {
    "shorter": lambda raw: raw[: len(raw) // 2],
    "one bit": lambda raw: raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:],
    "empty": lambda raw: b"",
    "gone": None,
    "another picture": lambda raw: parcel(9).packed(),
    "no meta": lambda raw: b"SLF1\n{}\n" + raw,
    "zeros": lambda raw: bytes(len(raw)),
}


@pytest.mark.parametrize("when", ["at the start", "while it runs"])
@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_pictures_are_found_counted_and_stop_nothing(tmp_path: Path, name: str, when: str) -> None:
    kept = spool(tmp_path)
    for number in (1, 2):
        kept.put(parcel(number))
    path, change = tmp_path / "frames" / "frame-00002.frame", DAMAGE[name]
    if when == "at the start":
        kept.close()
    raw = path.read_bytes()
    path.unlink() if change is None else path.write_bytes(change(raw))
    if when == "at the start":
        kept = spool(tmp_path)
    with kept:
        assert drained(kept) == ["frame-00001"]
        assert kept.stats().counts["damaged"] == 1
        assert files(tmp_path) == []


def test_a_lost_database_is_put_together_again_from_the_pictures(tmp_path: Path) -> None:
    with spool(tmp_path) as kept:
        for number, kind in enumerate(["normal", "alarm", "normal"]):
            kept.put(parcel(number, kind=kind))
    (tmp_path / "spool.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with spool(tmp_path) as kept:
        assert [int(frame[-5:]) for frame in drained(kept)] == [1, 2, 0]
    assert (tmp_path / "damaged-spool.db").exists()


def test_a_database_of_another_version_is_made_anew(tmp_path: Path) -> None:
    with spool(tmp_path) as kept:
        kept.put(parcel(1))
    with sqlite3.connect(tmp_path / "spool.db") as db:
        db.execute("PRAGMA user_version = 77")
    db.close()
    with spool(tmp_path) as kept:
        assert drained(kept) == ["frame-00001"]


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="make it a folder"):
        spool(tmp_path / "file")
    with spool(tmp_path / "one") as kept:
        (tmp_path / "one" / "frames").rename(tmp_path / "one" / "away")
        with pytest.raises(StoreError, match="cannot be kept"):
            kept.put(parcel(1))


def test_no_bytes_are_a_parcel_by_chance() -> None:
    assert unpacked(b"") is None
    assert unpacked(b"SLF1\n") is None
    assert unpacked(parcel(1).packed()) == parcel(1)
