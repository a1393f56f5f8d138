"""What docs/cloud.md shows works: the uploader for firmware against the real intake, the pieces of config."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloud_adapter.config import load_cloud
from tests.cloud_adapter.intake.serving import Serving, jpeg, served

GUIDE = (Path(__file__).parents[2] / "docs/cloud.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_uploader_is_taken_in(tmp_path: Path) -> None:
    (script,) = blocks("python")
    (tmp_path / "send.py").write_text(script, encoding="utf-8")
    (tmp_path / "leaf.jpg").write_bytes(jpeg(640, 480))

    async def use(intake: Serving) -> None:
        intake.clock.at = time.time()
        key = intake.devices.add("field-7", site="farm")
        env = os.environ | {"SIGHTLINE_INTAKE": intake.url, "DEVICE_KEY": key.text()}
        for expected in ('201 {"id"', '200 {"id"'):  # twice is once
            run = await asyncio.create_subprocess_exec(
                sys.executable,
                str(tmp_path / "send.py"),
                str(tmp_path / "leaf.jpg"),
                env=env,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, error = await run.communicate()
            assert out.decode().startswith(expected), error.decode()
        (job,) = intake.queue.jobs.values()
        assert [(one.sensor, one.value) for one in job.readings] == [("wind", 1.4)]

    served(tmp_path, use)


@pytest.mark.parametrize("number", range(len(blocks("yaml"))))
def test_the_pieces_of_config_are_valid(tmp_path: Path, number: int) -> None:
    """The first is whole; the others are laid over it."""
    whole, *_ = found = [yaml.safe_load(text) for text in blocks("yaml")]
    merged: dict[str, Any] = whole | {"cloud": whole["cloud"] | found[number]["cloud"]}
    (tmp_path / "cloud.yaml").write_text(yaml.safe_dump(merged), encoding="utf-8")
    assert "potato" in load_cloud(tmp_path / "cloud.yaml", {"DB_PASSWORD": "x", "INTAKE_KEY": "x"}).cloud.profiles
