"""What the doctor tells of the way up to the cloud."""

from __future__ import annotations

import time

import pytest

from edge_agent.config import Config
from edge_agent.doctor.base import Finding, Patient
from edge_agent.doctor.uplink import uplink
from tests.edge_agent.uplink.receiver import KEY, Receiver
from tests.edge_agent.uplink.threaded import in_a_thread
from vision.wire.signing import Key


def looked(url: str) -> list[Finding]:
    camera = {"name": "field-3", "tier": "cloud", "capture": {"profile": "potato"}}
    settings = {"url": url, "key": "${SIGHTLINE_TEST_DEVICE_KEY}", "site": "north"}
    config = Config.model_validate({"version": 1, "cameras": [camera], "uplink": settings})
    ((_, look),) = uplink(Patient(time.monotonic() + 120, {}), config)
    return list(look())


def test_an_intake_that_knows_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_TEST_DEVICE_KEY", KEY.text())
    with in_a_thread() as receiver:
        (found,) = looked(receiver.url)
    assert (found.level, "the key is good" in found.text) == ("ok", True)


def test_another_key_another_server_and_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_TEST_DEVICE_KEY", Key("field-3/k1", "z" * 40).text())
    with in_a_thread() as receiver:
        (found,) = looked(receiver.url)
        assert found.level == "fail"
        assert "z" * 40 not in found.text + (found.fix or "")
        (found,) = looked(receiver.url + "/elsewhere")
        assert "no Sightline intake" in found.text
    (found,) = looked(receiver.url)
    assert (found.level, found.text) == ("fail", "connection refused")
    monkeypatch.delenv("SIGHTLINE_TEST_DEVICE_KEY")
    (found,) = looked(receiver.url)
    assert "not set" in found.text


def test_a_clock_that_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_TEST_DEVICE_KEY", KEY.text())
    with in_a_thread(Receiver(lambda: time.time() + 7200)) as receiver:
        (found,) = looked(receiver.url)
    assert found.level == "warn"
    assert "s off the cloud's" in found.text
