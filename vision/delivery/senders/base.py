"""The seam of a sender: its parameters, what it is given, how it says what went wrong.

A sender is a class with a `Params` model, registered with `@register`; a new file in this folder is found by itself, and
its parameters become a kind of `alerts:` in the config, with help, schema and check. A sender sends one message at a
time and never retries: that is the outbox's (`vision.delivery.outbox`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from vision.delivery.records import Stage
from vision.events import Severity
from vision.plugins import Plugins, kind_of
from vision.schedule import Schedule

Moment = Literal["opened", "described", "closed"]  # of an event; `merged` messages come from `cooldown_s`


class AlertParams(BaseModel):
    """Keys that every kind of alert has; a sender's own `Params` adds to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: str
    name: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="Name of this target in logs and commands; default: its type, numbered where there are several.",
    )
    on: tuple[Moment, ...] = Field(
        ("opened", "described", "closed"), min_length=1, description="At which moments of an event to send."
    )
    min_severity: Severity = Field("info", description="Only events that matter at least so much.")
    types: tuple[str, ...] | None = Field(
        None, description="Only events of these types, for example intrusion, camera_offline; default: all."
    )
    cameras: tuple[str, ...] | None = Field(None, description="Only events of these cameras; default: all.")
    zones: tuple[str, ...] | None = Field(None, description="Only events in these zones; default: everywhere.")
    schedule: Schedule | None = Field(None, description="Only events that begin in these hours; default: always.")
    cooldown_s: float = Field(
        0.0,
        ge=0,
        le=86400,
        description="After an alert, further ones of the same camera and rule are merged into one message after so "
        "many seconds (3 more in the last minute); 0: each goes out.",
    )
    expire_s: float = Field(
        86400.0, ge=10, le=30 * 86400, description="Give a message up that could not be sent for so many seconds."
    )


@dataclass(frozen=True, slots=True)
class Watched:
    """A camera as receivers should know it: its name and the titles and types of its rules."""

    camera: str
    rules: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SenderContext:
    """What senders may use of their surroundings.

    `evidence` is the folder that the paths in an event's evidence count from. `link` makes a signed address, that
    expires, of such a path, None where there is no public address. `site` names this agent at receivers. `clock` gives
    epoch seconds UTC.
    """

    evidence: Path
    clock: Callable[[], float]
    cameras: tuple[Watched, ...] = ()
    link: Callable[[str], str] | None = None
    site: str = "sightline"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to send.

    `id` stays the same when it is sent again; `event` is the wire form of `vision.events.Event` at its stage; `subject`
    is the event's id (of merged events: that of the first alert of the group). `merged` says of a `merged` message how
    many events it stands for and their ids (`count`, `since`, `until`, `ids`).
    """

    id: str
    stage: Stage
    subject: str
    event: Mapping[str, Any]
    created: float
    attempt: int = 1
    merged: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class SendError(Exception):
    """A message that did not arrive; the text is for logs and never holds a secret."""


class Retry(SendError):
    """It may go through later; `after_s` is what the receiver asked for."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class Refused(SendError):
    """The receiver will never take this message: it goes to the dead letters."""


class Disabled(SendError):
    """The receiver wants nothing any more (HTTP 410): the target is stopped until the config is loaded anew."""


P = TypeVar("P", bound=AlertParams)


class Sender(ABC, Generic[P]):
    """One target of alerts; lives in one event loop.

    `start` and `close` frame its life; `send` returns once the receiver has taken the message, and raises `Retry`,
    `Refused` or `Disabled` where it has not.
    """

    Params: ClassVar[type[AlertParams]]
    reachable: Callable[[], None] | None = None
    """Set by who uses the sender, called in the event loop by senders that notice that the receiver is there again."""

    def __init__(self, params: P, context: SenderContext) -> None:
        self.params = params
        self.context = context

    async def start(self) -> None:
        """Open what stays open (a connection to a broker); must not wait for the other side."""

    @abstractmethod
    async def send(self, message: Message) -> None:
        """Send one message; the caller sets the deadline."""

    async def online(self, camera: str, up: bool) -> None:
        """A camera went up or down; for receivers that show availability."""

    async def picture(self, camera: str, jpeg: bytes) -> None:
        """A snapshot of an event of this camera; for receivers that show pictures."""

    async def probe(self) -> str:
        """For `sightline doctor`: reach the receiver without alerting anybody; says what was found, raises `SendError`."""
        return "not probed"

    async def close(self) -> None:
        """Let go of everything."""


SenderType = type[Sender[Any]]
_plugins: Plugins[SenderType] = Plugins("vision.delivery.senders")


def register(sender: SenderType) -> SenderType:
    """Class decorator: makes the sender known under the literal of its `Params.type`."""
    _plugins.add(kind_of(sender), sender)
    return sender


def sender_types() -> dict[str, SenderType]:
    """Every sender by its type; imports the files of this folder at first use."""
    return _plugins.all()


def target_names(alerts: tuple[AlertParams, ...]) -> list[str]:
    """The name of each target: its own, or its type, numbered from the second of a type on."""
    names: list[str] = []
    for alert in alerts:
        name = alert.name or alert.type
        number = 2
        while alert.name is None and name in names:
            name = f"{alert.type}-{number}"
            number += 1
        names.append(name)
    return names
