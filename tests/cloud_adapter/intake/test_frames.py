"""Pictures and readings on their way in: acknowledged once durable, sent twice harmless, another under its id refused."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.intake.captures import Captures
from cloud_adapter.queue.fake import FakeQueue
from cloud_adapter.queue.opening import open_queue
from cloud_adapter.queue.settings import EmbeddedQueue
from cloud_adapter.records import Job
from tests.cloud_adapter.intake.serving import START, Clock, Serving, jpeg, meta_of, served, serving, webp
from vision.errors import StoreError
from vision.wire import signing
from vision.wire.headers import meta_header
from vision.wire.messages import Reading


def test_a_picture_is_acknowledged_once_and_known_after_that(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        picture = jpeg()
        first, again = await s.put(picture), await s.put(picture)
        assert (first.status, first.body) == (201, {"id": "frame-001", "stored": "new", "requests": []})
        assert (again.status, again.body["stored"]) == (200, "known")
        other = await s.put(jpeg(seed=1))
        assert (other.status, other.body["error"]) == (409, "other_content")
        (job,) = s.queue.jobs.values()
        assert (job.id, job.device, job.camera, job.profile) == ("field-3/frame-001", "field-3", "field-3", "potato")
        assert (job.site, job.width, job.height, job.media_type) == ("north", 64, 48, "image/jpeg")
        assert s.queue.pictures[job.picture] != picture, "never the bytes that a stranger has sent"
        assert job.meta.captured == START - 60
        sums = s.counters.snapshot()
        assert (sums["pictures"], sums["known"], sums["refused.other_content"]) == (1, 1, 1)

    served(tmp_path, use)


def test_whoever_waits_for_our_word_need_not_send_a_known_picture_again(tmp_path: Path) -> None:
    async def head_only(s: Serving, picture: bytes) -> bytes:
        """A device that sends `Expect: 100-continue` and then nothing before it has read an answer."""
        target = "/v1/frames/frame-001"
        headers = s.device.signed("PUT", target, picture, meta=meta_of(picture))
        lines = [f"PUT {target} HTTP/1.1", "Host: h", "Expect: 100-continue", f"Content-Length: {len(picture)}"]
        head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""])
        reader, writer = await asyncio.open_connection("127.0.0.1", s.server.port)
        writer.write(head.encode())
        line = await asyncio.wait_for(reader.readline(), 60)
        if b" 100 " in line:
            await reader.readline()
            writer.write(picture)
            line += await asyncio.wait_for(reader.readline(), 60)
        writer.close()
        return line

    async def use(s: Serving) -> None:
        picture = jpeg()
        first = await head_only(s, picture)
        assert b" 100 " in first
        assert b" 201 " in first
        assert b" 200 " in await head_only(s, picture)
        assert b" 409 " in await head_only(s, jpeg(seed=5))
        target = "/v1/frames/frame-001"
        headers = s.device.signed("PUT", target, picture, meta=meta_of(picture))
        async with s.http.put(s.url + target, data=picture, headers=headers, expect100=True) as response:
            assert (response.status, (await response.json())["stored"]) == (200, "known")

    served(tmp_path, use)


class Unsteady(FakeQueue):
    """A queue that cannot be reached now and then."""

    down = True

    async def put(self, job: Job, picture: bytes | None) -> bool:
        if self.down:
            raise StoreError("the disk is full")
        return await super().put(job, picture)


def test_nothing_is_acknowledged_that_the_queue_does_not_have(tmp_path: Path) -> None:
    queue = Unsteady(Clock())

    async def use(s: Serving) -> None:
        refused = await s.put(jpeg())
        assert (refused.status, refused.body["error"], refused.headers["Retry-After"]) == (503, "not_now", "30")
        assert "disk" not in refused.text, "strangers learn nothing of the inside"
        other = await s.put(jpeg(seed=1))
        assert other.status == 409, "the id belongs to the first content, acknowledged or not"
        queue.down = False
        assert (await s.put(jpeg())).status == 201

    served(tmp_path, use, queue=queue)


def test_a_crash_between_queue_and_acknowledgement_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        queue = FakeQueue(Clock())
        async with serving(tmp_path, queue=queue) as s:
            ledger = s.app[next(iter(s.app))].ledger

            async def cut(*_: Any) -> Any:
                raise StoreError("the power went")

            ledger.stored, whole = cut, ledger.stored
            assert (await s.put(jpeg())).status == 503
            assert len(queue.jobs) == 1
            ledger.stored = whole
        async with serving(tmp_path, queue=queue) as s:  # begun again
            again = await s.put(jpeg())
            assert (again.status, again.body["stored"]) == (200, "known")
            assert len(queue.jobs) == 1

    asyncio.run(run())


def test_with_the_embedded_queue_all_outlives_a_restart(tmp_path: Path) -> None:
    async def run() -> None:
        target, picture = "/v1/frames/frame-001", jpeg(640, 480)
        for turn in range(2):
            db = CloudDatabase(address_in(tmp_path))
            queue = open_queue(EmbeddedQueue(), db, tmp_path, now=Clock())
            async with serving(tmp_path, queue=queue) as s:
                if turn == 0:
                    headers = s.device.signed("PUT", target, picture, meta=meta_of(picture))
                    assert (await s.send("PUT", target, picture, headers)).status == 201
                else:
                    replay = await s.send("PUT", target, picture, headers)
                    assert (replay.status, replay.body["error"]) == (409, "replayed")
                    assert (await s.put(picture)).body["stored"] == "known"
                    claim = await queue.take(0)
                    assert claim is not None
                    assert claim.job.picture is not None
                    assert (await queue.picture(claim.job.picture))[:3] == b"\xff\xd8\xff"
                    await queue.done(claim)
                    assert await queue.take(0) is None
            await queue.close()
            db.close()

    asyncio.run(run())


def test_readings_come_alone_or_with_a_picture(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        assert (await s.post_readings()).status == 201
        assert (await s.post_readings()).body["stored"] == "known"
        changed = await s.post_readings(site="north", readings=[{"sensor": "tilt", "value": 9, "t": START}])
        assert changed.body["error"] == "other_content"
        job = s.queue.jobs["field-3/reading-1"]
        assert (job.picture, job.profile, job.readings[0].value) == (None, "cover", 2.5)
        with_picture = await s.put(jpeg(), readings=(Reading(sensor="wind", value=3, t=START + 9999),))
        assert with_picture.status == 201
        (wind,) = s.queue.jobs["field-3/frame-001"].readings
        assert wind.t == START, "a reading from the future would look fresh for as long as it likes"
        wrong = await s.send("POST", "/v1/readings", b"{}", s.device.signed("POST", "/v1/readings", b"{}"))
        assert (wrong.status, wrong.body["error"]) == (400, "wrong_readings")

    served(tmp_path, use)


def test_the_simplest_devices_post_a_jpeg_with_their_key(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        bearer = {"Authorization": f"Bearer {s.device.key.text()}"}
        first = await s.send("POST", "/v1/frames?profile=potato", jpeg(), bearer)
        assert first.status == 201
        assert (await s.send("POST", "/v1/frames?profile=potato", jpeg(), bearer)).body["stored"] == "known"
        (job,) = s.queue.jobs.values()
        assert (job.camera, job.profile, job.width, job.height, job.meta.captured) == (
            "field-3",
            "potato",
            64,
            48,
            START,
        )
        for target, status, error in [
            ("/v1/frames", 400, "wrong_query"),  # two profiles: which?
            ("/v1/frames?profile=potatoe", 422, "unknown_profile"),
            ("/v1/frames?profile=potato&gps=1", 400, "wrong_query"),
            ("/v1/frames?profile=potato&camera=other", 403, "not_yours"),
            ("/v1/frames?profile=potato&captured=soon", 400, "wrong_query"),
        ]:
            answer = await s.send("POST", target, jpeg(seed=2), bearer)
            assert (answer.status, answer.body["error"]) == (status, error), target
        signed = s.device.signed("POST", "/v1/frames?profile=cover", jpeg(seed=3))
        assert (await s.send("POST", "/v1/frames?profile=cover", jpeg(seed=3), signed)).status == 201

    served(tmp_path, use, plain=True)


def test_a_key_alone_is_not_enough(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        for authorization, status, error in [
            (None, 401, "unsigned"),
            ("Basic abc", 401, "unsigned"),
            ("Bearer field-3/k1/" + "x" * 43, 401, "wrong_key"),
            ("Bearer other/k1/" + "x" * 43, 401, "wrong_key"),  # a device that is not there: the same answer
            ("Bearer nonsense", 401, "wrong_key"),
            (f"Bearer {s.device.key.text()}", 403, "sign"),  # the right key, but this device must sign
        ]:
            headers = {"Authorization": authorization} if authorization else {}
            answer = await s.send("POST", "/v1/frames?profile=potato", jpeg(), headers)
            assert (answer.status, answer.body["error"]) == (status, error)
        assert not s.queue.jobs

    served(tmp_path, use)


def test_what_a_device_may_not_say_is_refused(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        for changes, status, error in [
            ({"camera": "neighbour"}, 403, "not_yours"),  # its pictures could open another field's valve
            ({"site": "south"}, 403, "not_yours"),
            ({"profile": "potatos"}, 422, "unknown_profile"),
            ({"sha256": "0" * 64}, 400, "wrong_meta"),
        ]:
            answer = await s.put(jpeg(), **changes)
            assert (answer.status, answer.body["error"]) == (status, error), changes
        assert "did you mean potato?" in (await s.put(jpeg(), profile="potatos")).body["told"]
        target = "/v1/frames/frame-002"
        for meta, told in [
            (meta_of(jpeg(), "frame-001"), "not the id"),
            ("e30", "frame"),  # {}
            (None, "missing"),
        ]:
            signed = s.device.signed("PUT", target, jpeg(), meta=meta)
            answer = await s.send("PUT", target, jpeg(), signed)
            assert (answer.status, answer.body["error"]) == (400, "wrong_meta")
            assert told in answer.body["told"]
        bad = "/v1/frames/a%2Fb..c"
        answer = await s.send("PUT", bad, jpeg(), s.device.signed("PUT", bad, jpeg(), meta=meta_of(jpeg())))
        assert answer.body["error"] in {"wrong_id", "wrong_signature", "not_found"}
        assert not s.queue.jobs

    served(tmp_path, use)


def test_limits_of_size_type_and_form(tmp_path: Path) -> None:
    pictures = {"max_bytes": 60_000, "max_pixels": 250_000, "longest_side": 256}

    async def chunks() -> Any:
        yield jpeg()

    async def use(s: Serving) -> None:
        for body, status, error in [
            (b"x" * 60_001, 413, "too_large"),
            (b"GIF89a" + b"x" * 100, 422, "wrong_picture"),
            (jpeg(600, 500, quality=20), 422, "wrong_picture"),  # more pixels than are taken
            (jpeg(8, 8), 422, "wrong_picture"),
            (jpeg()[:-40], 422, "wrong_picture"),  # cut off
        ]:
            answer = await s.put(body, frame=f"frame-{len(body)}")
            assert (answer.status, answer.body["error"]) == (status, error), len(body)
        assert (await s.put(webp(500, 400), frame="frame-webp")).status == 201
        job = s.queue.jobs["field-3/frame-webp"]
        assert (job.width, job.height, job.media_type) == (256, 205, "image/jpeg"), "made smaller, and a JPEG"
        target = "/v1/frames/frame-003"
        signed = s.device.signed("PUT", target, jpeg(), meta=meta_of(jpeg(), "frame-003"))
        encoded = await s.send("PUT", target, jpeg(), signed | {"Content-Encoding": "gzip"})
        assert (encoded.status, encoded.body["error"]) == (415, "encoded")
        async with s.http.put(s.url + target, data=chunks(), headers=signed) as response:
            assert (response.status, (await response.json())["error"]) == (411, "no_length")

    served(tmp_path, use, settings={"pictures": pictures})


def test_addresses_health_and_methods(tmp_path: Path) -> None:
    queue = Unsteady(Clock())

    async def use(s: Serving) -> None:
        assert (await s.send("GET", "/healthz")).body == {"status": "ok"}
        assert (await s.send("GET", "/readyz")).status == 200
        for method, target, status, error in [
            ("GET", "/", 404, "not_found"),
            ("GET", "/v1/frames", 405, "wrong_method"),
            ("GET", "/v1/requests", 401, "unsigned"),
            ("POST", "/v1/readings", 400, "empty"),
        ]:
            answer = await s.send(method, target)
            assert (answer.status, answer.body["error"]) == (status, error)
            assert json.loads(answer.text).keys() >= {"error", "told"}
            assert answer.text.count("\n") == 1

        async def gone() -> Any:
            raise StoreError("the queue is gone")

        s.queue.depth = gone
        assert (await s.send("GET", "/readyz")).body["error"] == "not_ready"
        assert (await s.send("GET", "/healthz")).status == 200

    served(tmp_path, use, queue=queue)


def test_pictures_that_are_asked_for_travel_with_acknowledgements(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        captures = Captures(s.db)
        for name, after, until in [("request-1", START, START + 3600), ("request-0", START - 7200, START - 3600)]:
            for _ in range(2):  # asking twice is asking once
                captures.request_capture(
                    device="field-3",
                    camera="field-3",
                    profile="potato",
                    after=after,
                    until=until,
                    follows="frame-001",
                    request_id=name,
                )
        captures.request_capture(device="other", camera="c", profile="potato", after=START, until=START + 9)
        ack = (await s.put(jpeg())).body
        assert [one["id"] for one in ack["requests"]] == ["request-1"], "not those of others, not those that are past"
        polled = await s.send("GET", "/v1/requests", headers=s.device.signed("GET", "/v1/requests", b""))
        assert polled.body == {"requests": ack["requests"]}
        s.clock.at += 600
        unrelated = await s.put(jpeg(seed=1), "frame-002", captured=START + 500)
        assert len(unrelated.body["requests"]) == 1
        answering = await s.put(
            jpeg(seed=2), "frame-003", captured=START + 500, follows="frame-001", trigger="follow_up"
        )
        assert answering.body["requests"] == []
        assert captures.answered_by("request-1") == "frame-003"
        assert captures.answered_by("request-0") is None

    served(tmp_path, use)


def test_a_meta_that_was_changed_on_the_way_is_noticed(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        target = "/v1/frames/frame-001"
        signed = s.device.signed("PUT", target, jpeg(), meta=meta_of(jpeg()))
        forged = meta_header(meta_of(jpeg(), priority=0))
        answer = await s.send("PUT", target, jpeg(), signed | {signing.META: forged})
        assert (answer.status, answer.body["error"]) == (401, "wrong_signature")
        assert base64.urlsafe_b64decode(forged + "==")
        assert not s.queue.jobs

    served(tmp_path, use)
