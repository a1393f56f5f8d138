"""Opens whatever recording a path stands for."""

from __future__ import annotations

import os
import re
from pathlib import Path

from vision.errors import InputError, MediaError
from vision.media.clip import Clip
from vision.media.file import FileClip
from vision.media.folder import PICTURE_SUFFIXES, FolderClip, natural_key

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/{1,2}(?=[^/])")  # as typed, or as a Path leaves it


def open_clip(path: str | os.PathLike[str], *, camera: str = "", image_fps: float = 10.0) -> Clip:
    """The recording at `path`: a video file, a picture, or a folder of pictures (`image_fps` a second).

    Raises InputError where there is nothing at that path, MediaError where it holds no picture that can be read.
    """
    check_exists(path)
    place = Path(path)
    try:
        if place.is_dir():
            return _open_folder(place, camera, image_fps)
        return _open_file(place, camera)
    except PermissionError:
        raise MediaError(f"{place}: reading is not permitted; change its permissions or run as its owner") from None


def check_exists(path: str | os.PathLike[str]) -> None:
    """Raise `InputError` where a path leads nowhere, or is the address of a live source."""
    try:
        there = Path(path).exists()
    except PermissionError:
        return  # what is there will be told when it is opened
    if there:
        return
    if _URL.match(str(path)):
        name = _without_password(str(path))
        raise InputError(f"{name}: a live source; watch it with `sightline run`, replay reads files")
    raise InputError(f"{path}: no such file or folder; check the path")


def _open_folder(place: Path, camera: str, image_fps: float) -> Clip:
    files = [file for file in place.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES and file.is_file()]
    if not files:
        kinds = ", ".join(sorted(PICTURE_SUFFIXES))
        raise MediaError(
            f"{place}: the folder has no pictures in it ({kinds}); name the clips themselves or another folder"
        )
    return FolderClip(place, sorted(files, key=lambda file: natural_key(file.name)), camera, fps=image_fps)


def _open_file(place: Path, camera: str) -> Clip:
    if not place.is_file():
        raise InputError(f"{place}: a device or pipe, no recording; watch it with `sightline run`")
    with place.open("rb") as file:
        if not file.read(1):
            raise MediaError(f"{place}: the file is empty (0 bytes); copy or record it again")
    return FileClip(place, camera)


def _without_password(url: str) -> str:
    return re.sub(r"(:/{1,2})[^/@]*@", r"\1…@", url)
