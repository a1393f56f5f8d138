"""From the timestamps that a file carries to times that can be relied on: rising, in seconds, starting at 0."""

from __future__ import annotations

# A step of more than this many seconds (and of ten frames) is a gap worth a note; it stays in the times, for it is true.
GAP_S = 2.0
# A step back of more than this is a clock that was set anew (a recorder joined two recordings), not a frame out of order.
_RESET_S = 1.0
# Closer than this is the same time twice; nothing films 1000 pictures a second here.
_SAME_S = 0.0005
# How far a late frame is put behind its predecessor where its own time is already over.
_NUDGE_S = 0.001


class Timeline:
    """Makes each frame's time from its timestamp (seconds, None where it has none), in the order of display.

    * Missing: one frame interval after the last.
    * Twice the same, or a little back: just after the last frame; the following ones keep their own times.
    * Far back: a clock that was set anew; time goes on from here by the new clock.
    * Far ahead or back for one frame only: a damaged timestamp; treated as missing.
    * Far ahead for good: a gap; kept.
    """

    def __init__(self, interval: float | None) -> None:
        self._interval = interval or 0.04
        self._known = bool(interval)
        self._shift: float | None = None
        self._last: float | None = None
        self.missing = 0
        self.backward = 0
        self.gaps: list[tuple[float, float]] = []

    @property
    def linear(self) -> bool:
        """Whether every time so far is its timestamp minus the first one."""
        return not (self.missing or self.backward)

    def place(self, stamp: float | None, following: float | None = None) -> float:
        """Seconds from the first frame; `following` is the next frame's timestamp where that is known."""
        if self._last is None:
            return self._first(stamp)
        last = self._last
        if stamp is None or self._shift is None:
            return self._fill(stamp)
        t = stamp - self._shift
        gap = max(GAP_S, 10 * self._interval)
        leaps = t > last + gap or t < last - _RESET_S
        if leaps and following is not None and last < following - self._shift <= last + gap:
            return self._fill(None)
        if t < last + _SAME_S:
            self.backward += 1
            if t < last - _RESET_S:
                self._shift = stamp - last - self._interval
                t = last + self._interval
            else:
                t = last + _NUDGE_S
        elif t > last + gap:
            self.gaps.append((last, t - last))
        elif not self._known:
            self._interval = t - last
        self._last = t
        return t

    def _first(self, stamp: float | None) -> float:
        self._last = 0.0
        if stamp is None:
            self.missing += 1
        else:
            self._shift = stamp
        return 0.0

    def _fill(self, stamp: float | None) -> float:
        """One interval on; the first timestamp after a start without any is anchored here."""
        assert self._last is not None
        t = self._last + self._interval
        if stamp is None:
            self.missing += 1
        else:
            self._shift = stamp - t
        self._last = t
        return t

    def notes(self) -> list[str]:
        """What was repaired and what stands out, a line each."""
        lines = []
        if self.missing:
            lines.append(f"{_count(self.missing, 'frame')} had no usable timestamp; placed at the average rate")
        if self.backward:
            lines.append(f"timestamps ran backwards or stood still {_count(self.backward, 'time')}; repaired")
        if self.gaps:
            at, longest = max(self.gaps, key=lambda gap: gap[1])
            lines.append(
                f"{_count(len(self.gaps), 'gap')} without pictures, the longest {longest:.1f} s at {at:.1f} s; kept"
            )
        return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
