"""Fixtures of senders at real receivers."""

from __future__ import annotations

import pytest

from tests.peers.mosquitto import Certificates, make_certificates
from tests.vision.delivery.mqtt_scenes import PASSWORD


@pytest.fixture
def mqtt_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))
