"""A whole line: trigger, picture, readings, verdict, event, output, record."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from edge_agent.inspect.rerun import rerun
from edge_agent.live.worker import Happening
from tests.edge_agent.inspect.live.line_of import Clock, line_of, part, show, until
from vision.errors import InputError
from vision.language.template import summarize

WINDOW = {"before_s": 3, "after_s": 0, "same_part_s": 0.001, "wait_s": 0.1}
SCALE = {"name": "scale", "unit": "g", "min": 90, "max": 110, "tolerance_s": 3, "wait_s": 0.2}
OUTPUT = {"name": "rejector", "pulse_s": 0.01, "deadline_s": 60, "actuator": {"type": "simulated"}}


def by_part(told: list[Happening]) -> dict[str, dict[str, Any]]:
    return {str(h.event.facts["part"]): dict(h.event.facts) for h in told if h.event.type == "defect"}


def test_parts_on_a_line(tmp_path: Path) -> None:
    told: list[Happening] = []
    clock = Clock()

    async def run() -> None:
        line = line_of({"window": WINDOW, "sensors": [SCALE], "outputs": [OUTPUT]}, tmp_path, told, clock)
        await line.start()
        for name, file, reading in (
            ("good", "line/01_good", {"value": 100, "unit": "g"}),
            ("hole", "line/03_hole", {"value": 100}),
            ("heavy", "line/07_good", {"value": 140}),
            ("unweighed", "line/07_good", None),
            ("absurd", "line/07_good", {"value": "NaN"}),
        ):
            clock.skipped += 20  # the pictures of the part before are out of its window
            show(line, part(file), clock)
            if reading is not None:
                line.reading({"sensor": "scale", "part": name, **reading})
            assert (await line.trigger({"part": name}, 0))["accepted"]
            assert not (await line.trigger({"part": name}, 0))["accepted"]  # told twice, one part
            await until(
                lambda name=name: name in by_part(told)  # type: ignore[misc]  # bound now
            )
        await until(lambda: len(line._outputs.switched) == 4)
        status = line.status()
        assert status["verdicts"] == {"pass": 1, "reject": 2, "no_decision": 2}
        assert status["repeated_triggers"] == 5
        assert status["outputs"] == {"acknowledged": 4, "missed": 0}
        await line.close()

    asyncio.run(run())
    facts = by_part(told)
    assert [facts[n]["verdict"] for n in ("good", "hole", "heavy", "unweighed", "absurd")] == [
        "pass", "reject", "reject", "no_decision", "no_decision"
    ]  # fmt: skip
    assert facts["hole"]["place"] == "centre"
    assert facts["hole"]["extent"] == "small"
    assert facts["heavy"]["reasons"] == ["scale 140 g is above 110"]
    assert facts["heavy"]["scale_g"] == 140
    hole = next(h for h in told if h.event.facts["part"] == "hole")
    assert hole.event.box is not None
    assert hole.shots
    assert hole.picture is not None
    assert "in the centre (small)" in summarize(hole.event).text
    assert "中央" in summarize(hole.event, "zh").text
    (folder,) = (tmp_path / "inspection").iterdir()
    again, notes = rerun(folder)
    assert [one.differs for one in again if not one.same] == []
    assert len(again) == 5
    assert notes == []


def test_rerun_sees_a_reading_that_was_changed(tmp_path: Path) -> None:
    async def run() -> None:
        line = line_of({"window": WINDOW, "sensors": [SCALE]}, tmp_path, [])
        await line.start()
        show(line, part("line/01_good"))
        line.reading({"sensor": "scale", "part": "A", "value": 100})
        assert (await line.trigger({"part": "A"}, 30))["verdict"] == "pass"
        await line.close()

    asyncio.run(run())
    (folder,) = (tmp_path / "inspection").iterdir()
    path = folder / "verdicts.jsonl"
    entry = json.loads(path.read_text(encoding="utf-8"))
    entry["live"]["sensors"][0]["reading"]["value"] = 130
    path.write_text(json.dumps(entry) + "\n", encoding="utf-8")
    (one,) = rerun(folder)[0]
    assert "verdict was pass, is reject" in one.differs


def test_no_picture_is_no_decision_and_never_silence(tmp_path: Path) -> None:
    told: list[Happening] = []

    async def run() -> None:
        line = line_of({"window": WINDOW, "outputs": [OUTPUT]}, tmp_path, told)
        await line.start()
        answer = await line.trigger({"part": "A"}, 30)
        assert answer["verdict"] == "no_decision"
        assert "the camera shows none" in answer["reasons"][0]
        await until(lambda: line._outputs.switched)
        await line.close()

    asyncio.run(run())
    assert [h.event.facts["verdict"] for h in told] == ["no_decision"]
    assert summarize(told[0].event).text.startswith("No decision on part A")
    (folder,) = (tmp_path / "inspection").iterdir()
    assert all(one.same for one in rerun(folder)[0])


def test_an_output_that_is_not_acknowledged_is_an_event(tmp_path: Path) -> None:
    told: list[Happening] = []
    deaf = OUTPUT | {"actuator": {"type": "simulated", "answers": False}}
    late = OUTPUT | {"name": "siren", "deadline_s": 0.001}

    async def run() -> None:
        line = line_of({"window": WINDOW, "outputs": [deaf, late]}, tmp_path, told)
        await line.start()
        await line.trigger({"part": "A"}, 30)
        await until(lambda: len(told) == 3)
        await line.close()

    asyncio.run(run())
    missed = {h.event.facts["output"]: h.event for h in told if h.event.type == "output_missed"}
    assert set(missed) == {"rejector", "siren"}
    assert missed["siren"].facts["certainly_not_switched"]
    assert not missed["rejector"].facts["certainly_not_switched"]
    assert {event.severity for event in missed.values()} == {"alert"}
    assert "too late" in summarize(missed["siren"]).text
    assert "A" in summarize(missed["siren"], "zh").text


def test_what_is_under_way_is_decided_when_the_agent_ends(tmp_path: Path) -> None:
    told: list[Happening] = []

    async def run() -> None:
        line = line_of({"window": WINDOW | {"wait_s": 30}, "sensors": [SCALE | {"wait_s": 60}]}, tmp_path, told)
        await line.start()
        await line.trigger({"part": "A"}, 0)  # waits for a picture
        show(line, part("line/01_good"))
        await line.trigger({"part": "B"}, 0)  # waits for its weight
        await line.close()

    asyncio.run(run())
    assert {str(h.event.facts["part"]): h.event.facts["verdict"] for h in told} == {
        "A": "no_decision",
        "B": "no_decision",
    }


def test_triggers_in_the_picture(tmp_path: Path) -> None:
    told: list[Happening] = []
    live = {"window": WINDOW, "triggers": [{"type": "standstill", "seconds": 0.2}], "keep": "none", "events": "all"}

    async def run() -> None:
        line = line_of(live, tmp_path, told)
        await line.start()
        began = time.time()
        while not told and time.time() < began + 30:
            show(line, part("line/01_good"))
            await asyncio.sleep(0.05)
        await line.close()

    asyncio.run(run())
    assert [h.event.facts["trigger"] for h in told] == ["standstill"]
    assert not (tmp_path / "inspection").exists()


def test_calls_that_make_no_sense(tmp_path: Path) -> None:
    async def run() -> None:
        line = line_of({"triggers": [{"type": "standstill"}]}, tmp_path, [])
        with pytest.raises(InputError, match="no triggers by HTTP"):
            await line.trigger({}, 0)
        with pytest.raises(InputError, match="there are: none"):
            line.reading({"sensor": "scale", "value": 1})

    asyncio.run(run())
