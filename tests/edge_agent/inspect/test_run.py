"""`sightline inspect run` and `rerun`, from files to verdicts and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from edge_agent.cli import build
from edge_agent.inspect.report import write_report
from edge_agent.inspect.store import folder_of
from tests.vision.inspect.drawn import board, encoded
from vision.errors import InputError

GOOD = board(3)
FAULTY = cv2.circle(GOOD.copy(), (150, 150), 7, (0, 0, 0), -1)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Pictures as a line may leave them: good, faulty, damaged, of another kind; and what is no picture at all."""
    folder = tmp_path / "parts"
    (folder / "deeper").mkdir(parents=True)
    png = encoded(FAULTY)
    files = {
        "2.png": encoded(GOOD), "10.png": png, "cut.png": png[: len(png) // 2], "empty.jpg": b"",
        "text.png": b"no picture", "other.png": encoded(board(8)), "deeper/a.jpg": encoded(GOOD, ".jpg"), "notes.txt": b"x",
    }  # fmt: skip
    garbled = bytearray(encoded(GOOD, ".jpg"))
    garbled[len(garbled) // 2 : len(garbled) // 2 + 300] = np.random.default_rng(0).bytes(300)
    files["garbled.jpg"] = bytes(garbled)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (tmp_path / "good.png").write_bytes(encoded(GOOD))
    return folder


def sightline(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(build(), ["inspect", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def verdicts(out: Path) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in (out / "verdicts.jsonl").read_text().splitlines()]
    return {Path(row["file"]).name: row for row in rows}


def test_bad_pictures_are_verdicts_and_the_others_are_judged(parts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, said = sightline("run", parts, "--golden", tmp_path / "good.png", "--out", out)
    assert status == 1  # one is rejected
    found = verdicts(out)
    assert {name: row["verdict"] for name, row in found.items()} == {
        "2.png": "pass", "10.png": "reject", "a.jpg": "pass", "cut.png": "no_decision", "empty.jpg": "no_decision",
        "text.png": "no_decision", "garbled.jpg": "no_decision", "other.png": "no_decision",
    }  # fmt: skip
    assert list(found)[:2] == ["2.png", "10.png"]  # in the order that people count
    rejected = found["10.png"]
    assert rejected["score"] > rejected["threshold"]
    (x1, y1, x2, y2), = rejected["boxes"]  # fmt: skip
    assert (x1 < 143, y1 < 143, x2 > 157, y2 > 157) == (True,) * 4
    assert rejected["findings"][0]["kind"] in ("island", "spur", "short")
    for row in found.values():
        assert bool(row["reasons"]) == (row["verdict"] != "pass")
        assert row["ms"] > 0
    assert "2 pass, 1 reject, 5 no decision" in said
    assert (out / "report.html").is_file()


def test_a_run_can_be_made_again(parts: Path, tmp_path: Path) -> None:
    out, good = tmp_path / "out", tmp_path / "good.png"
    sightline("run", parts, "--golden", good, "--out", out)
    status, said = sightline("rerun", out)
    assert (status, said.strip()) == (0, "8 of 8 verdicts are the same, byte for byte")
    good.write_bytes(encoded(board(5)))
    for path in parts.rglob("*.png"):
        path.unlink()
    status, said = sightline("rerun", out)  # from the kept copies; what has changed outside is told
    assert status == 0
    assert "good.png has changed since; the kept copy was used" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: row.update(verdict="pass"), "verdict was pass, is reject"),
        (lambda row: row.update(score=12.5), "score was 12.5, is"),
        (lambda row: row["boxes"][0].__setitem__(0, 1.0), "boxes"),
        (lambda row: row.update(picture="0" * 64), "its picture was not kept"),
    ],
)
def test_a_changed_verdict_is_told(parts: Path, tmp_path: Path, change: Any, said: str) -> None:
    out = tmp_path / "out"
    sightline("run", parts / "10.png", "--golden", tmp_path / "good.png", "--out", out)
    row = verdicts(out)["10.png"]
    change(row)
    (out / "verdicts.jsonl").write_text(json.dumps(row) + "\n")
    status, told = sightline("rerun", out)
    assert status == 1
    assert said in told
    assert "0 of 1 verdicts are the same" in told


def test_a_changed_recipe_or_copy_cannot_be_made_again(parts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sightline("run", parts / "2.png", "--golden", tmp_path / "good.png", "--out", out)
    kept = next((out / "files").iterdir())
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + b"x")
    with pytest.raises(InputError, match=r"kept copy of good\.png has been changed"):
        sightline("rerun", out)
    kept.write_bytes(whole)
    run = (out / "run.json").read_text()
    (out / "run.json").write_text(run.replace('"contrast": 33.0', '"contrast": 80.0'))
    with pytest.raises(InputError, match="has been changed since it was written"):
        sightline("rerun", out)


def test_recipes_by_file_name_and_key(parts: Path, tmp_path: Path) -> None:
    recipe = "name: board\nversion: '7'\nreference: good.png\nchecks: [{type: golden, min_area: 20}]\n"
    bare, within = tmp_path / "recipe.yaml", tmp_path / "config.yaml"
    bare.write_text(recipe)
    within.write_text("version: 1\ncameras: []\ninspection:\n" + "".join(f"  {line}\n" for line in recipe.splitlines()))
    store = tmp_path / "store"
    folder_of("board", store).mkdir(parents=True)
    (store / "board" / "recipe.yaml").write_text(recipe)
    (store / "board" / "good.png").write_bytes(encoded(GOOD))
    digests = set()
    for flags in (("--config", bare), ("--config", within), ("--name", "board", "--store", store)):
        out = tmp_path / "out"
        status, _ = sightline("run", parts / "10.png", *flags, "--out", out)
        row = verdicts(out)["10.png"]
        assert (status, row["verdict"], row["recipe"]["name"], row["recipe"]["version"]) == (0, "pass", "board", "7")
        digests.add(row["recipe"]["digest"])
    assert len(digests) == 1  # the same recipe over the same files, wherever it stands


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{parts}", "--out", "{out}"), "--name NAME, --golden IMAGE or --config FILE"),
        (("{parts}", "--golden", "a.png", "--name", "b", "--out", "{out}"), "say it twice"),
        (("{parts}", "--golden", "gone.png", "--out", "{out}"), "no such file"),
        (("gone", "--golden", "{good}", "--out", "{out}"), "gone: no such file or folder"),
        (("{parts}", "--name", "../up", "--out", "{out}"), "letters, digits"),
        (("{parts}", "--name", "bord", "--store", "{store}", "--out", "{out}"), "did you mean board"),
        (("{parts}", "--config", "{bad}", "--out", "{out}"), "did you mean tolerance"),
        (("{parts}", "--golden", "{good}", "--out", "{out}", "--order", "x"), "KEY=VALUE"),
        (("{parts}", "--golden", "{good}", "--out", "{out}", "--orders", "{bad}"), "has no column `file`"),
        (("{parts}", "--golden", "{bad}", "--out", "{out}"), "cannot be decoded; take the reference again"),
        (
            ("{parts}", "--golden", "{parts}/garbled.jpg", "--out", "{out}"),
            "missing or garbled; take the reference again",
        ),
    ],
)
def test_wrong_input_is_one_line(parts: Path, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    bad, store = tmp_path / "bad.yaml", tmp_path / "store"
    bad.write_text("reference: good.png\nchecks: [{type: golden, tolerence: 1}]\n")
    (store / "board").mkdir(parents=True)
    (store / "board" / "recipe.yaml").write_text("x")
    places = {
        "parts": parts,
        "out": tmp_path / "o",
        "good": tmp_path / "good.png",
        "bad": bad,
        "store": store,
    }
    with pytest.raises(InputError) as caught:
        sightline("run", *(argument.format(**places) for argument in arguments))
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.exit_status == 2


def test_orders_reach_their_parts(tmp_path: Path) -> None:
    zxing = pytest.importorskip("zxingcpp")
    for text in ("A1", "B2"):
        code = np.array(zxing.write_barcode_to_image(zxing.create_barcode(text, zxing.BarcodeFormat.QRCode), scale=5))
        picture = cv2.copyMakeBorder(code, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=255)
        (tmp_path / f"{text}.png").write_bytes(encoded(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)))
    (tmp_path / "r.yaml").write_text("checks: [{type: code, expect_order: serial}]\nlocate: {find: whole}\n")
    (tmp_path / "orders.csv").write_text("file,serial\nA1.png,A1\nB2.png,B3\n")
    out = tmp_path / "out"
    pictures = (tmp_path / "A1.png", tmp_path / "B2.png")
    sightline("run", *pictures, "--config", tmp_path / "r.yaml", "--orders", tmp_path / "orders.csv", "--out", out)
    assert {name: row["verdict"] for name, row in verdicts(out).items()} == {"A1.png": "pass", "B2.png": "reject"}
    assert sightline("rerun", out)[0] == 0  # the orders are kept too
    sightline("run", *pictures, "--config", tmp_path / "r.yaml", "--order", "serial=B2", "--out", out)
    assert {name: row["verdict"] for name, row in verdicts(out).items()} == {"A1.png": "reject", "B2.png": "pass"}


