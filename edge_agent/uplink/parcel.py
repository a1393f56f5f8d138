"""A picture on its way up, with all that is told about it; one file of the spool.

The file holds both, so that a spool whose database is lost can be put together again from its files:
`SLF1`, the `FrameMeta` as one line of JSON, the encoded picture.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from vision.wire.messages import FrameMeta, MediaType

_MAGIC = b"SLF1\n"


@dataclass(frozen=True, slots=True)
class Parcel:
    """An encoded picture (JPEG or WebP, without metadata of its own) and what is known about it."""

    meta: FrameMeta
    data: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """The frame's id."""
        return self.meta.frame

    @property
    def media_type(self) -> MediaType:
        """By the picture's own bytes."""
        return "image/webp" if self.data.startswith(b"RIFF") else "image/jpeg"

    def packed(self) -> bytes:
        """As it lies on the disk."""
        return b"".join((_MAGIC, self.meta.model_dump_json(exclude_defaults=True).encode(), b"\n", self.data))


def unpacked(raw: bytes) -> Parcel | None:
    """The parcel in a file's bytes; None where they are damaged: the picture's hash stands beside it."""
    head, found, data = raw.removeprefix(_MAGIC).partition(b"\n")
    if not raw.startswith(_MAGIC) or not found:
        return None
    try:
        meta = FrameMeta.model_validate_json(head)
    except ValidationError:
        return None
    return Parcel(meta, data) if hashlib.sha256(data).hexdigest() == meta.sha256 else None


def read_parcel(path: Path) -> Parcel | None:
    """The parcel in a file; None where it is missing or damaged."""
    try:
        return unpacked(path.read_bytes())
    except OSError:
        return None
