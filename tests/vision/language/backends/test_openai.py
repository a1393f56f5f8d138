"""The backend for servers: what it sends, and every way for a server to fail."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.language_peers import SCHEMA, TASK, open_files, picture, threads, wait_for
from vision.errors import InputError
from vision.language.backends.base import ModelSettings, open_model
from vision.language.backends.openai import OpenAIModel
from vision.language.model import Answer, NoAnswer

KEY = "sk-very-secret"
GOOD = {"verdict": "pass", "threat": 1, "person": False, "summary": "A part."}


def completion(text: str | None, finish: str = "stop", **more: Any) -> bytes:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 90, "completion_tokens": 20}} | more).encode()


Reply = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the server's `reply` says; keeps what it was sent."""

    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, dict(self.headers), body))
        try:
            self.server.reply(self)
        except OSError:
            self.server.cut += 1

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.reply: Reply = lambda handler: handler.say(200, completion(json.dumps(GOOD)))
        self.ended = threading.Event()
        self.cut = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, *_: object) -> None:
        self.cut += 1


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.ended.set()
        running.shutdown()
        thread.join()


def settings(server: Server, **more: Any) -> ModelSettings:
    return ModelSettings(backend="openai", **{"url": server.url, "model": "some-model", "api_key": KEY} | more)


def ask(server: Server, deadline_s: float = 30.0, **more: Any) -> Answer:
    with closing(OpenAIModel(settings(server, **more))) as model:
        return model.ask(TASK, [picture()], {"part": "L-7"}, SCHEMA, deadline_s)


