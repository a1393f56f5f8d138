"""Events that no rule made: a camera that went away and came back, evidence that no longer fits on the disk."""

from __future__ import annotations

from vision.events import Event, Fact, Severity, event_id

AGENT = "agent"  # stands in the place of the camera for what concerns the whole agent


def system_event(
    kind: str,
    camera: str,
    start: float,
    *,
    severity: Severity = "warning",
    end: float | None = None,
    facts: dict[str, Fact] | None = None,
) -> Event:
    """An event of the agent itself; `start`, `end` in epoch seconds UTC, closed where `end` is given."""
    return Event(
        id=event_id(start, "system", camera, kind),
        type=kind,
        rule=kind,
        camera=camera,
        severity=severity,
        start=start,
        opened=start,
        at=start,
        end=end,
        facts=facts or {},
        state="open" if end is None else "closed",
    )


class Outage:
    """When a lost camera is told of: `camera_offline` once it has been away for `offline_s`, `camera_online` after that.

    ```
    up ──fault──> away ──(offline_s)──> told ──picture──> up   camera_offline closes, camera_online is told
                   └──picture──> up                            a short gap: nothing is told
    ```
    Times in epoch seconds UTC; the caller has the clock.
    """

    def __init__(self, camera: str, offline_s: float, now: float) -> None:
        self._camera = camera
        self._offline_s = offline_s
        self._away_since: float | None = now  # a camera that never comes up is away since the start
        self._reason: dict[str, Fact] = {"cause": "connecting"}
        self._told: Event | None = None

    def lost(self, now: float, fault: str | None, reason: str | None) -> None:
        """The camera is away, for this reason; a newer reason replaces an older one."""
        if self._away_since is None:
            self._away_since = now
        self._reason = {"cause": fault or "other", "reason": reason or ""}

    def back(self, now: float) -> list[Event]:
        """The camera shows pictures; what that tells."""
        told, since = self._told, self._away_since
        self._told = self._away_since = None
        if told is None or since is None:
            return []
        facts: dict[str, Fact] = {**told.facts, "offline_s": round(now - since, 1)}
        closed = told.model_copy(update={"end": now, "state": "closed", "facts": facts})
        came = system_event(
            "camera_online", self._camera, now, severity="info", end=now, facts={"offline_s": round(now - since, 1)}
        )
        return [closed, came]

    def check(self, now: float) -> list[Event]:
        """Whether it is time to tell that the camera is away; call it every second or so."""
        since = self._away_since
        if since is None or self._told is not None or now - since < self._offline_s:
            return []
        self._told = system_event("camera_offline", self._camera, since, facts=self._reason).model_copy(
            update={"opened": now}
        )
        return [self._told]

    def stop(self, now: float) -> list[Event]:
        """The agent or the camera's entry ends; an open event is closed."""
        told, self._told, self._away_since = self._told, None, None
        return [] if told is None else [told.model_copy(update={"end": now, "state": "closed"})]
