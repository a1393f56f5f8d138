"""Families beside OpenAI-compatible chat: typed decisions, Anthropic; and what each family says to stop thinking."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from cloud_adapter.providers.base import BackendError
from cloud_adapter.providers.catalogue import Catalogue, catalogue, shipped
from cloud_adapter.providers.registry import families, open_backend
from tests.cloud_adapter.providers.questions import QUESTION, WITH_EXAMPLES, Leaf, picture
from tests.conftest import missing
from tests.peers.vision_llm import KEY, FaultServer, entry


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISION_TEST_KEY", KEY)


@asynccontextmanager
async def answering(status: int, reply: Mapping[str, Any], asked: list[Any], path: str) -> AsyncIterator[str]:
    """A server that gives one answer on one path and keeps what came in."""

    async def handle(request: web.Request) -> web.Response:
        asked.append({"body": await request.json(), "headers": dict(request.headers)})
        return web.json_response(reply, status=status)

    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_post(path, handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def one(**values: Any) -> Catalogue:
    url = values.pop("url")
    return Catalogue(shipped().dated, {"peer": entry(url, **values)})


def decision(**chosen: dict[str, float]) -> dict[str, Any]:
    answers = []
    for name, odds in chosen.items():
        best = max(odds, key=lambda option: odds[option])
        probabilities = [{"value": value, "probability": p} for value, p in odds.items()]
        answers.append(
            {"type": "choice", "name": name, "choice": best, "confidence": odds[best], "probabilities": probabilities}
        )
    usage = {
        "input_tokens": 700,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 700,
    }
    return {"id": "d1", "object": "decision", "created_at": 1, "model": "typed-1", "answers": answers, "usage": usage}


LABEL = {"early_blight": 0.2, "late_blight": 0.7, "healthy": 0.06, "unsure": 0.04}


def test_typed_decisions() -> None:
    """Each plain field is asked once, the rest follows from the probabilities."""

    async def main() -> None:
        asked: list[Any] = []
        reply = decision(label=LABEL, text_in_scene={"yes": 0.1, "no": 0.9})
        async with answering(200, reply, asked, "/v1/decisions") as url:
            backend = open_backend("peer", one(url=url + "/v1", family="openai_decisions", modes=["typed"]))
            got = await backend.ask(WITH_EXAMPLES, [picture()], deadline_s=60)
            await backend.close()
        assert got.value == Leaf(label="late_blight", second="early_blight", certainty="likely", text_in_scene="no")
        assert got.odds["label"] == LABEL
        assert (got.usage.input_tokens, got.mode) == (700, "typed")
        body = asked[0]["body"]
        assert {question["name"] for question in body["questions"]} == {"label", "text_in_scene"}
        assert str(body).count("data:image/jpeg") == 3

    asyncio.run(main())


DECISION_FAULTS = [
    (429, {"error": {"message": "x", "code": "insufficient_quota", "type": "insufficient_quota"}}, "quota"),
    (429, {"error": {"message": "x", "code": "rate_limit_exceeded"}}, "rate_limited"),
    (401, {"error": {"message": f"bad key {KEY}", "code": "invalid_api_key"}}, "auth"),
    (500, {"error": {"message": "x"}}, "overloaded"),
    (200, {"nothing": 1}, "malformed"),
    (200, decision(label=LABEL), "malformed"),  # an answer is missing
    (200, decision(label=LABEL | {"rust": 0.0}, text_in_scene={"yes": 0.0, "no": 1.0}), "malformed"),
    (
        200,
        decision(label=dict.fromkeys(LABEL, 0.9), text_in_scene={"yes": 0.0, "no": 1.0}),
        "malformed",
    ),  # adds up to 3.6
]


@pytest.mark.parametrize(("status", "reply", "fault"), DECISION_FAULTS)
def test_typed_faults(status: int, reply: Mapping[str, Any], fault: str) -> None:
    async def main() -> None:
        asked: list[Any] = []
        async with answering(status, reply, asked, "/v1/decisions") as url:
            backend = open_backend("peer", one(url=url + "/v1", family="openai_decisions", modes=["typed"]))
            with pytest.raises(BackendError) as caught:
                await backend.ask(QUESTION, [picture()], deadline_s=60)
            await backend.close()
        assert caught.value.fault == fault
        assert len(asked) == 1
        assert KEY not in str(caught.value)

    asyncio.run(main())


CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-test",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 300,
        "output_tokens": 25,
        "cache_read_input_tokens": 600,
        "cache_creation_input_tokens": 0,
    },
}
GOOD = {"label": "healthy", "second": "none", "certainty": "likely", "text_in_scene": "no"}


def said(**more: Any) -> dict[str, Any]:
    call = {"type": "tool_use", "id": "t1", "name": "answer", "input": GOOD}
    return {**CLAUDE, "content": [call], "stop_reason": "tool_use", **more}


def claude(url: str) -> Catalogue:
    if importlib.util.find_spec("anthropic") is None:
        missing("no anthropic; pip install 'sightline[anthropic]'")
    values = {"family": "anthropic", "model": "claude-haiku-5-5", "modes": ["tool"], "temperature": None}
    return one(url=url, **values)


def test_anthropic() -> None:
    async def main() -> None:
        asked: list[Any] = []
        async with answering(200, said(), asked, "/v1/messages") as url:
            backend = open_backend("peer", claude(url))
            got = await backend.ask(WITH_EXAMPLES, [picture()], deadline_s=60)
            await backend.close()
        assert got.value == Leaf.model_validate(GOOD)
        assert (got.usage.input_tokens, got.usage.cached_tokens, got.usage.output_tokens) == (900, 600, 25)
        content = asked[0]["body"]["messages"][0]["content"]
        marked = [i for i, part in enumerate(content) if "cache_control" in part]
        shown = [i for i, part in enumerate(content) if part["type"] == "image"]
        assert len(shown) == 3
        assert marked == [shown[1]]  # the cached prefix ends behind the last reference picture
        assert asked[0]["headers"]["Authorization"] == f"Bearer {KEY}"

    asyncio.run(main())


CLAUDE_FAULTS: list[tuple[int, Mapping[str, Any], str]] = [
    (429, {"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}, "rate_limited"),
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "overloaded"),
    (
        400,
        {"type": "error", "error": {"type": "invalid_request_error", "message": "credit balance is too low"}},
        "quota",
    ),
    (401, {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}, "auth"),
    (200, said(content=[], stop_reason="refusal"), "refused"),
    (200, said(content=[{"type": "text", "text": "{"}], stop_reason="max_tokens"), "malformed"),
    (200, {"nothing": 1}, "malformed"),
]


@pytest.mark.parametrize(("status", "reply", "fault"), CLAUDE_FAULTS)
def test_anthropic_faults(status: int, reply: Mapping[str, Any], fault: str) -> None:
    async def main() -> None:
        asked: list[Any] = []
        async with answering(status, reply, asked, "/v1/messages") as url:
            backend = open_backend("peer", claude(url))
            with pytest.raises(BackendError) as caught:
                await backend.ask(QUESTION, [picture()], deadline_s=60)
            await backend.close()
        assert caught.value.fault == fault
        assert len(asked) == 1

    asyncio.run(main())


THINKING: list[tuple[str, str, dict[str, Any]]] = [
    ("server", "off", {"chat_template_kwargs": {"enable_thinking": False}}),
    ("qwen", "off", {"enable_thinking": False}),
    ("ernie", "off", {"enable_thinking": False}),
    ("glm", "off", {"thinking": {"type": "disabled"}}),
    ("glm", "least", {"thinking": {"type": "enabled"}, "reasoning_effort": "minimal"}),
    ("deepseek", "off", {"thinking": {"type": "disabled"}}),
    ("gemini", "off", {"reasoning_effort": "none"}),
    ("gemini", "least", {"reasoning_effort": "minimal"}),
    ("server", "none", {}),
]


@pytest.mark.parametrize(("family", "thinking", "body"), THINKING)
def test_thinking_is_kept_short(family: str, thinking: str, body: dict[str, Any]) -> None:
    async def main() -> None:
        async with FaultServer() as server:
            models = one(url=server.url, family=family, thinking=thinking, thinking_tokens=500)
            backend = open_backend("peer", models)
            await backend.ask(QUESTION, [picture()], deadline_s=60)
            await backend.close()
            sent = server.uploads[0].body
            assert {name: sent[name] for name in body} == body
            assert sent["max_tokens"] == QUESTION.max_tokens + 500
            assert thinking != "none" or not {"thinking", "chat_template_kwargs", "reasoning_effort"} & set(sent)

    asyncio.run(main())


def test_others_learn_nothing_of_an_openai_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-ours")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-ours")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-ours")

    async def main() -> None:
        async with FaultServer() as server:
            for key in (None, "${VISION_TEST_KEY}"):
                backend = open_backend("peer", one(url=server.url, family="qwen", key=key))
                await backend.ask(QUESTION, [picture()], deadline_s=60)
                await backend.close()
            assert not [upload for upload in server.uploads if "ours" in str(upload.headers)]

    asyncio.run(main())


def test_opened_where_no_loop_runs() -> None:
    """As the worker does: opened with the config, asked in its loop later."""

    async def main() -> None:
        async with FaultServer() as server:
            backend = await asyncio.to_thread(open_backend, "peer", one(url=server.url))
            await backend.ask(QUESTION, [picture()], deadline_s=60)
            await backend.close()

    asyncio.run(main())


def test_openai_itself() -> None:
    """A model that thinks: no temperature, effort none, and the newer name of the limit."""

    async def main() -> None:
        async with FaultServer() as server:
            models = one(url=server.url, family="openai", model="gpt-6-luna", thinking="off", temperature=None)
            backend = open_backend("peer", models)
            await backend.ask(WITH_EXAMPLES, [picture()], deadline_s=60)
            await backend.close()
            sent = server.uploads[0].body
            assert sent["reasoning_effort"] == "none"
            assert sent["max_completion_tokens"] == QUESTION.max_tokens
            assert "temperature" not in sent
            assert sent["response_format"]["json_schema"]["strict"] is True

    asyncio.run(main())


def test_every_entry_of_the_catalogue_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    models = catalogue()
    for found in models.models.values():
        assert found.family in families()
        if found.key is not None:
            monkeypatch.setenv(found.key.text.strip("${}"), KEY)

    async def main() -> None:
        for name, found in models.models.items():
            for mode in found.modes:
                backend = open_backend(name, models, mode)
                worst = backend.worst_case(WITH_EXAMPLES, [picture()])
                assert found.family == "rules" or worst.output_tokens >= WITH_EXAMPLES.max_tokens
                await backend.close()

    asyncio.run(main())
