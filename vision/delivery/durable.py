"""Files that survive a power cut once they are written.

A file is written beside its place, forced to the disk, moved over, and the folder forced as well: without the last step
the name may be lost although the content is there. https://lwn.net/Articles/457667/
"""

from __future__ import annotations

import os
from pathlib import Path

PART = ".part"


def write_durably(path: Path, data: bytes) -> None:
    """The whole file or none, on the disk when this returns; its folder must be there. Raises `OSError`."""
    part = path.with_name(path.name + PART)
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    force(path.parent)


def force(folder: Path) -> None:
    """Force a folder's entries to the disk. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
