"""The configs that the repository ships are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config.check import check

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=[path.stem for path in CONFIGS])
def test_it_passes_the_check(path: Path) -> None:
    report = check(path, env={})
    assert (report.errors, report.warnings) == ((), ())


def test_the_live_config_plays_a_clip_that_is_there(root: Path) -> None:
    config = check(root / "configs/live.yaml", env={}).config
    assert config is not None
    (camera,) = config.cameras
    assert (root / "configs" / str(camera.source)).is_file()
    assert camera.stream.loop
    assert config.data_dir is not None
    assert config.data_dir.resolve() == root / "out/live"  # which git ignores
