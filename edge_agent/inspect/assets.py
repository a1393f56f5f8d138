"""The files that a recipe names: read once, with their digests, so that a verdict can say what it was made with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from vision.errors import InputError


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


class FolderAssets:
    """Files by their paths, relative ones from one folder; what was read is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.content: dict[str, bytes] = {}

    def read(self, path: str) -> bytes:
        """The file's content. Raises InputError where it cannot be read."""
        if path not in self.content:
            file = self.folder / Path(path).expanduser()
            try:
                self.content[path] = file.read_bytes()
            except OSError as error:
                raise InputError(f"{file}: cannot be read ({error.strerror}); check the path in the recipe") from None
        return self.content[path]

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of every file that was read, by its path in the recipe."""
        return {path: digest(data) for path, data in sorted(self.content.items())}


class KeptAssets:
    """Files as they were when a verdict was made: copies under their digests."""

    def __init__(self, folder: Path, digests: Mapping[str, str]) -> None:
        self.folder, self.digests = folder, dict(digests)

    def read(self, path: str) -> bytes:
        """The copy. Raises InputError where it is gone or no longer what it was."""
        wanted = self.digests.get(path)
        if wanted is None:
            raise InputError(f"{path}: was not part of that run; the recipe beside it has been changed")
        file = self.folder / wanted
        try:
            data = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file}: the kept copy of {path} cannot be read ({error.strerror})") from None
        if digest(data) != wanted:
            raise InputError(f"{file}: the kept copy of {path} has been changed; this run cannot be made again")
        return data
