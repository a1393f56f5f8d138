"""The shift report from made-up verdicts: numbers, page, tables, what cannot be read."""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import build
from edge_agent.inspect.line import page, records
from edge_agent.inspect.line.records import Key
from edge_agent.inspect.line.shift import Settings, Shift, analysed
from edge_agent.inspect.line.tolerances import sensor_limits, tolerances
from tests.edge_agent.inspect.line.written import check, entry, written
from vision.errors import InputError
from vision.inspect.recipe import Recipe

T0 = 1_795_414_800.0
RECIPE = Recipe.model_validate(
    {
        "name": "plate",
        "regions": [
            {
                "name": "plate",
                "checks": [
                    {"type": "size", "width": [23.85, 24.15], "area": [900, 1000]},
                    {"type": "position", "tolerance_mm": 0.5, "angle": 0, "angle_tolerance": 2},
                    {"type": "colour", "colour": "#0a141e", "tolerance": 5},
                    {"type": "count", "least": 2},
                ],
            }
        ],
    }
)
WIDTH = Key("plate", "size", "width_mm")


def size(value: float) -> dict[str, Any]:
    outcome = "pass" if abs(value - 24) <= 0.15 else "reject"
    return check("size", abs(value - 24) / 0.15, outcome, "plate", {"width_mm": value})


def quiet(count: int = 300, seed: int = 1) -> list[dict[str, Any]]:
    """A line where all is well: 4 % rejects, at random; scores far below the threshold."""
    r = random.Random(seed)
    rows = []
    for number in range(1, count + 1):
        score = 1.5 if r.random() < 0.04 else 0.4 * math.exp(0.1 * r.gauss(0, 1))
        outcome = "reject" if score > 1 else "pass"
        checks = [check("anomaly", score, outcome), size(r.gauss(24, 0.03))]
        rows.append(entry(number, score=score, checks=checks, at=T0 + 30 * number))
    return rows


def troubled() -> list[dict[str, Any]]:
    """The same, but from part 201 on scores creep up and sizes are off; from part 251 on a third is scratched."""
    rows = quiet()
    r = random.Random(2)
    for index in range(200, 300):
        score = 0.4 * math.exp(0.1 * r.gauss(0, 1) + 0.006 * (index - 200))
        if index >= 250 and index % 3 == 0:
            score = 1.6
        outcome = "reject" if score > 1 else "pass"
        checks = [check("anomaly", score, outcome), size(r.gauss(24.08, 0.03))]
        rows[index] = entry(index + 1, score=score, checks=checks, at=T0 + 30 * index)
    rows[10] = entry(11, verdict="no_decision", kind="of the picture", at=T0 + 330)
    return rows


def shift_of(tmp_path: Path, rows: list[dict[str, Any]], settings: Settings | None = None) -> Shift:
    return analysed(records.read(written(tmp_path / "run", rows)), settings or Settings(), recipe=RECIPE)


def test_where_all_is_well(tmp_path: Path) -> None:
    shift = shift_of(tmp_path, quiet())
    assert shift.rejects is not None
    assert [len(group) for group in shift.rejects.members] == [50] * 6
    assert not shift.rejects.chart.out
    assert [watched.check for watched in shift.watched] == ["anomaly", "size"]
    assert not shift.watched[0].drifts
    assert list(page.unseen(shift)) == []
    (width,) = shift.measures
    assert width.capability is not None
    assert 1.3 < width.capability.cpk.value < 2.2  # 0.15 / (3 x 0.03) = 1.67
    assert shift.yield_low < shift.counts["pass"] / 300 < shift.yield_high


def test_trouble_is_seen(tmp_path: Path) -> None:
    shift = shift_of(tmp_path, troubled())
    assert shift.rejects is not None
    assert 5 in shift.rejects.chart.out  # the last fifty
    drift = shift.watched[0].drifts[0]
    number = shift.watched[0].parts[drift.index].number
    assert 200 < number < 251  # the scores are told of before rejects begin
    assert shift.measures[0].pair.level.out
    assert [(cause.name, cause.count) for cause in shift.undecided] == [("reason of the picture", 1)]
    assert shift.causes[0].name == "scratch"
    about = [note.about for note in page.attention(shift)]
    assert {"part · anomaly", "rejects", "plate · size · width_mm"} <= set(about)