def test_what_a_server_is_sent(server: Server) -> None:
    answer = ask(server, temperature=0.2, seed=7)
    assert answer.values == GOOD
    assert answer.model == "some-model"
    assert (answer.usage.prompt_tokens, answer.usage.answer_tokens) == (90, 20)
    path, headers, body = server.got[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body["model"] == "some-model"
    assert (body["temperature"], body["seed"], body["max_tokens"], body["stream"]) == (0.2, 7, 160, False)
    assert body["messages"][0] == {"role": "system", "content": TASK.system}
    image, text = body["messages"][1]["content"]
    assert image["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/")
    assert text == {"type": "text", "text": "Inspect the part L-7."}
    held = body["response_format"]["json_schema"]
    assert held["strict"] is True
    assert held["schema"]["required"] == list(SCHEMA["properties"])
    assert held["schema"]["additionalProperties"] is False


def test_no_key_no_header_and_a_question_without_pictures_is_plain_text(server: Server) -> None:
    with closing(OpenAIModel(settings(server, api_key=None))) as model:
        model.ask(TASK, [], {}, SCHEMA, 30.0)
    _, headers, body = server.got[0]
    assert "Authorization" not in headers
    assert body["messages"][1]["content"] == "Inspect the part unknown."


def test_an_address_without_a_path_gets_the_usual_one(server: Server) -> None:
    ask(server, url=server.url.removesuffix("/v1"))
    ask(server, url=server.url.removesuffix("/v1") + "/api/openai/")
    assert [path for path, _, _ in server.got] == ["/v1/chat/completions", "/api/openai/chat/completions"]


def test_a_server_without_schemas_is_told_in_words_and_remembered(server: Server) -> None:
    def reply(handler: Handler) -> None:
        known = server.got[-1][2]["response_format"]["type"] == "json_object"
        error = json.dumps({"error": {"message": "Unsupported response_format type json_schema"}}).encode()
        handler.say(*((200, completion(json.dumps(GOOD))) if known else (400, error)))

    server.reply = reply
    with closing(OpenAIModel(settings(server))) as model:
        for _ in range(2):
            assert model.ask(TASK, [], {}, SCHEMA, 30.0).values == GOOD
    kinds = [body["response_format"]["type"] for _, _, body in server.got]
    assert kinds == ["json_schema", "json_object", "json_object"]
    assert '"verdict"' in server.got[1][2]["messages"][0]["content"]


SAID = [
    # plain
    (json.dumps(GOOD), True),
    # in a code block
    ("```json\n" + json.dumps(GOOD) + "\n```", True),
    # after thinking aloud
    ("<think>A part, it seems. {}</think>\n" + json.dumps(GOOD), True),
    # prose
    ("The part looks good.", False),
    # a field too many, a value out of its range
    (json.dumps(GOOD | {"note": "x"}), False),
    (json.dumps(GOOD | {"threat": 9}), False),
    # nothing
    ("", False),
]


@pytest.mark.parametrize(("text", "fine"), SAID)
def test_answers_are_checked(server: Server, text: str, fine: bool) -> None:
    server.reply = lambda handler: handler.say(200, completion(text))
    if fine:
        assert ask(server).values == GOOD
        return
    with pytest.raises(NoAnswer) as caught:
        ask(server)
    assert caught.value.failure == "invalid"


def hang(handler: Handler) -> None:
    handler.server.ended.wait(30)


def drip(handler: Handler) -> None:
    """A header byte now and then, without an end."""
    for _ in range(10_000):
        handler.wfile.write(b"H")
        if handler.server.ended.wait(0.02):
            return


def drip_body(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    drip(handler)


def giant(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(1000):
        handler.wfile.write(b" " * 65536)


def cut(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + completion("{")[:40])


def cut_chunk(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nabc")


def says(status: int, body: bytes = b'{"error": {"message": "no"}}', **headers: str) -> Reply:
    return lambda handler: handler.say(status, body, **headers)


def raw(data: bytes) -> Reply:
    return lambda handler: handler.wfile.write(data) and None


FAULTS: list[tuple[str, Reply, str]] = [
    ("never answers", hang, "timeout"),
    ("drips headers", drip, "timeout"),
    ("drips the body", drip_body, "timeout"),
    ("does not end", giant, "invalid"),
    ("cut in the middle", cut, "unreachable"),
    ("cut within a chunk", cut_chunk, "unreachable"),
    ("closes at once", lambda handler: None, "unreachable"),
    ("speaks something else", raw(b"\x15\x03\x01\x00\x02\x02\x50"), "invalid"),
    ("too many headers", raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n"), "invalid"),
    ("a page of HTML", says(200, b"<html>Welcome</html>"), "invalid"),
    ("JSON of another kind", says(200, b'{"choices": []}'), "invalid"),
    ("a list", says(200, b"[]"), "invalid"),
    ("nested without an end", says(200, b"[" * 200_000), "invalid"),
    ("no text", says(200, completion(None)), "invalid"),
    ("cut off by the length", says(200, completion(json.dumps(GOOD), "length")), "invalid"),
    ("wrong key", says(401, json.dumps({"error": {"message": f"Incorrect API key: {KEY}"}}).encode()), "refused"),
    ("forbidden", says(403), "refused"),
    ("unknown model", says(404), "refused"),
    ("quota", says(429), "refused"),
    ("a question it does not like", says(400, f"bad {KEY}".encode()), "refused"),
    ("an error inside", says(500), "invalid"),
    ("still loading", says(503), "busy"),
    ("gateway", says(502), "unreachable"),
    ("points elsewhere", says(302, b"", Location="http://127.0.0.1:9/v1"), "refused"),
    ("points to itself", says(307, b"", Location="/v1/chat/completions"), "refused"),
]


@pytest.mark.parametrize(("what", "reply", "failure"), FAULTS, ids=[row[0] for row in FAULTS])
def test_faults(server: Server, what: str, reply: Reply, failure: str) -> None:
    server.reply = reply
    before = open_files()
    deadline_s = 0.4 if failure == "timeout" else 20.0
    start = time.monotonic()
    with pytest.raises(NoAnswer) as caught:
        ask(server, deadline_s)
    assert caught.value.failure == failure
    told = str(caught.value)
    assert KEY not in told
    assert told.isprintable()
    assert time.monotonic() - start < 20
    assert len(server.got) == 1  # no second try, no way elsewhere
    server.ended.set()
    assert wait_for(lambda: not threads())
    assert wait_for(lambda: open_files() <= before)


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with closing(OpenAIModel(ModelSettings(backend="openai", url=f"http://127.0.0.1:{port}/v1"))) as model:
        with pytest.raises(NoAnswer, match="nobody listens") as caught:
            model.ask(TASK, [], {}, SCHEMA, 10.0)
        assert caught.value.failure == "unreachable"


def test_a_listener_that_never_accepts() -> None:
    """The connection stands in the kernel, and nothing ever comes."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        with closing(OpenAIModel(ModelSettings(backend="openai", url=url))) as model:
            with pytest.raises(NoAnswer) as caught:
                model.ask(TASK, [], {}, SCHEMA, 0.2)
            assert caught.value.failure == "timeout"
    assert wait_for(lambda: not threads())


def test_no_plain_server_behind_https(server: Server) -> None:
    with pytest.raises(NoAnswer) as caught:
        ask(server, url=server.url.replace("http:", "https:"))
    assert caught.value.failure in {"unreachable", "timeout"}


def test_close_ends_a_question(server: Server) -> None:
    server.reply = hang
    model = OpenAIModel(settings(server))
    threading.Timer(0.2, model.close).start()
    with pytest.raises(NoAnswer) as caught:
        model.ask(TASK, [], {}, SCHEMA, 60.0)
    assert caught.value.failure == "refused"
    with pytest.raises(NoAnswer, match="closed"):
        model.ask(TASK, [], {}, SCHEMA, 60.0)


ADDRESSES = [
    (None, "language.url is missing"),
    ("localhost:8080", "must begin with http"),
    ("ftp://host/v1", "must begin with http"),
    ("http://", "name a host"),
    ("http://host:99999999/v1", "no address"),
    ("http://user:pw@host/v1", "the key belongs under api_key"),
    ("https://host/v1?key=abc", "the key belongs under api_key"),
]


@pytest.mark.parametrize(("url", "text"), ADDRESSES)
def test_addresses_that_are_none(url: str | None, text: str) -> None:
    with pytest.raises(InputError, match=text) as caught:
        open_model(ModelSettings(backend="openai", url=url))
    assert "abc" not in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_key_that_is_none(server: Server) -> None:
    with pytest.raises(InputError, match="api_key") as caught:
        OpenAIModel(settings(server, api_key="sk-a\r\nX-Evil: 1"))
    assert "Evil" not in str(caught.value)
    assert KEY not in repr(settings(server))
