"""Push and e-mail: real HTTP and SMTP receivers on this machine, asked by Apprise's own plugins."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import json
import logging
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from vision.delivery.senders.apprise import Apprise, AppriseAlert
from vision.delivery.senders.base import Message, Retry, SenderContext
from vision.errors import ConfigError

KEY = "k3y-that-nobody-may-see"
EVENT: dict[str, Any] = {
    "id": "01A",
    "type": "intrusion",
    "camera": "yard",
    "severity": "alert",
    "start": 1.7e9,
    "opened": 1.7e9,
    "at": 1.7e9,
    "label": "person",
    "score": 0.9,
    "rule": "intrusion",
    "evidence": {"snapshot": "snapshots/a.jpg", "clip": "clips/a.mp4"},
}


class Posts(ThreadingHTTPServer):
    """Takes POSTs; answers `status`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Post)


class _Post(BaseHTTPRequestHandler):
    server: Posts

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.status == 200:
            self.server.taken.append((self.path, said))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class Mails(socketserver.ThreadingTCPServer):
    """A minimal SMTP receiver (RFC 5321) that keeps what it gets."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.taken: list[email.message.EmailMessage] = []
        super().__init__(("127.0.0.1", 0), _Smtp)


class _Smtp(socketserver.StreamRequestHandler):
    server: Mails

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go\r\n")
                lines = []
                while (part := self.rfile.readline()) not in {b".\r\n", b""}:
                    lines.append(part.removeprefix(b"."))
                found = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                self.server.taken.append(found)  # type: ignore[arg-type]  # the default policy makes EmailMessage
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUSH_KEY", KEY)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def sender(url: str, folder: Path, **more: Any) -> Apprise:
    link = more.pop("link", None)
    return Apprise(
        AppriseAlert(url=url, **more), SenderContext(evidence=folder, clock=time.time, link=link, site="house")
    )


def message(stage: Any = "opened", number: int = 1, **more: Any) -> Message:
    merged = more.pop("merged", None)
    return Message(f"m{number}", stage, "01A", {**EVENT, **more}, 1.7e9, merged=merged)


def send(sender: Apprise, message: Message) -> None:
    asyncio.run(sender.send(message))


TEXTS: list[tuple[dict[str, Any], Message, str, str]] = [
    # the sentence of the facts where the event has no words of its own
    ({}, message(), "Intrusion: yard", "person"),
    ({"locale": "zh"}, message(), "区域入侵: yard", "人"),
    # words of a language model stand, in whatever language
    (
        {"locale": "zh"},
        message(summary={"text": "A man climbs in.", "source": "local"}),
        "区域入侵: yard",
        "A man climbs in.",
    ),
    ({}, message(summary={"text": "Somebody.", "source": "template"}), "Intrusion: yard", "Somebody."),
    # another title
    ({"title": "{severity}/{site}/{zone}/{stage}"}, message(zone="gate"), "alert/house/gate/opened", "gate"),
    # what was merged
    ({}, message("merged", merged={"count": 3, "window_s": 60.0}), "Intrusion: yard", "3 more within 1 min"),
    # an event that is not quite one
    (
        {},
        Message("m", "opened", "A", {"type": "storage_low", "severity": "warning"}, 0.0),
        "Storage low: ",
        "storage_low",
    ),
]


@pytest.mark.parametrize(("more", "sent", "title", "text"), TEXTS)
def test_title_and_text(tmp_path: Path, more: dict[str, Any], sent: Message, title: str, text: str) -> None:
    with serving(Posts()) as posts:
        send(sender(f"json://127.0.0.1:{posts.server_port}/hook", tmp_path, **more), sent)
    ((path, said),) = posts.taken
    assert path == "/hook"
    assert said["title"].lower() == title.lower().strip()
    assert text in said["message"]
    assert said["type"] == ("warning" if sent.event["severity"] == "warning" else "failure")


def test_picture_and_link_come_along(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "a.jpg").write_bytes(b"\xff\xd8picture")
    with serving(Posts()) as posts:
        url = f"json://127.0.0.1:{posts.server_port}"
        send(sender(url, tmp_path, link=lambda path: f"https://x/{path}?signed"), message())
        send(sender(url, tmp_path, snapshot=False), message())
        send(sender(url, tmp_path), message(evidence={"snapshot": "../../etc/passwd"}))
    with_picture, without, outside = (said for _, said in posts.taken)
    (attached,) = with_picture["attachments"]
    assert base64.b64decode(attached["base64"]) == b"\xff\xd8picture"
    assert with_picture["message"].endswith("\nhttps://x/clips/a.mp4?signed")
    assert without["attachments"] == outside["attachments"] == []


def test_a_plain_email(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "a.jpg").write_bytes(b"\xff\xd8picture")
    with serving(Mails()) as mails:
        port = mails.server_address[1]
        url = f"mailto://127.0.0.1:{port}?from=cameras@example.org&to=guard@example.org"
        send(sender(url, tmp_path, locale="zh"), message())
    (mail,) = mails.taken
    assert mail["subject"] == "区域入侵: yard"
    assert "guard@example.org" in mail["to"]
    assert [part.get_content() for part in mail.walk() if part.get_content_type() == "image/jpeg"] == [
        b"\xff\xd8picture"
    ]


def test_only_those_that_failed_are_asked_again(tmp_path: Path) -> None:
    with serving(Posts()) as first, serving(Posts()) as second:
        second.status = 503
        both = sender(f"json://127.0.0.1:{first.server_port} json://127.0.0.1:{second.server_port}", tmp_path)
        with pytest.raises(Retry, match="json: "):
            send(both, message())
        second.status = 200
        send(both, message())
        send(both, message(number=2))
        assert (len(first.taken), len(second.taken)) == (2, 2)


def test_no_secret_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(Posts()) as posts:
        posts.status = 404
        monkeypatch.setenv("WHOLE", f"json://user:{KEY}@127.0.0.1:{posts.server_port}/{KEY}")
        for url in (f"json://user:${{PUSH_KEY}}@127.0.0.1:{posts.server_port}/${{PUSH_KEY}}", "${WHOLE}"):
            failing = sender(url, tmp_path)
            with pytest.raises(Retry) as caught:
                send(failing, message())
            assert KEY not in str(caught.value)
            assert KEY not in repr(failing.params) + asyncio.run(failing.probe())
    assert KEY not in caplog.text


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"url": " "}, "must not be empty"),
    ({"url": "guard@example.org"}, "must be an address"),
    # a key in the path of a service
    ({"url": "tgram://123456:ABC/42"}, "holds its key"),
    ({"url": "mailto://user:secret@example.org"}, "holds a password"),
    # the second of two
    ({"url": "json://localhost discord://1/2"}, "holds its key"),
    ({"url": "json://localhost", "title": "{nme}"}, "{nme} is not known here"),
    ({"url": "json://localhost", "title": "{}"}, "{} is not known here"),
    ({"url": "json://localhost", "timezone": "Mars/North"}, "is no time zone"),
]


@pytest.mark.parametrize(("more", "text"), WRONG)
def test_wrong_parameters_are_named(more: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AppriseAlert(**more)
    assert text in str(caught.value)


def test_opened_only_unless_said_otherwise() -> None:
    assert AppriseAlert(url="json://localhost").on == ("opened",)


def test_what_cannot_work_is_said_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="NOT_SET not set"):
        sender("json://user:${NOT_SET}@localhost", tmp_path)
    monkeypatch.setenv("NONSENSE", f"nosuchservice://{KEY}")
    with pytest.raises(ConfigError, match=r"not an address that Apprise understands \(nosuchservice://…\)"):
        sender("${NONSENSE}", tmp_path)
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match=r"pip install 'sightline\[notify\]'"):
        sender("json://localhost", tmp_path)
