"""`sightline upload` as a process, against the real intake."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import typer
import yaml
from typer.testing import CliRunner

from cloud_adapter.intake.captures import Captures
from edge_agent.commands.upload import register
from tests.cloud_adapter.intake.serving import Serving, served
from tests.edge_agent.uplink.making import dark, picture
from vision.errors import InputError

ROOT = Path(__file__).resolve().parents[3]


def config(folder: Path, url: str, **capture: Any) -> Path:
    told = {
        "version": 1,
        "cameras": [
            {"name": "field-3", "tier": "cloud", "capture": {"profile": "potato"} | capture},
            {"name": "gate", "tier": "local"},
        ],
        "model": {"path": "model.onnx"},
        "uplink": {"url": url, "key": "${SIGHTLINE_TEST_DEVICE_KEY}", "site": "north", "min_free_mb": 0},
    }
    (folder / "model.onnx").write_bytes(b"never opened")
    path = folder / "crops.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


async def upload(path: Path, key: str, *arguments: object) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from edge_agent.cli import main; main()", "upload", "--config", str(path)),
        *(str(argument) for argument in arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "160", "SIGHTLINE_TEST_DEVICE_KEY": key},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def pictures(folder: Path, kinds: Sequence[str]) -> Path:
    folder.mkdir()
    for number, kind in enumerate(kinds):
        path = folder / f"{number}-{kind}.jpg"
        image = picture(number, 1600, 1200) if kind == "good" else dark(number, 1600, 1200)
        cv2.imwrite(str(path), image)
        if kind == "broken":
            path.write_bytes(path.read_bytes()[:2000])
        os.utime(path, (1_789_000_000 + 86400 * number,) * 2)
    return folder


def test_a_folder_goes_the_way_of_a_device_and_costs_nothing_the_second_time(tmp_path: Path) -> None:
    async def use(one: Serving) -> None:
        key = one.device.key.text()
        one.clock.at = time.time()
        folder = pictures(tmp_path / "photos", ["good", "good", "dark", "broken", "good"])
        path = config(tmp_path, one.url, floor_per_day=0, format="webp")
        status, out, err = await upload(path, key, folder)
        assert (status, err) == (0, "")
        assert "3 sent, 1 gate, 1 unreadable" in out
        assert "dark" in out
        jobs = list(one.queue.jobs.values())
        assert len(jobs) == 3
        assert {(job.meta.trigger, job.meta.width, job.meta.height, job.priority) for job in jobs} == {
            ("manual", 1024, 768, 9)
        }
        assert {job.meta.captured for job in jobs} == {1_789_000_000 + 86400 * n for n in (0, 1, 4)}
        status, out, err = await upload(path, key, folder)
        assert (status, err) == (0, "")
        assert "3 sent before" in out
        assert len(one.queue.jobs) == 3

    served(tmp_path, use)


def test_the_best_of_a_day_and_answers_to_wishes(tmp_path: Path) -> None:
    async def use(one: Serving) -> None:
        one.clock.at = now = time.time()
        Captures(one.db).request_capture(
            device="field-3",
            camera="field-3",
            profile="cover",
            after=now - 60,
            until=now + 3600,
            request_id="wish-0001",
        )
        path = config(tmp_path, one.url)
        folder, after = pictures(tmp_path / "photos", ["dark"]), pictures(tmp_path / "after", ["dark"])
        arguments = (folder, "--captured", "now", "--follow-up", after, "--wait", 300)
        status, out, err = await upload(path, one.device.key.text(), *arguments)
        assert (status, err) == (0, "")
        assert "the best of its day (dark)" in out
        assert "2 sent" in out
        jobs = [job.meta for job in one.queue.jobs.values()]
        assert [meta.follows for meta in jobs] == [None, "wish-0001"]
        assert jobs[0].facts == {"gate": ["dark"]}
        assert Captures(one.db).open_requests("field-3", now) == ()

    served(tmp_path, use)


def test_what_cannot_be_sent_waits_for_the_next_call(tmp_path: Path) -> None:
    async def use(one: Serving) -> None:
        one.clock.at = time.time()
        key = one.device.key.text()
        folder = pictures(tmp_path / "photos", ["good", "good"])
        nowhere = config(tmp_path, "http://127.0.0.1:9")
        status, out, err = await upload(nowhere, key, folder, "--wait", 0)
        assert status == 3
        assert err.startswith("2 pictures wait for the next call: the cloud is not reached")
        assert err.count("\n") == 1
        status, out, err = await upload(config(tmp_path, one.url), key, folder)
        assert (status, err) == (0, "")
        assert "2 sent" in out
        assert len(one.queue.jobs) == 2
        wrong = key[:-4] + "zzzz"
        status, out, err = await upload(
            config(tmp_path, one.url), wrong, pictures(tmp_path / "more", ["good", "good", "good"])
        )
        assert status == 3
        assert "does not take pictures of this device" in err
        assert wrong not in out + err

    served(tmp_path, use)


def test_wrong_calls_are_told_in_one_line(tmp_path: Path) -> None:
    path = config(tmp_path, "http://127.0.0.1:9")
    folder = pictures(tmp_path / "photos", ["good"])
    none = tmp_path / "local.yaml"
    none.write_text("version: 1\nmodel: {path: model.onnx}\ncameras: [{name: gate}]\n")
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    for arguments, words in (
        ((tmp_path / "none", "-c", path), "no such file or folder"),
        ((folder, "-c", path, "--camera", "gate"), "its tier is local"),
        ((folder, "-c", path, "--camera", "nobody"), "no such camera"),
        ((folder, "-c", none), "no camera with tier: cloud"),
        ((folder, "-c", path), "not set"),  # the key's variable
    ):
        result = CliRunner().invoke(app, ["upload", *map(str, arguments)])
        assert isinstance(result.exception, InputError), result.output
        assert words in str(result.exception)
        assert "\n" not in str(result.exception)
