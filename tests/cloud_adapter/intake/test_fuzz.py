"""Whatever is sent: one line of JSON says why not, and nothing that was not signed gets into the queue."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.cloud_adapter.intake.pictures import BOMBS, NO_PICTURES, POLYGLOTS
from tests.cloud_adapter.intake.serving import START, Device, Serving, jpeg, meta_of, serving, webp
from vision.wire import signing
from vision.wire.messages import FrameMeta

EXAMPLES = int(os.environ.get("SIGHTLINE_FUZZ_EXAMPLES", "40"))
MANY = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
ROOMY = {"requests_burst": 10_000, "requests_per_minute": 10_000, "bytes_burst": 10**9, "bytes_per_minute": 1e9}
PICTURES = [jpeg(), webp(), jpeg(200, 100)]
ANY_VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=120)


@dataclass
class Target:
    """A running intake that examples are thrown at, one after the other, and what was really signed."""

    serving: Serving
    runner: asyncio.Runner
    genuine: dict[str, FrameMeta] = field(default_factory=dict)
    sent: int = 0

    def request(self, body: bytes, *, device: Device | None = None, nonce: str | None = None) -> tuple[str, list[Any]]:
        """Target and headers of an upload that is in order."""
        self.sent += 1
        frame = f"frame-{self.sent:06d}"
        meta = meta_of(body, frame)
        sender = device or self.serving.device
        if sender.key == self.serving.device.key:
            self.genuine[f"field-3/{frame}"] = meta
        target = f"/v1/frames/{frame}"
        headers = [("Host", "h"), ("Content-Length", str(len(body)))]
        return target, headers + list(sender.signed("PUT", target, body, meta=meta, nonce=nonce).items())

    def send(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and JSON; every refusal is looked at here."""
        status, said, lines = self.runner.run(self._send(method, target, headers, body))
        assert lines == 1, "one line"
        assert status in {200, 201} or said.keys() >= {"error", "told"}
        assert status != 500, "no example makes the intake stumble"
        for job in self.serving.queue.jobs.values():
            assert self.genuine[job.id] == job.meta, "nothing but what was signed is in the queue"
        return status, said

    async def _send(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, dict[str, Any], int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.serving.server.port)
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        answer = await asyncio.wait_for(reader.readuntil(b"}\n"), 60)
        writer.close()
        answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        head, _, text = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(text), text.count(b"\n")


@pytest.fixture
def target(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Target]:
    caplog.set_level(logging.DEBUG)
    with asyncio.Runner() as runner:
        wanted = {"rates": ROOMY, "load": {"grace_seconds": 1}, "pictures": {"longest_side": 256}}
        manager = serving(tmp_path, settings=wanted)
        running = runner.run(manager.__aenter__())
        target = Target(running, runner)
        yield target
        assert target.send("GET", "/readyz", [("Host", "h")], b"")[0] == 200, "and it goes on"
        runner.run(manager.__aexit__(None, None, None))
    assert running.device.key.secret not in caplog.text


MUTATION = st.one_of(
    st.tuples(st.just("drop"), st.integers(0, 9), st.none()),
    st.tuples(st.just("twice"), st.integers(0, 9), st.none()),
    st.tuples(st.just("value"), st.integers(0, 9), ANY_VALUE),
    st.tuples(st.just("cut"), st.integers(0, 9), st.integers(0, 200)),
    st.tuples(
        st.just("letter"),
        st.integers(0, 9),
        st.tuples(st.integers(0, 300), st.characters(min_codepoint=33, max_codepoint=126)),
    ),
    st.tuples(st.just("other"), st.integers(0, 9), st.none()),
    st.tuples(
        st.just("more"),
        st.just(0),
        st.tuples(st.sampled_from(["Expect", "X", "Transfer-Encoding", "Authorization"]), ANY_VALUE),
    ),
)


def mutated(headers: list[Any], other: list[Any], mutation: tuple[str, int, Any]) -> list[Any]:
    kind, at, how = mutation
    at %= len(headers)
    name, value = headers[at]
    rest = headers[:at] + headers[at + 1 :]
    if kind == "letter":
        place = how[0] % len(value)
        return [*rest, (name, value[:place] + how[1] + value[place + 1 :])]
    return {
        "drop": lambda: rest,
        "twice": lambda: [*headers, (name, value)],
        "value": lambda: [*rest, (name, how)],
        "cut": lambda: [*rest, (name, value[:how])],
        "other": lambda: [*rest, next(pair for pair in other if pair[0] == name)],
        "more": lambda: [*headers, how],
    }[kind]()


def test_headers_that_were_tampered_with(target: Target) -> None:
    @MANY
    @given(st.sampled_from(PICTURES), st.sampled_from(["PUT", "POST", "GET", "DELETE"]), MUTATION)
    @example(PICTURES[0], "DELETE", ("more", 0, ("Expect", "\x80")))  # the framework's own answers are not ours
    @example(PICTURES[0], "PUT", ("more", 0, ("Expect", "100-continue")))
    def check(picture: bytes, method: str, mutation: tuple[str, int, Any]) -> None:
        place, headers = target.request(picture)
        _, other = target.request(b"another")
        changed = mutated(headers, other, mutation)
        status, said = target.send(method, place, changed, picture)
        if method != "PUT":
            assert status in {400, 405, 417}
        elif status == 201:
            kept = {name: value.strip() for name, value in changed}
            assert all(kept.get(name) == value for name, value in headers if name not in {"Host", "Content-Length"})
        else:
            assert said["error"]

    check()


