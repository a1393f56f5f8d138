"""Events: what happened, where, when and how sure; their life from open to closed; the wire form.

The JSON form is a contract with users (see README): keys may be added, never changed. Numbers are rounded, and the id is
made from the event's own content, so that the same footage with the same config gives the same bytes.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Severity = Literal["info", "warning", "alert"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "alert")
Fact = float | int | str | bool | None | list[float] | list[str]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Evidence(BaseModel):
    """Paths of the pictures and clips of an event, relative to the output folder."""

    model_config = ConfigDict(frozen=True)
    snapshot: str | None = None
    clip: str | None = None


class Summary(BaseModel):
    """The event in words, and who found the words."""

    model_config = ConfigDict(frozen=True)
    text: str
    source: Literal["template", "local", "cloud"] = "template"
    model: str | None = None
    latency_s: float | None = None


class Event(BaseModel):
    """Something a rule was asked to report.

    `start`, `end`, `opened` (when the rule was sure) and `at` (the moment of the snapshot) are seconds from the start of
    the clip, live: epoch seconds UTC. An event still `open` when the footage ended has the end of the footage as its end.
    `box` is left, top, right, bottom in 0..1 of the picture at the snapshot. `facts` are the rule's measurements, units in
    the key. `described` is what a language model saw and what became of it (`vision.language.compose.Described`).
    """

    model_config = ConfigDict(frozen=True)
    id: str
    type: str
    camera: str
    severity: Severity
    start: float
    end: float | None = None
    opened: float
    at: float
    zone: str | None = None
    label: str | None = None
    score: float | None = None
    track_id: int | None = None
    count: int = 1
    box: tuple[float, float, float, float] | None = None
    facts: dict[str, Fact] = Field(default_factory=dict)
    evidence: Evidence = Evidence()
    summary: Summary | None = None
    state: Literal["open", "closed"] = "open"
    rule: str = ""
    clip: str | None = None
    described: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The wire form: plain JSON values, numbers rounded (times to 1 ms, places to 0.0001, scores to 0.001)."""
        raw = self.model_dump(mode="json")
        for key in ("start", "end", "opened", "at"):
            raw[key] = None if raw[key] is None else round(raw[key], 3)
        raw["score"] = None if self.score is None else round(self.score, 3)
        raw["box"] = None if self.box is None else [round(v, 4) for v in self.box]
        raw["facts"] = {key: _rounded(value) for key, value in self.facts.items()}
        for key in ("clip", "described"):
            if raw[key] is None:
                del raw[key]
        return raw


def _rounded(value: Fact) -> Fact:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, list):
        return [round(v, 3) if isinstance(v, float) else v for v in value]  # type: ignore[return-value]  # same kind out as in
    return value


def event_id(start: float, *content: object) -> str:
    """A 26-character id in the form of a ULID: milliseconds of `start`, then 80 bits of a hash of `content`.

    Sorts by time, and the same content gives the same id. Form: https://github.com/ulid/spec (Crockford base32).
    """
    millis = max(0, round(start * 1000)) & ((1 << 48) - 1)
    digest = hashlib.sha256("\x1f".join(str(part) for part in (millis, *content)).encode()).digest()
    number = (millis << 80) | int.from_bytes(digest[:10], "big")
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
