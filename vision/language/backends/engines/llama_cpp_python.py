"""The binding `llama-cpp-python`: llama.cpp called directly, built from source.

Not thread-safe, and an assertion of ggml ends the process: it belongs into a process of its own. Reading a prompt stops
within a fraction of a second, writing between tokens; only the encoding of a picture cannot be stopped.
"""

from __future__ import annotations

import ctypes
import importlib
import time
from collections import deque
from typing import Any

import numpy as np

from vision.language.backends.base import ModelSettings
from vision.language.backends.engine import Generated, Request, Stop, Stopped
from vision.language.backends.engines.batch import batch_for
from vision.language.backends.engines.held import Held
from vision.language.backends.engines.reading import Reader
from vision.language.backends.machine import threads_for
from vision.language.model import NoAnswer, Usage

_ERROR = 4  # of the levels of ggml.h; the binding numbers them wrongly


class LlamaCppPythonEngine:
    """One loaded model. Raises `NoAnswer("unusable")` when it cannot be loaded, `ImportError` without the package."""

    def __init__(self, settings: ModelSettings) -> None:
        self.sees = settings.mmproj is not None
        self._stop: Stop = lambda: False
        self._keep: list[Any] = []  # callbacks: freed ones would be called all the same
        self._api: Any = importlib.import_module("llama_cpp")  # optional, and without types
        self._errors: deque[str] = deque(maxlen=8)
        self._listen()
        try:
            self._llama, eye = self._load(settings)
        except (ValueError, AssertionError, RuntimeError) as error:
            why = f": {self._errors[0]}" if self._errors else ""
            raise NoAnswer("unusable", f"{settings.path}: llama.cpp cannot load it{why}"[:400]) from error
        try:
            self._reader = Reader(self._llama, eye)
        except NoAnswer:
            self.close()
            raise
        abort = self._api.ggml_abort_callback(lambda _: self._stop())
        self._keep.append(abort)
        self._api.llama_set_abort_callback(self._llama._ctx.ctx, abort, None)  # noqa: SLF001  # no public way

    def _load(self, settings: ModelSettings) -> tuple[Any, Any]:
        threads, batch = threads_for(settings.threads), batch_for(settings)
        llama = self._api.Llama(
            str(settings.path),
            n_ctx=settings.n_ctx,
            n_batch=batch,
            n_ubatch=batch,
            n_threads=threads,
            n_threads_batch=threads,
            n_gpu_layers=0,
            verbose=False,
        )
        if settings.mmproj is None:
            return llama, None
        try:
            formats: Any = importlib.import_module("llama_cpp.llama_chat_format")
            eye = formats.MTMDChatHandler(clip_model_path=str(settings.mmproj), verbose=False, use_gpu=False)
            eye._init_mtmd_context(llama)  # noqa: SLF001  # else a damaged vision part shows at the first question
        except BaseException:
            llama.close()
            raise
        return llama, eye

    def generate(self, request: Request, stop: Stop) -> Generated:
        """See `Engine.generate`."""
        if stop():
            raise Stopped
        self._stop = stop
        model = self._llama._model  # noqa: SLF001  # no public way
        held = Held(self._api, model.vocab, request.grammar, request.temperature, request.seed)
        try:
            return self._generate(request, held, stop)
        except (ValueError, RuntimeError) as error:
            self._reader.forget()
            if stop():
                raise Stopped from error
            raise NoAnswer("refused", f"llama.cpp: {str(error)[:200]}") from error
        except (NoAnswer, Stopped):
            self._reader.forget()
            raise
        finally:
            held.close()
            self._stop = lambda: False

    def _generate(self, request: Request, held: Held, stop: Stop) -> Generated:
        llama, start = self._llama, time.monotonic()
        total, read = self._reader.read(request)
        first = time.monotonic()
        text, count, whole = bytearray(), 0, False
        while count < request.max_tokens and llama.n_tokens < llama.n_ctx():
            if stop():
                raise Stopped
            token = held.choose(self._logits())
            count += 1
            if self._api.llama_vocab_is_eog(llama._model.vocab, token):  # noqa: SLF001
                whole = True
                break
            text += self._piece(token)
            llama.eval([token])
        usage = Usage(total, count)
        return Generated(text.decode(errors="replace"), usage, whole, read, first - start, time.monotonic() - first)

    def close(self) -> None:
        """Free the model."""
        if self._llama is not None:
            self._llama.close()
            self._llama = None

    def _logits(self) -> Any:
        pointer = self._llama._ctx.get_logits_ith(-1)  # noqa: SLF001
        return np.ctypeslib.as_array(pointer, shape=(self._llama.n_vocab(),))

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        vocab = self._llama._model.vocab  # noqa: SLF001
        length = self._api.llama_token_to_piece(vocab, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(0, length)]

    def _listen(self) -> None:
        """Keep errors, drop the rest: the library would write all to stderr, and says nowhere else why a file is bad."""

        def heard(level: int, text: bytes, _: object) -> None:
            if level == _ERROR:
                self._errors.append(" ".join(text.decode(errors="replace").split()))

        callback = self._api.llama_log_callback(heard)
        self._keep.append(callback)
        self._api.llama_log_set(callback, None)
        mtmd: Any = importlib.import_module("llama_cpp.mtmd_cpp")
        for name in ("mtmd_log_set", "mtmd_helper_log_set"):
            if hasattr(mtmd, name):
                getattr(mtmd, name)(callback, None)
