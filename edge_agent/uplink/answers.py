"""What the cloud's answer to an upload means for the picture, and for when to try again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from pydantic import ValidationError

from vision.delivery.http_post import retry_after
from vision.wire.messages import Ack

Outcome = Literal[
    "stored",  # it is durable up there: done
    "refused",  # this picture will never be taken
    "denied",  # this device, or this address: nothing will be taken until somebody changes something
    "clock",  # signed at a time that is not now
    "busy",  # later, as it says
    "failed",  # it was reached, and this picture was not taken: perhaps another one is
    "unreachable",  # nobody is there, or not who is meant
]

_BUSY = frozenset({408, 425, 429, 503})
_ABSENT = frozenset({502, 504})  # a proxy whose server is away
_NEVER = frozenset({413, 415})  # whoever says so, the picture does not get through
_AGAIN = frozenset({"wrong_digest"})  # damaged on the way


@dataclass(frozen=True, slots=True)
class Answer:
    """`reason` holds no secret. `retry_s`: what was asked for. `server_time`: epoch seconds, where the clock is wrong."""

    outcome: Outcome
    reason: str = ""
    ack: Ack | None = None
    retry_s: float | None = None
    server_time: float | None = None


def judged(status: int, headers: Mapping[str, str], body: bytes, frame: str, now: float) -> Answer:
    """The answer to `PUT /v1/frames/{frame}`; `now` is the device's time.

    Only an acknowledgement in the contract's own form counts as one: the login page of a mobile network answers 200 too.
    """
    if status in (200, 201):
        return _acknowledged(body, frame)
    told = _object(body)
    outcome, reason = _outcome(status, told), _reason(status, told)
    if outcome == "denied" and told.get("error") == "clock_skew":
        server = _server_time(told, headers)
        return Answer("denied" if server is None else "clock", reason, server_time=server)
    if outcome == "denied" and status not in (401, 403):
        reason += ": no Sightline intake at this address; check uplink.url"
    return Answer(outcome, reason, retry_s=retry_after(headers.get("Retry-After"), now))


def _outcome(status: int, told: Mapping[str, Any]) -> Outcome:
    table: tuple[tuple[bool, Outcome], ...] = (
        (status in _BUSY, "busy"),
        (status in _ABSENT, "unreachable"),
        (status >= 500 or told.get("error") in _AGAIN, "failed"),
        (status in (401, 403, 404, 405) or status < 400, "denied"),
        (status in _NEVER or "error" in told, "refused"),
    )
    return next((outcome for holds, outcome in table if holds), "failed")


def _acknowledged(body: bytes, frame: str) -> Answer:
    try:
        ack = Ack.model_validate_json(body)
    except ValidationError:
        ack = None
    if ack is None or ack.id != frame:
        return Answer("unreachable", "something else than the intake answers (the login page of a network?)")
    return Answer("stored", ack=ack)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _reason(status: int, told: Mapping[str, Any]) -> str:
    text = told.get("told") or told.get("error")
    shown = "".join(c if c.isprintable() else " " for c in text)[:160] if isinstance(text, str) else ""
    return f"HTTP {status}: {shown}" if shown else f"HTTP {status}"


def _server_time(told: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    """By the refusal itself, else by the header `Date` (RFC 9110, 6.6.1)."""
    time = told.get("server_time")
    if isinstance(time, int | float) and time > 0:
        return float(time)
    try:
        return parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return None
