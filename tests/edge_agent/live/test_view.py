"""The terminal view: what is shown at which size, and that it fits beside the log."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from edge_agent.language.status import LanguageStatus
from edge_agent.live.rows import Moment, Told, lines, seconds, short, words
from edge_agent.live.status import CameraStatus
from edge_agent.live.usage import Usage
from edge_agent.live.view import run_view
from tests.edge_agent.api.fake_agent import NOW, FakeAgent, FakeStore, camera, delivery, event
from vision.events import Summary
from vision.settings import logs

SECRETIVE = camera(
    "gate", state="offline", fault="auth", since=NOW - 600, last_t=NOW - 600,
    reason="the camera refuses user or password; check source in the config",
)  # fmt: skip


def moment(cameras: Sequence[CameraStatus], events: int = 5, **status: Any) -> Moment:
    told = [Told(event(n), ("waiting", "sent", "failed", "merged", "")[n % 5]) for n in range(events)]
    now = replace(FakeAgent(cameras).status(), **status)
    return Moment(now, told, NOW, Usage(12.0, 300_000_000, 40, 20), 0.347)


def drawn(shown: Moment, width: int, height: int) -> str:
    console = Console(width=width, height=height, record=True, file=io.StringIO(), color_system=None)
    for line in lines(shown, width, height):
        console.print(line, soft_wrap=True)
    return console.export_text()


def many(count: int) -> list[CameraStatus]:
    return [camera(f"camera-{n:02d}") for n in range(count)]


def test_wide() -> None:
    text = drawn(moment([camera("yard", reconnects=3), SECRETIVE]), 140, 40)
    top, heading, yard, gate, *_ = text.splitlines()
    assert top == "sightline 0.1.0 · 1 of 2 online · up 67 min · cpu 35% · 300 MB · disk 50.0 GB free · edge.yaml"
    assert " ".join(heading.split()) == "camera state in/s look/s tracks events latency dropped picture again stream"
    assert " ".join(yard.split()) == "yard online 15.0 5.0 2 1 42 ms 15 100 ms 3 h264 640x360"
    assert gate.split(maxsplit=2)[2] == "10 min · the camera refuses user or password; check source in the config"
    assert "yard  Intrusion · person · lawn · going on" in text
    assert "→ webhook: 40 sent, 2 waiting, oldest 3.5 s" in text
    assert "→ mqtt: 0 sent, 0 waiting, 1 given up, connection refused" in text


@pytest.mark.parametrize(
    ("words_by", "line"),
    [
        # a model that does well
        (
            LanguageStatus("demo-vlm", "ready", outcomes={"answered": 12, "replaced": 4}, rss_bytes=68_000_000),
            "words by demo-vlm: ready, 68 MB, 12 answers",
        ),
        # one in trouble
        (
            LanguageStatus("qwen", "unloaded", waiting=2, outcomes={"timeout": 3}, contradictions=1, withheld=2),
            "words by qwen: unloaded, 0 answers, 2 waiting, 1 contradiction, 2 withheld, 3 timeout",
        ),
        (LanguageStatus("gpt", outcomes={"answered": 1}), "words by gpt: a server's, 1 answer"),
    ],
)
def test_the_language_model_has_a_line(words_by: LanguageStatus, line: str) -> None:
    assert line in drawn(moment([camera("yard")], language=words_by), 140, 40).splitlines()


def test_eighty_columns_show_sixteen_cameras_events_and_targets() -> None:
    text = drawn(moment([*many(15), SECRETIVE]), 80, 23)
    assert all(f"camera-{n:02d}" in text for n in range(15))
    assert "gate" in text
    assert "Intrusion" in text
    assert "webhook" in text
    assert len(text.splitlines()) == 23
    assert max(map(cell_len, text.splitlines())) <= 80
    assert "latency" in text


def test_more_than_fits_is_summed_up_and_trouble_stays() -> None:
    text = drawn(moment([*many(40), SECRETIVE]), 80, 20)
    assert "gate" in text
    assert "more: " in text
    shown = sum(line.startswith("camera-") for line in text.splitlines())
    assert f"and {40 - shown} more: {40 - shown} online" in text


def test_names_keep_both_ends() -> None:
    text = drawn(moment([camera(f"the-long-corridor-{n}") for n in range(3)]), 40, 20)
    assert [line.split()[0][-2:] for line in text.splitlines()[2:5]] == ["-0", "-1", "-2"]


def test_a_refused_config_is_told() -> None:
    assert "edge.yaml:3: wrong" in drawn(moment(many(1), config_error="edge.yaml:3: wrong"), 80, 20).splitlines()[1]


@settings(max_examples=60, deadline=None)
@example(["00000000\ufffe"], 0, 1, 5, "")  # a long name with a sign that cannot be printed
@given(
    st.lists(st.text(min_size=1, max_size=30), max_size=30, unique=True),
    st.integers(0, 8), st.integers(1, 200), st.integers(1, 60), st.text(max_size=80),
)  # fmt: skip
def test_any_size_and_any_name_fit(names: list[str], events: int, width: int, height: int, reason: str) -> None:
    states = ("online", "offline", "connecting", "stopped")
    cameras = [camera(name, state=states[n % 4], reason=reason) for n, name in enumerate(names)]
    shown = moment(cameras or many(1), events)
    made = lines(shown, width, height)
    assert len(made) <= height
    for line in made:
        assert line.plain.isprintable(), "no line breaks or control signs of a camera's"
        if width >= 34:
            assert cell_len(line.plain) <= width


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 ms"),
        (0.0424, "42 ms"),
        (0.9996, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (7200, "2 h"),
        (1e7, "116 d"),
    ],
)
def test_spans(value: float, text: str) -> None:
    assert seconds(value) == text
    assert len(text) <= 7


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (12_345, "12k"), (999_600, "1.0M"), (2.5e9, "2.5G"), (9e12, "9000G")],
)
def test_numbers(value: float, text: str) -> None:
    assert short(value) == text


def test_words() -> None:
    assert words(event(1)) == "Line crossing · person · lawn · 8.0 s"
    assert words(event(1, count=3, zone=None)) == "Line crossing · 3 × person · 8.0 s"
    told = event(1).model_copy(update={"summary": Summary(text="A courier left a box.", source="local")})
    assert words(told) == "A courier left a box."


class Terminal(io.StringIO):
    """Keeps what is drawn, and says it is a terminal."""

    def isatty(self) -> bool:
        return True


def console(file: io.StringIO) -> Console:
    return Console(file=file, force_terminal=True, width=100, height=30, color_system=None, legacy_windows=False)


def test_view_follows_the_agent_and_ends() -> None:
    agent = FakeAgent(store=FakeStore([event(2)], [delivery(1, event(2))]))
    file = Terminal()

    async def until(text: str) -> None:
        async with asyncio.timeout(10):
            while text not in file.getvalue():
                await asyncio.sleep(0.05)

    async def run() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(run_view(agent, stop, console=console(file)))
        await until("Fall · person · lawn · 8.0 s")  # from the store
        await until("sent")
        agent.tell("opened", event(0))
        await until("Intrusion · person · lawn · going on")
        agent.tell("closed", event(0, state="closed"))
        await until("Intrusion · person · lawn · 8.0 s")
        stop.set()
        async with asyncio.timeout(3):
            await task
        assert all(listener.closed for listener in agent.listeners)

    asyncio.run(run())


def test_view_that_fails_ends_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeAgent):
        def status(self) -> Any:
            raise ValueError("no")

    async def run() -> None:
        async with asyncio.timeout(5):
            await run_view(Broken(), asyncio.Event(), console=console(Terminal()))

    asyncio.run(run())
    assert "the terminal view failed" in caplog.text


def test_nothing_is_drawn_where_there_is_no_terminal() -> None:
    file = io.StringIO()
    asyncio.run(run_view(FakeAgent(), asyncio.Event(), console=Console(file=file)))
    assert file.getvalue() == ""


def test_log_lines_stand_above_the_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a terminal shows it: each line stays, the view is drawn anew below."""
    file = Terminal()
    made = console(file)
    monkeypatch.setattr(logs, "console", lambda: made)

    async def run() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(run_view(FakeAgent(many(3)), stop))
        async with asyncio.timeout(10):
            while "camera-02" not in file.getvalue():
                await asyncio.sleep(0.02)
            for n in range(3):
                logs.RichHandler().emit(
                    logging.makeLogRecord({"msg": f"line {n}", "levelname": "INFO", "camera": "yard"})
                )
                await asyncio.sleep(0.05)
        stop.set()
        await task

    asyncio.run(run())
    screen = shown(file.getvalue())
    assert [line.split("  ")[-2:] for line in screen if line] == [[f"line {n}", "camera=yard"] for n in range(3)]


def shown(output: str) -> list[str]:
    """A terminal that knows what rich uses: carriage return, line feed, erase line, cursor up."""
    rows, row, position = [""], 0, 0
    while position < len(output):
        if output.startswith("\x1b[", position):
            end = next(i for i in range(position + 2, len(output)) if output[i].isalpha())
            command, number = output[end], output[position + 2 : end]
            if command == "A":
                row -= int(number or 1)
            elif command == "K":
                rows[row] = ""
            position = end + 1
            continue
        letter = output[position]
        position += 1
        if letter == "\n":
            row += 1
            rows += [""] * (row + 1 - len(rows))
        elif letter != "\r":
            rows[row] += letter
    return [line.rstrip() for line in rows]
