"""Reading a prompt into llama.cpp's context through the binding llama-cpp-python, text and pictures.

What the prompt has in common with the one before, from its beginning to its first picture, is not read again.
"""

from __future__ import annotations

import ctypes
import importlib
from typing import Any

from vision.language.backends.engine import Request
from vision.language.model import NoAnswer

MARKER = "<__media__>"


class Reader:
    """Reads for one loaded model (`llama`, of the binding's class `Llama`); `eye` is its vision part, None without."""

    def __init__(self, llama: Any, eye: Any) -> None:
        self._llama = llama
        self._eye = eye
        self._known: list[int] = []  # tokens at the beginning of the context
        formats: Any = importlib.import_module("llama_cpp.llama_chat_format")
        template = llama.metadata.get("tokenizer.chat_template")
        if not template:
            raise NoAnswer("unusable", "the model has no chat template: it is not made for questions")
        self._begin = _special(llama, llama.token_bos())
        self._format = formats.Jinja2ChatFormatter(template, _special(llama, llama.token_eos()), self._begin)

    def read(self, request: Request) -> tuple[int, int]:
        """The request's prompt into the context; tokens of the whole prompt, and of them those that had to be read."""
        prompt = self._format(messages=_messages(request), enable_thinking=False).prompt
        if request.images:
            if prompt.count(MARKER) != len(request.images):
                raise NoAnswer("unusable", "the model's chat template has no place for pictures")
            return self._mixed(prompt, request.images)
        tokens = self._llama.tokenize(prompt.encode(), add_bos=not self._begins(prompt), special=True)
        self._room(len(tokens))
        return len(tokens), self._text(tokens, last=True)

    def forget(self) -> None:
        """After a stop in the middle: begin with an empty context."""
        self._known = []
        self._llama.reset()
        self._llama._ctx.kv_cache_clear()  # noqa: SLF001  # no public way

    def _begins(self, prompt: str) -> bool:
        """Whether the template has written the token of the beginning itself."""
        return bool(self._begin) and prompt.startswith(self._begin)

    def _text(self, tokens: list[int], *, last: bool) -> int:
        """Text at the beginning of the context; how many tokens had to be read. `last`: something is to be predicted."""
        most = len(tokens) - 1 if last else len(tokens)
        same = next((n for n in range(min(len(self._known), most)) if self._known[n] != tokens[n]), None)
        same = min(len(self._known), most) if same is None else same
        self._known = []
        if not self._llama._ctx.kv_cache_seq_rm(-1, same, -1):  # noqa: SLF001  # no public way; some kinds cannot
            self.forget()
            same = 0
        self._llama.n_tokens = same
        self._llama.eval(tokens[same:])
        self._known = tokens
        return len(tokens) - same

    def _mixed(self, prompt: str, images: tuple[bytes, ...]) -> tuple[int, int]:
        m = self._eye._mtmd_cpp  # noqa: SLF001  # no public way
        bitmaps: list[Any] = []
        chunks = m.mtmd_input_chunks_init()
        try:
            for number, image in enumerate(images, 1):
                try:
                    bitmaps.append(self._eye._create_bitmap_from_bytes(image))  # noqa: SLF001
                except ValueError as error:
                    raise NoAnswer("refused", f"picture {number} cannot be read") from error
            text = prompt.encode()
            question = m.mtmd_input_text()
            question.text, question.text_len = text, len(text)
            question.add_special, question.parse_special = not self._begins(prompt), True
            array = (m.mtmd_bitmap_p_ctypes * len(bitmaps))(*bitmaps)
            if m.mtmd_tokenize(self._eye.mtmd_ctx, chunks, ctypes.byref(question), array, len(bitmaps)) != 0:
                raise NoAnswer("refused", "llama.cpp cannot take this question apart")
            return self._chunks(m, chunks)
        finally:
            m.mtmd_input_chunks_free(chunks)
            for bitmap in bitmaps:
                m.mtmd_bitmap_free(bitmap)

    def _chunks(self, m: Any, chunks: Any) -> tuple[int, int]:
        parts = [m.mtmd_input_chunks_get(chunks, number) for number in range(m.mtmd_input_chunks_size(chunks))]
        total = sum(m.mtmd_input_chunk_get_n_tokens(part) for part in parts)
        self._room(total)
        read = 0
        for number, part in enumerate(parts):
            if m.mtmd_input_chunk_get_type(part) != m.MTMD_INPUT_CHUNK_TYPE_TEXT:
                read += self._picture(m, part, first=number == 0)
                continue
            count = ctypes.c_size_t()
            pointer = m.mtmd_input_chunk_get_tokens_text(part, ctypes.byref(count))
            tokens = [pointer[index] for index in range(count.value)]
            if number == 0:
                read += self._text(tokens, last=len(parts) == 1)
            else:
                self._llama.eval(tokens)
                read += len(tokens)
        return total, read

    def _picture(self, m: Any, part: Any, *, first: bool) -> int:
        llama = self._llama
        if first:
            self.forget()
        llama._ctx.kv_cache_seq_rm(-1, llama.n_tokens, -1)  # noqa: SLF001  # what an earlier question left behind
        after = ctypes.c_int32(0)  # llama_pos
        failed = m.mtmd_helper_eval_chunk_single(
            self._eye.mtmd_ctx,
            llama._ctx.ctx,  # noqa: SLF001
            part,
            llama.n_tokens,
            0,
            llama.n_batch,
            False,
            ctypes.byref(after),
        )
        if failed:
            raise RuntimeError(f"reading a picture failed with {failed}")
        llama.n_tokens = after.value
        return int(m.mtmd_input_chunk_get_n_tokens(part))

    def _room(self, tokens: int) -> None:
        if tokens >= self._llama.n_ctx():
            raise NoAnswer("refused", f"the question has {tokens} tokens, the context {self._llama.n_ctx()} (n_ctx)")


def _messages(request: Request) -> list[dict[str, Any]]:
    pictures = [{"type": "text", "text": MARKER} for _ in request.images]
    content: Any = [*pictures, {"type": "text", "text": request.prompt}] if pictures else request.prompt
    system = [{"role": "system", "content": request.system}] if request.system else []
    return [*system, {"role": "user", "content": content}]


def _special(llama: Any, token: int) -> str:
    """A special token as it is written; "" where the model has none."""
    return "" if token < 0 else str(llama._model.token_get_text(token))  # noqa: SLF001  # no public way
