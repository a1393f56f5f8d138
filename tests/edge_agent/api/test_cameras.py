"""Cameras: state, snapshot, live picture."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace

import aiohttp
import cv2
import numpy as np
import pytest

from edge_agent.api.context import Limits
from tests.edge_agent.api.fake_agent import PASSWORD, FakeAgent, camera
from tests.edge_agent.api.serving import serving, stuck


async def parts(answer: aiohttp.ClientResponse, count: int) -> list[bytes]:
    """So many pictures of a multipart stream."""
    kind = re.fullmatch(r"multipart/x-mixed-replace; boundary=(\S+)", answer.headers["Content-Type"])
    assert kind is not None
    found = []
    async with asyncio.timeout(10):
        for _ in range(count):
            assert (await answer.content.readline()).decode() == f"--{kind[1]}\r\n"
            head = {}
            while (line := (await answer.content.readline()).decode().strip()) != "":
                name, _, value = line.partition(": ")
                head[name] = value
            assert head["Content-Type"] == "image/jpeg"
            found.append(await answer.content.readexactly(int(head["Content-Length"])))
            assert await answer.content.readexactly(2) == b"\r\n"
    return found


def size(jpeg: bytes) -> tuple[int, int]:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.shape[1], image.shape[0]


def test_state_as_json() -> None:
    async def run() -> None:
        async with serving() as served:
            _, all_of_them = await served.get("/v1/cameras")
            _, one = await served.get("/v1/cameras/gate")
            assert [found["name"] for found in all_of_them["cameras"]] == ["yard", "gate"]
            assert all_of_them["cameras"][1] == one
            assert (one["state"], one["fault"], one["drops"]) == ("offline", "auth", {"newer": 12, "idle": 3})
            _, status = await served.get("/v1/status")
            assert status["outbox"][1] == {
                "target": "webhook", "states": {"pending": 2, "sent": 40}, "oldest_age_s": 3.5,
            }  # fmt: skip
            assert status["ready"] is True
            assert PASSWORD not in str(status)

    asyncio.run(run())


def test_numbers_that_json_has_not() -> None:
    async def run() -> None:
        agent = FakeAgent([replace(camera("yard"), fps_in=float("nan"), latency_s=float("inf"))])
        async with serving(agent=agent) as served:
            _, one = await served.get("/v1/cameras/yard")
            assert one["fps_in"] is None
            assert one["latency_s"] is None

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "status", "asked"),
    [
        ("yard/snapshot.jpg", 200, ("yard", True, None)),
        ("yard/snapshot.jpg?overlay=0&width=320", 200, ("yard", False, 320)),
        ("yard/snapshot.jpg?width=15", 400, None),  # too small to be a picture
        ("yard/snapshot.jpg?width=100000", 400, None),  # a picture of that size is an attack on the memory
        ("yard/snapshot.jpg?width=1e3", 400, None),
        ("yard/snapshot.jpg?width=%D9%A3%D9%A3", 400, None),  # digits of another script
        ("yard/snapshot.jpg?overlay=maybe", 400, None),
        ("yard/snapshot.jpg?widht=320", 400, None),  # misspelt: not silently the wrong picture
        ("nobody/snapshot.jpg", 404, None),
        ("blind/snapshot.jpg", 503, ("blind", True, None)),  # no picture yet
        ("yard/stream.mjpeg?fps=0", 400, None),
        ("yard/stream.mjpeg?fps=nan", 400, None),
        ("yard/stream.mjpeg?fps=1000", 400, None),
        ("nobody/stream.mjpeg", 404, None),
    ],
)
def test_pictures(path: str, status: int, asked: tuple[str, bool, int | None] | None) -> None:
    async def run() -> None:
        agent = FakeAgent([camera("yard"), camera("blind")])
        async with serving(agent=agent) as served, served.client.get(f"/v1/cameras/{path}") as answer:
            assert answer.status == status
            assert agent.asked == ([] if asked is None else [asked])
            if status == 200:
                assert answer.content_type == "image/jpeg"
                assert size(await answer.read())[0] == (asked or ("", True, None))[2] or 640
                assert abs(float(answer.headers["X-Picture-Time"]) - time.time()) < 60
                assert answer.headers["Cache-Control"] == "no-store"

    asyncio.run(run())


def test_mjpeg_frames_decode_at_their_pace() -> None:
    async def run() -> None:
        async with serving() as served:
            async with served.client.get("/v1/cameras/yard/stream.mjpeg?fps=15&overlay=0&width=160") as answer:
                found = await parts(answer, 4)
            assert [size(jpeg) for jpeg in found] == [(160, 90)] * 4
            assert set(served.agent.asked) == {("yard", False, 160)}

    asyncio.run(run())


def test_a_still_picture_is_sent_once() -> None:
    async def run() -> None:
        agent = FakeAgent()
        agent.moving_picture = False
        async with serving(agent=agent) as served:
            async with served.client.get("/v1/cameras/yard/stream.mjpeg?fps=15&width=64") as answer:
                await parts(answer, 1)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.6):
                        await answer.content.readline()
            assert len(agent.asked) >= 4, "asked again and again, sent once"

    asyncio.run(run())


def big() -> FakeAgent:
    agent = FakeAgent()
    agent.padding = 2_000_000
    return agent


def test_a_slow_client_skips_pictures_and_the_rest_is_not_held_up() -> None:
    async def run() -> None:
        path = "/v1/cameras/yard/stream.mjpeg?fps=15"
        async with serving(agent=big()) as served, stuck(served.server.port, path), asyncio.timeout(20):
            before = -1
            while before != len(served.agent.asked) or not before:  # it asks for no pictures that nobody takes
                before = len(served.agent.asked)
                await asyncio.sleep(0.4)
            assert (await served.get("/healthz"))[0] == 200

    asyncio.run(run())


def test_a_client_that_takes_nothing_is_let_go() -> None:
    async def run() -> None:
        limits, path = Limits(write_s=0.2, mjpeg=1), "/v1/cameras/yard/stream.mjpeg?fps=15"
        async with serving(agent=big(), limits=limits) as served, stuck(served.server.port, path), asyncio.timeout(20):
            while not served.agent.asked:
                await asyncio.sleep(0.02)
            status = 503
            while status == 503:  # until its place is free again
                await asyncio.sleep(0.1)
                async with served.client.get("/v1/cameras/yard/stream.mjpeg?width=64") as answer:
                    status = answer.status
            assert status == 200

    asyncio.run(run())


def test_so_many_watch_and_no_more_and_share_one_picture() -> None:
    async def run() -> None:
        async with serving(limits=Limits(mjpeg=2)) as served:
            path = "/v1/cameras/yard/stream.mjpeg?fps=2&width=64"
            one, two = await asyncio.gather(served.client.get(path), served.client.get(path))
            await asyncio.gather(parts(one, 1), parts(two, 1))
            assert len(served.agent.asked) <= 2, "drawn once for both"
            async with served.client.get(path) as third:
                assert third.status == 503
                assert third.headers["Retry-After"]
            one.close()
            async with asyncio.timeout(5):
                while (again := await served.client.get(path)).status == 503:
                    await asyncio.sleep(0.05)
            await parts(again, 1)
            again.close()
            two.close()

    asyncio.run(run())


def test_a_camera_that_goes_ends_its_stream() -> None:
    async def run() -> None:
        path = "/v1/cameras/yard/stream.mjpeg?fps=15&width=64"
        async with serving() as served, served.client.get(path) as answer:
            await parts(answer, 1)
            del served.agent.cameras[0]
            async with asyncio.timeout(5):
                await answer.content.read()

    asyncio.run(run())
