"""Pictures of parts from clips: the triggers and the window of the running line, on the clip's own time.

    clip --(triggers in the picture)--> part --(window)--> its sharpest frame, as a picture "CLIP#part-N"
      +--cannot be read, was damaged, shows no part--> one line for the clip itself, which is `no_decision`

Nothing here depends on how fast the machine is: time is the frames' timestamp, and every frame is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2

from edge_agent.inspect.live.watch import Watch, looked_at, watches_of
from edge_agent.inspect.pictures import PartPicture, is_clip, read
from edge_agent.inspect.settings import AnyTrigger, LineInPicture, LiveConfig, Standstill
from vision.errors import SightlineError
from vision.frame import Frame
from vision.inspect.trigger import Taken, Taker, WindowParams
from vision.inspect.trigger_view import PartTracker, blobs
from vision.media.reader import open_clip

_STANDS = Standstill()
_ACROSS = LineInPicture(points=((0.5, 0.0), (0.5, 1.0)))  # parts go from left to right or back
_DOWN = LineInPicture(points=((0.0, 0.5), (1.0, 0.5)))
_NO_PART = (
    "no part was seen in the clip; say what tells of one in inspection.live.triggers of the config (line, standstill)"
)


def parts_of(files: Sequence[Path], live: LiveConfig | None = None) -> Iterator[PartPicture]:
    """The pictures of all parts: a picture file is one, a clip has as many as `live` (or the clip itself) tells of."""
    for file in files:
        if is_clip(file):
            yield from _in_clip(file, live)
        else:
            yield from read([file])


def _in_clip(path: Path, live: LiveConfig | None) -> Iterator[PartPicture]:
    """The parts in the order in which they were told of; then, if something was wrong with the clip, what."""
    wrong, number = [], 0
    try:
        watches = watches_of(live.triggers if live is not None else ()) or watches_of([_fitting(path)])
        with open_clip(path) as clip:
            for number, taken in enumerate(taken_in(clip, watches, WindowParams() if live is None else live.window), 1):
                yield _part(f"{path}#part-{number}", taken)
            if clip.notes:
                wrong.append(f"parts may be missing, the clip is not sound: {'; '.join(clip.notes)}")
    except SightlineError as error:
        wrong.append(str(error).removeprefix(f"{path}: "))
    else:
        if not number:
            wrong.append(_NO_PART)
    if wrong:
        yield PartPicture(str(path), b"", {"no_picture": "; ".join(wrong)})


def taken_in(frames: Iterable[Frame], watches: Sequence[Watch], window: WindowParams) -> Iterator[Taken]:
    """Every part that the triggers tell of, with its picture, as soon as its window is over."""
    taker = Taker(window)
    for frame in frames:
        for trigger in looked_at(frame, watches):
            taker.trigger(trigger)
        taker.frame(frame)
        yield from taker.due(frame.t)
    yield from taker.due(float("inf"))


def _fitting(path: Path) -> AnyTrigger:
    """What tells of the most parts in a clip: a standstill, or else the middle line across the way that they go."""
    tracker, way = PartTracker(), [0.0, 0.0]
    choice: tuple[AnyTrigger, ...] = (_STANDS, _ACROSS, _DOWN)
    count = dict.fromkeys(choice, 0)
    watches = [(trigger, watches_of([trigger])) for trigger in choice]
    with open_clip(path) as clip:
        for frame in clip:
            for trigger, watch in watches:
                count[trigger] += len(looked_at(frame, watch))
            for track, before in tracker.update(blobs(frame.image, _STANDS.min_share), frame.t):
                way[0] += abs(track.blob.x - before[0])
                way[1] += abs(track.blob.y - before[1])
    line = _ACROSS if way[0] >= way[1] else _DOWN
    return _STANDS if count[_STANDS] >= count[line] else line


def _part(name: str, taken: Taken) -> PartPicture:
    """The part with its picture as a file. Times are in seconds from the clip's start."""
    frame, data = taken.frame, b""
    if frame is not None:
        data = cv2.imencode(".png", frame.image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    told = {
        "t": round(taken.trigger.t, 3),
        "trigger": taken.trigger.source,
        "picture_t": None if frame is None else round(frame.t, 3),
        "sharpness": round(taken.sharpness, 3),
        "no_picture": taken.reason,
    }
    return PartPicture(name, data, told)
