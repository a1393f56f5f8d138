"""Pictures and clips of events of recorded footage."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from pathlib import Path

from edge_agent.config import EvidenceConfig
from edge_agent.snapshot import draw, encode_jpeg
from vision.errors import SightlineError
from vision.events import Event, Evidence
from vision.frame import Frame, Picture
from vision.media.clips import ClipCutter
from vision.rules.base import View, rule_types

_RECENT_S = 4.0  # frames are held back so long for events that are told a little after their best moment


class EvidenceKeeper:
    """Collects the events of one clip, each with the frame of its best moment, and writes their pictures and clips.

    Pictures are only held, not converted: pixels are made once, for the one that is kept in the end.
    """

    def __init__(self, config: EvidenceConfig, *, pictures: bool = False) -> None:
        """`pictures`: hold them also where none are to be written, for somebody else."""
        self._config = config
        self._wanted = pictures
        self._events: dict[str, Event] = {}
        self._pictures: dict[str, Picture] = {}
        self._recent: deque[tuple[float, Picture]] = deque()

    def take(self, events: Iterable[Event], frame: Frame) -> None:
        """Events that the pipeline gave for this frame."""
        self._recent.append((frame.t, frame.picture))
        while frame.t - self._recent[0][0] > _RECENT_S:
            self._recent.popleft()
        for event in events:
            before = self._events.get(event.id)
            if (self._config.snapshots or self._wanted) and (before is None or before.at != event.at):
                _, self._pictures[event.id] = min(self._recent, key=lambda shot: abs(shot[0] - event.at))
            self._events[event.id] = event

    @property
    def pictures(self) -> dict[str, Picture]:
        """The pictures held so far, by event; `write` lets them go."""
        return dict(self._pictures)

    def close(self, events: Iterable[Event]) -> None:
        """Events that the pipeline gave at the end of the footage."""
        for event in events:
            self._events[event.id] = event

    def write(
        self, source: Path, out: Path, view: View | None, *, image_fps: float = 10.0
    ) -> tuple[list[Event], list[str]]:
        """Write everything below `out`; the events with their evidence, by start, and notes on what was not possible."""
        events, notes, types = [], [], rule_types()
        with ClipCutter(source, image_fps=image_fps) as cutter:
            for event in sorted(self._events.values(), key=lambda event: (event.start, event.id)):
                evidence = Evidence()
                if types[event.type].pictured:
                    snapshot = self._snapshot(event, out, view)
                    clip, trouble = self._clip(event, cutter, out)
                    evidence = Evidence(snapshot=snapshot, clip=clip)
                    notes += trouble
                events.append(event.model_copy(update={"evidence": evidence}))
        return events, notes

    def _snapshot(self, event: Event, out: Path, view: View | None) -> str | None:
        picture = self._pictures.pop(event.id, None)
        if picture is None or view is None or not self._config.snapshots:
            return None
        name = f"snapshots/{event.id}.jpg"
        (out / "snapshots").mkdir(exist_ok=True)
        (out / name).write_bytes(encode_jpeg(draw(picture.bgr(), event, view)))
        return name

    def _clip(self, event: Event, cutter: ClipCutter, out: Path) -> tuple[str | None, list[str]]:
        if not self._config.clips:
            return None, []
        name = f"clips/{event.id}.mp4"
        (out / "clips").mkdir(exist_ok=True)
        end = event.start if event.end is None else event.end
        end = min(end, event.opened + self._config.max_s)  # of a very long event, its beginning
        try:
            cutter.cut(out / name, event.start, end, pre=self._config.pre_s, post=self._config.post_s)
        except SightlineError as error:
            return None, [f"no clip of the {event.type} at {event.start:.1f} s: {error}"]
        return name, []
