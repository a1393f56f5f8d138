"""One good picture of a camera: its stream is opened for it and closed again, so that it costs nothing in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import cast

from vision.capture.quality import Gate, Verdict, judge
from vision.frame import Pixels
from vision.media.live.base import LiveSource, Shot, SourceFault, SourceOptions
from vision.media.live.open import open_live

_FPS = 4.0  # pictures a second that are looked at
Opener = Callable[[str, SourceOptions], LiveSource]


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture (BGR, uint8 [height, width, 3]), when it was taken (epoch seconds), and what the gate says of it."""

    image: Pixels = field(repr=False)
    t: float
    verdict: Verdict


class ShotTaker:
    """Takes pictures of one camera, one after the other; `stop` ends one that is being taken."""

    def __init__(
        self,
        address: str,
        options: SourceOptions,
        gate: Gate,
        *,
        settle_s: float = 2.0,
        look_s: float = 8.0,
        opener: Opener = open_live,
    ) -> None:
        """A camera that was just opened finds its exposure for `settle_s` seconds; then it has `look_s` for a good one."""
        self._address, self._options, self._gate, self._opener = address, options, gate, opener
        self._settle_s, self._look_s = settle_s, look_s
        self._lock = threading.Lock()
        self._source: LiveSource | None = None
        self._stopped = False

    def take(self, before: Pixels | None = None) -> Taken:
        """The first picture that passes the gate, else the best of those seen; blocks for some seconds.

        `before`: the fingerprint of the camera's last picture. Raises `SourceFault` where it shows none, `InputError` for
        a bad address.
        """
        source = self._opener(self._address, self._options)
        with self._lock:
            if self._stopped:
                raise SourceFault("other", "the agent is stopping")
            self._source = source
        try:
            # a generator's end here and now, not when somebody collects it: it holds the connection
            with source, closing(cast("_Closing", source.shots(_FPS))) as shots:
                return self._chosen(shots, before)
        finally:
            with self._lock:
                self._source = None

    def stop(self) -> None:
        """Take nothing any more; from any thread."""
        with self._lock:
            self._stopped, source = True, self._source
        if source is not None:
            source.close()

    def _chosen(self, shots: Iterator[Shot], before: Pixels | None) -> Taken:
        best: Taken | None = None
        early: Shot | None = None
        first: float | None = None
        try:
            for shot in shots:
                first = shot.arrived if first is None else first
                if shot.arrived - first < self._settle_s:
                    early = shot
                    continue
                best = _better(best, shot, self._gate, before)
                if best.verdict.ok or shot.arrived - first >= self._settle_s + self._look_s:
                    break
        except SourceFault:
            if best is None and early is None:
                raise
        if best is None and early is not None:  # one that shows a picture or two and hangs up
            best = _better(None, early, self._gate, before)
        if best is None:
            raise SourceFault("ended", "the stream ended without a picture")
        return best


class _Closing(Iterator[Shot]):
    """What `shots` gives is a generator."""

    def close(self) -> None:
        """End it."""


def _better(best: Taken | None, shot: Shot, gate: Gate, before: Pixels | None) -> Taken:
    image = shot.picture.bgr()
    verdict = judge(image, gate, before)
    if best is None or verdict.ok or verdict.score > best.verdict.score:
        return Taken(image, shot.t, verdict)
    return best