def test_a_baseline_gives_the_limits(tmp_path: Path) -> None:
    base = records.read(written(tmp_path / "base", quiet(seed=5)))
    now = records.read(written(tmp_path / "now", troubled()[200:]))
    alone, held = analysed(now, Settings(group=20)), analysed(now, Settings(group=20), base)
    assert alone.rejects is not None
    assert held.rejects is not None
    assert held.rejects.chart.center < 0.07 < alone.rejects.chart.center
    assert held.measures[0].pair.level.center == pytest.approx(24.0, abs=0.01)
    assert len(held.measures[0].pair.level.out) > len(alone.measures[0].pair.level.out)
    assert held.watched[0].drifts[0].index < 40  # nothing to be learned first


def test_groups_by_time_and_subgroups(tmp_path: Path) -> None:
    shift = shift_of(tmp_path, quiet(), Settings(every_s=1800, subgroup=5))
    assert shift.rejects is not None
    assert max(len(group) for group in shift.rejects.members) == 60  # one part in 30 s
    assert len(shift.measures[0].pair.level.values) == 60
    assert len(shift.measures[0].pair.spread.values) == 60
    assert all(len(group) == 5 for group in shift.measures[0].members)


def test_a_few_last_parts_are_no_group(tmp_path: Path) -> None:
    shift = shift_of(tmp_path, quiet(210))
    assert shift.rejects is not None
    assert [len(group) for group in shift.rejects.members] == [50, 50, 50, 60]


def test_tolerances_of_a_recipe() -> None:
    assert tolerances(RECIPE) == {
        WIDTH: (23.85, 24.15),
        Key("plate", "size", "area_mm2"): (900, 1000),
        Key("plate", "position", "shift_mm"): (None, 0.5),
        Key("plate", "position", "turned_deg"): (-2, 2),
        Key("plate", "colour", "colour_difference"): (None, 5),
    }
    assert tolerances(None) == {}


