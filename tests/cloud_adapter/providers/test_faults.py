"""What each fault of the real protocol becomes, and that nothing is ever asked twice here."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cloud_adapter.providers.base import BackendError, Fault, Question, Reply
from cloud_adapter.providers.catalogue import Catalogue
from cloud_adapter.providers.registry import open_backend
from cloud_adapter.providers.settings import Mode, ModelEntry
from tests.cloud_adapter.providers.questions import QUESTION, WITH_EXAMPLES, Leaf, picture
from tests.peers.vision_llm import KEY, FaultServer, entry

TABLE: list[
    tuple[str, Fault, float | None, bool]
] = [  # fault, what it becomes, seconds to wait, whether usage is known
    ("429", "rate_limited", None, False),
    ("429 after", "rate_limited", 7.0, False),
    ("429 after nonsense", "rate_limited", None, False),
    ("500", "overloaded", None, False),
    ("502", "overloaded", None, False),
    ("503 after", "overloaded", 3.0, False),
    ("504", "timeout", None, False),  # whoever stood behind the gateway may have answered, and billed
    ("529", "overloaded", None, False),
    ("cut", "cut", None, False),
    ("cut inside", "cut", None, False),
    ("flood", "malformed", None, False),
    ("no json", "malformed", None, False),
    ("half json", "malformed", None, False),
    ("other json", "malformed", None, False),
    ("null choices", "malformed", None, False),
    ("no choices", "malformed", None, False),
    ("error as 200", "malformed", None, False),
    ("list", "malformed", None, False),
    ("deep", "malformed", None, False),
    ("malformed", "malformed", None, True),
    ("prose", "malformed", None, True),
    ("empty", "malformed", None, True),
    ("cut off", "malformed", None, True),
    ("outside", "malformed", None, True),  # a value outside its choices is no answer
    ("extra", "malformed", None, True),  # nor is a field nobody asked for
    ("missing", "malformed", None, True),
    ("refusal", "refused", None, True),
    ("filtered", "refused", None, True),
    ("filtered 400", "refused", None, False),
    ("quota", "quota", 20.0, False),  # also with Retry-After: waiting helps nothing
    ("quota 402", "quota", None, False),
    ("arrearage", "quota", None, False),
    ("zhipu 1113", "quota", None, False),
    ("401", "auth", None, False),
    ("403", "auth", None, False),
    ("404", "bad_request", None, False),
    ("400", "bad_request", None, False),
    ("413", "bad_request", None, False),
    ("redirect", "bad_request", None, False),  # a picture goes where the config says, nowhere else
]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISION_TEST_KEY", KEY)


async def ask(
    server: FaultServer, question: Question = QUESTION, mode: Mode = "native", deadline_s: float = 60.0, **more: Any
) -> Reply:
    backend = open_backend("peer", catalogue_of(entry(server.url, **more)), mode)
    try:
        return await backend.ask(question, [picture()], deadline_s=deadline_s)
    finally:
        await backend.close()


def catalogue_of(one: ModelEntry) -> Catalogue:
    from cloud_adapter.providers.catalogue import shipped

    return Catalogue(shipped().dated, {"peer": one})


@pytest.mark.parametrize(("fault", "becomes", "after", "usage"), TABLE, ids=[row[0] for row in TABLE])
def test_faults(fault: str, becomes: Fault, after: float | None, usage: bool) -> None:
    async def main() -> None:
        async with FaultServer() as server:
            server.then(fault)
            with pytest.raises(BackendError) as caught:
                await ask(server)
            error = caught.value
            assert (error.fault, error.after_s) == (becomes, after)
            assert (error.usage is not None) == usage
            if error.usage is not None:
                assert (error.usage.input_tokens, error.usage.cached_tokens, error.usage.output_tokens) == (
                    900,
                    100,
                    30,
                )
            assert len(server.uploads) == 1  # retrying is the queue's
            assert KEY not in str(error)
            assert KEY not in repr(error)
            # the library's texts may repeat requests
            assert error.__cause__ is None
            assert error.__context__ is None or error.__suppress_context__
            assert "\n" not in str(error)
            assert len(str(error)) < 320

    asyncio.run(main())


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_deadline_holds_for_the_whole_call(fault: str) -> None:
    async def main() -> None:
        async with FaultServer() as server:
            server.then(fault)
            with pytest.raises(BackendError) as caught:
                await asyncio.wait_for(ask(server, deadline_s=0.5), 60)
            assert caught.value.fault == "timeout"
            assert len(server.uploads) <= 1

    asyncio.run(main())


def test_nobody_there() -> None:
    async def main() -> None:
        async with FaultServer() as server:
            url = server.url
        with pytest.raises(BackendError) as caught:
            await ask(FaultServer(url=url))
        assert caught.value.fault == "overloaded"  # nothing was sent, nothing was billed: wait, then again

    asyncio.run(main())


@pytest.mark.parametrize("mode", ["native", "tool", "json"])
@pytest.mark.parametrize("fault", ["ok", "fenced", "thinking"])
def test_accepted(mode: Mode, fault: str) -> None:
    async def main() -> None:
        async with FaultServer() as server:
            server.then(fault)
            reply = await ask(server, WITH_EXAMPLES, mode)
            assert reply.value == Leaf(
                label="early_blight", second="early_blight", certainty="sure", text_in_scene="yes"
            )
            assert (reply.usage.input_tokens, reply.usage.cached_tokens, reply.usage.output_tokens) == (900, 100, 30)
            assert (reply.model, reply.mode) == ("fault-1", mode)
            (upload,) = server.uploads
            assert upload.pictures == 3
            assert upload.headers["Authorization"] == f"Bearer {KEY}"
            assert upload.body["max_tokens"] == WITH_EXAMPLES.max_tokens
            assert upload.body["chat_template_kwargs"] == {"enable_thinking": False}

    asyncio.run(main())


def test_prefix_is_the_same_bytes() -> None:
    """All but the last picture is the same for every picture: what a prompt cache needs."""

    async def main() -> None:
        async with FaultServer() as server:
            backend = open_backend("peer", catalogue_of(entry(server.url)))
            for seed in (1, 2):
                await backend.ask(WITH_EXAMPLES, [picture(seed)], deadline_s=60)
            await backend.close()
            first, second = (upload.body for upload in server.uploads)
            content = [body["messages"][1]["content"] for body in (first, second)]
            assert content[0][:-1] == content[1][:-1]
            assert content[0][-1] != content[1][-1]
            rest = [{k: v for k, v in body.items() if k != "messages"} for body in (first, second)]
            assert rest[0] == rest[1]
            assert list(first) == list(second)

    asyncio.run(main())


def test_cancelling_passes() -> None:
    async def main() -> None:
        async with FaultServer() as server:
            server.then("hang")
            task = asyncio.create_task(ask(server))
            while not server.uploads:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


LIMITS = [({"pictures": 2}, "3 pictures"), ({"edge_px": 100}, "320 pixels"), ({"bytes": 10_000}, "bytes")]


@pytest.mark.parametrize(("limits", "told"), LIMITS)
def test_limits_hold_before_anything_is_sent(limits: dict[str, int], told: str) -> None:
    async def main() -> None:
        async with FaultServer() as server:
            with pytest.raises(BackendError, match=told) as caught:
                await ask(server, WITH_EXAMPLES, limits=limits)
            assert caught.value.fault == "bad_request"
            assert server.uploads == []

    asyncio.run(main())
