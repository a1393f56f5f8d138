"""The binding `llama-cpp-python`: llama.cpp called directly, built from source.

Not thread-safe, and an assertion of ggml ends the process: it belongs into a process of its own. Reading a prompt stops
within a fraction of a second, writing between tokens; only the encoding of a picture cannot be stopped.
"""

from __future__ import annotations

import base64
import ctypes
import importlib
import time
from typing import Any

from vision.language.backends.base import ModelSettings
from vision.language.backends.engine import Generated, Request, Stop, Stopped
from vision.language.backends.machine import threads_for
from vision.language.model import NoAnswer, Usage

BATCH = 512


class LlamaCppPythonEngine:
    """One loaded model. Raises `NoAnswer("unusable")` when it cannot be loaded, `ImportError` without the package."""

    def __init__(self, settings: ModelSettings) -> None:
        self.sees = settings.mmproj is not None
        self._stop: Stop = lambda: False
        self._keep: list[Any] = []  # callbacks: freed ones would be called all the same
        self._api: Any = importlib.import_module("llama_cpp")  # optional, and without types
        self._quiet()
        try:
            self._llama: Any = self._load(settings)
        except (ValueError, AssertionError, RuntimeError) as error:
            raise NoAnswer("unusable", f"{settings.path}: llama.cpp cannot load it") from error
        abort = self._api.ggml_abort_callback(lambda _: self._stop())
        self._keep.append(abort)
        self._api.llama_set_abort_callback(self._llama._ctx.ctx, abort, None)  # noqa: SLF001  # no public way

    def _load(self, settings: ModelSettings) -> Any:
        threads = threads_for(settings.threads)
        handler = None
        if settings.mmproj is not None:
            formats: Any = importlib.import_module("llama_cpp.llama_chat_format")
            handler = formats.MTMDChatHandler(clip_model_path=str(settings.mmproj), verbose=False, use_gpu=False)
        llama = self._api.Llama(
            str(settings.path),
            chat_handler=handler,
            n_ctx=settings.n_ctx,
            n_batch=min(BATCH, settings.n_ctx),
            n_ubatch=min(BATCH, settings.n_ctx),
            n_threads=threads,
            n_threads_batch=threads,
            n_gpu_layers=0,
            seed=settings.seed,
            verbose=False,
        )
        if handler is not None:
            try:
                handler._init_mtmd_context(llama)  # noqa: SLF001  # else a damaged vision part shows at the first question
            except BaseException:
                llama.close()
                raise
        return llama

    def generate(self, request: Request, stop: Stop) -> Generated:
        """See `Engine.generate`."""
        self._stop = stop
        start = time.monotonic()
        try:
            return self._generate(request, stop, start)
        except (ValueError, RuntimeError) as error:
            self._forget()
            if stop():
                raise Stopped from error
            raise NoAnswer("refused", f"llama.cpp: {str(error)[:200]}") from error
        finally:
            self._stop = lambda: False

    def _generate(self, request: Request, stop: Stop, start: float) -> Generated:
        if stop():
            raise Stopped
        held = self._api.LlamaGrammar.from_string(request.grammar, verbose=False)
        pieces: list[str] = []
        finish: str | None = None
        first: float | None = None
        chunks = self._llama.create_chat_completion(
            messages=_messages(request),
            temperature=request.temperature,
            repeat_penalty=1.0,
            seed=request.seed,
            max_tokens=request.max_tokens,
            grammar=held,
            stream=True,
        )
        try:
            for chunk in chunks:
                choice = chunk["choices"][0]
                piece = choice["delta"].get("content")
                if piece is not None:
                    first = first or time.monotonic()
                    pieces.append(piece)
                finish = choice.get("finish_reason") or finish
                if finish is None and stop():
                    raise Stopped
        finally:
            chunks.close()
        end = time.monotonic()
        text = "".join(pieces)
        written = len(self._llama.tokenize(text.encode(), add_bos=False, special=False))
        read = max(0, self._llama.n_tokens - written)
        return Generated(
            text, Usage(read, written), finish == "stop", read, (first or end) - start, end - (first or end)
        )

    def close(self) -> None:
        """Free the model."""
        if self._llama is not None:
            self._llama.close()
            self._llama = None

    def _forget(self) -> None:
        """After a stop in the middle: the next question starts with an empty context."""
        self._llama.reset()
        self._llama._ctx.kv_cache_clear()  # noqa: SLF001  # no public way

    def _quiet(self) -> None:
        """The vision part logs to stderr whatever it is told."""
        mtmd: Any = importlib.import_module("llama_cpp.mtmd_cpp")
        silent = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
        self._keep.append(silent)
        for name in ("mtmd_log_set", "mtmd_helper_log_set"):
            if hasattr(mtmd, name):
                getattr(mtmd, name)(silent, None)


def _messages(request: Request) -> list[dict[str, Any]]:
    pictures = [
        # Only data: other addresses would be opened, files and http alike
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(image).decode()}}
        for image in request.images
    ]
    content: Any = [*pictures, {"type": "text", "text": request.prompt}] if pictures else request.prompt
    system = [{"role": "system", "content": request.system}] if request.system else []
    return [*system, {"role": "user", "content": content}]
