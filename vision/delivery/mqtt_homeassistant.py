"""What Home Assistant needs to know to show cameras and rules by itself: one device for each camera.

Device-based discovery, Home Assistant 2024.11 and later: one retained JSON under `<prefix>/device/<agent>/<camera>/config`
with the device, the origin and its components. A component that is no more is told once more with nothing but its
platform; a device that is no more gets an empty payload.
Source: https://www.home-assistant.io/integrations/mqtt/#discovery-messages-and-availability, binary_sensor.mqtt, image.mqtt.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any

from vision.delivery.mqtt_topics import Topics
from vision.delivery.senders.base import Watched

# Device classes of binary sensors: what ON means for whoever reads it. Counting and unknown kinds have none.
DEVICE_CLASSES = {
    "intrusion": "motion",
    "line_crossing": "motion",
    "climbing": "safety",
    "fall": "safety",
    "loitering": "occupancy",
    "crowd": "occupancy",
    "left_object": "problem",
    "removed_object": "problem",
    "tamper": "tamper",
    "defect": "problem",
}


def plain_id(name: str) -> str:
    """A name as an id of Home Assistant: letters, digits, - and _; a name that had to be changed keeps a mark of its own."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return plain if plain == name else f"{plain}_{zlib.crc32(name.encode()):08x}"


class Discovery:
    """The discovery messages of one agent."""

    def __init__(self, prefix: str, site: str, topics: Topics, cameras: Sequence[Watched]) -> None:
        self._topics, self._site = topics, site
        prefix = prefix.strip("/")
        self._agent = f"sightline_{plain_id(site)}"
        self._folder = f"{prefix}/device/{self._agent}/"
        self._cameras = {self.topic(watched.camera): watched for watched in cameras}
        self.birth = f"{prefix}/status"
        self.listens_to = (self.birth, f"{self._folder}+/config")

    def topic(self, camera: str) -> str:
        """Where a camera is announced."""
        return f"{self._folder}{plain_id(camera)}/config"

    def is_own(self, topic: str) -> bool:
        """Whether a topic is an announcement of ours."""
        return topic.startswith(self._folder)

    def payloads(self) -> Iterator[tuple[str, bytes]]:
        """Every announcement."""
        for topic, watched in self._cameras.items():
            yield topic, _json(self.device(watched))

    def left_behind(self, topic: str, kept: bytes) -> bytes:
        """What to announce where the broker still keeps `kept`: nothing, or without the components that are no more."""
        watched = self._cameras.get(topic)
        if watched is None:
            return b""
        device = self.device(watched)
        for name, component in _components(kept).items():
            platform = component.get("platform")
            if name not in device["components"] and platform and len(component) > 1:
                device["components"][name] = {"platform": platform}
        return _json(device)

    def device(self, watched: Watched) -> dict[str, Any]:
        """The announcement of one camera."""
        camera, topics = watched.camera, self._topics
        own = f"{self._agent}_{plain_id(camera)}"
        agent = {"topic": topics.status}
        components: dict[str, Any] = {
            "connection": {
                "platform": "binary_sensor",
                "unique_id": f"{own}_connection",
                "name": "Connection",
                "device_class": "connectivity",
                "entity_category": "diagnostic",
                "state_topic": topics.availability(camera),
                "payload_on": "online",
                "payload_off": "offline",
                "availability": [agent],
            },
            "snapshot": {
                "platform": "image",
                "unique_id": f"{own}_snapshot",
                "name": "Last event",
                "image_topic": topics.snapshot(camera),
                "content_type": "image/jpeg",
                "availability": [agent],
            },
        }
        for title, kind in watched.rules:
            component = {
                "platform": "binary_sensor",
                "unique_id": f"{own}_rule_{plain_id(title)}",
                "name": title.replace("_", " ").capitalize() if title == kind else title,
                "state_topic": topics.state(camera, title),
                "payload_on": "ON",
                "payload_off": "OFF",
            }
            if kind in DEVICE_CLASSES:
                component["device_class"] = DEVICE_CLASSES[kind]
            components.setdefault(f"rule_{plain_id(title)}", component)
        version = metadata.version("sightline")
        return {
            "device": {
                "identifiers": [own],
                "name": camera if self._site == "sightline" else f"{self._site} {camera}",
                "manufacturer": "Sightline",
                "model": "Camera",
                "sw_version": version,
            },
            "origin": {"name": "Sightline", "sw_version": version},
            "availability": [agent, {"topic": topics.availability(camera)}],
            "availability_mode": "all",
            "qos": 1,
            "components": components,
        }


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _components(kept: bytes) -> dict[str, dict[str, Any]]:
    """Those of a payload that the broker keeps; none where it is not one of ours."""
    try:
        found = json.loads(kept)["components"]
        return {name: component for name, component in found.items() if isinstance(component, dict)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
