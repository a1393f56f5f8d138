"""The backend `openai`: any server that speaks OpenAI's chat completions: llama-server, Ollama, vLLM, a cloud.

The schema goes along as `response_format: json_schema`; a server that does not know it is asked once more for
`json_object`, with the schema in words, and from then on always so. Whatever comes back is checked here.
Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vision.errors import InputError
from vision.events import Fact
from vision.language.backends.base import ModelSettings, backend
from vision.language.backends.engine import check_images
from vision.language.backends.http_call import Call, Target
from vision.language.backends.schema import read_answer, whole_schema
from vision.language.backends.wording import filled
from vision.language.model import Answer, Failure, JsonSchema, NoAnswer, Task, Usage

_THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
_UNKNOWN_FORMAT = re.compile(r"response_format|json_schema|json schema|schema|grammar", re.IGNORECASE)
_REFUSALS: dict[int, tuple[Failure, str]] = {
    401: ("refused", "the key was not accepted; check language.api_key"),
    403: ("refused", "the key may not do this; check language.api_key"),
    404: ("refused", "no such model or address; check language.model and language.url (it usually ends in /v1)"),
    408: ("timeout", "the server gave up"),
    413: ("refused", "the pictures are too large for the server"),
    429: ("refused", "too many questions, or the quota is used up"),
    502: ("unreachable", "the server behind it is down"),
    503: ("busy", "the server is loading its model, or busy"),
    504: ("timeout", "the server behind it gave no answer in time"),
}


@backend("openai", local=False)
def open_openai(settings: ModelSettings) -> OpenAIModel:
    """A model behind the address of the settings; nothing is asked yet."""
    return OpenAIModel(settings)


class OpenAIModel:
    """See `LanguageModel`. Several questions at once are fine: the server queues them."""

    def __init__(self, settings: ModelSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        if settings.url is None:
            raise InputError("language.url is missing: the backend openai needs the address of a server (http://…/v1)")
        self._target = Target.of(settings.url)
        self._settings = settings
        self._clock = clock
        self._key = None if settings.api_key is None else settings.api_key.get_secret_value().strip()
        if self._key is not None and not (self._key.isascii() and self._key.isprintable()):
            raise InputError("language.api_key holds characters that no key has; check the variable")
        self._in_words = False  # the server knows no json_schema
        self._lock = threading.Lock()
        self._calls: set[Call] = set()
        self._closed = False
        self.name = settings.model or str(self._target)
        self.sees = True  # only the server knows; one that does not says so

    def ask(
        self,
        task: Task,
        images: Sequence[bytes],
        facts: Mapping[str, Fact],
        schema: JsonSchema,
        deadline_s: float,
    ) -> Answer:
        """See `LanguageModel.ask`."""
        start = self._clock()
        check_images(images)
        system, prompt = filled(task, facts)
        body = self._body(task, system, prompt, images)
        in_words = self._in_words
        status, reply = self._post(body, schema, in_words, deadline_s)
        if status in {400, 422, 501} and not in_words and _UNKNOWN_FORMAT.search(reply.decode(errors="replace")):
            status, reply = self._post(body, schema, True, deadline_s - (self._clock() - start))
            self._in_words = status == 200 or self._in_words
        if status != 200:
            raise self._refusal(status, reply)
        text, usage = _said(reply)
        values = read_answer(_THOUGHT.sub("", text), schema)
        return Answer(values, text, self.name, self._clock() - start, usage, f"{system}\n\n{prompt}".strip())

    def close(self) -> None:
        """Cut what is under way."""
        with self._lock:
            self._closed = True
            for call in self._calls:
                call.cancel()

    def _body(self, task: Task, system: str, prompt: str, images: Sequence[bytes]) -> dict[str, Any]:
        pictures = [{"type": "image_url", "image_url": {"url": _data_url(image)}} for image in images]
        content: Any = [*pictures, {"type": "text", "text": prompt}] if pictures else prompt
        told = [{"role": "system", "content": system}] if system else []
        return {
            "model": self._settings.model or "default",
            "messages": [*told, {"role": "user", "content": content}],
            "max_tokens": max(1, task.max_tokens),
            "temperature": task.temperature or self._settings.temperature,
            "seed": task.seed or self._settings.seed,
            "stream": False,
        }

    def _post(
        self, body: Mapping[str, Any], schema: JsonSchema, in_words: bool, deadline_s: float
    ) -> tuple[int, bytes]:
        whole = whole_schema(schema)
        if in_words:
            body = _with_words(body, whole)
        else:
            named = {"name": "answer", "strict": True, "schema": whole}
            body = {**body, "response_format": {"type": "json_schema", "json_schema": named}}
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        call = Call(self._target)
        with self._lock:
            if self._closed:
                raise NoAnswer("refused", f"{self.name} was closed")
            self._calls.add(call)
        try:
            return call.post("/chat/completions", json.dumps(body).encode(), headers, deadline_s)
        except NoAnswer:
            if self._closed:
                raise NoAnswer("refused", f"{self.name} was closed") from None
            raise
        finally:
            with self._lock:
                self._calls.discard(call)

    def _refusal(self, status: int, reply: bytes) -> NoAnswer:
        if 300 <= status < 400:
            return NoAnswer("refused", f"{self._target}: points elsewhere ({status}); give language.url as it is meant")
        known = _REFUSALS.get(status)
        if known is not None:
            return NoAnswer(known[0], f"{self._target}: {known[1]} ({status})")
        # llama.cpp's server: an answer that was cut off does not parse, and becomes an error of the server
        failure: Failure = "invalid" if status >= 500 else "refused"
        return NoAnswer(failure, f"{self._target}: answers with status {status}: {self._reason(reply)}")

    def _reason(self, reply: bytes) -> str:
        """What the server says, on one short line and without the key, which some repeat."""
        try:
            raw = json.loads(reply)
            error = raw.get("error", raw) if isinstance(raw, dict) else raw
            text = str(error.get("message", error) if isinstance(error, dict) else error)
        except (ValueError, RecursionError):
            text = reply[:200].decode(errors="replace")
        if self._key:
            text = text.replace(self._key, "***")
        return "".join(c if c.isprintable() else " " for c in text[:160]).strip() or "nothing"


def _said(reply: bytes) -> tuple[str, Usage]:
    """The text of an answer. Raises `NoAnswer("invalid")`."""
    try:
        raw = json.loads(reply)
        choice = raw["choices"][0]
        text = choice["message"]["content"]
        finish = choice.get("finish_reason")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise NoAnswer("invalid", "the server's reply is no chat completion") from error
    if not isinstance(text, str) or not text.strip():
        raise NoAnswer("invalid", "the server's reply holds no text")
    if finish == "length":
        raise NoAnswer("invalid", "the answer was cut off: more tokens than it may have")
    usage = raw.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    tokens = [counts.get(key) for key in ("prompt_tokens", "completion_tokens")]
    return text, Usage(*(one if type(one) is int and one >= 0 else None for one in tokens))


def _with_words(body: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same question for servers without schemas: told in the system text."""
    told = "Answer with one JSON object and nothing else. Its JSON Schema: " + json.dumps(schema, ensure_ascii=False)
    messages = [dict(message) for message in body["messages"]]
    if messages[0]["role"] == "system":
        messages[0]["content"] += "\n\n" + told
    else:
        messages.insert(0, {"role": "system", "content": told})
    return {**body, "messages": messages, "response_format": {"type": "json_object"}}


def _data_url(image: bytes) -> str:
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
