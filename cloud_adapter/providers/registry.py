"""Families of endpoints, found by their files in `families/`: how each is told what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.catalogue import Catalogue
from cloud_adapter.providers.settings import Mode, ModelEntry
from vision.errors import InputError
from vision.plugins import Plugins


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model of the catalogue, ready to be asked; `key` is the real one, None where none is needed."""

    name: str
    entry: ModelEntry
    mode: Mode
    key: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """The base URL, filled in. Raises `InputError` where the entry has none."""
        if self.entry.base_url is None:
            raise InputError(
                f"models.{self.name}: base_url is missing: the address of the endpoint, with its path (…/v1)"
            )
        return self.entry.base_url.filled_in().rstrip("/")


Opener = Callable[[Endpoint], VisionBackend]
_plugins: Plugins[Opener] = Plugins("cloud_adapter.providers.families")


def family(name: str) -> Callable[[Opener], Opener]:
    """Decorator: makes a family known by its name."""

    def keep(opener: Opener) -> Opener:
        _plugins.add(name, opener)
        return opener

    return keep


def families() -> dict[str, Opener]:
    """Every family by its name; imports the files of the folder at first use."""
    return _plugins.all()


def open_backend(name: str, models: Catalogue, mode: Mode | None = None) -> VisionBackend:
    """The backend of a model; nothing is asked yet. `mode` is what the probe found, default the entry's first.

    Raises `InputError` for a name or family that is not known, `ConfigError` for a key that is not set, `ModelError`
    where the library of the family is not installed.
    """
    entry = models.find(name)
    known = families()
    if entry.family not in known:
        raise InputError(f"models.{name}: there is no family {entry.family!r}; write one of: {', '.join(known)}")
    key = None if entry.key is None else entry.key.filled_in().strip()
    if key is not None and not (key.isascii() and key.isprintable()):
        raise InputError(f"models.{name}: the key holds characters that no key has; check the variable {entry.key}")
    return known[entry.family](Endpoint(name, entry, mode or entry.modes[0], key))
