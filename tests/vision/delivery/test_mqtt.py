"""The MQTT sender against a real mosquitto: messages get through, whatever the broker does; TLS."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from tests.peers.mosquitto import Broker, Certificates, Listener, free_port, make_certificates
from tests.vision.delivery.mqtt_scenes import PASSWORD, context, faults_of, message, params, running, send_surely, until
from vision.delivery.senders.base import Retry, SendError
from vision.delivery.senders.mqtt import Mqtt, MqttAlert

pytestmark = pytest.mark.usefixtures("mqtt_password")


@pytest.mark.parametrize("version", ["5", "3.1.1", "auto"])
def test_a_message_arrives_with_all_that_it_says(tmp_path: Path, version: str) -> None:
    async def scene(broker: Broker, heard: Listener) -> None:
        async with running(
            params(broker, version=version), context(tmp_path, link=lambda p: f"http://x/{p}")
        ) as sender:
            await sender.send(message(evidence={"snapshot": "snapshots/a.jpg", "clip": None}, label="人"))
            await until(lambda: heard.on("/event"))

    with Broker(tmp_path / "b") as broker, Listener(broker) as heard:
        asyncio.run(scene(broker, heard))
        (event,) = heard.on("/event")
        said = json.loads(event.payload)
        assert event.topic == "sightline/house/yard/event"
        assert (said["id"], said["stage"], said["subject"], said["event"]["label"]) == ("m1", "opened", "01A", "人")
        assert said["links"] == {"snapshot": "http://x/snapshots/a.jpg"}
        assert event.qos == 1
        assert not event.retain
        if version != "3.1.1":  # MQTT 5 carries the id for receivers that drop doubles
            assert event.properties == {"id": "m1", "stage": "opened", "subject": "01A"}
            assert event.content_type == "application/json"
        on = [m.payload for m in heard.on("/status")]
        assert on == [b"online", b"offline"]  # birth, and a good-bye without the last will


def test_nothing_is_lost_when_the_broker_restarts(tmp_path: Path) -> None:
    """200 messages of 40 events, four of them at a time, while the broker is killed and restarted: all, in order."""
    log: list[int] = []

    async def event(sender: Mqtt, number: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            for step, stage in enumerate(["opened", "described", "described", "described", "closed"]):
                log.append(await send_surely(sender, message(number * 10 + step, stage, subject=f"E{number}")))

    async def scene(broker: Broker) -> None:
        async with running(params(broker), context(tmp_path)) as sender:
            gate = asyncio.Semaphore(4)
            events = [asyncio.create_task(event(sender, number, gate)) for number in range(40)]
            for how in (broker.kill, broker.stop):
                wanted = len(log) + 40
                await until(lambda wanted=wanted: len(log) >= wanted)
                await asyncio.to_thread(how)
                await asyncio.sleep(0.2)
                await asyncio.to_thread(broker.start)
            await asyncio.gather(*events)

    with Broker(tmp_path / "b") as broker, Listener(broker, "sightline/#") as heard:
        asyncio.run(scene(broker))
        assert len(log) == 200
        assert sum(log) > 200, "the broker was never away"
        heard.wait(lambda found: len({m.properties.get("id") for m in found} - {None}) == 200, "all 200")
        for number in range(40):
            ids = [m.properties["id"] for m in heard.on("/event") if m.properties["subject"] == f"E{number}"]
            first = list(dict.fromkeys(ids))  # a message may come twice under its id, never out of order
            assert first == [f"m{number * 10 + step}" for step in range(5)]


def test_a_frozen_broker_is_noticed_and_forgiven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.delivery.mqtt_connection.ACK_S", 0.5)
    monkeypatch.setattr("vision.delivery.mqtt_connection.CONNECT_S", 0.5)

    async def scene(broker: Broker, heard: Listener) -> None:
        async with running(params(broker), context(tmp_path)) as sender:
            await send_surely(sender, message(1))
            broker.suspend()
            try:
                with pytest.raises(Retry, match="did not acknowledge"):
                    await sender.send(message(2))
                with pytest.raises(Retry, match="not connected"):
                    await sender.send(message(2))
            finally:
                broker.resume()
            assert await send_surely(sender, message(2)) > 1
            await until(lambda: {m.properties["id"] for m in heard.on("/event")} == {"m1", "m2"})

    with Broker(tmp_path / "b") as broker, Listener(broker) as heard:
        asyncio.run(scene(broker, heard))


def test_a_frozen_broker_does_not_keep_us_from_closing(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> float:
        sender = Mqtt(params(broker), context(tmp_path))
        await sender.start()
        await send_surely(sender, message())
        broker.suspend()
        began = time.monotonic()
        try:
            await sender.close()
        finally:
            broker.resume()
        return time.monotonic() - began

    with Broker(tmp_path / "b") as broker:
        assert asyncio.run(scene(broker)) < 5


def test_start_does_not_wait_and_a_message_is_given_back_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        alert = MqttAlert(host="127.0.0.1", port=free_port())
        async with running(alert, context(tmp_path)) as sender:
            with pytest.raises(Retry, match=r"not connected: 127\.0\.0\.1:[0-9]+ cannot be reached"):
                await sender.send(message())

    asyncio.run(scene())


FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    # wrong password, both versions
    ("password", {"username": "agent", "password": "${WRONG}"}, "auth", "refused the login"),
    # a password without a user is a token that this broker does not know
    ("password", {"password": "${WRONG}"}, "auth", "refused the login"),
    ("password", {"password": "${WRONG}", "version": "3.1.1"}, "auth", "refused the login"),
    ("password", {"username": "agent", "password": "${WRONG}", "version": "3.1.1"}, "auth", "refused the login"),
    # no login where one is wanted
    ("password", {}, "auth", "refused the login"),
    # an authority that did not sign the broker's certificate
    ("tls", {"tls": True, "ca": "other"}, "tls", "certificate verify failed|unable to get local issuer|self"),
    # the system's authorities do not know the broker either
    ("tls", {"tls": True}, "tls", "certificate"),
    # the certificate is of another host
    ("tls", {"tls": True, "ca": "own", "host": "localhost"}, "tls", "localhost"),
    # an authority's file that is not there, that is none
    ("tls", {"tls": True, "ca": "/nowhere/ca.crt"}, "tls", "/nowhere/ca.crt: No such file"),
    ("tls", {"tls": True, "ca": "key"}, "tls", "TLS: ca: "),
    # no TLS to a port that wants it, and the other way round
    ("tls", {}, "closed", "tls: true"),
    ("plain", {"tls": True}, "tls", "TLS: "),
    # a broker that wants a client's certificate
    ("client", {"tls": True, "ca": "own"}, "tls|closed", ""),
    ("plain", {"host": "no..such..host"}, "unreachable", "no such host name"),
]


@pytest.mark.parametrize(("kind", "more", "fault", "text"), FAULTS)
def test_what_is_wrong_is_named_once_and_no_secret_is_told(
    tmp_path: Path,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    more: dict[str, Any],
    fault: str,
    text: str,
) -> None:
    monkeypatch.setenv("WRONG", "wrong-" + PASSWORD)
    monkeypatch.setattr("vision.delivery.mqtt_link.LONGEST_WAIT_S", 0.2)
    caplog.set_level(logging.DEBUG)
    files = {"own": certificates.ca, "key": certificates.server_key}
    if more.get("ca") == "other":
        files["other"] = make_certificates(tmp_path / "other").ca
    more = {**more, "ca": files.get(more["ca"], more["ca"])} if "ca" in more else more
    options: dict[str, Any] = {
        "password": {"user": "agent", "password": PASSWORD},
        "tls": {"tls": certificates},
        "client": {"tls": certificates, "client_certs": True},
        "plain": {},
    }[kind]

    async def scene(broker: Broker) -> None:
        alert = MqttAlert(**{"host": broker.host, "port": broker.port, **more})
        async with running(alert, context(tmp_path)) as sender:
            await until(lambda: faults_of(caplog), "a fault")
            with pytest.raises(Retry) as caught:
                await sender.send(message())
            await asyncio.sleep(0.5)  # several attempts, one line
            with pytest.raises(SendError) as probed:
                await sender.probe()
        assert PASSWORD not in f"{caught.value} {probed.value} {alert!r} {sender.__dict__!r}".replace(
            repr(sender.__dict__.get("_password")), ""
        )

    with Broker(tmp_path / "b", **options) as broker:
        asyncio.run(scene(broker))
    assert len(set(faults_of(caplog))) == len(faults_of(caplog)), "the same fault is told once"
    assert faults_of(caplog)[0] in fault.split("|")
    lines = [record.getMessage() for record in caplog.records if hasattr(record, "fault")]
    assert any(part in lines[0] for part in text.split("|")), lines
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_tls_password_and_client_certificate_together(tmp_path: Path, certificates: Certificates, version: str) -> None:
    own = {"ca": certificates.ca, "cert": certificates.client_cert, "key": certificates.client_key}
    login = {"username": "agent", "password": "${MQTT_PASSWORD}"}

    async def scene(broker: Broker) -> str:
        async with running(params(broker, tls=True, version=version, **own, **login), context(tmp_path)) as sender:
            await sender.send(message())
            return await sender.probe()

    options: dict[str, Any] = {"user": "agent", "password": PASSWORD, "tls": certificates, "client_certs": True}
    with Broker(tmp_path / "b", **options) as broker, Listener(broker) as heard:
        said = asyncio.run(scene(broker))
        heard.wait(lambda _: heard.on("/event"))
        assert said == f"127.0.0.1:{broker.port}: MQTT {version}, TLS, logged in"


def test_insecure_takes_any_certificate(tmp_path: Path, certificates: Certificates) -> None:
    async def scene(broker: Broker) -> str:
        return await Mqtt(params(broker, tls=True, insecure=True), context(tmp_path)).probe()

    with Broker(tmp_path / "b", tls=certificates) as broker:
        assert "TLS" in asyncio.run(scene(broker))
