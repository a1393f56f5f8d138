"""Doubtful parts, people's labels, training with them, a new version beside the old one, taking over, going back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import pytest
from typer.testing import CliRunner

from edge_agent.cli import build
from edge_agent.inspect.assets import digest
from edge_agent.inspect.line import shadow
from edge_agent.inspect.line.labels import Labels
from edge_agent.inspect.line.records import read
from edge_agent.inspect.line.review import chosen, doubtful
from edge_agent.inspect.models import ModelStore
from tests.edge_agent.inspect.line.written import check, entry, png, written
from tests.vision.inspect.anomaly.drawn import plate
from vision.errors import InputError, StoreError

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)

DOUBTS = [
    # checks as (name, score, outcome), verdict, what is said (nothing: not doubtful)
    ([("anomaly", 0.3, "pass")], "pass", None),
    ([("anomaly", 3.0, "reject")], "reject", None),
    ([("anomaly", 0.9, "pass")], "pass", "anomaly: score 10% below"),
    ([("anomaly", 1.1, "reject")], "reject", "anomaly: score 10% above"),
    ([("anomaly", 3.0, "reject"), ("golden", 0.1, "pass")], "reject", "anomaly rejects, golden sees nothing"),
    ([("anomaly", 3.0, "reject"), ("golden", 0.8, "pass")], "reject", None),  # it sees something, too
    ([("anomaly", 3.0, "reject"), ("golden", 2.0, "reject")], "reject", None),
    ([("anomaly", 0.9, "pass"), ("size", 3.0, "reject")], "reject", None),  # rejected without doubt by the other
    ([], "no_decision", "no decision: reason"),
]


@pytest.mark.parametrize(("checks", "verdict", "said"), DOUBTS)
def test_what_is_doubtful(tmp_path: Path, checks: list[Any], verdict: str, said: str | None) -> None:
    row = entry(1, verdict=verdict, checks=[check(name, score, outcome) for name, score, outcome in checks])
    found = doubtful(read(written(tmp_path, [row])).parts)
    assert len(found) == (said is not None)
    if said is not None:
        assert said in "; ".join(found[0].why)


def test_the_most_doubtful_first_and_the_labelled_not_again(tmp_path: Path) -> None:
    rows = [entry(n, score=s) for n, s in ((1, 0.88), (2, 0.99), (3, 0.5), (4, 0.99))]
    rows[3]["picture"] = rows[1]["picture"]  # the same picture, judged twice
    parts = read(written(tmp_path, rows)).parts
    assert [doubt.part.number for doubt in doubtful(parts)] == [4, 1]
    assert [doubt.part.number for doubt in doubtful(parts, labelled={rows[1]["picture"]})] == [1]
    assert [doubt.part.number for doubt in doubtful(parts, near=0.02)] == [4]


def test_how_a_part_is_called(tmp_path: Path) -> None:
    rows = [entry(1), entry(2), {**entry(3), "file": "other/0002.png"}]
    parts = read(written(tmp_path, rows)).parts
    for name in ("2", "#2", "line/0002.png", rows[1]["picture"], rows[1]["picture"][:8]):
        assert chosen(parts, name) is parts[1]
    for name, said in (("0002.png", "several"), ("9", "no such part"), ("none.png", "no such part")):
        with pytest.raises(InputError, match=said):
            chosen(parts, name)


def test_labels_keep_who_and_when_and_the_picture(tmp_path: Path) -> None:
    run = written(tmp_path / "run", [entry(1, score=0.97)], pictures=True)
    (part,) = read(run).parts
    labels = Labels("plate", tmp_path / "store")
    assert labels.current() == {}
    labels.put(part, "bad", "Ann", now=NOW)
    label = labels.put(part, "good", "Bo", "only dust", now=NOW)
    assert [each.by for each in labels.history()] == ["Ann", "Bo"]
    assert labels.current() == {part.picture: label}  # the last word counts
    assert (label.at, label.verdict, label.score) == ("2026-11-23T18:00:00+00:00", "pass", 0.97)
    assert label.recipe["digest"] == "d" * 64
    assert labels.picture(label).read_bytes() == png(1)
    for said, by in (("fine", "Ann"), ("good", ""), ("good", "x" * 81)):
        with pytest.raises(InputError):
            labels.put(part, said, by)
    (run / "pictures" / part.picture).write_bytes(b"another")
    with pytest.raises(InputError, match="has changed"):
        labels.put(part, "good", "Ann")
    (labels.folder / "labels.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match="is damaged"):
        labels.current()


def call(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(build(), ["inspect", *map(str, words)])
    return done.exit_code, done.output + (str(done.exception) if done.exception else "")


def test_review_command(tmp_path: Path) -> None:
    run = written(tmp_path / "run", [entry(1), entry(2, score=0.95)], pictures=True)
    where = ("--verdicts", run, "--store", tmp_path / "store")
    _, told = call("review", *where)
    assert "1 doubtful parts" in told
    assert str(run / "pictures") in told
    assert "good, says Ann" in call("review", "2", "--good", "--by", "Ann", *where)[1]
    assert "0 doubtful parts; 1 labelled" in call("review", *where)[1]
    assert "1 doubtful parts" in call("review", "--all", *where)[1]
    for words in (
        ("2",),
        ("2", "--good"),
        ("2", "--good", "--bad", "--by", "Ann"),
        ("--good",),
        ("7", "--bad", "--by", "A"),
    ):
        assert call("review", *words, *where)[0] != 0


def pictures(folder: Path, numbers: range, *, spot: bool = False) -> list[Path]:
    folder.mkdir(exist_ok=True)
    files = [folder / f"{'spot' if spot else 'good'}{n}.png" for n in numbers]
    for file, number in zip(files, numbers, strict=True):
        cv2.imwrite(str(file), plate(number, spot=spot))
    return files


def test_from_label_to_take_over(tmp_path: Path) -> None:
    """A person's word goes into the next version, which stays in the shadow until it is promoted, and can go again."""
    good, line, store = tmp_path / "good", tmp_path / "line", tmp_path / "store"
    pictures(good, range(6))
    parts = [*pictures(line, range(40, 43)), *pictures(line, range(50, 52), spot=True)]
    where = ("--name", "plate", "--store", store)
    quick = ("--side", "128", "--memory", "300")
    assert call("train", good, *where, *quick)[0] == 0
    out = tmp_path / "out"
    call("run", line, *where, "--out", out)
    for part, word in zip(parts, ("good", "good", "good", "bad", "bad"), strict=True):
        assert call("review", part, f"--{word}", "--by", "Ann", "--verdicts", out, "--store", store)[0] == 0
    taught = pictures(good, range(50, 51), spot=True)[0]  # somebody put a bad one among the good
    code, told = call("train", good, *where, *quick, "--with-reviews", "--shadow")
    assert code == 0
    assert "3 parts that people call good were added, 1 called bad left out" in told
    models = ModelStore("plate", store)
    assert models.current() == 1  # not in use yet
    about = models.load(2).about["files"]
    names = {each["sha256"]: each["name"] for each in about}
    assert len(about) == 9
    assert "good says Ann at " in names[digest(parts[0].read_bytes())]
    assert digest(taught.read_bytes()) not in names

    code, told = call("shadow", "--old", "plate", "--new", "plate@2", "--store", store, "--csv", tmp_path / "both.csv")
    assert code == 0
    assert "of 5 parts alike" in told
    assert "plate@2: false rejects" in told
    assert "false accepts 0 of 2" in told
    assert len((tmp_path / "both.csv").read_text(encoding="utf-8").splitlines()) == 6
    assert "of 5 parts alike" in call("shadow", "--old", "plate@1", "--new", "plate@2", out, "--store", store)[1]

    assert call("models", "promote", "plate@2", "--store", store)[0] == 0
    listed = call("models", "list", "--store", store)[1].splitlines()
    assert listed[0].startswith("  plate@1")
    assert listed[1].startswith("* plate@2")
    assert call("models", "rollback", "plate", "--store", store)[0] == 0
    assert models.current() == 1
    for words in (("promote", "plate"), ("promote", "plate@9"), ("promote", "plate@x"), ("list", "none")):
        assert call("models", *words, "--store", store)[0] != 0


