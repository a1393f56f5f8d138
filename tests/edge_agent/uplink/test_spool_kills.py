"""Killed (-9) at a hundred chance moments, the spool has everything that it said it had stored."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("kills", [12, pytest.param(100, marks=pytest.mark.slow)])
def test_nothing_that_was_stored_is_lost(tmp_path: Path, kills: int) -> None:
    script = Path(__file__).with_name("kills.py")
    command = [sys.executable, str(script), str(tmp_path), str(kills), "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == kills
    assert told["stored"] >= kills
    assert told["lost"] == []
    assert told["wrong"] == []
    assert told["damaged"] == 0
    # at least once: a kill between the server's answer and the row's end sends one again, never more than one a kill
    assert told["sent_again"] <= kills
