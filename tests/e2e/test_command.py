"""The command as a user runs it: files it leaves, exit status, one clear line for what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """
version: 1
model: {{path: {model}}}
cameras:
  - name: hall
    detect: {{fps: 10}}
    zones: [{{name: floor, polygon: [[0.02, 0.02], [0.98, 0.02], [0.98, 1], [0.02, 1]]}}]
    rules:
      - {{type: intrusion, zone: floor, min_seconds: 0.5}}
      - {{type: fall, seconds: 1}}
      - {{type: tamper}}
"""


def sightline(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from edge_agent.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def clip(shared_data: Path) -> Path:
    return shared_data / "footage/fall_one_person.mp4"


@pytest.fixture
def config(shared_data: Path, tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(model=shared_data / "models/yolox_nano_416.onnx"))
    return path


def test_two_runs_give_the_same_bytes_and_every_file_that_is_promised(clip: Path, config: Path, tmp_path: Path) -> None:
    outs = [tmp_path / "a", tmp_path / "b"]
    for out in outs:
        done = sightline("replay", clip, "--config", config, "--out", out, "--tracks", out / "tracks.txt")
        assert done.returncode == 0, done.stderr
        assert str(out / "report.html") in done.stdout
    for name in ("events.jsonl", "tracks.txt"):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
    events = [json.loads(line) for line in (outs[0] / "events.jsonl").read_text().splitlines()]
    assert [event["type"] for event in events] == ["intrusion", "fall"]
    assert [event["start"] for event in events] == sorted(event["start"] for event in events)
    for event in events:
        assert (outs[0] / event["evidence"]["snapshot"]).read_bytes()[:2] == b"\xff\xd8"
        assert (outs[0] / event["evidence"]["clip"]).read_bytes()[4:8] == b"ftyp"
        assert event["summary"]["source"] == "template"
        assert event["summary"]["text"]
        assert all(0 <= value <= 1 for value in event["box"])
    totals = json.loads((outs[0] / "summary.json").read_text())
    assert totals["frames"] == 143
    assert totals["events"] == {"fall": 1, "intrusion": 1}
    assert totals["frames_sampled"] + totals["dropped_frames"]["not sampled"] == 143
    rows = [line.split(",") for line in (outs[0] / "tracks.txt").read_text().splitlines()]
    assert {len(row) for row in rows} == {10}
    assert min(int(row[0]) for row in rows) >= 1
    assert {tuple(row[7:]) for row in rows} == {("-1", "-1", "-1")}


def test_several_clips_at_once_are_the_clips_one_by_one(
    clip: Path, shared_data: Path, config: Path, tmp_path: Path
) -> None:
    other = shared_data / "footage/burglar_cctv.mp4"
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert sightline("replay", clip, other, "--config", config, "--out", alone).returncode == 0
    done = sightline(
        "replay", clip, other, "--config", config, "--out", together, "--jobs", 2, "--tracks", together / "t.txt"
    )
    assert done.returncode == 0, done.stderr
    assert (alone / "events.jsonl").read_bytes() == (together / "events.jsonl").read_bytes()
    assert sorted(p.name for p in together.glob("t-*.txt")) == ["t-burglar_cctv.txt", "t-fall_one_person.txt"]


@pytest.mark.parametrize(
    ("window", "status", "says"),
    [
        ("[2.0, 3.6]", 0, "met: precision 1.00, recall 1.00"),
        ("[0.0, 0.5]", 1, "missing fall_one_person.mp4: fall"),
    ],
)
def test_expect(window: str, status: int, says: str, clip: Path, config: Path, tmp_path: Path) -> None:
    expected = tmp_path / "expected.yaml"
    expected.write_text(f"clips: {{fall_one_person.mp4: [{{type: fall, start: {window}}}]}}\nignore: [intrusion]\n")
    done = sightline("replay", clip, "--config", config, "--out", tmp_path / "out", "--expect", expected)
    assert done.returncode == status, done.stderr
    assert says in done.stdout
    assert json.loads((tmp_path / "out/summary.json").read_text())["score"]["met"] == (status == 0)


def test_a_clip_that_cannot_be_read_does_not_cost_the_others(clip: Path, config: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    done = sightline("replay", empty, clip, "--config", config, "--out", tmp_path / "out")
    assert done.returncode == 3
    assert done.stderr.count("empty.mp4: the file is empty (0 bytes)") == 1
    assert "Traceback" not in done.stderr
    assert len((tmp_path / "out/events.jsonl").read_text().splitlines()) == 2


BAD = {
    # what is wrong: (arguments after `sightline`, exit status, what the line says)
    "no such command": (["repaly"], 2, "Did you mean 'replay'"),
    "nothing to replay": (["replay"], 2, "Missing argument"),
    "no config": (["replay", "{clip}", "--out", "{tmp}/o"], 2, "Missing option '--config'"),
    "no such config": (["replay", "{clip}", "--config", "{tmp}/no.yaml", "--out", "{tmp}/o"], 2, "no such file"),
    "no such clip": (["replay", "{tmp}/no.mp4", "--config", "{config}", "--out", "{tmp}/o"], 2, "no such file or folder"),
    "a live source": (["replay", "rtsp://a:b@c/d", "--config", "{config}", "--out", "{tmp}/o"], 2, "`sightline run`"),
    "no such camera": (["replay", "{clip}", "--config", "{config}", "--out", "{tmp}/o", "--camera", "hal"], 2, "hall"),
    "out is a file": (["replay", "{clip}", "--config", "{config}", "--out", "{config}"], 2, "cannot be made a folder"),
    "no time": (["replay", "{clip}", "--config", "{config}", "--out", "{tmp}/o", "--start", "noon"], 2, "--start noon"),
    "a time without offset": (
        ["replay", "{clip}", "--config", "{config}", "--out", "{tmp}/o", "--start", "2026-03-01T22:15"], 2, "no offset",
    ),
    "no such expectation": (
        ["replay", "{clip}", "--config", "{config}", "--out", "{tmp}/o", "--expect", "{tmp}/e"], 2, "--expect",
    ),
    "not a clip": (["replay", "{config}", "--config", "{config}", "--out", "{tmp}/o"], 3, "no video or picture"),
    "a speed that is none": (
        ["replay", "{clip}", "--config", "{config}", "--out", "{tmp}/o", "--speed", "slow"], 2, "--speed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_wrong_input_is_one_clear_line(case: str, clip: Path, config: Path, tmp_path: Path) -> None:
    arguments, status, says = BAD[case]
    done = sightline(*(a.format(clip=clip, config=config, tmp=tmp_path) for a in arguments))
    assert done.returncode == status, done.stderr
    lines = [line for line in done.stderr.splitlines() if "yolox_nano_416.onnx (" not in line]
    assert len(lines) == 1, lines
    assert says in lines[0]
    assert "a:b" not in lines[0]


def test_schedules_need_to_know_when_the_footage_began(clip: Path, config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text() + "    schedule: {timezone: Asia/Shanghai, active: ['22:00-06:00']}\n")
    for start, count in ((None, 2), ("2026-03-01T23:00:00+08:00", 2), ("2026-03-01T12:00:00+08:00", 0)):
        extra = [] if start is None else ["--start", start]
        done = sightline("replay", clip, "--config", config, "--out", tmp_path / "out", *extra)
        assert done.returncode == 0, done.stderr
        assert len((tmp_path / "out/events.jsonl").read_text().splitlines()) == count
        assert ("give --start" in done.stdout) == (start is None)
