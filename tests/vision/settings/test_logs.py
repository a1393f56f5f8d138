"""The three forms of the log, and the last line of defence of passwords."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from vision.settings import logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """What `setup` changes is global."""
    root = logging.getLogger()
    names = ["aiohttp.access", "asyncio", "sqlalchemy", "libav", "py.warnings", *logs._QUIET]
    before = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:], level, levels = before
    root.setLevel(level)
    for name, one in levels.items():
        logging.getLogger(name).setLevel(one)
    logging.captureWarnings(False)


def written(kind: logs.Kind, *args: Any, level: int = logging.WARNING, **values: Any) -> str:
    out = io.StringIO()
    logs.setup(kind, "info", stream=out)
    logging.getLogger("sightline.camera").log(level, *args, **values)
    return out.getvalue()


def test_plain() -> None:
    line = written(
        "plain", "camera %s is gone", "yard", extra={"camera": "yard", "wait_s": 1.25, "why": "no route", "n": 3}
    )
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARNING camera: "
        r'camera yard is gone  camera=yard wait_s=1\.25 why="no route" n=3\n',
        line,
    )


def test_json() -> None:
    extra = {"camera": "yard", "wait_s": 1.25, "rate": float("nan"), "names": ("a", "b"), "level": "odd", "x": object}
    line = written("json", "one\ntwo „%s“", "三", extra=extra)
    assert line.count("\n") == 1
    entry = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("ts"))
    assert entry == {
        "level": "warning", "logger": "sightline.camera", "msg": "one\ntwo „三“", "camera": "yard", "wait_s": 1.25,
        "rate": "nan", "names": ["a", "b"], "level_": "odd", "x": "<class 'object'>",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["plain", "json"])
def test_exceptions(kind: logs.Kind) -> None:
    error = OSError("rtsp://viewer:secret@host/sub cannot be opened\n2026-01-01 00:00:00.000 INFO forged: line")
    text = written(kind, "it failed", exc_info=error)
    assert "secret" not in text
    assert "rtsp://***@host/sub" in text
    if kind == "json":
        assert json.loads(text)["exception"].startswith("OSError")
        assert text.count("\n") == 1
    else:
        assert all(line.startswith("    ") for line in text.splitlines()[1:]), "nothing looks like a line of its own"


def test_a_message_cannot_forge_lines_or_colours() -> None:
    text = written("plain", "user %s", "\n2026-01-01 00:00:00.000 INFO auth: welcome\x1b[2J", extra={"name_": "a\r\nb"})
    assert text.count("\n") == 1
    assert "\x1b" not in text


def test_wrong_arguments_do_not_lose_the_line() -> None:
    record = logging.makeLogRecord({"name": "x", "msg": "two %s %s", "args": ("one",)})
    assert "two %s %s ('one',)" in logs.PlainFormatter().format(record)


def test_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    console = Console(file=out, width=60, color_system=None)
    monkeypatch.setattr(logs, "console", lambda: console)
    logs.setup("rich", "INFO")
    extra = {"camera": "yard " * 20, "place": "here"}
    logging.getLogger("sightline.camera").info("[bold]rtsp://u:secret@h is %s", "here", extra=extra)
    text = out.getvalue()
    assert re.match(r"\d\d:\d\d:\d\d info    \[bold\]rtsp://\*\*\*@h is here  camera=\"yard", text), (
        "no markup, no password"
    )
    assert text.count("\n") == 1, "a long line is the terminal's to wrap"
    assert "place" not in text, "said already"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("rtsp://viewer:pw@192.0.2.10:554/sub", "rtsp://***@192.0.2.10:554/sub"),
        ("rtsp://viewer:p@ss/w?rd#1'\"@host/sub", "rtsp://***@host/sub"),  # a password that nobody escaped
        ("rtsp://me@home:pw@host/sub", "rtsp://***@host/sub"),  # an @ in the user
        ("redis://:pw@host", "redis://***@host"),  # no user
        ("postgresql+psycopg://a:pw@h/b, mqtt://c:pw@h", "postgresql+psycopg://***@h/b, mqtt://***@h"),
        ("see http://host:8650/v1/status", "see http://host:8650/v1/status"),  # a port is no password
        ("rtsp://viewer@host/sub", "rtsp://viewer@host/sub"),  # a user alone
        ("mail to me@example.org: done", "mail to me@example.org: done"),
        ("GET /x?token=abcdef&width=3", "GET /x?token=***&width=3"),
        ("http://h/cgi?user=a&Password=pw", "http://h/cgi?user=a&Password=***"),
        ("Authorization: Bearer abcdefghijklmnop123", "Authorization: Bearer ***"),
        ("Digest of the day", "Digest of the day"),
        ("Basic information", "Basic information"),
    ],
)
def test_redacted(text: str, clean: str) -> None:
    assert logs.redacted(text) == clean


SIGNS = st.characters(codec="utf-8", exclude_categories=["Z", "C"])


@given(
    user=st.text(SIGNS, max_size=8).filter(lambda text: not set(text) & set("/:?#")),
    password=st.text(SIGNS, min_size=4, max_size=16),
    around=st.tuples(st.text(max_size=10), st.text(max_size=10)),
)
def test_no_password_survives(user: str, password: str, around: tuple[str, str]) -> None:
    text = f"{around[0]} rtsp://{user}:«{password}»@host {around[1]}"
    assert f"«{password}»" not in logs.redacted(text)


def test_quiet_libraries_and_one_handler() -> None:
    out = io.StringIO()
    for _ in range(3):
        logs.setup("plain", "DEBUG", stream=out)
    assert sum(handler.get_name() == "sightline" for handler in logging.getLogger().handlers) == 1
    logging.getLogger("aiohttp.access").error("GET /?token=x")
    logging.getLogger("asyncio").info("slow")
    logging.getLogger("sqlalchemy.engine").info("SELECT")
    assert out.getvalue() == ""
    logging.getLogger("sightline.x").debug("once")
    logging.getLogger("elsewhere").warning("too")
    assert [line.split(": ")[1] for line in out.getvalue().splitlines()] == ["once", "too"]
