"""Pictures of events for messages: found inside the evidence folder, made small enough."""

from __future__ import annotations

from pathlib import Path

import cv2

_WIDTHS = (1280, 960, 640, 480, 320)
_QUALITY = 75


def evidence_file(folder: Path, path: str) -> Path | None:
    """The file of a path in an event's evidence; None where there is none, or where it leads out of the folder."""
    root = folder.resolve()
    file = (root / path).resolve()
    return file if file.is_relative_to(root) and file.is_file() else None


def small_jpeg(file: Path, limit: int) -> bytes | None:
    """The picture as JPEG of at most `limit` bytes, narrower if need be; None where it cannot be read or made so small."""
    try:
        raw = file.read_bytes()
    except OSError:
        return None
    if len(raw) <= limit and raw.startswith(b"\xff\xd8"):
        return raw
    image = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if image is None:
        return None
    height, width = image.shape[:2]
    for wanted in _WIDTHS:
        scale = min(1.0, wanted / width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        smaller = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        done, jpeg = cv2.imencode(".jpg", smaller, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if done and jpeg.nbytes <= limit:
            return jpeg.tobytes()
    return None