def test_bodies_that_were_tampered_with(target: Target) -> None:
    @MANY
    @given(st.sampled_from(PICTURES), st.integers(0, 10_000), st.integers(0, 255))
    def check(picture: bytes, at: int, value: int) -> None:
        place, headers = target.request(picture)
        at %= len(picture)
        changed = picture[:at] + bytes([value]) + picture[at + 1 :]
        status, said = target.send("PUT", place, headers, changed)
        assert (status == 201) == (changed == picture)
        assert status == 201 or said["error"] == "wrong_digest"

    check()


def test_replays(target: Target) -> None:
    @MANY
    @given(st.sampled_from(PICTURES), st.text("abcXYZ019-_", min_size=16, max_size=64))
    def check(picture: bytes, nonce: str) -> None:
        used = f"{target.sent:06d}{nonce}"[:64]
        place, headers = target.request(picture, nonce=used)
        assert target.send("PUT", place, headers, picture)[0] == 201
        assert target.send("PUT", place, headers, picture)[1]["error"] == "replayed"
        elsewhere, again = target.request(picture, nonce=used)  # the nonce with another request
        assert target.send("PUT", elsewhere, again, picture)[1]["error"] == "replayed"

    check()


def test_clocks_that_are_off(target: Target) -> None:
    @MANY
    @given(st.one_of(st.integers(-7200, 7200), st.integers(-320, 320)))
    @example(3600)
    @example(-3600)
    @example(300)
    @example(301)
    def check(off: int) -> None:
        device = target.serving.device
        place, headers = target.request(PICTURES[0], device=Device(device.key, lambda: START + off, device.numbers))
        status, said = target.send("PUT", place, headers, PICTURES[0])
        assert (status == 201) == (abs(off) <= 300)
        if status != 201:
            assert (status, said["error"]) == (401, "clock_skew")
            assert (said["server_time"], said["window_s"]) == (START, 300.0), "a device can set its clock by this"

    check()


def test_keys_that_are_not_ours(target: Target) -> None:
    @MANY
    @given(
        st.sampled_from(["field-3", "field-4", "nobody"]),
        st.sampled_from(["k1", "k2"]),
        st.text("abcXYZ019-_", min_size=32, max_size=64),
    )
    def check(name: str, key: str, secret: str) -> None:
        stranger = Device(signing.Key(f"{name}/{key}", secret), target.serving.clock)
        place, headers = target.request(PICTURES[0], device=stranger)
        status, said = target.send("PUT", place, headers, PICTURES[0])
        assert (status, said["error"]) == (401, "wrong_signature")
        assert not target.serving.queue.jobs

    check()


ODD_FILES = st.one_of(
    st.sampled_from([*BOMBS.values(), *NO_PICTURES.values(), *POLYGLOTS.values()]),
    st.binary(min_size=1, max_size=400),
    st.binary(max_size=400).map(lambda rest: b"\xff\xd8\xff" + rest),
    st.tuples(st.sampled_from(PICTURES), st.integers(1, 3000)).map(lambda pair: pair[0][: pair[1]]),  # cut off
    st.tuples(st.sampled_from(PICTURES), st.binary(max_size=60)).map(lambda pair: pair[0] + pair[1]),  # with a tail
    st.tuples(st.sampled_from(PICTURES), st.integers(0, 3000), st.binary(min_size=1, max_size=9)).map(
        lambda row: row[0][: row[1]] + row[2] + row[0][row[1] + len(row[2]) :]  # damaged
    ),
)


def test_files_that_are_no_pictures_or_more_than_that(target: Target) -> None:
    def check(body: bytes) -> None:
        place, headers = target.request(body)
        status, said = target.send("PUT", place, headers, body)
        assert status in {201, 422}
        job = target.serving.queue.jobs.get(f"field-3/{place.rpartition('/')[2]}")
        if status == 422:
            assert said["error"] == "wrong_picture"
            assert job is None
        else:
            picture = target.serving.queue.pictures[job.picture]
            assert picture[:3] == b"\xff\xd8\xff"
            assert picture != body
            assert not any(word in picture for word in (b"script", b"PK\x03\x04", b"php", b"Exif"))

    for body in [*BOMBS.values(), *NO_PICTURES.values(), *POLYGLOTS.values()]:
        check(body)
    assert len(target.serving.queue.jobs) == len(POLYGLOTS)
    MANY(given(ODD_FILES)(check))()


def test_readings_that_are_none(target: Target) -> None:
    @MANY
    @given(
        st.one_of(
            st.binary(min_size=1, max_size=300),
            st.recursive(
                st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=9)),
                lambda inner: st.one_of(
                    st.lists(inner), st.dictionaries(st.sampled_from(["id", "site", "readings", "x"]), inner)
                ),
            ).map(lambda value: json.dumps(value).encode()),
            st.integers(1, 5000).map(lambda depth: b"[" * depth),
        )
    )
    def check(body: bytes) -> None:
        headers = [("Host", "h"), ("Content-Length", str(len(body)))]
        signed = target.serving.device.signed("POST", "/v1/readings", body)
        status, said = target.send("POST", "/v1/readings", headers + list(signed.items()), body)
        assert (status, said["error"]) == (400, "wrong_readings")

    check()
