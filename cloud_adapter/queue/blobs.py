"""Pictures as files: what `keep` has returned from survives a power cut.

A file is written beside its place, forced to the disk, moved over, and the folder forced as well: without the last step
the name may be lost although the content is there. https://lwn.net/Articles/457667/
"""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from cloud_adapter.queue.base import MissingPictureError
from vision.errors import InputError, StoreError

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{2,127}")
_PART = ".part"


def checked(key: str) -> str:
    """The key, if it can be the name of a file and of an object. Raises `InputError`."""
    if not _KEY.fullmatch(key) or key.endswith(_PART):
        raise InputError(f"a picture's key is 3 to 128 letters, digits, dots, - or _, not {key[:40]!r}")
    return key


class Blobs:
    """A folder of pictures by key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, key: str, data: bytes) -> None:
        """Write durably; a picture that is there is written anew, so that it counts as young. Raises `StoreError`."""
        place = self._place(key)
        part = place.with_name(f"{key}.{uuid.uuid4().hex}{_PART}")
        try:
            if not place.parent.is_dir():
                place.parent.mkdir(exist_ok=True)
                _force(self._folder)
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(place)
            _force(place.parent)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StoreError(f"{self._folder}: a picture cannot be kept: {error.strerror}; is the disk full?") from None

    def read(self, key: str) -> bytes:
        """The picture. Raises `MissingPictureError`, `StoreError`."""
        try:
            return self._place(key).read_bytes()
        except FileNotFoundError:
            raise MissingPictureError(f"the picture {key} is not in {self._folder}") from None
        except OSError as error:
            raise StoreError(f"{self._folder}: {key} cannot be read: {error.strerror}") from None

    def there(self, key: str) -> bool:
        """Whether it is kept."""
        return self._place(key).is_file()

    def remove(self, key: str) -> None:
        """Away with it; nothing happens where it is gone already."""
        self._place(key).unlink(missing_ok=True)

    def older(self, seconds: float) -> Iterator[str]:
        """Keys of files that lie untouched for so long, by the file system's clock; leftovers of a cut are removed."""
        before = time.time() - seconds
        for file in self._folder.glob("*/*"):
            try:
                if file.stat().st_mtime >= before:
                    continue
                if file.name.endswith(_PART):
                    file.unlink(missing_ok=True)
                    continue
            except OSError:  # another process was faster
                continue
            yield file.name

    def _place(self, key: str) -> Path:
        return self._folder / checked(key)[:2] / key


def _force(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
