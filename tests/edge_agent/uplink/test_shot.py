"""One picture of a camera: which one is taken, and that the camera is let go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from edge_agent.uplink.shot import ShotTaker
from tests.edge_agent.uplink.making import dark, picture
from vision.capture.quality import Gate
from vision.frame import ArrayPicture, Pixels
from vision.media.live.base import LiveSource, PacketTap, Shot, SourceFault, SourceOptions

OPTIONS = SourceOptions()


class Staged(LiveSource):
    """Shows these pictures, one each `every_s` of its own time, then raises a fault or goes on for ever."""

    def __init__(self, pictures: list[Pixels], every_s: float = 1.0, fault: SourceFault | None = None) -> None:
        self.pictures, self.every_s, self.fault = pictures, every_s, fault
        self.shown, self.closed, self.ended = 0, False, False

    def shots(self, fps: float | None = None, tap: PacketTap | None = None) -> Iterator[Shot]:
        try:
            while self.shown < len(self.pictures) or self.fault is None:
                image = self.pictures[min(self.shown, len(self.pictures) - 1)]
                self.shown += 1
                yield Shot(ArrayPicture(image), 1000.0 + self.shown, self.shown * self.every_s, self.shown)
            raise self.fault
        finally:
            self.ended = True

    def close(self) -> None:
        self.closed = True


def taker(source: LiveSource, **more: float) -> ShotTaker:
    opener: Callable[[str, SourceOptions], LiveSource] = lambda address, options: source  # noqa: E731  # one line says it
    wanted = {"settle_s": 2.0, "look_s": 4.0} | more
    return ShotTaker("rtsp://camera", OPTIONS, Gate(), opener=opener, **wanted)


GOOD, DARK, DARKER = picture(1, 320, 240), dark(1, 320, 240), np.asarray(dark(1, 320, 240) // 2, np.uint8)
CHOSEN = {
    # those of the first two seconds are not looked at: exposure is being found
    "after it has settled": ([DARKER, DARK, GOOD], GOOD, 3, True),
    "the first good one": ([GOOD, GOOD, DARK, DARKER, GOOD, DARK], GOOD, 5, True),
    # none passes for four seconds: the best of those
    "the best": ([GOOD, GOOD, DARKER, DARK, DARKER, DARKER, DARKER, DARKER], DARK, 7, False),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_which_picture_is_taken(name: str) -> None:
    pictures, chosen, looked, ok = CHOSEN[name]
    source = Staged(pictures)
    taken = taker(source).take()
    assert (taken.image == chosen).all()
    assert taken.verdict.ok == ok
    assert source.shown == looked
    assert source.closed
    assert source.ended


def test_a_camera_that_hangs_up_early_has_shown_something() -> None:
    source = Staged([DARK, GOOD], fault=SourceFault("ended", "gone"))
    assert (taker(source).take().image == GOOD).all()
    source = Staged([DARK, DARK, DARK, DARKER], fault=SourceFault("stall", "silent"))
    assert not taker(source).take().verdict.ok


def test_one_that_shows_nothing_is_told() -> None:
    with pytest.raises(SourceFault, match="no route"):
        taker(Staged([], fault=SourceFault("unreachable", "no route"))).take()


def test_stop_ends_a_picture_that_is_being_taken_and_all_further_ones() -> None:
    class Silent(Staged):
        def __init__(self) -> None:
            super().__init__([])
            self.begun, self.over = threading.Event(), threading.Event()  # type: ignore[assignment]  # of this fake alone

        def shots(self, fps: float | None = None, tap: PacketTap | None = None) -> Iterator[Shot]:
            self.begun.set()
            assert self.over.wait(60)  # type: ignore[attr-defined]
            raise SourceFault("other", "closed")
            yield

        def close(self) -> None:
            self.over.set()  # type: ignore[attr-defined]

    source = Silent()
    one = taker(source)
    faults: list[str] = []

    def take() -> None:
        try:
            one.take()
        except SourceFault as error:
            faults.append(str(error))

    thread = threading.Thread(target=take)
    thread.start()
    assert source.begun.wait(60)
    one.stop()
    thread.join(60)
    take()
    assert faults == ["closed", "the agent is stopping"]
