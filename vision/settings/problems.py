"""Problems of a config: where, what, and how they are told, one line each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from vision.errors import ConfigError

Loc = tuple[str | int, ...]
SHOWN = 20
SECRET_KEYS = frozenset(
    {"secret", "password", "passwd", "pwd", "pass", "token", "access_token", "api_key", "apikey", "key", "auth"}
    | {"authorization", "source", "record_source", "url"}
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (or, as a warning, doubtful) at a line and a place of the file."""

    line: int
    loc: Loc
    text: str

    def told(self, file: str) -> str:
        """The line for the user."""
        return ": ".join(part for part in (f"{file}:{self.line}", place(self.loc), self.text) if part)


class Problems:
    """Problems of one file, told in the order of the file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Problem] = []

    def add(self, *problems: Problem) -> None:
        """Notes problems; the same one twice counts once."""
        self._found.extend(p for p in problems if p not in self._found)

    @property
    def found(self) -> tuple[Problem, ...]:
        """The problems so far, as they came."""
        return tuple(self._found)

    def lines(self) -> list[str]:
        """One line each in file order, at most `SHOWN` and then how many more."""
        ordered = sorted(self._found, key=lambda p: p.line)
        lines = [problem.told(self.file) for problem in ordered[:SHOWN]]
        if len(ordered) > SHOWN:
            lines.append(f"{self.file}: and {len(ordered) - SHOWN} more")
        return lines

    def raise_if_any(self) -> None:
        """Raises `ConfigError` with all lines, if there is a problem."""
        if self._found:
            raise ConfigError("\n".join(self.lines()))


def place(loc: Loc) -> str:
    """A place as the user would write it: `cameras[0].rules[1].zone`."""
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{clean(step)}" if text else clean(step)
    return text


def clean(text: str, limit: int = 40) -> str:
    """A text on one line, without control characters, cut to `limit`."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shown(value: Any, loc: Loc = ()) -> str:
    """A value as it may be shown: short, on one line, and never a secret."""
    if any(isinstance(step, str) and step.lower() in SECRET_KEYS for step in loc):
        return "the value"
    if isinstance(value, dict):
        return "a group of keys"
    if isinstance(value, list | tuple):
        return "an empty list" if not value else "a list"
    if value is None:
        return "nothing"
    if isinstance(value, str) and "@" in value:
        return "the value"
    return f"'{clean(value)}'" if isinstance(value, str) and type(value) is str else clean(str(value))


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that was probably meant."""
    words = {a.lower(): a for a in allowed}
    asked = word.lower().strip()
    close = difflib.get_close_matches(asked, words, n=1, cutoff=0.6)
    if close:
        return words[close[0]]
    parts = [
        w for w in words if len(asked) >= 3 and (w.startswith(asked) or asked.startswith(w) or asked in w.split("_"))
    ]
    return words[min(parts, key=len)] if parts else None


def choice(word: str, allowed: Iterable[str]) -> str:
    """The hint `did you mean x? (allowed: …)`."""
    names = sorted(set(allowed))
    near = nearest(word, names)
    known = f"allowed: {', '.join(names) if names else 'none'}"
    return f"did you mean {near}? ({known})" if near else known
