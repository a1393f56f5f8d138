"""The cloud tier in a running agent: a camera opened only for a picture, through kill -9; alarms of a watched camera."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config import Config
from edge_agent.live.worker import Happening
from edge_agent.uplink.device_clock import DeviceClock
from edge_agent.uplink.tier import CloudTier, link_of
from tests.e2e.live import LiveAgent, wait_for
from tests.edge_agent.uplink.making import jpeg, picture
from tests.edge_agent.uplink.receiver import KEY, receiving
from tests.edge_agent.uplink.threaded import in_a_thread
from tests.peers.http_camera import HttpCamera
from vision.detect.base import ScriptedDetector
from vision.errors import ConfigError
from vision.events import Event
from vision.frame import ArrayPicture
from vision.wire.messages import CaptureRequest

UPLINK = {"key": "${SIGHTLINE_TEST_DEVICE_KEY}", "site": "north", "min_free_mb": 0}
CAPTURE = {"profile": "potato", "at": ["03:00"], "settle_s": 0, "look_s": 5}


def wish(number: int) -> CaptureRequest:
    now = time.time()
    return CaptureRequest(id=f"wish-{number:04d}", camera="field-3", profile="cover", after=now - 60, until=now + 3600)


def test_run_opens_a_camera_for_a_picture_and_sends_it_after_a_kill_too(tmp_path: Path) -> None:
    """No model, no rules: `sightline run` of a field camera. The cloud wishes for pictures, so that no time of day is
    waited for."""
    frame = jpeg(1, 640, 480)
    with HttpCamera({"/snap": lambda request: request.send(frame, "image/jpeg")}) as camera, in_a_thread() as receiver:
        config = {
            "cameras": [
                {
                    "name": "field-3",
                    "source": camera.url("/snap"),
                    "tier": "cloud",
                    "capture": CAPTURE | {"floor_per_day": 0},
                }
            ],
            "uplink": UPLINK | {"url": receiver.url, "ask_minutes": 0.01},
        }
        with LiveAgent(tmp_path, config, {"SIGHTLINE_TEST_DEVICE_KEY": KEY.text()}) as agent:
            agent.start().wait_ready(120)
            row = agent.cameras()["field-3"]
            assert (row["state"], row["transport"]) == ("connecting", "on demand")
            assert camera.seen == [], "nothing is opened while no picture is due"
            receiver.requests = (wish(1),)
            wait_for("picture", lambda: receiver.arrived, timeout=180)
            meta = receiver.metas[receiver.arrived[0]]
            assert (meta.trigger, meta.profile, meta.width, meta.height) == ("follow_up", "cover", 640, 480)
            wait_for("state", lambda: agent.cameras()["field-3"]["state"] == "online", timeout=60)
            agent.kill()
            opened = len(camera.seen)
            receiver.requests = (*receiver.requests, wish(2))
            agent.start().wait_ready(120)
            wait_for("second picture", lambda: len(receiver.arrived) == 2, timeout=180)
            assert agent.stop(60).status == 0
        assert receiver.bodies == 2
        assert len(camera.seen) <= opened + 3, "one picture, one short connection"
        assert KEY.secret not in agent.log()


def config_of(url: str, **capture: Any) -> Config:
    camera = {"name": "yard", "source": "rtsp://127.0.0.1:9/none", "tier": "cloud", "capture": CAPTURE | capture}
    return Config.model_validate({"version": 1, "cameras": [camera], "uplink": UPLINK | {"url": url}})


def event(number: int) -> Event:
    now = time.time()
    return Event(
        id=f"event-{number}",
        type="intrusion",
        rule="capture",
        camera="yard",
        severity="warning",
        start=now,
        opened=now,
        at=now,
        label="person",
        score=0.8,
    )


def test_alarms_of_a_watched_camera_go_up_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_TEST_DEVICE_KEY", KEY.text())

    async def work() -> None:
        async with receiving(time.time) as receiver:
            config = config_of(receiver.url, detector={"classes": ["person"]}, floor_per_day=0)
            assert [rule.title for rule in config.cameras[0].rules] == ["capture"]
            tier = CloudTier(tmp_path, tmp_path)
            detector = ScriptedDetector([], ("person",))
            await tier.apply(config, detector)
            await tier.apply(config, detector)  # nothing has changed: nothing begins anew
            assert tier.cameras() == [], "the camera tells of itself: its stream is open"
            for number in range(3):
                tier.alarm(Happening(event(number), None, ArrayPicture(picture(number, 320, 240))))
            tier.alarm(Happening(event(9).model_copy(update={"camera": "another"}), None, ArrayPicture(picture(9))))
            tier.alarm(Happening(event(8), None, None))
            async with asyncio.timeout(120):
                while len(receiver.arrived) < 3:
                    await asyncio.sleep(0.02)
            await tier.stop()
            metas = list(receiver.metas.values())
            assert {meta.facts["event"] for meta in metas} == {"event-0", "event-1", "event-2"}
            assert {(meta.trigger, meta.priority, meta.facts["label"]) for meta in metas} == {("detector", 0, "person")}
            tier.alarm(Happening(event(7), None, ArrayPicture(picture(7))))  # after the end: nothing happens
            await tier.apply(config.model_copy(update={"cameras": ()}), detector)

    asyncio.run(work())


def test_a_key_that_is_none_or_of_another_device_is_told_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    uplink = config_of("https://cloud.example").uplink
    assert uplink is not None
    monkeypatch.setenv("SIGHTLINE_TEST_DEVICE_KEY", "hunter2-hunter2")
    with pytest.raises(ConfigError, match="no device key") as told:
        link_of(uplink, DeviceClock())
    assert "hunter2" not in str(told.value)
    monkeypatch.setenv("SIGHTLINE_TEST_DEVICE_KEY", KEY.text())
    with pytest.raises(ConfigError, match="for field-3, not for field-4"):
        link_of(uplink.model_copy(update={"device": "field-4"}), DeviceClock())
