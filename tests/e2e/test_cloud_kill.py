"""Kill -9 of the cloud tier's processes under load: nothing acknowledged is lost, nothing is paid twice.

A hundred kills: `python -m benchmarks.cloud_faults`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.cloud_kill import kill_rounds


@pytest.mark.slow
@pytest.mark.parametrize("nats", [False, True], ids=["embedded", "nats"])
def test_killed_at_random_moments(tmp_path: Path, nats: bool) -> None:
    report = kill_rounds(tmp_path, nats=nats, rounds=5, seed=7)
    assert report.problems == []
    assert report.acknowledged > 0
    assert report.diagnosed + report.buried >= report.acknowledged
