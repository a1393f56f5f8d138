"""The webhook sender against a real receiver: signatures, answers, pictures, probing, and no secret anywhere."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from tests.conftest import missing
from tests.peers.webhook import Fault, Receiver
from tests.vision.delivery.outbox.setting import SECRET, T0, event, hook
from vision.delivery.env import AddressText, SecretText
from vision.delivery.http_post import retry_after
from vision.delivery.senders.base import Disabled, Message, Refused, Retry, SenderContext, SendError
from vision.delivery.senders.webhook import Webhook, WebhookAlert
from vision.delivery.signing import keys_of
from vision.errors import ConfigError

OTHER = "whsec_" + base64.b64encode(b"another key of thirty-two bytes!").decode()


def message(number: int = 1, **event_changes: Any) -> Message:
    one = event(number, **event_changes)
    return Message(f"m{number}", "opened", one.id, one.to_dict(), time.time())


@asynccontextmanager
async def working(params: WebhookAlert, **context: Any) -> AsyncIterator[Webhook]:
    values: dict[str, Any] = {"evidence": Path(), "clock": time.time, "site": "house", **context}
    sender = Webhook(params, SenderContext(**values))
    await sender.start()
    try:
        yield sender
    finally:
        await sender.close()


def send(params: WebhookAlert, *messages: Message, **context: Any) -> None:
    async def scene() -> None:
        async with working(params, **context) as sender:
            for one in messages or (message(),):
                await sender.send(one)

    asyncio.run(scene())


KEYS: dict[str, tuple[str, str | bytes]] = {
    # what is in the environment, and what the receiver verifies with
    "whsec": (SECRET, SECRET),
    # padding is not needed
    "whsec without padding": (OTHER.rstrip("="), OTHER),
    # base64 without the prefix is what the published libraries make of such a text
    "base64": (SECRET.removeprefix("whsec_"), SECRET),
    # anything else is a password
    "a password": ("correct-horse-battery", b"correct-horse-battery"),
    # while keys change, each signs: a receiver with the old one and one with the new one are both served
    "rotation, old": (f"{OTHER} {SECRET}", SECRET),
    "rotation, new": (f"{OTHER} {SECRET}", OTHER),
    "with commas": (f"{OTHER}, {SECRET}\n", SECRET),
}


@pytest.mark.parametrize(("given", "verified"), KEYS.values(), ids=KEYS.keys())
def test_signatures(given: str, verified: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", given)
    with Receiver(verified) as receiver:
        send(hook(receiver.url))
        assert (len(receiver.messages), receiver.rejected) == (1, [])


def test_a_wrong_secret_is_refused(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", OTHER)
    with pytest.raises(Refused, match="HTTP 401"):
        send(hook(receiver.url))


@pytest.mark.parametrize("text", ["", "  ", "whsec_", "whsec_not-base64!", "whsec_###"])
def test_secrets_of_no_use(text: str) -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        keys_of(text)
    assert "###" not in str(caught.value)


def test_the_timestamp_is_fresh_at_each_attempt(receiver: Receiver) -> None:
    moments = iter([time.time() - 200, time.time() - 200, time.time(), time.time()])
    old = message()
    send(hook(receiver.url), old, old, clock=lambda: next(moments))
    first, second = (int(m.headers["webhook-timestamp"]) for m in receiver.taken)
    assert second - first >= 199
    assert len(receiver.messages) == 1, "the same id"


ANSWERS: dict[Fault, tuple[type[SendError], str]] = {
    "500": (Retry, "HTTP 500"),
    "503": (Retry, "HTTP 503"),
    "429": (Retry, "HTTP 429"),
    "410": (Disabled, "HTTP 410"),
    "404": (Refused, "HTTP 404"),
    "400": (Refused, "HTTP 400"),
    "redirect": (Refused, "HTTP 307: redirects are not followed"),
    "drop": (Retry, "the connection was cut before an answer"),
    "lost answer": (Retry, "the connection was cut before an answer"),
    "hang": (Retry, "no answer within 1 s"),
    "down": (Retry, "connection refused"),
}


@pytest.mark.parametrize(("fault", "raised", "reason"), [(f, *a) for f, a in ANSWERS.items()], ids=ANSWERS.keys())
def test_answers(receiver: Receiver, fault: Fault, raised: type[SendError], reason: str) -> None:
    receiver.fail(fault)
    address = receiver.url.replace("http://", "http://viewer:${HOOK_SECRET}@") + "?token=${HOOK_SECRET}"
    with pytest.raises(raised) as caught:
        send(hook(address, timeout_s=1))
    assert type(caught.value) is raised
    assert reason in str(caught.value)
    assert "MfKQ" not in str(caught.value)


def test_connections_are_kept(receiver: Receiver) -> None:
    peers: set[Any] = set()
    real = receiver._hook

    async def watched(request: Any) -> Any:
        peers.add(request.transport.get_extra_info("peername"))
        return await real(request)

    receiver._hook = watched  # type: ignore[method-assign]  # to see the connections
    receiver.fail("down")
    receiver.heal()
    send(hook(receiver.url), *(message(n) for n in range(5)))
    assert (len(receiver.messages), len(peers)) == (5, 1)


NOW = datetime(2026, 9, 21, 12, 0, 0, tzinfo=UTC)
AFTER: dict[str, tuple[str | None, float | None]] = {
    "none": (None, None),
    "seconds": ("120", 120.0),
    "blanks": (" 7 ", 7.0),
    "a date": (format_datetime(NOW.replace(minute=5), usegmt=True), 300.0),
    "a date gone by": (format_datetime(NOW.replace(hour=3), usegmt=True), 0.0),
    "a date without a zone": ("Mon, 21 Sep 2026 12:01:00 -0000", 60.0),
    # nonsense is as if there were none
    "negative": ("-5", None),
    "words": ("soon", None),
    "too long": ("9" * 40, None),
    "empty": ("", None),
}


@pytest.mark.parametrize(("value", "seconds"), AFTER.values(), ids=AFTER.keys())
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW.timestamp()) == seconds


def test_what_the_receiver_asks_for_reaches_the_outbox(receiver: Receiver) -> None:
    receiver.fail("503", retry_after="33")
    with pytest.raises(Retry) as caught:
        send(hook(receiver.url))
    assert caught.value.after_s == 33


# -- pictures


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    noise = np.random.default_rng(5).integers(0, 255, (1080, 1920, 3), dtype=np.uint8)
    (tmp_path / "snapshots").mkdir()
    assert cv2.imwrite(str(tmp_path / "snapshots/small.jpg"), noise[:90, :160])
    assert cv2.imwrite(str(tmp_path / "snapshots/large.jpg"), noise)
    (tmp_path / "snapshots/broken.jpg").write_bytes(b"no picture" * 100_000)
    return tmp_path


def pictured(snapshot: str | None) -> Message:
    return message(1, evidence={"snapshot": snapshot, "clip": "clips/1.mp4"})


def test_links_to_evidence(receiver: Receiver, evidence: Path) -> None:
    send(hook(receiver.url), pictured("snapshots/small.jpg"), evidence=evidence, link=lambda path: f"https://x/{path}")
    (got,) = receiver.messages
    assert got.data["links"] == {"snapshot": "https://x/snapshots/small.jpg", "clip": "https://x/clips/1.mp4"}
    assert "snapshot" not in got.data
    assert got.size < 20_000


def test_no_links_without_a_public_address_or_when_not_wanted(receiver: Receiver, evidence: Path) -> None:
    send(hook(receiver.url), pictured("snapshots/small.jpg"), evidence=evidence)
    send(hook(receiver.url, snapshot="none"), pictured("snapshots/small.jpg"), link=lambda path: f"https://x/{path}")
    for got in receiver.taken:
        assert got.data["links"] == {"snapshot": None, "clip": None}


def test_inlined_pictures_are_small_enough(receiver: Receiver, evidence: Path) -> None:
    for name in ("small", "large"):
        receiver.clear()
        send(hook(receiver.url, snapshot="inline"), pictured(f"snapshots/{name}.jpg"), evidence=evidence)
        (got,) = receiver.messages
        jpeg = base64.b64decode(got.data["snapshot"]["base64"], validate=True)
        assert got.data["snapshot"]["content_type"] == "image/jpeg"
        assert len(jpeg) <= 256 * 1024
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert abs(picture.shape[1] / picture.shape[0] - 16 / 9) < 0.01


@pytest.mark.parametrize("path", [None, "snapshots/none.jpg", "snapshots/broken.jpg", "../../etc/passwd", "snapshots"])
def test_without_a_picture_the_message_goes_all_the_same(receiver: Receiver, evidence: Path, path: str | None) -> None:
    send(hook(receiver.url, snapshot="inline"), pictured(path), evidence=evidence)
    assert "snapshot" not in receiver.messages[0].data


# -- the address


ADDRESSES: dict[str, str] = {
    "no scheme of ours": "ftp://host/x",
    "no host": "http:///x",
    "a bad port": "http://host:99999/x",
    "a blank": "http://ho st/x",
    "a line end": "http://host/x\ny",
}


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_addresses_of_no_use_are_told_at_once_and_not_shown(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_URL", address)
    with pytest.raises(ConfigError) as caught:
        Webhook(WebhookAlert(url=AddressText("${HOOK_URL}")), SenderContext(Path(), time.time))
    assert address not in str(caught.value)


def test_variables_that_are_not_set_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK_SECRET")
    with pytest.raises(ConfigError, match="HOOK_SECRET"):
        Webhook(hook("http://host/x"), SenderContext(Path(), time.time))


def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        send(hook(receiver.url))
        assert (len(receiver.messages), proxy.requests, proxy.others) == (1, 0, [])


def test_users_in_the_address_and_authorization(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_AUTH", "Bearer hunter2")
    send(hook(receiver.url, authorization=SecretText("${HOOK_AUTH}")))
    send(hook(receiver.url.replace("http://", "http://me:${HOOK_SECRET}@")))
    first, second = (m.headers["authorization"] for m in receiver.taken)
    assert first == "Bearer hunter2"
    assert base64.b64decode(second.removeprefix("Basic ")).decode() == f"me:{SECRET}"
    with pytest.raises(ConfigError, match="not both"):
        Webhook(
            hook("http://me:${HOOK_SECRET}@host/", authorization=SecretText("${HOOK_AUTH}")),
            SenderContext(Path(), time.time),
        )


def test_no_secret_in_logs_or_reprs(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    params = hook(receiver.url.replace("http://", "http://viewer:${HOOK_SECRET}@"))
    receiver.fail("500", times=1)
    with pytest.raises(Retry):
        send(params)
    send(params)
    for text in (caplog.text, repr(params), repr(Webhook(params, SenderContext(Path(), time.time)))):
        assert "MfKQ" not in text


# -- probing


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.CalledProcessError) as error:
        missing(f"no openssl to make a certificate with: {error}")
    return key, cert


def probe(params: WebhookAlert) -> str:
    async def scene() -> str:
        sender = Webhook(params, SenderContext(Path(), time.time))
        try:
            return await sender.probe()
        finally:
            await sender.close()

    return asyncio.run(scene())


def test_probing_alerts_nobody(receiver: Receiver) -> None:
    assert probe(hook(receiver.url)) == "reachable, not encrypted"
    assert (receiver.requests, receiver.others) == (0, [])


def test_probing_says_what_is_weak(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert probe(WebhookAlert(url=AddressText(receiver.url))).endswith("not signed: set secret")
    monkeypatch.setenv("HOOK_SECRET", "short!")
    assert "the secret is short" in probe(hook(receiver.url))
    receiver.fail("down")
    with pytest.raises(SendError, match="connection refused"):
        probe(hook(receiver.url))
    with pytest.raises(SendError, match="host name is not known"):
        probe(hook("http://nowhere.invalid/x"))


def test_tls(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    key, cert = certificate
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)
    with Receiver(SECRET, tls=tls) as receiver:
        with pytest.raises(SendError, match="the certificate is not valid: self-signed certificate"):
            probe(hook(receiver.url))
        with pytest.raises(Retry, match="the certificate is not valid: self-signed certificate"):
            send(hook(receiver.url))
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert "certificate expires in 29 days" in probe(hook(receiver.url))
        send(hook(receiver.url))
        assert (len(receiver.messages), receiver.others) == (1, [])


def test_a_server_that_speaks_no_tls(receiver: Receiver) -> None:
    with pytest.raises(SendError, match="TLS failed"):
        probe(hook(receiver.url.replace("http://", "https://")))


def test_the_body_is_what_is_documented(receiver: Receiver) -> None:
    one = Message("m1", "merged", event(0).id, event(1).to_dict(), T0 + 0.5, merged={"count": 3})
    send(hook(receiver.url), one)
    (got,) = receiver.messages
    assert got.headers["content-type"] == "application/cloudevents+json; charset=UTF-8"
    assert (got.type, got.subject, got.source) == ("io.sightline.event.merged.v1", event(0).id, "/house/yard")
    assert json.loads(json.dumps(got.data)) == {
        "stage": "merged",
        "event": event(1).to_dict(),
        "merged": {"count": 3},
        "links": {"snapshot": None, "clip": None},
    }


def test_the_receiver_in_the_guide_works(root: Path) -> None:
    guide = (root / "docs/webhooks.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    room: dict[str, Any] = {}
    exec(code, room)
    sender = Webhook(hook("http://host/x"), SenderContext(Path(), time.time, site="house"))
    one = message()
    body = sender._body(one)
    headers = {key.lower(): value for key, value in sender._headers(one.id, body).items()}
    assert room["take"](SECRET, headers, body)["event"] == event(1).to_dict()
    assert room["take"](SECRET, headers, body) is None
    with pytest.raises(WebhookVerificationError):
        room["take"](OTHER, headers, body)


def test_a_message_stays_small(receiver: Receiver) -> None:
    ids = [event(n).id for n in range(200)]
    facts = {"path_m": [round(n / 7, 3) for n in range(300)], "seen": ["a thing of some length"] * 40}
    one = replace(message(facts=facts), merged={"count": 900, "since": T0, "until": T0, "window_s": 60.0, "ids": ids})
    send(hook(receiver.url), one, link=lambda path: "https://cams.example.org/evidence/" + "x" * 200)
    assert receiver.messages[0].size < 20_000