def test_nothing_of_an_earlier_run_is_left(parts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sightline("run", parts, "--golden", tmp_path / "good.png", "--out", out)
    assert len(list((out / "pictures").iterdir())) == 8
    sightline("run", parts / "2.png", "--golden", tmp_path / "good.png", "--out", out, "--keep", "doubtful")
    assert list((out / "pictures").iterdir()) == []  # it passed
    assert sightline("rerun", out)[0] == 0  # from where the picture was


def test_the_report_is_whole_and_the_same_each_time(parts: Path, tmp_path: Path) -> None:
    hostile = parts / "<img src=x onerror=alert(1)>.png"
    hostile.write_bytes(encoded(FAULTY))
    out = tmp_path / "out"
    sightline("run", parts, "--golden", tmp_path / "good.png", "--out", out)
    html = (out / "report.html").read_text()
    assert "<img src=x" not in html
    assert "http" not in html.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert write_report(out).read_text() == html
    assert "cannot be decoded" in html


def test_the_pattern_and_the_calibration(tmp_path: Path) -> None:
    status, said = sightline("calibrate", "--print", tmp_path / "p.png", "--square-mm", "20")
    assert (status, "140 x 200 mm" in said) == (0, True)
    status, said = sightline("calibrate", tmp_path / "p.png", "--out", tmp_path / "c.json", "--square-mm", "20")
    assert status == 0
    made = json.loads((tmp_path / "c.json").read_text())
    assert made["corners"] == 54
    assert made["rms_mm"] < 0.01
    for arguments, text in (
        ((), "say what to do"),
        ((tmp_path / "p.png",), "say where the calibration goes"),
        (("--print", tmp_path / "p.doc"), "allowed: .png, .svg, .pdf"),
    ):
        with pytest.raises(InputError, match=text):
            sightline("calibrate", *arguments)