def test_comparison_counts() -> None:
    def row(old: Any, new: Any, label: Any) -> shadow.Row:
        return shadow.Row("f", shadow.Judgement(old, 0.5), shadow.Judgement(new, 1.5), label)

    found = shadow.Comparison(
        (
            row("reject", "pass", "good"),
            row("reject", "reject", "bad"),
            row("pass", "pass", None),
            row("pass", "reject", "good"),
            row("reject", "pass", "bad"),
            row("pass", "no_decision", "good"),
        )
    )
    assert found.agreed == 2
    assert found.count("reject", "pass") == 2
    assert (found.false_rejects(new=False).hits, found.false_rejects(new=True).hits) == (1, 1)
    assert (found.false_accepts(new=False).hits, found.false_accepts(new=True).hits) == (0, 1)
    assert found.false_rejects(new=True).of == 3
    assert str(found.false_accepts(new=True)) == "1 of 2 (1.3% to 98.7%)"
    assert str(shadow.Rate(0, 0)) == "nothing labelled"


def test_the_last_line_of_labels_is_whole(tmp_path: Path) -> None:
    """Two who label at once, command line and HTTP: every line is one label."""
    run = written(tmp_path / "run", [entry(n) for n in range(1, 9)], pictures=True)
    labels = Labels("plate", tmp_path / "store")
    for part in read(run).parts:
        labels.put(part, "good", "Ann\nBo")  # no line breaks into the file
    rows = (labels.folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 8
    assert all(json.loads(row)["label"] == "good" for row in rows)
