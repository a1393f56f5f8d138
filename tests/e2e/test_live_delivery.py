"""What was committed arrives, under one id, whatever is killed meanwhile; `benchmarks/live_faults.py` does it 100 times."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from tests.e2e.live_kill import kill_rounds

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("kind", "rounds"), [("webhook", 6), ("mqtt", 4)])
def test_kill_9_loses_nothing_and_doubles_nothing(
    kind: Literal["webhook", "mqtt"], rounds: int, tmp_path: Path
) -> None:
    report = kill_rounds(kind, tmp_path, rounds=rounds, longest_s=5.0, seed=7)
    log = (tmp_path / "agent/agent.log").read_text(errors="replace")[-3000:]
    assert report.problems == [], log
    assert report.rounds == rounds
    assert report.events >= 3, log  # otherwise the rounds showed nothing
    assert report.arrived == report.deliveries
