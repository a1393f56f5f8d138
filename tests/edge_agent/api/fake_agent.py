"""An agent that does nothing but answer: for the API, the metrics and the terminal view."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from edge_agent.live.status import AgentStatus, CameraStatus, Reloaded
from vision.delivery.records import Delivery, EventFilter, OutboxStats, StoredEvent
from vision.delivery.store import Store
from vision.events import SEVERITIES, Event, Evidence, event_id
from vision.language.template import summarize

NOW = 1_780_000_000.0
PASSWORD = "p@ss:w0rd"  # must never be seen anywhere


def camera(name: str, **values: Any) -> CameraStatus:
    base: dict[str, Any] = {
        "state": "online", "source": f"rtsp://192.0.2.10/{name}", "since": NOW - 600, "codec": "h264", "width": 640,
        "height": 360, "transport": "tcp", "fps_in": 15.0, "fps_detect": 5.0, "last_t": NOW - 0.1, "frames": 9000,
        "packets": 9100, "bytes": 50_000_000, "reconnects": 1, "drops": {"newer": 12, "idle": 3}, "faults": {"stall": 1},
        "seen": {"frames": 3000, "inferences": 800}, "stages": {"decode": 1.25, "detect": 40.5}, "latency_s": 0.042,
        "latencies": {0.05: 90, 0.1: 8, 0.5: 2}, "latency_sum_s": 4.2, "queue_age_s": 0.01, "tracks": 2, "moving": True,
        "open_events": 1, "events": {"intrusion": 4}, "ring_s": 9.5, "ring_bytes": 700_000,
    }  # fmt: skip
    return CameraStatus(name, **(base | values))


def event(number: int, **values: Any) -> Event:
    start = NOW - 60 * number
    base: dict[str, Any] = {
        "id": event_id(start, number), "type": ("intrusion", "line_crossing", "fall")[number % 3], "camera": "yard",
        "severity": SEVERITIES[number % 3], "start": start, "opened": start + 1, "at": start + 1.5, "end": start + 8,
        "zone": "lawn", "label": "person", "score": 0.87, "box": (0.3, 0.2, 0.5, 0.9), "facts": {"dwell_s": 7.4},
        "state": "closed" if number else "open", "evidence": Evidence(snapshot=f"snapshots/{number}.jpg"),
    }  # fmt: skip
    made = Event(**(base | values))
    return made.model_copy(update={"summary": summarize(made)})


def delivery(number: int, of: Event, **values: Any) -> Delivery:
    base: dict[str, Any] = {
        "id": f"d{number}", "event_id": of.id, "target": "webhook", "stage": "opened", "payload": {"secret": PASSWORD},
        "created": of.start, "next_at": of.start, "expires": of.start + 3600, "state": "sent", "sent": of.start + 1,
    }  # fmt: skip
    return Delivery(number, **(base | values))


class FakeStore(Store):
    """Events and deliveries in lists."""

    def __init__(self, events: Sequence[Event] = (), deliveries: Sequence[Delivery] = ()) -> None:
        self.kept = [StoredEvent(one, one.start, one.start + 2) for one in events]
        self.sendings = list(deliveries)

    def event(self, event_id: str) -> StoredEvent | None:
        found = [one for one in self.kept if one.event.id.startswith(event_id)]
        return found[0] if len(found) == 1 else None

    def events(
        self,
        wanted: EventFilter,
        *,
        limit: int | None = None,
        newest_first: bool = False,
        after: StoredEvent | None = None,
    ) -> list[StoredEvent]:
        found = [one for one in self.kept if _fits(one.event, wanted)]
        found.sort(key=lambda one: (one.event.start, one.event.id), reverse=newest_first)
        ids = [one.event.id for one in found]
        return found[ids.index(after.event.id) + 1 if after else 0 :][:limit]

    def deliveries(
        self,
        *,
        event_id: str | None = None,
        target: str | None = None,
        states: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Delivery]:
        return [one for one in self.sendings if one.event_id == event_id][:limit]

    def redeliver(self, numbers: Sequence[int], now: float, expires: float) -> int:
        self.sendings = [replace(d, state="pending") if d.number in numbers else d for d in self.sendings]
        return len(numbers)


def _fits(event: Event, wanted: EventFilter) -> bool:
    return (
        (wanted.since is None or event.start >= wanted.since)
        and (wanted.until is None or event.start < wanted.until)
        and (not wanted.cameras or event.camera in wanted.cameras)
        and (not wanted.types or event.type in wanted.types)
        and (not wanted.states or event.state in wanted.states)
        and (not wanted.min_severity or SEVERITIES.index(event.severity) >= SEVERITIES.index(wanted.min_severity))
    )


class FakeSubscription:
    """One listener."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[str, Event]] = asyncio.Queue()
        self.closed = False

    async def get(self) -> tuple[str, Event]:
        return await self.queue.get()

    def close(self) -> None:
        self.closed = True


