"""The station on the line: one thread that gives every part its picture, its readings and its verdict.

    trigger -> window -> sharpest frame -> recipe -> (readings, or too late for them) -> verdict -> whoever is told

No part is forgotten: what goes wrong on the way is a `no_decision` with its reason.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vision.events import event_id
from vision.frame import Frame
from vision.inspect.fusion import Board, Measured
from vision.inspect.inspector import Inspection, Inspector, Prepared
from vision.inspect.result import CheckResult, Verdict, combine
from vision.inspect.sensors import Reading
from vision.inspect.trigger import Taken, Taker, Trigger, WindowParams

log = logging.getLogger("sightline.inspection")

_MOST = 64  # parts that wait at a time; more come only where something hangs
_STEP_S = 0.01  # how often it is looked whether a reading can still come
_IDLE_S = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """The verdict on one part with all that it was made from. `decided`: seconds, on the clock of the trigger's time.

    `key` names the part, also where its trigger did not. `inspect_s`: how long the recipe took.
    """

    key: str
    taken: Taken
    inspection: Inspection
    measured: tuple[Measured, ...]
    verdict: Verdict
    decided: float
    inspect_s: float

    @property
    def trigger(self) -> Trigger:
        """What told of the part."""
        return self.taken.trigger


@dataclass(slots=True, eq=False)
class _Waiting:
    key: str
    taken: Taken
    inspection: Inspection
    inspect_s: float


class Station:
    """Put triggers, frames and readings in from any thread; `told` is called with each decision, in the own thread."""

    def __init__(
        self,
        inspector: Inspector,
        window: WindowParams,
        board: Board,
        told: Callable[[Decision], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.parts = 0
        self._inspector, self._board, self._told, self._clock = inspector, board, told, clock
        self._taker = Taker(window)
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()
        self._running = False
        self._thread = threading.Thread(target=self._run, name="inspection", daemon=True)

    @property
    def repeated(self) -> int:
        """Triggers that told of a part a second time."""
        return self._taker.repeated

    def start(self) -> None:
        """Begin to work."""
        self._running = True
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Decide what waits with what there is, then end."""
        with self._changed:
            self._running = False
            self._changed.notify()
        self._thread.join(timeout)

    def trigger(self, trigger: Trigger) -> bool:
        """A part is there; False where it has been told of before."""
        with self._changed:
            fresh = self._taker.trigger(trigger)
            if fresh:
                self._board.expect(trigger.t)
                self._changed.notify()
        return fresh

    def frame(self, frame: Frame) -> None:
        """The camera's next picture."""
        with self._changed:
            self._taker.frame(frame)
            if self._taker.waiting:
                self._changed.notify()

    def reading(self, reading: Reading) -> bool:
        """A sensor's reading; False where no such sensor is known."""
        with self._changed:
            known = self._board.put(reading)
            if self._waiting:
                self._changed.notify()
        return known

    def _run(self) -> None:
        while True:
            taken, settled, ended = self._next()
            for one in taken:
                self._look(one)
            for waiting in settled:
                self._decide(waiting)
            if ended and not taken and not self._waiting:
                return

    def _next(self) -> tuple[Sequence[Taken], Sequence[_Waiting], bool]:
        """What is to be done now: parts to look at, parts whose readings are there; whether the end has come."""
        with self._changed:
            while True:
                now = self._clock() if self._running else float("inf")
                taken = self._taker.due(now)
                settled = self._settled(now)
                if taken or settled or not self._running:
                    return taken, settled, not self._running
                self._changed.wait(self._pause(now))

    def _settled(self, now: float) -> list[_Waiting]:
        done = [
            w
            for w in self._waiting
            if self._board.settled(w.taken.trigger.t, now, w.taken.trigger.part) or len(self._waiting) > _MOST
        ]
        self._waiting = [w for w in self._waiting if w not in done]
        return done

    def _pause(self, now: float) -> float:
        if self._waiting:
            return _STEP_S
        due = self._taker.next_due()
        return _IDLE_S if due is None else min(max(due - now, 0.001), _IDLE_S)

    def _look(self, taken: Taken) -> None:
        """The recipe's verdict; then the part waits for its readings, or not."""
        self.parts += 1
        trigger = taken.trigger
        key = trigger.part or event_id(trigger.t, "part", trigger.source, self.parts)
        began = time.perf_counter()
        waiting = _Waiting(key, taken, inspected(self._inspector, taken), time.perf_counter() - began)
        with self._changed:
            self._waiting.append(waiting)
            settled = self._settled(self._clock() if self._running else float("inf"))
        for one in settled:
            self._decide(one)

    def _decide(self, waiting: _Waiting) -> None:
        trigger = waiting.taken.trigger
        with self._changed:
            measured = tuple(self._board.measured(trigger.t, trigger.part))
        results = [*waiting.inspection.verdict.results, *(one.judge() for one in measured)]
        decision = Decision(
            waiting.key,
            waiting.taken,
            waiting.inspection,
            measured,
            combine(results),
            self._clock(),
            waiting.inspect_s,
        )
        try:
            self._told(decision)
        except Exception:
            log.exception("a verdict could not be told", extra={"part": waiting.key})


def inspected(inspector: Inspector, taken: Taken) -> Inspection:
    """What the recipe says of a part's picture; never raises."""
    if taken.frame is None:
        return blind(taken.reason)
    try:
        return inspector.inspect(taken.frame.image, taken.trigger.order)
    except Exception as error:  # whatever is wrong with this picture, the part has a verdict
        log.exception("a part could not be inspected")
        return blind(f"the part could not be inspected: {type(error).__name__}")


def blind(reason: str) -> Inspection:
    """The verdict on a part of which there is no picture."""
    return Inspection(combine([CheckResult.undecided("picture", reason)]), Prepared(reason=reason))
