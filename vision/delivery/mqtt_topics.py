"""Names of the topics, what stands in the messages, and when a rule's state is ON (documented in docs/mqtt.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vision.delivery.records import Stage
from vision.delivery.senders.base import Message

AGENT = "agent"  # stands for the camera in events of no camera (storage_low)
ONLINE, OFFLINE, ON, OFF = b"online", b"offline", b"ON", b"OFF"

_UNSAFE = re.compile(r"[+#/\x00-\x1f\x7f-\x9f\ud800-\udfff]|^\$")
_OPEN_AT_MOST = 1000

RuleKey = tuple[str, str]


def safe(name: str) -> str:
    """A name as one level of a topic: wildcards, slashes and control characters become `_`."""
    return _UNSAFE.sub("_", name.strip())[:200] or AGENT


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one agent under `root`, its `topic` and `site`."""

    root: str

    @classmethod
    def of(cls, topic: str, site: str) -> Topics:
        """`topic` may have several levels."""
        levels = [safe(level) for level in topic.split("/") if level.strip()]
        return cls("/".join([*levels, safe(site)]))

    @property
    def status(self) -> str:
        """online, offline: the agent itself."""
        return f"{self.root}/status"

    def event(self, camera: str) -> str:
        """Each message about an event."""
        return f"{self.root}/{safe(camera)}/event"

    def state(self, camera: str, rule: str) -> str:
        """ON while an event of this rule is open."""
        return f"{self.root}/{safe(camera)}/{safe(rule)}/state"

    def availability(self, camera: str) -> str:
        """online, offline: a camera."""
        return f"{self.root}/{safe(camera)}/availability"

    def snapshot(self, camera: str) -> str:
        """The picture of the camera's last event."""
        return f"{self.root}/{safe(camera)}/snapshot"

    @property
    def own(self) -> tuple[str, ...]:
        """What the agent listens to, to find what an earlier config has left behind."""
        return self.status, f"{self.root}/+/availability", f"{self.root}/+/+/state"


def rule_of(event: Mapping[str, Any]) -> RuleKey:
    """Camera and rule that an event belongs to; events without a rule go by their type."""
    return str(event.get("camera") or ""), str(event.get("rule") or event.get("type") or "")


def body(message: Message, site: str, links: Mapping[str, str]) -> bytes:
    """The JSON of a message; a message that is sent again has the same id."""
    fields: dict[str, Any] = {
        "id": message.id,
        "stage": message.stage,
        "subject": message.subject,
        "site": site,
        "created": round(message.created, 3),
        "event": dict(message.event),
    }
    if message.merged is not None:
        fields["merged"] = dict(message.merged)
    if links:
        fields["links"] = dict(links)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


@dataclass(slots=True)
class _Rule:
    open: dict[str, None] = field(default_factory=dict)
    until: float = 0.0


class RuleStates:
    """Which rules are ON. Time is an argument, in seconds of any steady clock.

    A rule is ON while one of its events is open, and for at least `off_delay_s` after each alarm, so that an event
    without a duration is seen at all. `stages` are those that arrive here: without `closed` every alarm is a pulse.
    """

    def __init__(self, off_delay_s: float, stages: Iterable[Stage]) -> None:
        self._delay, self._stages = off_delay_s, frozenset(stages)
        self._rules: dict[RuleKey, _Rule] = {}

    def take(self, message: Message, now: float) -> RuleKey | None:
        """Take a message in; the rule whose state it may have changed."""
        key = rule_of(message.event)
        rule = self._rules.setdefault(key, _Rule())
        closed = message.event.get("state") == "closed"
        if message.stage == "described":
            return None
        if message.stage == "opened" and not closed and "closed" in self._stages:
            rule.open[message.subject] = None
            while len(rule.open) > _OPEN_AT_MOST:
                del rule.open[next(iter(rule.open))]
            rule.until = now + self._delay
        elif message.stage == "closed" and (message.subject in rule.open or "opened" in self._stages):
            rule.open.pop(message.subject, None)
        else:
            rule.until = now + self._delay
        return key

    def on(self, key: RuleKey, now: float) -> bool:
        """Whether the rule is ON."""
        rule = self._rules.get(key)
        return rule is not None and (bool(rule.open) or rule.until > now)

    @property
    def known(self) -> tuple[RuleKey, ...]:
        """Rules that are or were ON and have not been turned OFF by time."""
        return tuple(self._rules)

    def turning(self, now: float) -> tuple[list[RuleKey], float | None]:
        """Rules that have just turned OFF by time, and when the next one will."""
        gone = [key for key, rule in self._rules.items() if rule.until and rule.until <= now and not rule.open]
        for key in gone:
            del self._rules[key]
        waits = [rule.until for rule in self._rules.values() if rule.until > now and not rule.open]
        return gone, min(waits, default=None)
