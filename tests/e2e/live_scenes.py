"""Looping scenes for live tests, cut from the repository's own clips: what happens in each loop is known.

Every scene has a key picture each second, as cameras have, so that a new connection sees something soon.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, missing

CLIPS = ROOT / "demo/clips"
MODEL = {"path": str(ROOT / "demo/model/sightline-demo.onnx")}


def _ffmpeg(*arguments: object) -> None:
    if shutil.which("ffmpeg") is None:
        missing("no ffmpeg; apt-get install ffmpeg")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=120)


def encode(
    source: Path, out: Path, *, filters: str, fps: float = 10.0, quality: int = 20, gop: int | None = None
) -> Path:
    """`source` through `filters` (an ffmpeg graph from the first video stream) as H.264, a key picture every `gop` pictures.

    Default: one a second.
    """
    keys = round(fps) if gop is None else gop
    _ffmpeg(
        "-i", source, "-filter_complex", f"[0:v]{filters}", "-an", "-r", f"{fps:g}", "-c:v", "libx264", "-preset",
        "veryfast", "-threads", "1", "-crf", quality, "-g", keys, "-keyint_min", keys, "-sc_threshold", "0",
        "-bf", "0", "-pix_fmt", "yuv420p", "-movflags", "+faststart", out,
    )  # fmt: skip
    return out


def pacing(folder: Path, *, size: tuple[int, int] = (640, 360)) -> Path:
    """Somebody walks to and fro in the yard and never leaves it: one event, however often the loop (6 s) goes round.

    Forwards, then backwards: the loop has no cut.
    """
    out = folder / f"pacing-{size[0]}x{size[1]}.mp4"
    graph = (
        "trim=start_frame=110:end_frame=141,setpts=PTS-STARTPTS,split[a][b];[b]reverse,setpts=PTS-STARTPTS[c];"
        f"[a][c]concat=n=2:v=1,scale={size[0]}:{size[1]}:flags=area"
    )
    return out if out.exists() else encode(CLIPS / "bag.mp4", out, filters=graph)


def visit(folder: Path) -> Path:
    """Once in 18 s somebody comes in by the gate and leaves to the left: one line_crossing and one intrusion a loop."""
    out = folder / "visit.mp4"
    return out if out.exists() else encode(CLIPS / "night.mp4", out, filters="null")


def brisk(folder: Path, *, shift: float = 0.0) -> Path:
    """Every 4 s somebody crosses the yard for 2 s: one intrusion a loop. `shift`: so much of the emptiness comes first."""
    out = folder / f"brisk-{shift:g}.mp4"
    first = round(shift * 10)  # of the 20 pictures with nobody in the yard
    graph = (
        "split=3[x][y][z];[x]trim=end_frame=20,setpts=PTS-STARTPTS[empty];"
        "[y]trim=start_frame=105:end_frame=125,setpts=PTS-STARTPTS[walk];"
    )
    if first == 0:
        graph += "[z]nullsink;[walk][empty]concat=n=2:v=1"
    else:
        graph += (
            f"[z]trim=start_frame={first}:end_frame=20,setpts=PTS-STARTPTS[rest];"
            f"[empty]trim=end_frame={first},setpts=PTS-STARTPTS[begin];[begin][walk][rest]concat=n=3:v=1"
        )
    return out if out.exists() else encode(CLIPS / "night.mp4", out, filters=graph)


def yard(
    name: str,
    source: str | None,
    *,
    rules: Sequence[Mapping[str, Any]] | None = None,
    stream: Mapping[str, Any] | None = None,
    fps: float = 5.0,
    **more: Any,
) -> dict[str, Any]:
    """A camera with the places of the demo's yard; default rule: `intrusion` into the yard."""
    demo = yaml.safe_load((ROOT / "configs/security.yaml").read_text(encoding="utf-8"))["cameras"][0]
    camera: dict[str, Any] = {
        "name": name,
        "detect": {"fps": fps, "confidence": 0.4},
        **{key: demo[key] for key in ("zones", "lines", "masks")},
        "rules": list(rules or [{"type": "intrusion", "zone": "yard", "classes": ["person"], "min_seconds": 0.5}]),
        **more,
    }
    if source is not None:
        camera["source"] = source
    if stream is not None:
        camera["stream"] = dict(stream)
    return camera
