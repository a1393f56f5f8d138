"""Discovery messages against the keys that Home Assistant documents, and the words of topics and states."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.camera import Camera
from vision.delivery.mqtt_homeassistant import DEVICE_CLASSES, Discovery, plain_id
from vision.delivery.mqtt_topics import RuleStates, Topics, body, safe
from vision.delivery.senders.base import Message, Watched
from vision.rules.base import rule_types

# Documented by Home Assistant: https://www.home-assistant.io/integrations/mqtt/#discovery-messages-and-availability,
# .../integrations/binary_sensor.mqtt/, .../integrations/image.mqtt/: required keys, and others that we use.
SHARED = {"device", "origin", "components"}, {"availability", "availability_mode", "qos"}
DEVICE = {"identifiers"}, {"name", "manufacturer", "model", "sw_version"}
ORIGIN = {"name"}, {"sw_version", "support_url"}
COMPONENTS: dict[str, tuple[set[str], set[str]]] = {
    "binary_sensor": (
        {"platform", "unique_id", "state_topic"},
        {"name", "device_class", "payload_on", "payload_off", "availability", "entity_category"},
    ),
    "image": ({"platform", "unique_id", "image_topic"}, {"name", "content_type", "availability"}),
}
# https://www.home-assistant.io/integrations/binary_sensor/#device-class
KNOWN_CLASSES = {
    *("battery", "battery_charging", "carbon_monoxide", "cold", "connectivity", "door", "garage_door", "gas", "heat"),
    *("light", "lock", "moisture", "motion", "moving", "occupancy", "opening", "plug", "power", "presence", "problem"),
    *("running", "safety", "smoke", "sound", "tamper", "update", "vibration", "window"),
}
ALLOWED = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def fits(found: dict[str, Any], keys: tuple[set[str], set[str]]) -> None:
    required, optional = keys
    assert required <= set(found)
    assert set(found) <= required | optional


def announced(*cameras: Watched, site: str = "house", prefix: str = "homeassistant") -> dict[str, dict[str, Any]]:
    found = Discovery(prefix, site, Topics.of("sightline", site), cameras).payloads()
    return {topic: json.loads(payload) for topic, payload in found}


def test_every_kind_of_rule_is_announced_with_documented_keys_only() -> None:
    rules = tuple((kind, kind) for kind in rule_types())
    said = announced(Watched("yard", rules), Watched("gate.2", (("前门", "intrusion"), ("front door", "fall"))))
    yard, gate = said["homeassistant/device/sightline_house/yard/config"], list(said.values())[1]
    ids = []
    for topic, device in said.items():
        assert set("".join(topic.split("/")[1:-1])) <= ALLOWED
        fits(device, SHARED)
        fits(device["device"], DEVICE)
        fits(device["origin"], ORIGIN)
        assert [a["topic"].rsplit("/", 1)[1] for a in device["availability"]] == ["status", "availability"]
        for component in device["components"].values():
            fits(component, COMPONENTS[component["platform"]])
            assert component.get("device_class", "motion") in KNOWN_CLASSES
            ids.append(component["unique_id"])
    assert len(ids) == len(set(ids)) == (2 + len(rules)) + (2 + 2)
    assert yard["components"]["rule_tamper"]["device_class"] == "tamper"
    assert yard["components"]["rule_left_object"]["name"] == "Left object"
    assert yard["components"]["snapshot"]["image_topic"] == "sightline/house/yard/snapshot"
    # a lost camera is shown as disconnected, not as unknown
    assert yard["components"]["connection"]["availability"] == [{"topic": "sightline/house/status"}]
    named = {c["name"]: c["state_topic"] for c in gate["components"].values() if c["unique_id"].count("_rule_")}
    assert named == {
        "前门": "sightline/house/gate.2/前门/state",
        "front door": "sightline/house/gate.2/front door/state",
    }


def test_every_rule_has_a_class_or_none_on_purpose() -> None:
    assert set(rule_types()) - set(DEVICE_CLASSES) == {"counting"}


def test_two_rules_of_one_title_are_one_sensor() -> None:
    (device,) = announced(Watched("yard", (("intrusion", "intrusion"), ("intrusion", "intrusion")))).values()
    assert [name for name in device["components"] if name.startswith("rule_")] == ["rule_intrusion"]


@pytest.mark.parametrize(
    "kept",
    [b"not json", b"[]", b"{}", b'{"components": 3}', b'{"components": {"a": 1}}', b"\xff"],  # whatever the broker kept
)
def test_what_nobody_of_ours_wrote_is_simply_replaced(kept: bytes) -> None:
    discovery = Discovery("homeassistant", "house", Topics.of("s", "house"), (Watched("yard"),))
    topic = discovery.topic("yard")
    assert discovery.left_behind(topic, kept) == dict(discovery.payloads())[topic]


def test_ids_differ_where_names_do() -> None:
    assert plain_id("yard") == "yard"
    assert len({plain_id(name) for name in ("a.b", "a_b", "a b", "前门", "后门")}) == 5


NAMES = [
    ("yard", "yard"),
    ("left things", "left things"),
    ("前门", "前门"),
    # what has a meaning in topics has none in names
    ("a/b", "a_b"),
    ("+", "_"),
    ("#", "_"),
    ("$SYS", "_SYS"),
    ("a\x00b\nc", "a_b_c"),
    # events of no camera
    ("", "agent"),
    (" ", "agent"),
]


@pytest.mark.parametrize(("name", "level"), NAMES)
def test_names_are_made_safe(name: str, level: str) -> None:
    assert safe(name) == level


@given(st.text())
def test_any_name_is_one_level(name: str) -> None:
    level = safe(name)
    assert level
    assert not set(level) & set("+#/\x00")
    assert not level.startswith("$")
    assert level.encode()
    assert safe(level) == level


def test_topics() -> None:
    assert Topics.of("/site/cameras/", "house").event("yard") == "site/cameras/house/yard/event"
    assert Camera(name="yard").name == safe("yard")


def said(stage: Any, subject: str = "A", state: str = "open", **event: Any) -> Message:
    return Message("m", stage, subject, {"camera": "yard", "rule": "intrusion", "state": state, **event}, 0.0)


ALL: Any = ("opened", "described", "closed")
# (stages that arrive, [(time, message)], [(time, ON?)]) with an off delay of 5 s
STORIES: list[tuple[Any, list[tuple[float, Message]], list[tuple[float, bool]]]] = [
    # open for a while
    (ALL, [(0, said("opened")), (60, said("closed", state="closed"))], [(0, True), (59, True), (61, False)]),
    # closed soon: seen for the off delay
    (ALL, [(0, said("opened")), (1, said("closed", state="closed"))], [(2, True), (4.9, True), (5, False)]),
    # over at once
    (ALL, [(0, said("opened", state="closed"))], [(0, True), (5, False)]),
    # two at a time
    (ALL, [(0, said("opened")), (1, said("opened", "B")), (20, said("closed"))], [(30, True)]),
    # closed, of one that was opened before the agent began: nothing to show
    (ALL, [(0, said("closed", state="closed"))], [(0, False)]),
    # only the end is sent: it is the alarm
    (("closed",), [(0, said("closed", state="closed"))], [(0, True), (5, False)]),
    # the end is never sent: every alarm is a pulse
    (("opened",), [(0, said("opened"))], [(0, True), (5, False)]),
    # merged alarms are a pulse
    (ALL, [(0, said("merged"))], [(0, True), (5, False)]),
    # words change nothing
    (ALL, [(0, said("described"))], [(0, False)]),
]


@pytest.mark.parametrize(("stages", "messages", "wanted"), STORIES)
def test_a_rule_is_on_while_it_lasts(
    stages: Any, messages: list[tuple[float, Message]], wanted: list[tuple[float, bool]]
) -> None:
    states, key = RuleStates(5.0, stages), ("yard", "intrusion")
    moments = sorted({t for t, _ in messages} | {t for t, _ in wanted})
    for moment in moments:
        for t, message in messages:
            if t == moment:
                states.take(message, t)
        on = states.on(key, moment)
        gone, following = states.turning(moment)
        assert not (on and key in gone)
        assert following is None or following > moment
        for t, expected in wanted:
            if t == moment:
                assert on is expected, f"at {t}"


def test_events_without_a_rule_go_by_their_type() -> None:
    states = RuleStates(5.0, ALL)
    lost = {"type": "camera_offline", "camera": "yard", "rule": "", "state": "open"}
    assert states.take(Message("m", "opened", "A", lost, 0.0), 0.0) == ("yard", "camera_offline")


def test_merged_messages_say_what_they_stand_for() -> None:
    merged = Message("m", "merged", "A", {"camera": "yard"}, 1.23456, merged={"count": 3, "ids": ["B", "C", "D"]})
    found = json.loads(body(merged, "house", {}))
    assert (found["merged"]["count"], found["created"], "links" in found) == (3, 1.235, False)
