"""Everything Sightline raises on purpose.

SightlineError            one line for the user: cause, place, fix; no traceback is shown
├── InputError            the user's input is wrong                          exit status 2
│   └── ConfigError       a config file: line, key, what is allowed
└── OutsideError          something outside failed                           exit status 3
    ├── MediaError        a clip, picture or stream cannot be read
    ├── ModelError        a model file cannot be loaded or is of no known family
    └── StoreError        the database cannot be reached, is full or damaged
"""

from __future__ import annotations

from typing import ClassVar


class SightlineError(Exception):
    """An error whose text is meant for the user as it stands."""

    exit_status: ClassVar[int] = 3


class InputError(SightlineError):
    """What the user gave cannot be used: a wrong flag, a missing file, a wrong value."""

    exit_status = 2


class ConfigError(InputError):
    """A config that cannot be used; the text names file, line and key."""


class OutsideError(SightlineError):
    """Something outside the program failed."""


class MediaError(OutsideError):
    """A clip, picture or stream that cannot be read."""


class ModelError(OutsideError):
    """A model file that cannot be loaded or understood."""


class StoreError(OutsideError):
    """A database that cannot be reached, is full or damaged."""
