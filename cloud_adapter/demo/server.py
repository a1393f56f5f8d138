"""A server on this machine that speaks OpenAI's chat completions, with the demonstration's model behind it."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import cv2
import numpy as np
from aiohttp import web

from cloud_adapter.demo.model import MODELS, answer, warm_up

_BODY = 32 * 2**20
_PATCH = 28  # pixels: a token for each patch, as many providers count


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """The address (`http://127.0.0.1:PORT/v1`) for as long as the context lasts."""
    await asyncio.to_thread(warm_up)
    app = web.Application(client_max_size=_BODY)
    app.router.add_post("/v1/chat/completions", _complete)
    app.router.add_get("/v1/models", _models)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def _models(_: web.Request) -> web.Response:
    return web.json_response(
        {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "sightline"} for name in MODELS]}
    )


async def _complete(request: web.Request) -> web.Response:
    try:
        asked = await request.json()
        fields = _fields(asked)
        parts = [part for message in asked["messages"] for part in _parts(message)]
        pictures = [part["image_url"]["url"] for part in parts if part.get("type") == "image_url"]
        text = sum(len(part.get("text", "")) for part in parts)
        image, tokens = await asyncio.to_thread(_decoded, pictures)
        said = await asyncio.to_thread(answer, asked["model"], fields, image)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        told = {"message": f"cannot be read: {type(error).__name__}", "type": "invalid_request_error"}
        return web.json_response({"error": told}, status=400)
    content = json.dumps(said)
    usage = {"prompt_tokens": tokens + math.ceil(text / 4), "completion_tokens": math.ceil(len(content) / 4)}
    return web.json_response(
        {
            "id": "chatcmpl-demo",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": asked["model"],
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"},
            ],
            "usage": usage | {"total_tokens": sum(usage.values())},
        }
    )


def _fields(asked: dict[str, Any]) -> dict[str, list[str]]:
    schema = asked["response_format"]["json_schema"]["schema"]
    return {name: [str(option) for option in field["enum"]] for name, field in schema["properties"].items()}


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content") or []
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _decoded(urls: list[str]) -> tuple[Any, int]:
    """The last picture (height x width x 3, BGR), and the tokens of all."""
    tokens, image = 0, None
    for url in urls:
        data = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError("no picture")
        tokens += math.ceil(image.shape[0] / _PATCH) * math.ceil(image.shape[1] / _PATCH)
    if image is None:
        raise ValueError("no picture")
    return np.asarray(image, np.uint8), tokens
