"""The real protocol: llama.cpp's own server with the tiny model. Its answers on leaves mean nothing, its protocol does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_adapter.providers.base import BackendError
from cloud_adapter.providers.catalogue import Catalogue, shipped
from cloud_adapter.providers.probe import found_mode, probe, probes
from cloud_adapter.providers.registry import open_backend
from tests.cloud_adapter.providers.questions import QUESTION, WITH_EXAMPLES, Leaf, picture
from tests.peers.vision_llm import KEY, entry, vision_server


@pytest.fixture(scope="module")
def address(shared_data: Path) -> Iterator[str]:
    with vision_server(shared_data) as url:
        yield url


@pytest.fixture
def models(address: str, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.setenv("VISION_TEST_KEY", KEY)
    monkeypatch.setenv("WRONG_KEY", "sk-wrong-0123456789")
    peer = entry(address, image_tokens={"kind": "fixed", "tokens": 80})
    wrong = entry(address, key="${WRONG_KEY}")
    return Catalogue(shipped().dated, {"peer": peer, "wrong": wrong})


@pytest.mark.parametrize("question", [QUESTION, WITH_EXAMPLES], ids=["plain", "references"])
def test_answers_are_held_to_the_schema(models: Catalogue, question: object) -> None:
    async def main() -> None:
        backend = open_backend("peer", models)
        try:
            asked = QUESTION if question is QUESTION else WITH_EXAMPLES
            reply = await backend.ask(asked, [picture()], deadline_s=120)
        finally:
            await backend.close()
        assert isinstance(reply.value, Leaf)
        assert reply.usage.input_tokens > 64 * (1 + len(asked.examples))  # the pictures were really looked at
        assert 0 < reply.usage.output_tokens <= asked.max_tokens
        worst = backend.worst_case(asked, [picture()])
        assert worst.input_tokens >= reply.usage.input_tokens
        assert worst.output_tokens >= reply.usage.output_tokens

    asyncio.run(main())


def test_wrong_key(models: Catalogue) -> None:
    async def main() -> None:
        backend = open_backend("wrong", models)
        with pytest.raises(BackendError) as caught:
            await backend.ask(QUESTION, [picture()], deadline_s=120)
        await backend.close()
        assert caught.value.fault == "auth"
        assert "sk-wrong" not in str(caught.value)

    asyncio.run(main())


def test_picture_that_is_none(models: Catalogue) -> None:
    from dataclasses import replace

    async def main() -> None:
        backend = open_backend("peer", models)
        with pytest.raises(BackendError) as caught:
            await backend.ask(QUESTION, [replace(picture(), data=b"no picture at all")], deadline_s=120)
        await backend.close()
        assert caught.value.fault == "bad_request"

    asyncio.run(main())


def test_probe(models: Catalogue, tmp_path: Path) -> None:
    report = asyncio.run(probe("peer", models, now=lambda: 1_795_000_000.0, folder=tmp_path, deadline_s=120))
    assert report.mode == "native"
    assert report.tries[-1].works
    assert report.tries[-1].input_tokens > 64
    assert report.tries[-1].cost_microusd > 0
    assert not report.underestimated
    assert probes(tmp_path) == {"peer": report}
    assert found_mode("peer", tmp_path) == "native"
    assert found_mode("other", tmp_path) is None
