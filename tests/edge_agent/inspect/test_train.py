from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from edge_agent.cli import build
from edge_agent.inspect.models import ModelStore
from tests.vision.inspect.anomaly.drawn import plate
from vision.errors import InputError, StoreError

QUICK = ["--side", "128", "--memory", "300"]


def good(folder: Path, count: int = 6) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        cv2.imwrite(str(folder / f"good{number}.png"), plate(number))
    return folder


def train(tmp_path: Path, *more: str) -> str:
    words = ["inspect", "train", str(tmp_path / "good"), "--name", "plate", "--store", str(tmp_path / "store")]
    done = CliRunner().invoke(build(), [*words, *QUICK, *more], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_train_then_run_by_name(tmp_path: Path) -> None:
    """Learned from good plates: the spotted ones are rejected with a box on the spot, and score above every good one."""
    good(tmp_path / "good")
    said = train(tmp_path)
    assert "version 1: 6 good parts" in said
    assert "the true rate lies between" in said
    parts = tmp_path / "parts"
    parts.mkdir()
    for number in range(3):
        cv2.imwrite(str(parts / f"ok{number}.png"), plate(50 + number))
        cv2.imwrite(str(parts / f"spot{number}.png"), plate(60 + number, spot=True))
    out = tmp_path / "out"
    words = ["inspect", "run", str(parts), "--name", "plate", "--store", str(tmp_path / "store"), "--out", str(out)]
    assert CliRunner().invoke(build(), words, catch_exceptions=False).exit_code == 1
    told = [json.loads(line) for line in (out / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()]
    scores = {Path(line["file"]).stem: line["score"] for line in told}
    assert max(scores[f"ok{n}"] for n in range(3)) < min(scores[f"spot{n}"] for n in range(3))
    for line in told:
        if "spot" in line["file"]:
            assert line["verdict"] == "reject"
            x1, y1, x2, y2 = line["boxes"][0]
            assert x1 < 0.3 * 160 < x2
            assert y1 < 0.6 * 128 < y2


def test_versions_take_over_and_roll_back(tmp_path: Path) -> None:
    good(tmp_path / "good")
    train(tmp_path)
    good(tmp_path / "good", 8)
    train(tmp_path)
    models = ModelStore("plate", tmp_path / "store")
    assert [(v.version, v.parts) for v in models.versions()] == [(1, 6), (2, 8)]
    assert models.current() == 2
    recipe = tmp_path / "store/plate/recipe.yaml"
    assert "v0002.model" in recipe.read_text(encoding="utf-8")
    assert models.roll_back().version == 1
    assert models.current() == 1
    assert "v0001.model" in recipe.read_text(encoding="utf-8")
    assert models.take_over(2, "shadow run was better").version == 2
    about = models.load(2).about
    assert {entry["name"] for entry in about["files"]} == {f"good{n}.png" for n in range(8)}
    assert all(len(entry["sha256"]) == 64 for entry in about["files"])


def test_what_cannot_be_taken_over_is_told(tmp_path: Path) -> None:
    good(tmp_path / "good")
    train(tmp_path)
    models = ModelStore("plate", tmp_path / "store")
    with pytest.raises(InputError, match="nothing to go back to"):
        models.roll_back()
    with pytest.raises(InputError, match="there is no version 7; there are 1"):
        models.take_over(7, "no")
    file = tmp_path / "store/plate/v0001.model"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match="has been changed"):
        models.load(1)


def test_a_damaged_picture_is_left_out_and_told(tmp_path: Path) -> None:
    folder = good(tmp_path / "good")
    (folder / "broken.png").write_bytes((folder / "good0.png").read_bytes()[:900])
    said = train(tmp_path)
    assert "6 good parts" in said
    assert "broken.png: the picture file is damaged" in said


@pytest.mark.parametrize(
    ("count", "more", "said"),
    [  # too few parts; a name that is none; a backbone that is not there
        (4, [], "too few to learn from"),
        (6, ["--name", "../x"], "letters, digits"),
        (6, ["--backbone", "none.onnx"], "check --backbone"),
    ],
)
def test_what_the_user_got_wrong_is_one_line(tmp_path: Path, count: int, more: list[str], said: str) -> None:
    good(tmp_path / "good", count)
    words = ["inspect", "train", str(tmp_path / "good"), "--name", "plate", "--store", str(tmp_path / "store"), *more]
    done = CliRunner().invoke(build(), [*words, *QUICK])
    assert done.exit_code != 0
    assert said in str(done.exception) + done.output