def test_page_and_tables(tmp_path: Path) -> None:
    rows = troubled()
    rows[3]["reasons"], rows[3]["file"] = ["<script>alert(1)</script>"], "=1+1.png"
    rows[3]["verdict"] = "no_decision"
    shift = shift_of(tmp_path, rows)
    html = page.write_shift(shift, tmp_path / "out").read_text(encoding="utf-8")
    assert "<script>" not in html
    assert "http://" not in html
    assert "https://" not in html
    assert html.count('class="hit"') == len(shift.rejects.chart.out) + sum(  # type: ignore[union-attr]
        len(m.pair.level.out) + len(m.pair.spread.out) for m in shift.measures
    ) + sum(len(w.drifts) for w in shift.watched)
    again = page.write_shift(shift, tmp_path / "again").read_text(encoding="utf-8")
    assert again == html  # the same shift, the same bytes
    with (tmp_path / "out/parts.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 300
    assert table[3]["file"] == "'=1+1.png"  # no spreadsheet takes it for a formula
    assert float(table[0]["plate/size/width_mm"]) == pytest.approx(rows[0]["checks"][1]["measures"]["width_mm"])
    with (tmp_path / "out/charts.csv").open(encoding="utf-8", newline="") as file:
        charts = list(csv.DictReader(file))
    broken = [row for row in charts if row["rules"]]
    assert len(broken) == html.count('class="hit"') - sum(len(w.drifts) for w in shift.watched)
    with (tmp_path / "out/capability.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["cpk_low"]) < float(row["cpk"]) < float(row["cpk_high"])


def test_few_parts_make_a_page_without_charts(tmp_path: Path) -> None:
    shift = shift_of(tmp_path, [entry(1), entry(2, score=1.5), entry(3, verdict="no_decision")])
    assert (shift.rejects, shift.measures, shift.watched) == (None, (), ())
    assert list(page.attention(shift)) == []
    assert [words.split(":")[0] for words in page.unseen(shift)] == ["rejects over time", "drift of scores"]
    html = page.write_shift(shift, tmp_path / "out").read_text(encoding="utf-8")
    assert "No rule is broken" not in html  # what was not looked at is not said to be well
    assert html.count("not looked at:") == 2


def test_command(tmp_path: Path) -> None:
    run = written(tmp_path / "run", troubled())
    words = ["inspect", "shift", "--verdicts", str(run), "--out", str(tmp_path / "out"), "--every", "20m"]
    done = CliRunner().invoke(build(), words, catch_exceptions=False)
    assert done.exit_code == 0
    assert "300 parts:" in done.output
    assert "the score of good parts has risen" in done.output
    assert (tmp_path / "out/shift.html").is_file()


def test_since_and_until(tmp_path: Path) -> None:
    run = written(tmp_path / "run", quiet())
    assert len(records.read(run, since=T0 + 30 * 101).parts) == 200
    assert len(records.read(run, until=T0 + 30 * 101).parts) == 100
    bare = written(tmp_path / "bare", [entry(1)])
    with pytest.raises(InputError, match="carry no time"):
        records.read(bare, since=T0)


def test_all_runs_of_the_agent_in_their_order(tmp_path: Path) -> None:
    for day, numbers in (("20261102-060000-aa", (1, 2)), ("20261103-060000-aa", (3,))):
        written(tmp_path / "inspection" / day, [entry(number) for number in numbers])
    found = records.read(tmp_path / "inspection")
    assert [part.name for part in found.parts] == ["0001.png", "0002.png", "0003.png"]
    assert [part.number for part in found.parts] == [1, 2, 3]


DAMAGED = [
    # what stands in the file, what is said of it
    ("{", "verdicts.jsonl:1: is no line"),
    ('{"verdict": "pass"}', "verdicts.jsonl:1: is no line"),
    ('{"file": "a.png", "verdict": "fine"}', "is no line"),
    ('{"file": "a.png", "verdict": "pass"}\n[]', "verdicts.jsonl:2: is no line"),
    ('{"file": "a.png", "verdict": ["pass"]}', "is no line"),
    ('{"file": "a.png", "verdict": "pass", "checks": [1]}', "of a.png is no verdict"),
    (
        '{"file": "a.png", "verdict": "pass", "checks": [{"check": "x", "measures": {"w": "y"}}]}',
        "of a.png is no verdict",
    ),
    ('{"file": "a.png", "verdict": "pass", "live": 7}', "of a.png is no verdict"),
]


@pytest.mark.parametrize(("text", "said"), DAMAGED)
def test_damaged_verdicts(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "verdicts.jsonl").write_text(text + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        records.read(tmp_path)


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, [entry(1), entry(2)]) / "verdicts.jsonl"
    path.write_text(path.read_text(encoding="utf-8")[:-30], encoding="utf-8")
    assert [part.number for part in records.read(tmp_path).parts] == [1]


def test_no_verdicts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        records.read(tmp_path)


def test_what_a_drawing_says_of_sensors(tmp_path: Path) -> None:
    sensors = [{"params": {"name": "scale", "unit": "g", "min": 95, "max": 105}}, {"params": {"name": "oven"}}]
    row = entry(1, at=T0)
    row["live"]["sensors"] = sensors
    parts = records.read(written(tmp_path, [row])).parts
    assert sensor_limits(parts) == {Key("sensors", "scale", "scale_g"): (95, 105)}
    assert sensor_limits(()) == {}


def test_counts_are_no_measured_values_and_only_what_has_limits_calls_for_attention(tmp_path: Path) -> None:
    rows = quiet(60)
    for number, row in enumerate(rows):
        row["checks"][0]["measures"] = {
            "defects_count": float(number == 30),
            "blur_px": 2.0 if number == 30 else number / 1e3,
        }
    shift = shift_of(tmp_path, rows)
    assert [measured.key.name for measured in shift.measures] == ["blur_px", "width_mm"]
    assert [measured.key for measured in shift.toleranced] == [WIDTH]
    assert shift.measures[0].pair.level.out
    assert not [note for note in page.attention(shift) if "blur" in note.about]
    html = page.write_shift(shift, tmp_path / "out").read_text(encoding="utf-8")
    assert "1 measure without a tolerance" in html
