"""Nothing calls out on its own: onnxruntime's usage data are off wherever Sightline runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_CODE = """
import os, sys
os.environ.pop("ORT_DISABLE_TELEMETRY", None)
from edge_agent.cli import main
assert "onnxruntime" not in sys.modules  # it reads the variable when it is loaded
sys.argv = ["sightline", "--version"]
try:
    main()
except SystemExit:
    pass
print(os.environ["ORT_DISABLE_TELEMETRY"])
"""


def test_the_command_turns_it_off_before_onnxruntime_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "1"


@pytest.mark.parametrize("name", ["sightline.service", "Dockerfile"])
def test_what_is_installed_turns_it_off(root: Path, name: str) -> None:
    assert "ORT_DISABLE_TELEMETRY=1" in (root / "deploy" / name).read_text(encoding="utf-8")
