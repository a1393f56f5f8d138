"""The binding `xllamacpp`: the server of llama.cpp inside this process, from a prebuilt wheel.

It always opens an HTTP port; that is bound to 127.0.0.1 and locked with a key that nobody knows. Its prompt cache of
8 GiB is switched off. Generation stops between tokens, and between batches while a prompt is read.
"""

from __future__ import annotations

import base64
import importlib
import json
import secrets
from typing import Any

from vision.language.backends.base import ModelSettings
from vision.language.backends.engine import Generated, Request, Stop, Stopped
from vision.language.backends.engines.batch import batch_for
from vision.language.backends.machine import threads_for
from vision.language.model import NoAnswer, Usage


class XllamacppEngine:
    """One loaded model. Raises `NoAnswer("unusable")` when it cannot be loaded, `ImportError` without the package."""

    def __init__(self, settings: ModelSettings) -> None:
        xllamacpp: Any = importlib.import_module("xllamacpp")  # optional, and without types

        self.sees = settings.mmproj is not None
        self._server: Any = None
        try:
            self._server = xllamacpp.Server(_params(xllamacpp.CommonParams(), settings))
        except RuntimeError as error:
            raise NoAnswer("unusable", f"{settings.path}: llama.cpp cannot load it") from error

    def generate(self, request: Request, stop: Stop) -> Generated:
        """See `Engine.generate`."""
        heard = _Heard(stop)
        if stop():
            raise Stopped
        try:
            error = self._server.handle_chat_completions(_body(request), heard.chunk)
        except RuntimeError as failed:
            raise NoAnswer("invalid", f"llama.cpp: {str(failed)[:200]}") from failed
        if heard.stopped:
            raise Stopped
        if isinstance(error, dict) and "error" in error:
            raise _refusal(error["error"])
        return heard.generated()

    def close(self) -> None:
        """Free the model."""
        self._server = None


class _Heard:
    """Gathers the pieces of a streamed answer."""

    def __init__(self, stop: Stop) -> None:
        self.stopped = False
        self._stop = stop
        self._text: list[str] = []
        self._finish: str | None = None
        self._error: dict[str, Any] | None = None
        self._usage: dict[str, Any] = {}
        self._timings: dict[str, Any] = {}

    def chunk(self, said: dict[str, Any]) -> bool:
        """One piece; true ends the generation."""
        if "error" in said:
            self._error = said["error"]
            return True
        for choice in said.get("choices") or ():
            self._text.append(choice.get("delta", {}).get("content") or "")
            self._finish = choice.get("finish_reason") or self._finish
        self._usage = said.get("usage") or self._usage
        self._timings = said.get("timings") or self._timings
        # Whoever has the end already is not stopped any more
        self.stopped = self._finish is None and self._stop()
        return self.stopped

    def generated(self) -> Generated:
        """The whole answer."""
        if self._error is not None:
            raise _refusal(self._error)
        prompt_ms, answer_ms = self._timings.get("prompt_ms"), self._timings.get("predicted_ms")
        return Generated(
            "".join(self._text),
            Usage(self._usage.get("prompt_tokens"), self._usage.get("completion_tokens")),
            whole=self._finish == "stop",
            read=self._timings.get("prompt_n"),
            prompt_s=None if prompt_ms is None else prompt_ms / 1000,
            answer_s=None if answer_ms is None else answer_ms / 1000,
        )


def _params(params: Any, settings: ModelSettings) -> Any:
    params.model.path = str(settings.path)
    if settings.mmproj is not None:
        params.mmproj.path = str(settings.mmproj)
    params.mmproj_use_gpu = False
    params.n_ctx = settings.n_ctx
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = batch_for(settings)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads_for(settings.threads)
    params.n_threads_http = 1
    params.n_gpu_layers = 0
    params.warmup = False  # the child asks a question of its own
    params.fit_params = False  # the context is what the settings say, or loading fails
    params.cache_ram_mib = 0
    params.n_ctx_checkpoints = 0
    params.verbosity = 1  # errors only: why a file cannot be loaded is said nowhere else
    params.offline = True
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [secrets.token_hex(32)]
    params.ui = False
    params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    # Answers are held by a grammar: nothing in them is to be parsed as thinking or as a call of a tool
    params.force_pure_content_parser = True
    return params


def _body(request: Request) -> dict[str, Any]:
    pictures = [
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(image).decode()}}
        for image in request.images
    ]
    content: Any = [*pictures, {"type": "text", "text": request.prompt}] if pictures else request.prompt
    system = [{"role": "system", "content": request.system}] if request.system else []
    return {
        "messages": [*system, {"role": "user", "content": content}],
        "grammar": request.grammar,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "repeat_penalty": 1.0,
        "cache_prompt": True,
        "stream": True,
        "return_progress": True,  # a word after each batch of the prompt: a chance to stop
        "stream_options": {"include_usage": True},
        "chat_template_kwargs": {"enable_thinking": False},
    }


def _refusal(error: Any) -> NoAnswer:
    text = error.get("message") if isinstance(error, dict) else error
    return NoAnswer("refused", f"llama.cpp: {json.dumps(text, ensure_ascii=False)[:200]}")
