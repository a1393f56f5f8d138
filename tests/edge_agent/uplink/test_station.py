"""A camera's days: what is taken when, what the gate's refusals lead to, and what a reboot or a lost camera changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge_agent.config.models import CameraConfig
from edge_agent.uplink.maker import Maker
from edge_agent.uplink.shot import Taken
from edge_agent.uplink.spool import Limits, Spool
from edge_agent.uplink.station import Station
from tests.edge_agent.uplink.making import Clock, dark, picture
from vision.capture.quality import Gate, judge
from vision.capture.schedule import CaptureTimes
from vision.frame import Pixels
from vision.geometry import Box
from vision.media.live.base import SourceFault
from vision.wire.messages import CaptureRequest, FrameMeta

ZONE = "Europe/Berlin"


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp()


class Lens:
    """A camera whose pictures are told beforehand: good, dark, or away; good once the script is over."""

    def __init__(self, clock: Clock, *script: str) -> None:
        self.clock, self.script = clock, list(script)
        self.taken = 0

    def __call__(self, before: Pixels | None) -> Taken:
        word = self.script.pop(0) if self.script else "good"
        self.clock.at += 3  # opening takes a while
        if word == "away":
            raise SourceFault("unreachable", "rtsp://camera: no route")
        self.taken += 1
        image = picture(self.taken, 320, 240) if word == "good" else dark(self.taken, 320, 240)
        if word == "darker":
            image = image // 2
        return Taken(image, self.clock.at, judge(image, Gate(), before))


class Everywhere:
    """People in every picture."""

    def people(self, image: Pixels) -> list[Box]:
        return [Box(10, 10, 60, 60)]


class Field:
    """A station, its spool and its clock; `day` lets time go by and tells what was put on its way."""

    def __init__(
        self, folder: Path, start: str, *script: str, finder: Any = None, at: Any = ("06:30", "18:00"), **capture: Any
    ) -> None:
        self.folder, self.clock = folder, Clock(_at(start))
        self.lens = Lens(self.clock, *script)
        told = {"profile": "potato", "at": at} | capture
        self.camera = CameraConfig.model_validate({"name": "field-3", "tier": "cloud", "capture": told})
        self.maker = Maker(self.camera, "north", finder)
        self.sent: list[FrameMeta] = []
        self.boot()

    def boot(self) -> None:
        self.spool = Spool(self.folder, Limits(min_free=0), self.clock)
        assert self.camera.capture is not None
        times = CaptureTimes(self.camera.capture.at, ZONE)
        self.station = Station(
            "field-3", times, self.maker, self.spool, self.lens, clock=self.clock, random=lambda: 0.5, look_every_s=1800
        )

    def reboot(self) -> None:
        self.spool.close()
        self.boot()

    def until(self, text: str) -> list[str]:
        """Live until then; what went on its way: local time and trigger."""
        end, found = _at(text), []
        while self.clock.at < end:
            wait = self.station.step()
            while (parcel := self.spool.next(self.clock.at)) is not None:
                self.spool.sent(parcel)
                self.sent.append(parcel.meta)
                local = datetime.fromtimestamp(parcel.meta.captured, UTC).astimezone(ZoneInfo(ZONE))
                found.append(f"{local:%d %H:%M} {parcel.meta.trigger}")
            self.clock.at = min(end, self.clock.at + wait)
        return found


_at = at


@contextmanager
def field(folder: Path, start: str, *script: str, **more: Any) -> Iterator[Field]:
    made = Field(folder, start, *script, **more)
    try:
        yield made
    finally:
        made.spool.close()


def test_pictures_at_their_times_over_the_change_of_the_clocks(tmp_path: Path) -> None:
    with field(tmp_path, "2026-10-24T12:00") as f:
        assert f.until("2026-10-26T12:00") == [
            "24 18:00 schedule",
            "25 06:30 schedule",
            "25 18:00 schedule",
            "26 06:30 schedule",
        ]
        meta = f.sent[0]
        assert (meta.site, meta.camera, meta.profile, meta.priority, meta.width) == (
            "north",
            "field-3",
            "potato",
            5,
            320,
        )
        assert set(meta.quality) >= {"light", "blur", "sky"}
        assert len({m.frame for m in f.sent}) == 4


def test_a_day_of_refused_pictures_sends_its_best_one_marked(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T06:00", "dark", "darker", "good") as f:
        assert f.until("2026-11-24T12:00") == ["23 06:30 floor", "24 06:30 schedule"]
        assert f.sent[0].facts == {"gate": ["dark"]}
        assert f.sent[0].trigger == "floor"


def test_a_good_picture_later_in_the_day_makes_the_refused_one_needless(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T06:00", "dark", "good") as f:
        assert f.until("2026-11-24T06:00") == ["23 18:00 schedule"]


def test_without_a_floor_refused_pictures_stay(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T06:00", *["dark"] * 4, floor_per_day=0) as f:
        assert f.until("2026-11-25T00:00") == []
        assert f.station.counts["refused"] == 4


def test_a_reboot_between_refusal_and_evening_loses_nothing(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T06:00", "dark", "darker") as f:
        f.until("2026-11-23T12:00")
        f.reboot()
        assert f.until("2026-11-23T23:00") == ["23 06:30 floor"]


def test_off_over_the_evening_the_day_has_its_picture_the_next_morning(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T06:00", "dark") as f:
        f.until("2026-11-23T12:00")
        f.clock.at = at("2026-11-24T05:00")  # no power
        f.reboot()
        assert f.until("2026-11-24T05:10") == ["23 06:30 floor"]
        assert f.until("2026-11-24T12:00") == ["24 06:30 schedule"]


def test_a_moment_is_taken_up_to_late_s_later_and_only_the_newest(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T06:00") as f:
        f.until("2026-11-23T06:10")
        f.clock.at = at("2026-11-23T18:20")  # both moments have passed meanwhile
        f.reboot()
        assert f.until("2026-11-23T20:00") == ["23 18:20 schedule"]
        f.clock.at = at("2026-11-24T07:30")  # an hour is too late; the evening brings one
        assert f.until("2026-11-24T19:00") == ["24 18:00 schedule"]
        assert f.station.counts["missed"] == 1


def test_a_camera_that_is_away_is_tried_again_and_told_of(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T06:00", "away", "away", "away", "good") as f:
        found = f.until("2026-11-23T12:00")
        assert len(found) == 1
        assert found[0].startswith("23 06:3")
        state = f.station.state()
        assert state.fault is None
        assert f.station.counts["failed"] == 3


def test_a_camera_away_all_day_is_tried_until_midnight(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T06:00", *["away"] * 60) as f:
        found = f.until("2026-11-24T00:00")
        assert f.station.counts["missed"] == 2
        assert [word.split()[-1] for word in found] == ["floor"]
        assert f.station.state().fault is None


def test_a_day_without_a_moment_has_a_picture_at_midday(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-21T00:30", "dark", at=("mon-fri 06:30",)) as f:  # a Saturday
        assert f.until("2026-11-23T07:00") == ["21 12:00 floor", "22 12:00 floor", "23 06:30 schedule"]


def test_the_first_start_takes_nothing_of_the_past(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T06:31") as f:
        assert f.until("2026-11-23T12:00") == []


def test_a_clock_that_was_wrong_does_not_stop_the_pictures(tmp_path: Path) -> None:
    with field(tmp_path, "2030-01-01T00:00") as f:
        f.until("2030-01-01T12:00")
        f.clock.at = at("2026-11-23T17:00")  # set right
        assert f.until("2026-11-23T19:00") == ["23 18:00 schedule"]


def test_people_keep_a_picture_here_where_that_is_wanted(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T06:00", finder=Everywhere(), people="refuse") as f:
        assert f.until("2026-11-23T19:00") == []
        assert f.station.counts["people"] >= 2
    with field(tmp_path / "blur", "2026-11-23T06:00", finder=Everywhere(), people="blur") as f:
        assert f.until("2026-11-23T07:00") == ["23 06:30 schedule"]
        assert f.sent[0].facts == {"hidden": 1, "person_in_view": True}


WISH = CaptureRequest(
    id="wish-0001",
    camera="field-3",
    profile="cover",
    after=at("2026-11-23T10:00"),
    until=at("2026-11-23T10:30"),
    follows="frame-00001",
)


@pytest.mark.parametrize(
    "script", [("good",), ("dark",), ("away", "good")], ids=["good", "whatever the gate says", "away first"]
)
def test_a_wish_of_the_cloud_is_answered_once(tmp_path: Path, script: tuple[str, ...]) -> None:
    with field(tmp_path, "2026-11-23T09:00", *script) as f:
        f.spool.ask([WISH])
        found = f.until("2026-11-23T11:00")
        assert len(found) == 1
        assert found[0].startswith("23 10:00")
        meta = f.sent[0]
        assert (meta.trigger, meta.profile, meta.follows, meta.priority) == ("follow_up", "cover", "frame-00001", 1)
        assert f.spool.sent_on("field-3", "2026-11-23") == 0, "it does not stand for the day's own"


def test_a_wish_that_cannot_be_answered_in_time_is_let_go(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T09:00", *["away"] * 30) as f:
        f.spool.ask([WISH, WISH.model_copy(update={"id": "wish-0002", "camera": "another"})])
        assert f.until("2026-11-23T11:00") == []
        assert [wish.id for wish in f.spool.asked()] == ["wish-0002"]


def test_a_picture_that_repeats_itself_is_refused(tmp_path: Path) -> None:
    with field(tmp_path, "2026-11-23T06:00") as f:
        f.lens.taken = -1
        f.until("2026-11-23T07:00")
        f.lens.taken = -1  # the same picture in the evening: the encoder hangs
        assert f.until("2026-11-24T05:00") == []
        assert f.station.counts["refused"] == 1
