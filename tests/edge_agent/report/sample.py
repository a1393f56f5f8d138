"""Report data made by hand, with real pictures and a real H.264 clip (drawn here, not filmed)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np

from edge_agent.report import ClipReport, NearMissRow, ReportData, Totals, TrackPath
from edge_agent.snapshot import draw, encode_jpeg
from vision.events import Event, Evidence

WEIRD = "<script>alert('x')</script>\"'&"
TYPES = ("intrusion", "line_crossing", "left_object", "smoke_plume")
SEVERITIES = ("alert", "warning", "info")


def event(number: int, **values: Any) -> Event:
    start = 2.0 + 3.5 * number
    base: dict[str, Any] = {
        "id": f"{number:026d}",
        "type": TYPES[number % 4],
        "camera": "yard",
        "severity": SEVERITIES[number % 3],
        "start": start,
        "opened": start + 0.4,
        "at": start + 0.5,
        "end": start + number % 5,
        "zone": ("lawn", "drive")[number % 2],
        "label": "person",
        "score": 0.87,
        "track_id": number,
        "box": (0.3, 0.2, 0.5, 0.9),
        "facts": {
            "dwell_s": 75.2,
            "angle_deg": 33.33,
            "direction": "in",
            "covered_percent": 98,
            "ok": True,
            "way": [1.5],
        },
        "state": "closed",
    }
    return Event(**(base | values))


def picture(width: int = 320, height: int = 180) -> np.ndarray[Any, np.dtype[np.uint8]]:
    ramp = np.linspace(40, 200, width, dtype=np.uint8)
    return np.repeat(np.repeat(ramp[None, :, None], height, axis=0), 3, axis=2)


def write_clip(path: Path, seconds: float = 1.0, *, seed: int = 0) -> None:
    """A short H.264 clip of a moving bar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for n in range(round(seconds * 10)):
            image = np.full((96, 160, 3), 60 + seed, np.uint8)
            image[:, n * 8 : n * 8 + 16] = 220
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")):
                box.mux(packet)
        for packet in stream.encode(None):
            box.mux(packet)


def report(out: Path, count: int, **values: Any) -> ReportData:
    """A report on one clip with `count` events; every event has a picture, and all share one clip file."""
    (out / "snapshots").mkdir(parents=True, exist_ok=True)
    write_clip(out / "clips" / "a.mp4")
    events = []
    for number in range(count):
        made = event(number, evidence=Evidence(snapshot=f"snapshots/{number}.jpg", clip="clips/a.mp4"))
        (out / f"snapshots/{number}.jpg").write_bytes(encode_jpeg(draw(picture(), made, None)))
        events.append(made)
    misses = tuple(
        NearMissRow("intrusion", "dwell", f"dwell {n / 10:.1f} s < 3 s", n, n + n / 10, n / 30, "lawn", "person", n + 1)
        for n in range(min(count, 9))
    )
    path = tuple((t / 5, 0.1 + t / 50, 0.5 + 0.2 * np.sin(t / 4)) for t in range(40))
    clip = ClipReport(
        "yard.mp4", "yard", 320, 180, 2.0 + 3.5 * count + 5, 25.0, tuple(events), misses,
        {"read": 1.5, "detect": 4.0, "rules": 0.0}, {"tracks": 1}, {"not sampled": 400}, ("3 frames were damaged.",),
        (TrackPath(1, "person", path), TrackPath(2, "car", ((0.0, 0.5, 0.5),))), encode_jpeg(picture()),
        {"lawn": ((0.1, 0.4), (0.9, 0.4), (0.9, 0.9))}, {"drive": ((0.2, 0.9), (0.8, 0.9))},
    )  # fmt: skip
    base: dict[str, Any] = {
        "title": "Night shift",
        "generated_from": "sightline replay",
        "config_text": "version: 1\n",
        "clips": (clip,),
        "totals": Totals(60.0, 12.0, 5.0, 1500, 300, 120),
    }
    return ReportData(**(base | values))