class FakeAgent:
    """An `AgentView` whose parts a test may change."""

    def __init__(self, cameras: Sequence[CameraStatus] = (), store: Store | None = None) -> None:
        self.cameras = list(cameras) or [camera("yard"), camera("gate", state="offline", fault="auth", fps_in=0.0)]
        sent, dead = delivery(1, event(1)), delivery(2, event(2), state="dead")
        self.store = store or FakeStore([event(n) for n in range(5)], [sent, dead])
        self.missing: list[str] = []
        self.reloaded = Reloaded(ok=True, restarted=("yard",))
        self.listeners: list[FakeSubscription] = []
        self.asked: list[tuple[str, bool, int | None]] = []
        self.config_error: str | None = None
        self.moving_picture = True
        self.padding = 0  # bytes after each picture, to fill buffers with

    def status(self) -> AgentStatus:
        outbox = OutboxStats(
            {("webhook", "pending"): 2, ("webhook", "sent"): 40, ("mqtt", "dead"): 1}, {"webhook": 3.5}
        )
        return AgentStatus(
            "0.1.0", NOW - 4000, "edge.yaml", tuple(self.cameras), outbox, {"webhook": "ok", "mqtt": "connection refused"},
            "yolox-nano, cpu", 123_456_789, 50_000_000_000, self.config_error,
        )  # fmt: skip

    def ready(self) -> list[str]:
        return self.missing

    def picture(self, camera: str, *, overlay: bool = True, width: int | None = None) -> tuple[float, bytes] | None:
        if camera not in {one.name for one in self.cameras}:
            raise KeyError(camera)
        self.asked.append((camera, overlay, width))
        if camera == "blind":
            return None
        return (time.time() if self.moving_picture else NOW), jpeg(width or 640, overlay) + bytes(self.padding)

    def subscribe(self) -> FakeSubscription:
        self.listeners.append(FakeSubscription())
        return self.listeners[-1]

    def tell(self, stage: str, of: Event) -> None:
        for listener in self.listeners:
            if not listener.closed:
                listener.queue.put_nowait((stage, of))

    async def reload(self) -> Reloaded:
        return self.reloaded


def jpeg(width: int, overlay: bool = False, seed: int = 0) -> bytes:
    """A drawn yard with a figure in it."""
    height = width * 9 // 16
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2] = (150 - seed, 120, 90)
    image[height // 2 :] = (70, 95 + seed, 80)
    x = int((time.time() * 0.1 % 1) * width * 0.8)
    cv2.rectangle(image, (x, height // 3), (x + width // 16, height * 3 // 4), (40, 40, 60), -1)
    if overlay:
        cv2.rectangle(image, (x - 3, height // 3 - 3), (x + width // 16 + 3, height * 3 // 4 + 3), (60, 72, 235), 2)
    return bytes(cv2.imencode(".jpg", image)[1].tobytes())
