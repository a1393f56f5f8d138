"""A message as a CloudEvent in the JSON format, structured mode.

Source: CloudEvents 1.0.2, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and formats/json-format.md.
In binary mode the attributes would be headers, which a Standard Webhooks signature does not cover.

    id               the idempotency key, the same when it is sent again; equals the `webhook-id` header
    source           /<site>/<camera>
    type             io.sightline.event.<stage>.v1, the stage being opened, described, closed or merged
    subject          the event's id: updates of one alert have the same; a merged message has that of its first alert
    time             when the stage was committed, RFC 3339 in UTC
    datacontenttype  application/json
    data             {"stage", "event": the event as in `events.jsonl`, "merged": null or how many and which,
                      "links": {"snapshot", "clip"}: addresses or null, and "snapshot": the picture, where it is inlined}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from vision.delivery.records import Stage
from vision.delivery.senders.base import Message

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
_PREFIX = "io.sightline.event"


def event_type(stage: Stage) -> str:
    """The CloudEvents type of a stage; `v1` changes only when a key of `data` changes its meaning."""
    return f"{_PREFIX}.{stage}.v1"


def cloud_event(
    message: Message,
    *,
    site: str,
    links: Mapping[str, str | None] | None = None,
    snapshot: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The message as JSON values; `links` by kind of evidence, `snapshot` a picture that travels inside."""
    camera = str(message.event["camera"])
    data: dict[str, Any] = {
        "stage": message.stage,
        "event": dict(message.event),
        "merged": None if message.merged is None else dict(message.merged),
        "links": {"snapshot": None, "clip": None} | dict(links or {}),
    }
    if snapshot is not None:
        data["snapshot"] = dict(snapshot)
    return {
        "specversion": "1.0",
        "id": message.id,
        "source": f"/{quote(site, safe='')}/{quote(camera, safe='')}",
        "type": event_type(message.stage),
        "subject": message.subject,
        "time": rfc3339(message.created),
        "datacontenttype": "application/json",
        "data": data,
    }


def encoded(event: Mapping[str, Any]) -> bytes:
    """The bytes that are sent and signed: compact UTF-8 JSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def rfc3339(epoch: float) -> str:
    """Epoch seconds as `2026-02-03T04:05:06.789Z`."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
