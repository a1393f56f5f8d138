"""From a camera's timestamps and the moments of arrival to times that can be relied on: epoch seconds, rising."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# A packet that is so much earlier than its timestamp promised, or later for good, tells of a clock that was set anew.
JUMP_S = 2.0
# The camera's own clock is believed within these bounds of the arrival; a picture cannot arrive before it was taken.
AHEAD_S = 1.0
BEHIND_S = 5.0
# Corrections are spread: time runs at most so much slower or faster until they are done.
_SLEW = 0.05
# The least delayed packet of so many seconds tells how stream time and arrival belong together.
_WINDOW_S = 10.0
_TICK_S = 0.001


class RisingClock:
    """Epoch seconds of this machine that never run backwards.

    Where the machine's clock is set back, this one goes on from where it was and loses 5 % until the two agree again;
    where it is set forward, it follows at once. One for all cameras, so that their times can be compared.
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._lock = threading.Lock()
        self._last: tuple[float, float] | None = None

    def now(self) -> float:
        """Epoch seconds."""
        with self._lock:
            wall, mono = self._wall(), self._monotonic()
            told = wall
            if self._last is not None:
                before, since = self._last
                passed = max(0.0, mono - since)
                slowest = before if wall > before + passed - _TICK_S else before + passed * (1 - _SLEW)
                told = max(wall, slowest)
            self._last = (told, mono)
            return told


wall_clock = RisingClock()


class StreamClock:
    """Times of one stream: where the camera's clock is known and sound by it, else by arrival, free of jitter.

    Stream time (pts in seconds) plus an offset gives epoch seconds. The offset comes from the packets that were delayed
    least, or from the camera's sender reports; it is corrected gradually, so that time neither leaps nor stands still,
    and no time lies after the arrival. `note` is told once of a camera whose clock is off, and of each jump.
    """

    def __init__(self, late_s: float, note: Callable[[str, str], None]) -> None:
        self._late_s = max(late_s, JUMP_S)
        self._note = note
        self._offset: float | None = None
        self._goal = 0.0
        self._stamp = 0.0
        self._window = 0.0
        self._least = float("inf")
        self._last = float("-inf")
        self._told_off = False
        self.skew: float | None = None  # the camera's clock minus ours at the last report, seconds (delay included)

    def leap(self, stamp: float, now: float) -> float:
        """Seconds to add to this and all later stamps: 0, except where the camera's clock was set anew."""
        if self._offset is None:
            return 0.0
        late = now - stamp - self._offset
        if -JUMP_S <= late <= self._late_s:
            return 0.0
        self._note("clock_jump", f"the camera's stream time jumped by {-late:+.1f} s; times go on by arrival")
        return late

    def arrived(self, stamp: float | None, now: float, taken: float | None = None) -> float:
        """Take note of a packet: its stamp, when it arrived, when the camera says it was taken; gives its time."""
        if taken is not None:
            self.skew = taken - now
        if stamp is None:
            return now
        if self._offset is None:
            self._offset = self._goal = now - stamp
            self._window, self._stamp = now, stamp
        late = now - stamp - self._offset
        if late < 0:
            self._offset = self._goal = self._offset + late
            late = 0.0
        if taken is not None and self._sound(now - late - taken):
            self._goal = min(taken - stamp, now - stamp)
        else:
            self._by_arrival(late, now)
        most = _SLEW * min(1.0, max(0.0, stamp - self._stamp))
        self._offset += max(-most, min(most, self._goal - self._offset))
        self._stamp = stamp
        return min(now, stamp + self._offset)

    def _by_arrival(self, late: float, now: float) -> None:
        """Where even the least delayed packet of some seconds came late, stream time is slower than ours."""
        assert self._offset is not None
        self._least = min(self._least, late)
        if now - self._window > _WINDOW_S:
            self._goal = self._offset + self._least
            self._window, self._least = now, float("inf")

    def _sound(self, delay: float) -> bool:
        """Whether the camera's clock can be believed; `delay`: from taking to arrival, if it were right."""
        if -AHEAD_S <= delay <= BEHIND_S:
            return True
        if not self._told_off:
            self._told_off = True
            way = "behind" if delay > 0 else "ahead"
            text = f"the camera's clock is {abs(delay):.0f} s {way}; times are those of arrival, set its clock by NTP"
            self._note("clock_off", text)
        return False

    def at(self, stamp: float | None, now: float) -> float:
        """Epoch seconds of a stamp of this stream, never after `now`."""
        if stamp is None or self._offset is None:
            return now
        return min(now, stamp + self._offset)

    def rising(self, t: float) -> float:
        """`t`, or just after the time given before it."""
        self._last = t if t > self._last else self._last + _TICK_S
        return self._last
