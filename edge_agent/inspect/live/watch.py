"""Triggers in the picture, looked for in a thread of their own: the newest frame only, so that the camera never waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

from edge_agent.inspect.settings import AnyTrigger, LineInPicture, Standstill
from vision.frame import Frame
from vision.inspect.trigger import Trigger
from vision.inspect.trigger_view import LineTrigger, StandstillTrigger

log = logging.getLogger("sightline.inspection")

Watch = tuple[str, LineTrigger | StandstillTrigger]


class Watcher:
    """Looks at frames for parts that cross a line or stand still."""

    def __init__(self, watches: Sequence[Watch], trigger: Callable[[Trigger], object]) -> None:
        self._watches, self._trigger = watches, trigger
        self.skipped = 0  # frames that came while the one before was looked at
        self._frame: Frame | None = None
        self._changed = threading.Condition()
        self._running = True
        self._thread = threading.Thread(target=self._run, name="inspection-watch", daemon=True)
        self._thread.start()

    def frame(self, frame: Frame) -> None:
        """The newest picture."""
        with self._changed:
            self.skipped += self._frame is not None
            self._frame = frame
            self._changed.notify()

    def stop(self, timeout: float = 1.0) -> None:
        """Look no more."""
        with self._changed:
            self._running = False
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._frame is None and self._running:
                    self._changed.wait()
                frame, self._frame = self._frame, None
            if frame is None:
                return
            try:
                self._look(frame)
            except Exception:
                log.exception("a picture could not be looked at for triggers")

    def _look(self, frame: Frame) -> None:
        for trigger in looked_at(frame, self._watches):
            self._trigger(trigger)


def looked_at(frame: Frame, watches: Sequence[Watch]) -> list[Trigger]:
    """The parts that this picture tells of."""
    return [Trigger(frame.t, source) for source, watch in watches if watch.look(frame.image, frame.t)]


def watches_of(triggers: Iterable[AnyTrigger]) -> list[Watch]:
    """Those of the triggers that are in the picture."""
    found: list[Watch] = []
    for wanted in triggers:
        if isinstance(wanted, LineInPicture):
            found.append(("line", LineTrigger(wanted.points, wanted.min_share)))
        elif isinstance(wanted, Standstill):
            found.append(("standstill", StandstillTrigger(wanted.seconds, wanted.move, wanted.min_share)))
    return found
