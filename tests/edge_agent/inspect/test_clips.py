"""`sightline inspect run` on clips: a verdict for each part, the same each time; what is wrong with a clip is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge_agent.inspect.clips import parts_of
from edge_agent.inspect.pictures import PartPicture, files_of
from edge_agent.inspect.settings import LiveConfig
from tests.edge_agent.inspect.test_run import sightline
from tests.vision.inspect.drawn import blank, encoded, with_disc, with_rectangle
from vision.errors import InputError
from vision.frame import ArrayPicture
from vision.media.encode import encode

FPS = 25
FAULTY = {2, 3, 4, 5, 6}  # of the demo's eight parts
SIZE = (200, 160)


def rows(out: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (out / "verdicts.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "ms"} for row in found]


def drawn(path: Path, centres: Iterable[tuple[float, float] | None]) -> Path:
    """A clip of one dark part, its centre in pixels for each picture; None: an empty table."""
    pictures = (blank(*SIZE) if at is None else with_rectangle(blank(*SIZE), at, (44, 34)) for at in centres)
    encode(path, ((ArrayPicture(image), number / FPS) for number, image in enumerate(pictures)), FPS)
    return path


def told(path: Path, live: LiveConfig | None = None) -> list[tuple[str, str, float]]:
    """Of each part in a clip: name, trigger, time."""
    found = [part for part in parts_of([path], live) if part.data]
    assert all(part.clip is not None for part in found)
    return [(Path(part.file).name, part.clip["trigger"], part.clip["t"]) for part in found if part.clip]


def reasons(parts: Iterable[PartPicture]) -> list[str]:
    """What is wrong with clips."""
    return [part.clip["no_picture"] for part in parts if part.clip and part.clip["no_picture"]]


def test_every_part_of_the_demos_clip_is_judged_right_and_the_same_twice(root: Path, tmp_path: Path) -> None:
    out, runs = tmp_path / "out", []
    for _ in range(2):
        config = root / "configs/inspection.yaml"
        status, said = sightline("run", root / "demo/parts/line.mp4", "--config", config, "--out", out)
        assert status == 1
        assert "8 parts: 3 pass, 5 reject, 0 no decision" in said
        runs.append((rows(out), (out / "run.json").read_bytes()))
    assert runs[0] == runs[1]
    found = runs[0][0]
    assert [Path(row["file"]).name for row in found] == [f"line.mp4#part-{n}" for n in range(1, 9)]
    assert {n for n, row in enumerate(found, 1) if row["verdict"] == "reject"} == FAULTY
    times = [row["clip"]["t"] for row in found]
    assert all(0.9 < after - before < 1.02 for before, after in pairwise(times))  # 25 pictures each
    for row in found:
        assert row["clip"]["trigger"] == "standstill"
        assert row["clip"]["t"] - 0.15 <= row["clip"]["picture_t"] <= row["clip"]["t"]  # the window of the config
    page = (out / "report.html").read_text()
    assert page.count('class="base"') == len(FAULTY)  # with its picture, each that did not pass
    assert "line.mp4#part-3" in page
    assert sightline("rerun", out) == (0, "8 of 8 verdicts are the same, byte for byte\n")


def _along(first: float, last: float, frames: int) -> list[float]:
    return [first + (last - first) * i / (frames - 1) for i in range(frames)]


ROW, COLUMN = 80.0, 100.0
PASSING = [(x, ROW) for x in _along(-30, 230, 40)]
FALLING = [(COLUMN, y) for y in _along(-30, 190, 40)]
STOPPING = [(x, ROW) for x in (*_along(-30, 70, 15), *[70.0] * 14, *_along(76, 230, 20))]


@pytest.mark.parametrize(
    ("way", "trigger", "parts"),
    [
        (PASSING + [None] * 15 + PASSING, "line", 2),  # on a belt that never stops: the line from top to bottom
        (FALLING + [None] * 15 + FALLING, "line", 2),  # on one that goes down the picture: the line from left to right
        (STOPPING + [None] * 15 + STOPPING, "standstill", 2),  # each stops, and then crosses the line: still one part
        (STOPPING + [None] * 15 + PASSING + [None] * 15 + PASSING, "line", 3),  # one halt by chance: no part is lost
    ],
)
def test_without_triggers_the_clip_itself_tells(tmp_path: Path, way: Any, trigger: str, parts: int) -> None:
    found = told(drawn(tmp_path / "belt.mp4", way))
    assert [(name, kind) for name, kind, _ in found] == [(f"belt.mp4#part-{n}", trigger) for n in range(1, parts + 1)]
    for part in parts_of([tmp_path / "belt.mp4"]):
        image = part.pixels
        assert not isinstance(image, str)
        dark = image[..., 0] < 120
        assert dark.sum() == pytest.approx(44 * 34, rel=0.1)  # all of the part is in its picture


def live(*triggers: dict[str, Any]) -> LiveConfig:
    return LiveConfig.model_validate({"camera": "belt", "triggers": triggers})


@pytest.mark.parametrize(
    ("triggers", "times"),
    [
        (({"type": "line", "points": [[0.25, 0], [0.25, 1]]},), (0.0, 0.6)),  # where the config says
        (({"type": "http"}, {"type": "line", "points": [[0.9, 0], [0.9, 1]]}), (1.2, 2.0)),  # no calls in a clip
        (({"type": "http"},), (0.7, 0.9)),  # none that is in the picture: as without
    ],
)
def test_triggers_of_the_config_are_those_of_the_live_line(tmp_path: Path, triggers: Any, times: Any) -> None:
    ((_, _, at),) = told(drawn(tmp_path / "belt.mp4", PASSING), live(*triggers))
    assert times[0] < at < times[1]


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _garbled(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(b ^ 0x5A for b in data[middle : middle + 400]) + data[middle + 400 :]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda _: b"", "the file is empty"),
        (lambda _: b"x", "no video or picture in a format that can be read"),
        (_cut, "ends early"),  # a copy that broke off; the index stands in front
        (_garbled, "could not be decoded|damaged"),
    ],
)
def test_a_damaged_clip_is_one_line_and_the_others_are_judged(
    root: Path, tmp_path: Path, damage: Callable[[bytes], bytes], said: str
) -> None:
    bad, good = tmp_path / "bad.mp4", tmp_path / "good.png"
    bad.write_bytes(damage((root / "demo/parts/line.mp4").read_bytes()))
    picture = with_rectangle(blank(*SIZE), (100, 80), (60, 40))
    good.write_bytes(encoded(picture))
    out = tmp_path / "out"
    sightline("run", bad, good, "--golden", good, "--out", out)
    found = {Path(row["file"]).name: row for row in rows(out)}
    assert found["good.png"]["verdict"] == "pass"
    assert found["bad.mp4"]["verdict"] == "no_decision"
    (reason,) = found["bad.mp4"]["reasons"]
    assert any(words in reason for words in said.split("|")), reason
    assert str(tmp_path) not in reason  # the clip's name stands beside it
    assert len(reason.splitlines()) == 1
    assert sightline("rerun", out)[0] == 0


def test_a_clip_without_a_part_is_no_silent_pass(tmp_path: Path) -> None:
    (reason,) = reasons(parts_of([drawn(tmp_path / "empty.mp4", [None] * 30)]))
    assert "no part was seen" in reason
    assert "inspection.live.triggers" in reason


def test_a_part_without_a_usable_picture_says_so(tmp_path: Path) -> None:
    dark = LiveConfig.model_validate(
        {"camera": "c", "triggers": [{"type": "standstill"}], "window": {"min_sharpness": 1e6}}
    )
    (reason,) = reasons(parts_of([drawn(tmp_path / "dark.mp4", STOPPING)], dark))
    assert "no usable picture" in reason


def test_clips_in_a_folder_are_inspected_with_its_pictures(tmp_path: Path) -> None:
    folder, good, out = tmp_path / "parts", tmp_path / "good.png", tmp_path / "out"
    folder.mkdir()
    drawn(folder / "2.mp4", STOPPING)
    drawing = with_rectangle(blank(*SIZE), (70, ROW), (44, 34))
    good.write_bytes(encoded(drawing))
    (folder / "1.png").write_bytes(encoded(with_disc(drawing, (70, 80), 6, (250, 250, 250))))
    orders = tmp_path / "orders.csv"
    orders.write_text("file,serial\n2.mp4#part-1,A1\n")
    sightline("run", folder, "--golden", good, "--out", out, "--orders", orders)
    assert [(Path(row["file"]).name, row["verdict"]) for row in rows(out)] == [
        ("1.png", "reject"), ("2.mp4#part-1", "pass"),
    ]  # fmt: skip


def test_commands_that_want_pictures_refuse_a_clip(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    with pytest.raises(InputError, match=r"a\.mp4: is a clip; name pictures of parts"):
        files_of([tmp_path / "a.mp4"])  # as for training and calibration
