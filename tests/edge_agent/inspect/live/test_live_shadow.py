"""A new model in the shadow of a running line: judges the same parts, is kept and compared, and never acts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from edge_agent.cli import build
from edge_agent.inspect.line import shadow
from edge_agent.inspect.line.labels import Labels
from edge_agent.inspect.line.records import read
from edge_agent.inspect.live.shadow import LiveShadow
from edge_agent.inspect.rerun import rerun
from edge_agent.live.worker import Happening
from tests.edge_agent.inspect.live.line_of import ROOT, Clock, config_of, line_of, part, show, until
from vision.errors import InputError

WINDOW = {"before_s": 3, "after_s": 0, "same_part_s": 0.001, "wait_s": 0.1}
OUTPUT = {"name": "rejector", "pulse_s": 0.01, "deadline_s": 60, "actuator": {"type": "simulated"}}
PARTS = (("good", "line/01_good"), ("hole", "line/03_hole"), ("also", "line/07_good"))
# another opinion than the line's: everything that is not black is a fault of colour, holes are none
STRICT = "name: plate\nversion: '2'\nchecks: [{type: colour, colour: '#000000', tolerance: 1}]\nlocate: {find: whole}\n"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store" / "strict"
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(STRICT)
    return folder.parent


def _rows(data_dir: Path) -> list[dict[str, Any]]:
    files = (data_dir / "inspection").glob("*/verdicts.jsonl")
    return [row for file in files for row in map(json.loads, file.read_text().splitlines())]


def judged(live: dict[str, Any], data_dir: Path) -> tuple[list[Happening], dict[str, Any], int, Path]:
    """Three parts on a line: events, its status, how often the output was switched, the folder of its record."""
    told: list[Happening] = []
    clock = Clock()
    found: dict[str, Any] = {}

    async def run() -> None:
        line = line_of({"window": WINDOW, "outputs": [OUTPUT], **live}, data_dir, told, clock)
        await line.start()
        for name, file in PARTS:
            clock.skipped += 20
            show(line, part(file), clock)
            answer = await line.trigger({"part": name}, 60)
            found[name] = answer["verdict"]
        await until(lambda: line._outputs.switched and len(_rows(data_dir)) == len(PARTS))
        found["status"] = line.status()
        await line.close()
        found["switched"] = len(line._outputs.switched)

    asyncio.run(run())
    (folder,) = (data_dir / "inspection").iterdir()
    return told, found, found["switched"], folder


def test_the_shadow_is_kept_and_never_acts(tmp_path: Path, store: Path) -> None:
    told, found, switched, folder = judged({"shadow": "strict", "shadow_store": store}, tmp_path / "data")
    assert [found[name] for name, _ in PARTS] == ["pass", "reject", "pass"]  # the line's own verdicts
    assert switched == 1  # for the hole alone, though the shadow rejects all
    assert found["status"]["shadow"]["model"] == "strict"
    assert {h.event.facts["part"]: h.event.facts["verdict"] for h in told} == {
        "good": "pass", "hole": "reject", "also": "pass",
    }  # fmt: skip
    rows = _rows(tmp_path / "data")
    assert [row["verdict"] for row in rows] == ["pass", "reject", "pass"]
    for row in rows:
        said = row["shadow"]
        assert (said["model"], said["verdict"], said["recipe"]["version"]) == ("strict", "reject", "2")
        assert said["severity"] > 1
        assert said["reasons"]
    again, notes = rerun(folder)
    assert [one for one in again if not one.same] == []
    assert notes == []


def test_verdicts_of_line_and_shadow_are_compared(tmp_path: Path, store: Path) -> None:
    _, _, _, folder = judged({"shadow": "strict", "shadow_store": store}, tmp_path / "data")
    parts = read(folder).parts
    for one, word in zip(parts, ("good", "bad", "good"), strict=True):
        Labels("plate", store).put(one, word, "Ann")
    rows = (folder / "verdicts.jsonl").read_text().splitlines()
    without = {key: value for key, value in json.loads(rows[0]).items() if key != "shadow"}
    (folder / "verdicts.jsonl").write_text("\n".join([*rows, json.dumps(without)]) + "\n")
    table = tmp_path / "both.csv"
    result = CliRunner().invoke(
        build(),
        ["inspect", "shadow", "--verdicts", str(folder.parent), "--store", str(store), "--csv", str(table)],
    )
    assert result.exit_code == 0, result.output
    assert "1 of 3 parts alike" in result.output
    assert "changed good: pass -> reject, people say good" in result.output
    assert "plate: false rejects 0 of 2" in result.output
    assert "strict: false rejects 2 of 2" in result.output
    assert "1 more parts have no verdict of strict" in result.output
    assert len(table.read_text().splitlines()) == 4
    with pytest.raises(InputError, match="none of the model other; there are: strict"):
        shadow.recorded(parts, lambda _: {}, "other")


def test_a_shadow_that_falls_behind_lets_parts_go(store: Path) -> None:
    late = LiveShadow("strict", store)
    assert late.judge(None, 5) is None  # type: ignore[arg-type]  # it must not even look
    assert late.left_out == 1


@pytest.mark.parametrize(
    ("live", "said"),
    [
        ({"shadow": "stric"}, "did you mean strict"),
        ({"shadow": "strict@x"}, "NAME@VERSION"),
        ({"shadow": "strict@7"}, "7"),
    ],
)
def test_a_shadow_that_is_not_there_is_told_before_the_start(
    tmp_path: Path, store: Path, live: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        line_of({**live, "shadow_store": store}, tmp_path, [])


def test_a_shadow_without_records_is_refused() -> None:
    with pytest.raises(ValidationError, match="shadow needs records"):
        config_of({"shadow": "strict", "keep": "none"})


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--old", "a"),
        ("--verdicts", "x", "--old", "a"),
        ("--verdicts", str(ROOT / "demo" / "gone")),
    ],
)
def test_what_the_command_refuses(words: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        CliRunner().invoke(build(), ["inspect", "shadow", *words], catch_exceptions=False)


def test_records_without_a_shadow(tmp_path: Path) -> None:
    _, _, _, folder = judged({}, tmp_path / "data")
    with pytest.raises(InputError, match=r"set inspection\.live\.shadow"):
        shadow.recorded(read(folder).parts, lambda _: {})
