"""Pictures of parts from files and folders; a damaged one is told as such and never stops the others.

libjpeg and libpng fill what is missing in a damaged file with something and say nothing: such a picture would be judged
for what is not on it. FFmpeg's decoder is asked first whether the file is whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vision.errors import InputError
from vision.frame import Pixels
from vision.media.folder import PICTURE_SUFFIXES, natural_key

CLIP_SUFFIXES = frozenset({".mp4", ".mkv", ".avi", ".mov", ".webm", ".ts", ".m4v", ".mpg", ".mpeg"})
_CHECKED = (b"\xff\xd8\xff", b"\x89PNG")
_STRICT = {"err_detect": "crccheck+explode"}


@dataclass(frozen=True, slots=True)
class PartPicture:
    """One picture: the name that the user knows it by, and the file's bytes.

    `clip`: for a part of a clip, when it was there; `no_picture` in it says why there is no picture, where there is none.
    """

    file: str
    data: bytes
    clip: Mapping[str, Any] | None = None

    @property
    def pixels(self) -> Pixels | str:
        """See `pixels_of`; where there is no picture at all, the reason."""
        missing = (self.clip or {}).get("no_picture")
        return str(missing) if missing else pixels_of(self.data)


def is_clip(file: Path) -> bool:
    """Whether the file's name is that of a clip."""
    return file.suffix.lower() in CLIP_SUFFIXES


def files_of(paths: Sequence[Path], *, clips: bool = False) -> list[Path]:
    """The picture files that the paths name, those of a folder in their natural order, subfolders after them.

    With `clips` the clips among them, too. Raises InputError for a path that does not exist, and where there is no
    picture at all.
    """
    wanted = PICTURE_SUFFIXES | CLIP_SUFFIXES if clips else PICTURE_SUFFIXES
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [f for f in path.rglob("*") if f.suffix.lower() in wanted and f.is_file()]
            found += sorted(inside, key=lambda f: [natural_key(part) for part in f.relative_to(path).parts])
        elif path.is_file() and is_clip(path) and not clips:
            raise InputError(
                f"{path}: is a clip; name pictures of parts; `sightline inspect run` takes them from clips"
            )
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"{path}: no such file or folder; name pictures or folders of pictures")
    if not found:
        kinds = ", ".join(sorted(suffix.lstrip(".") for suffix in PICTURE_SUFFIXES))
        raise InputError(f"{paths[0]}: holds no pictures ({kinds}); name a folder that does")
    return list(dict.fromkeys(found))


def read(files: Sequence[Path]) -> Iterator[PartPicture]:
    """The files' bytes; those of one that cannot be read are empty."""
    for file in files:
        try:
            data = file.read_bytes()
        except OSError:
            data = b""
        yield PartPicture(str(file), data)


def pixels_of(data: bytes) -> Pixels | str:
    """A picture file's pixels, BGR uint8 as displayed; or, in words, why there are none."""
    if not data:
        return "the picture file is empty or cannot be read"
    if data.startswith(_CHECKED) and not _whole(data):
        return "the picture file is damaged: part of it is missing or garbled"
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # more pixels than OpenCV takes
        image = None
    if image is None or image.size == 0:
        return "the picture file is damaged or no picture: it cannot be decoded"
    return np.asarray(image, np.uint8)


def _whole(data: bytes) -> bool:
    """Whether a JPEG or PNG file decodes without a single fault."""
    try:
        with av.open(io.BytesIO(data), mode="r", options=_STRICT) as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            stream.codec_context.options = _STRICT
            return next(container.decode(stream), None) is not None
    except (av.FFmpegError, IndexError, ValueError):
        return False
